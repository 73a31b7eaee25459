import { setTimeout as sleep } from 'node:timers/promises'
import { Redis, type RedisOptions } from 'ioredis'
import type pg from 'pg'

/** Redis carries hints and counts between nodes. Its users must work without it at any moment. */
export interface SharedRedis {
  /** Prefix of all channels, streams and keys: nodes of other databases may use the same Redis. */
  name: string
  /** Fails at once while Redis is away: no command is queued. `publish` never rejects: it carries hints only. */
  client: Redis
  /** Whether all connections to Redis are up, as far as is known. */
  healthy(): boolean
  close(): void
}

/** Longest wait for an answer, ms. */
const COMMAND_MS = 500
/** A connection without an answer for this long is dead, ms; longer than the adapter's blocking read of 5 s. */
const SILENT_MS = 8_000
/** Between pings, ms: a subscriber sends no commands of its own. */
const PING_MS = 3_000
/** After a refused read of the stream, ms. */
const REFUSED_MS = 1_000

const SETTINGS: RedisOptions = {
  connectTimeout: 2_000,
  socketTimeout: SILENT_MS,
  keepAlive: 5_000,
  // With a random part: nodes that lost the same Redis do not reconnect all at once.
  retryStrategy: (attempt) => Math.min(100 * 2 ** attempt, 1_000) * (0.5 + Math.random()),
}

/**
 * The adapter awaits neither of its commands. A refusal (by an access list, or by a Redis that is closed) would be a rejection without a
 * handler, which ends the process, and a read that is refused at once would be repeated without a pause.
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
 * The name of a database among those whose nodes share a Redis. Two servers copied from one backup have the same identity in Postgres,
 * through restarts and promotions: only the operator can tell them apart, by a prefix.
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
 * @param onState called when Redis is lost, and when it is back
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
  const setState = (now: boolean, error?: Error) => {
    if (now !== up) onState(now, error)
    up = now
  }
  client.on('ready', () => setState(true))
  client.on('error', (error: Error) => setState(false, error))
  client.on('close', () => setState(false))

  const publish = client.publish.bind(client) as (...args: unknown[]) => Promise<number>
  const publishHint = (...args: unknown[]) =>
    publish(...args).then(
      (receivers) => {
        setState(true)
        return receivers
      },
      (error: Error) => {
        setState(false, error)
        return 0
      },
    )
  client.publish = publishHint as typeof client.publish

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
