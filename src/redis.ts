import { setTimeout as sleep } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import type pg from 'pg'

/** Redis, which carries hints and counts between nodes. Its users must work without it at any moment. */
export interface SharedRedis {
  /** What the names of all channels, streams and keys begin with: other databases may have their nodes in the same Redis. */
  name: string
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
/** After a refused read of the stream, ms. */
const REFUSED_MS = 1_000

const SETTINGS: RedisOptions = {
  connectTimeout: 2_000,
  socketTimeout: SILENT_MS,
  keepAlive: 5_000,
  // Nodes that lost the same Redis do not come back in step.
  retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 1_000) * (0.5 + Math.random()),
}

/**
 * The adapter waits for neither of its commands: a refusal (of an access list, or of a Redis that is closed) would be a rejection without a
 * handler, which ends the process, and a read that is refused at once would be asked again at once, for ever.
 */
function handleRefusals(copy: Redis): void {
  const { subscribe, xread } = copy as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>
  Object.assign(copy, {
    subscribe: (...args: unknown[]) => subscribe?.apply(copy, args).catch(() => {}),
    xread: (...args: unknown[]) =>
      xread?.apply(copy, args).catch(async (error: unknown) => {
        await sleep(REFUSED_MS, undefined, { ref: false })
        throw error
      }),
  })
}

export interface RedisName {
  /** Of the database whose nodes meet in Redis. */
  readers: pg.Pool
  /** REDIS_PREFIX. */
  prefix: string | undefined
}

/**
 * A name for a database among those whose nodes use one Redis. Two servers that were copied from one backup are the same to
 * Postgres, through restarts and promotions, and their nodes may be anywhere: only the operator can tell them apart, by a prefix.
 */
async function databaseName({ readers, prefix }: RedisName): Promise<string> {
  const { rows } = await readers.query<{ name: string }>(
    `SELECT concat_ws('.', (SELECT system_identifier FROM pg_control_system()), oid, nullif(current_schema(), 'public')) AS name
     FROM pg_database WHERE datname = current_database()`,
  )
  return ['cutroom', prefix, rows[0]?.name].filter((part) => part !== undefined).join(':')
}

/**
 * Connects to Redis, now or as soon as it is there.
 * @param database whose nodes meet there
 * @param onState told when it is gone, and when it is back
 * @throws what `pg` throws where the database cannot be asked
 */
export async function openRedis(
  url: string,
  database: RedisName,
  onState: (up: boolean, error?: Error) => void,
): Promise<SharedRedis> {
  const name = await databaseName(database)
  const client = new Redis(url, {
    ...SETTINGS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_MS,
  })
  const copies: Redis[] = []
  // The Socket.IO adapter reads and subscribes on copies, which wait for Redis with the one command each has.
  client.duplicate = () => {
    const copy = new Redis(url, { ...SETTINGS, maxRetriesPerRequest: null })
    copies.push(copy)
    copy.on('error', () => {})
    handleRefusals(copy)
    return copy
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
    for (const each of [client, ...copies]) if (each.status === 'ready') each.ping().catch(() => {})
  }, PING_MS)
  timer.unref()

  return {
    name,
    client,
    healthy: () => up && [client, ...copies].every((each) => each.status === 'ready'),
    close() {
      clearInterval(timer)
      client.removeAllListeners('close')
      for (const each of [client, ...copies]) each.disconnect()
    },
  }
}
