import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, PoolClient, QueryResultRow } from '../db/client.ts'
import { isRoomId, projectIdOf } from '../rooms/kinds.ts'

/** How much a round took away. */
export interface Swept {
  events: number
  /** Deleted projects whose last event is gone. */
  rooms: number
  keys: number
  sessions: number
}

export interface Retention {
  /** One round, now. Null when another node is at it. */
  run(): Promise<Swept | null>
  /** Ends it after the statement under way. */
  close(): Promise<void>
}

export interface RetentionOptions {
  pool: Database['pool']
  /** How long an event stays in the log at least; null: for ever. */
  retentionSeconds: number | null
  /** How long a session that ended is still named as ended to the holder of its token. */
  sessionSeconds: number
  onSwept: (swept: Swept) => void
  onError: (error: unknown) => void
  /** Milliseconds to the first round and between rounds; each varies by half, so that nodes do not march in step. */
  firstMs?: number
  everyMs?: number
}

const FIRST_MS = 60_000
const EVERY_MS = 300_000
/** Rows in one statement. */
export const STEP = 1_000
const ROOMS = 200
const REST_MS = 5
const KEY_HOURS = 24
const LOCK = '7310301140218675558'
const LOWEST_ID = '00000000-0000-0000-0000-000000000000'

/** Takes away rows of a deleted project. The newest first: replies before what they reply to, which would take them along one by one. */
const ofProject = (table: string, order: string) =>
  `DELETE FROM "${table}" WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM "${table}" WHERE "projectId" = $1 ORDER BY ${order} LIMIT ${STEP}))`

/** Each takes at most STEP rows, found by an index. */
export const statements = {
  // The oldest event of each room is one probe of the index on (room, seq).
  page: `SELECT r.id, r.floor, o.seq AS oldest, o.seq <= r.floor OR o.at < now() - make_interval(secs => $3) AS due
    FROM (SELECT id, floor FROM "Room" WHERE id > $1 ORDER BY id LIMIT $2) r
    LEFT JOIN LATERAL (SELECT seq, at FROM "Event" WHERE room = r.id AND seq IS NOT NULL ORDER BY seq LIMIT 1) o ON true`,
  // As far as all is old: `at` rises with `seq` unless the clock was set back.
  cut: `SELECT max(seq) AS cut FROM (
      SELECT seq, bool_and(at < now() - make_interval(secs => $4) OR seq <= $3) OVER (ORDER BY seq) AS old
      FROM (SELECT seq, at FROM "Event" WHERE room = $1 AND seq >= $2 ORDER BY seq LIMIT ${STEP}) e
    ) e WHERE old`,
  floor: 'UPDATE "Room" SET floor = $2 WHERE id = $1 AND floor < $2',
  events: 'DELETE FROM "Event" WHERE room = $1 AND seq >= $2 AND seq <= $3',
  tombstones: `DELETE FROM "Room" r USING unnest($1::uuid[]) AS gone(id)
    WHERE r.id = 'project:' || gone.id AND r.floor = r.head
      AND NOT EXISTS (SELECT FROM "Project" p WHERE p.id = gone.id AND p."deletedAt" IS NULL)
      AND NOT EXISTS (SELECT FROM "Event" e WHERE e.room = r.id AND e.seq IS NOT NULL)`,
  deletedProjects: `SELECT id FROM "Project" WHERE "deletedAt" IS NOT NULL ORDER BY id LIMIT ${ROOMS}`,
  /** In this order: nothing takes others along then. */
  projectRows: [
    ofProject('Comment', '"projectId", id DESC'),
    ofProject('Lyrics', '"projectId"'),
    ofProject('Cut', '"projectId"'),
    ofProject('Vibe', '"projectId", rank'),
    ofProject('Task', '"projectId", rank, id'),
  ],
  project: 'DELETE FROM "Project" WHERE id = $1 AND "deletedAt" IS NOT NULL',
  keys: `DELETE FROM "IdempotencyKey" WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM "IdempotencyKey" WHERE "createdAt" < now() - interval '${KEY_HOURS} hours' ORDER BY "createdAt" LIMIT ${STEP}))`,
  sessions: `WITH page AS MATERIALIZED (
      SELECT id, LEAST("expiresAt", "revokedAt") < now() - make_interval(secs => $2) AS over
      FROM "Session" WHERE id > $1 ORDER BY id LIMIT ${STEP}
    ), gone AS (DELETE FROM "Session" s USING page WHERE s.id = page.id AND page.over RETURNING s.id)
    SELECT (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last, (SELECT count(*)::int FROM gone) AS gone`,
}

interface Due {
  id: string
  floor: string
  oldest: string | null
  due: boolean | null
}

/**
 * Takes away what is old: events (the room's `floor` goes up first), what is left of deleted projects, answers kept for
 * Idempotency-Keys, sessions that ended. In small statements, each its own transaction: a commit of the room waits for
 * one update of one row at most.
 */
export function createRetention(options: RetentionOptions): Retention {
  const { pool, retentionSeconds, sessionSeconds, onSwept, onError, firstMs = FIRST_MS, everyMs = EVERY_MS } = options
  const stop = new AbortController()
  const rest = (ms: number) => sleep(ms, undefined, { signal: stop.signal, ref: false })

  async function sweep(client: PoolClient): Promise<Swept> {
    const swept: Swept = { events: 0, rooms: 0, keys: 0, sessions: 0 }
    /** One statement, then a rest of twice the time it took: others have two thirds of what it uses. */
    async function step<R extends QueryResultRow>(text: string, values: unknown[] = []): Promise<{ rows: R[]; count: number }> {
      const from = performance.now()
      const { rows, rowCount } = await client.query<R>(text, values)
      await rest(Math.max(REST_MS, 2 * (performance.now() - from)))
      return { rows, count: rowCount ?? 0 }
    }

    async function trim({ id, floor, oldest }: Due, seconds: number): Promise<void> {
      for (let from = Number(oldest); ; ) {
        const { rows } = await client.query<{ cut: string | null }>(statements.cut, [id, from, floor, seconds])
        const cut = Number(rows[0]?.cut ?? 0)
        if (cut < from) return
        // A reader between the two sees the higher floor and gets `reset`; in the other order it would see a hole.
        await client.query(statements.floor, [id, cut])
        const { count } = await step(statements.events, [id, from, cut])
        swept.events += count
        if (count < STEP) return
        from = cut + 1
      }
    }
    async function trimAll(seconds: number): Promise<void> {
      for (let last = ''; ; ) {
        const { rows } = await step<Due>(statements.page, [last, ROOMS, seconds])
        for (const room of rows) if (room.due) await trim(room, seconds)
        const silent = rows.flatMap(({ id, oldest }) => (oldest === null && isRoomId(id) ? (projectIdOf(id) ?? []) : []))
        if (silent.length > 0) swept.rooms += (await step(statements.tombstones, [silent])).count
        last = rows.at(-1)?.id ?? ''
        if (rows.length < ROOMS) return
      }
    }

    if (retentionSeconds !== null) await trimAll(retentionSeconds)
    for (let count = STEP; count === STEP; swept.keys += count) ({ count } = await step(statements.keys))
    let last: string | null = LOWEST_ID
    while (last !== null) {
      const page: { rows: { last: string | null; gone: number }[] } = await step(statements.sessions, [last, sessionSeconds])
      swept.sessions += page.rows[0]?.gone ?? 0
      last = page.rows[0]?.last ?? null
    }
    return swept
  }

  async function run(): Promise<Swept | null> {
    const client = await pool.connect()
    try {
      const { rows } = await client.query<{ mine: boolean }>(`SELECT pg_try_advisory_lock(${LOCK}) AS mine`)
      if (!rows[0]?.mine) return null
      // What a crash takes back is done again; so there is no need to wait for the disk, least of all with a room locked.
      await client.query('SET synchronous_commit = off')
      const swept = await sweep(client)
      if (Object.values(swept).some((count) => count > 0)) onSwept(swept)
      return swept
    } finally {
      // With the connection go the lock and the setting.
      client.release(true)
    }
  }

  let running: Promise<unknown> = Promise.resolve()
  function start(): Promise<Swept | null> {
    const round = running.then(() => {
      stop.signal.throwIfAborted()
      return run()
    })
    running = round.catch(() => {})
    return round
  }
  async function forever(): Promise<void> {
    for (let wait = firstMs; ; wait = everyMs) {
      await rest(wait * (0.5 + Math.random()))
      await start().catch((error) => {
        if (!stop.signal.aborted) onError(error)
      })
    }
  }
  // It ends by `close` alone.
  const loop = forever().catch(() => {})

  return {
    run: start,
    async close() {
      stop.abort()
      await Promise.all([loop, running])
    },
  }
}
