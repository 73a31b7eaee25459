import type { Database } from '../db/client.ts'
import { LOWEST_ID } from '../db/ids.ts'
import { isRoomId, projectIdOf } from '../rooms/kinds.ts'
import type { Job } from '../rooms/log/consumers/consumer.ts'
import { inSteps, type Steps } from './steps.ts'

/** How much a round took away. */
export interface Swept {
  events: number
  /** Deleted projects whose last event is gone. */
  rooms: number
  keys: number
  sessions: number
}

export interface RetentionOptions {
  pool: Database['pool']
  /** How long an event stays in the log at least; null: for ever. */
  retentionSeconds: number | null
  /** How long a session that ended is still named as ended to the holder of its token. */
  sessionSeconds: number
  /** Names of the readers of the log: the room of a deleted project stays until they have read it. */
  consumers: readonly string[]
}

const FIRST_MS = 60_000
const EVERY_MS = 300_000
/** Rows in one statement. */
export const STEP = 1_000
const ROOMS = 200
const KEY_HOURS = 24

/** A table with rows of a project: its name, and the columns with a row's key and the id of the project. */
export interface ProjectTable {
  name: string
  key: string
  project: string
}

/** Removes rows of a deleted project. The newest first: replies before what they reply to, which would take them along one by one. */
export const purgeRows = ({ name, key, project }: ProjectTable): string =>
  `DELETE FROM "${name}" WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM "${name}" WHERE "${project}" = $1 ORDER BY "${project}", "${key}" DESC LIMIT ${STEP}))`

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
  // Dead letters whose events are gone: they cannot be tried again.
  deadLetters: `DELETE FROM "DeadLetter" d USING "Consumer" k WHERE d.consumer = k.name AND d.room = $1 AND d.seq <= $2`,
  dismissals: `DELETE FROM "ActivityDismissal" WHERE "projectId" = $1 AND seq <= $2`,
  tombstones: `WITH over AS (DELETE FROM "Room" r USING unnest($1::uuid[]) AS gone(id)
      WHERE r.id = 'project:' || gone.id AND r.floor = r.head
        AND NOT EXISTS (SELECT FROM "Project" p WHERE p.id = gone.id AND p."deletedAt" IS NULL)
        AND NOT EXISTS (SELECT FROM "Event" e WHERE e.room = r.id AND e.seq IS NOT NULL)
        AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS k(name) LEFT JOIN "Cursor" c ON c.consumer = k.name AND c.room = r.id
          WHERE coalesce(c.seq, 0) < r.head)
      RETURNING r.id
    ), cursors AS (DELETE FROM "Cursor" c USING over, "Consumer" k WHERE c.consumer = k.name AND c.room = over.id)
    SELECT id FROM over`,
  deletedProjects: `SELECT id FROM "Project" WHERE "deletedAt" IS NOT NULL ORDER BY id LIMIT ${ROOMS}`,
  project: 'DELETE FROM "Project" WHERE id = $1 AND "deletedAt" IS NOT NULL',
  keys: `DELETE FROM "IdempotencyKey" WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM "IdempotencyKey" WHERE "createdAt" < now() - interval '${KEY_HOURS} hours' ORDER BY "createdAt" LIMIT ${STEP}))`,
  sessions: `WITH page AS MATERIALIZED (
      SELECT id, LEAST("expiresAt", "revokedAt") < now() - make_interval(secs => $2) AS over
      FROM "Session" WHERE id > $1 ORDER BY id LIMIT ${STEP}
    ), gone AS (DELETE FROM "Session" s USING page WHERE s.id = page.id AND page.over RETURNING s.id)
    SELECT (SELECT id FROM page ORDER BY id DESC LIMIT 1) AS last, (SELECT count(*)::int FROM gone) AS gone`,
}

type Trimmed = { id: string; floor: string; oldest: string | null; due: boolean | null }

/** Removes old events of all rooms, and rooms of deleted projects whose last event is gone. */
async function sweepEvents(
  { query, step }: Steps,
  seconds: number,
  consumers: readonly string[],
): Promise<Pick<Swept, 'events' | 'rooms'>> {
  let [events, rooms] = [0, 0]
  async function trim({ id, floor, oldest }: Trimmed): Promise<void> {
    for (let from = Number(oldest); ; ) {
      const { rows } = await query<{ cut: string | null }>(statements.cut, [id, from, floor, seconds])
      const cut = Number(rows[0]?.cut ?? 0)
      if (cut < from) return
      // A reader between the two sees the higher floor and gets `reset`; in the other order it would see a hole.
      await query(statements.floor, [id, cut])
      await query(statements.deadLetters, [id, cut])
      const projectId = projectIdOf(id)
      if (projectId !== null) await query(statements.dismissals, [projectId, cut])
      const { count } = await step(statements.events, [id, from, cut])
      events += count
      if (count < STEP) return
      from = cut + 1
    }
  }
  for (let last = ''; ; ) {
    const page = await step<Trimmed>(statements.page, [last, ROOMS, seconds])
    for (const room of page.rows) if (room.due) await trim(room)
    const empty = page.rows.flatMap(({ id, oldest }) => (oldest === null && isRoomId(id) ? (projectIdOf(id) ?? []) : []))
    if (empty.length > 0) rooms += (await step(statements.tombstones, [empty, consumers])).count
    last = page.rows.at(-1)?.id ?? ''
    if (page.rows.length < ROOMS) return { events, rooms }
  }
}

async function sweepKeys({ step }: Steps): Promise<number> {
  for (let keys = 0; ; ) {
    const { count } = await step(statements.keys)
    keys += count
    if (count < STEP) return keys
  }
}

async function sweepSessions({ step }: Steps, seconds: number): Promise<number> {
  let sessions = 0
  for (let last: string | null = LOWEST_ID; last !== null; ) {
    const page: { rows: { last: string | null; gone: number }[] } = await step(statements.sessions, [last, seconds])
    sessions += page.rows[0]?.gone ?? 0
    last = page.rows[0]?.last ?? null
  }
  return sessions
}

/**
 * Removes what is old: events (the room's `floor` goes up first), rooms of deleted projects, answers saved for Idempotency-Keys,
 * sessions that ended. A commit of a room waits for one update of one row at most.
 * @throws the reason of the signal, after the statement under way
 */
export function retain(
  { pool, retentionSeconds, sessionSeconds, consumers }: RetentionOptions,
  signal: AbortSignal,
): Promise<Swept> {
  return inSteps(pool, signal, async (steps) => ({
    ...(retentionSeconds === null ? { events: 0, rooms: 0 } : await sweepEvents(steps, retentionSeconds, consumers)),
    keys: await sweepKeys(steps),
    sessions: await sweepSessions(steps, sessionSeconds),
  }))
}

/** Retention, again and again. */
export const retentionJob = (options: RetentionOptions, onSwept: (swept: Swept) => void): Job => ({
  name: 'retention',
  every: { firstMs: FIRST_MS, everyMs: EVERY_MS },
  async run({ signal }) {
    const swept = await retain(options, signal)
    if (Object.values(swept).some((count) => count > 0)) onSwept(swept)
    return undefined
  },
})
