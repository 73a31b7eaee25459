import { Redis, type RedisOptions } from 'ioredis'

/** Redis, which carries hints and counts between nodes. Whoever uses it must do without it at any moment. */
export interface SharedRedis {
  /** Fails at once while Redis is away: nothing waits in line for it. `publish` never rejects, for it is only a hint. */
  client: Redis
  /** Do hints travel, as far as is known? */
  healthy(): boolean
  close(): void
}

/** An answer that takes longer counts as none, ms. */
const COMMAND_MS = 500
/** A connection that brings nothing for this long is dead, ms; longer than the adapter's blocking read of 5 s. */
const SILENT_MS = 8_000
/** Between looks whether a connection still lives: a subscriber asks nothing by itself. */
const PING_MS = 3_000

const SETTINGS: RedisOptions = {
  connectTimeout: 2_000,
  socketTimeout: SILENT_MS,
  keepAlive: 5_000,
  // Nodes that lost the same Redis do not come back in step.
  retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 1_000) * (0.5 + Math.random()),
}

/**
 * Connects to Redis, now or as soon as it is there.
 * @param onState told when it is gone, and when it is back
 */
export function openRedis(url: string, { onState }: { onState: (up: boolean, error?: Error) => void }): SharedRedis {
  const client = new Redis(url, {
    ...SETTINGS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_MS,
  })
  const readers: Redis[] = []
  // The Socket.IO adapter reads and subscribes on copies, which wait for Redis with the one command each has.
  client.duplicate = () => {
    const reader = new Redis(url, { ...SETTINGS, maxRetriesPerRequest: null })
    readers.push(reader)
    reader.on('error', () => {})
    return reader
  }

  let up = true
  const state = (now: boolean, error?: Error) => {
    if (now !== up) onState(now, error)
    up = now
  }
  client.on('ready', () => state(true))
  client.on('error', (error: Error) => state(false, error))
  client.on('close', () => state(false))

  const publish = client.publish.bind(client) as (...args: unknown[]) => Promise<number>
  const hint = (...args: unknown[]) =>
    publish(...args).then(
      (heard) => {
        state(true)
        return heard
      },
      (error: Error) => {
        state(false, error)
        return 0
      },
    )
  client.publish = hint as typeof client.publish

  const timer = setInterval(() => {
    for (const each of [client, ...readers]) if (each.status === 'ready') each.ping().catch(() => {})
  }, PING_MS)
  timer.unref()

  return {
    client,
    healthy: () => up && [client, ...readers].every((each) => each.status === 'ready'),
    close() {
      clearInterval(timer)
      client.removeAllListeners('close')
      for (const each of [client, ...readers]) each.disconnect()
    },
  }
}
