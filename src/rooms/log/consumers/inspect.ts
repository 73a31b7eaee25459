import type { Query, Statement } from '../../../db/client.ts'
import type { Write } from '../write.ts'
import { lagIn, MAX_BEHIND, statements } from './statements.ts'

/** How far a consumer is behind. */
export interface ConsumerLag {
  consumer: string
  /** Rooms and events behind the cursors, unwanted events as well. */
  rooms: number
  events: number
  /** Age of the oldest of them; 0 where there is none. */
  seconds: number
  retries: number
  deadLetters: number
  /** Events that retention took before they were read. */
  lost: number
}

/** How far each consumer is behind, by name: one look at all rooms. */
export async function readLag(query: Query): Promise<ConsumerLag[]> {
  type Row = Omit<ConsumerLag, 'events' | 'seconds' | 'lost'> & { events: string; seconds: number | null; lost: string }
  const rows = await query<Row>({ text: statements.lag, values: [MAX_BEHIND] })
  return rows.map((row) => ({ ...row, events: Number(row.events), seconds: row.seconds ?? 0, lost: Number(row.lost) }))
}

/** How far one consumer is behind in some rooms: events, and the age of the oldest. @param rooms a query of them, as `room` */
export async function readLagIn(
  query: Query,
  consumer: string,
  rooms: Statement,
): Promise<Pick<ConsumerLag, 'events' | 'seconds'>> {
  const [row] = await query<{ events: string; seconds: number }>(lagIn(rooms, consumer))
  return { events: Number(row?.events ?? 0), seconds: Math.max(0, row?.seconds ?? 0) }
}

/** Where a consumer stands in a room that has more for it. */
export interface BehindRoom {
  room: string
  cursor: number
  head: number
}

/** An event that failed: tried again at a time, or given up then. */
export interface FailedEvent {
  state: 'retry' | 'dead'
  room: string
  seq: number
  attempts: number
  /** ISO 8601. */
  at: string
  error: string
}

/** Rows of a job. */
export interface JobRows {
  job: string
  /** Waiting or running, and given up. */
  due: number
  failed: number
  /** ISO 8601; null: none is waiting. */
  next: string | null
  error: string | null
}

/** Rooms, and failed events, of one list. */
export const LISTED = 100

const BEHIND = `SELECT r.id AS room, coalesce(c.seq, 0) AS cursor, r.head FROM "Room" r
  LEFT JOIN "Cursor" c ON c.consumer = $1 AND c.room = r.id WHERE r.head > coalesce(c.seq, 0)
  ORDER BY r.head - coalesce(c.seq, 0) DESC, r.id LIMIT $2`
const FAILED = `(SELECT 'dead' AS state, room, seq, attempts, at, error FROM "DeadLetter" WHERE consumer = $1 ORDER BY room, seq LIMIT $2)
  UNION ALL (SELECT 'retry', room, seq, attempt, "nextAt", error FROM "Retry" WHERE consumer = $1 ORDER BY room, seq LIMIT $2)`
const JOBS = `SELECT consumer AS job, (count(*) FILTER (WHERE "failedAt" IS NULL))::int AS due, count("failedAt")::int AS failed,
    min(at) FILTER (WHERE "failedAt" IS NULL) AS next, max(error) AS error FROM "Due" GROUP BY consumer ORDER BY consumer`

/** Rooms in which a consumer is behind, the furthest first, and events of it that failed; LISTED of each at most. */
export async function readConsumer(query: Query, consumer: string): Promise<{ behind: BehindRoom[]; failed: FailedEvent[] }> {
  type Behind = { room: string; cursor: string; head: string }
  const behind = await query<Behind>({ text: BEHIND, values: [consumer, LISTED] })
  type Failed = Omit<FailedEvent, 'seq' | 'at'> & { seq: string; at: Date }
  const failed = await query<Failed>({ text: FAILED, values: [consumer, LISTED] })
  return {
    behind: behind.map(({ room, cursor, head }) => ({ room, cursor: Number(cursor), head: Number(head) })),
    failed: failed.map((row) => ({ ...row, seq: Number(row.seq), at: row.at.toISOString() })),
  }
}

/** The rows of each job. */
export async function readJobs(query: Query): Promise<JobRows[]> {
  const rows = await query<Omit<JobRows, 'next'> & { next: Date | null }>({ text: JOBS, values: [] })
  return rows.map((row) => ({ ...row, next: row.next?.toISOString() ?? null }))
}

/** What is meant of a consumer or job: one event, one row by its key, or all that failed. */
export type Meant = { room: string; seq: number } | { key: string } | 'all'

const isEvent = (meant: Meant): meant is { room: string; seq: number } => typeof meant === 'object' && 'room' in meant

/** Dead letters that one call of `retryFailed` takes. */
export const STEP = 1_000

const HURRY = `UPDATE "Retry" SET "nextAt" = now() WHERE consumer = $1 AND ($2::text IS NULL OR (room = $2 AND seq = $3::bigint))
  AND "nextAt" > now() RETURNING 1`
const REVIVE = `WITH dead AS (DELETE FROM "DeadLetter" WHERE ctid = ANY (ARRAY(SELECT ctid FROM "DeadLetter"
      WHERE consumer = $1 AND ($2::text IS NULL OR (room = $2 AND seq = $3::bigint)) LIMIT ${STEP})) RETURNING consumer, room, seq, error)
  INSERT INTO "Retry" (consumer, room, seq, attempt, error, "nextAt") SELECT consumer, room, seq, 0, error, now() FROM dead RETURNING 1`
const RERUN = `UPDATE "Due" SET at = now(), attempt = 0, "failedAt" = NULL
  WHERE consumer = $1 AND ($2::text IS NULL OR key = $2) AND error IS NOT NULL AND "claimedBy" IS NULL RETURNING 1`

/** Has failed work tried again at once, also what was given up. @returns how much it is; STEP dead letters at most */
export async function retryFailed({ query }: Pick<Write, 'query'>, name: string, meant: Meant): Promise<number> {
  let count = 0
  if (!(typeof meant === 'object' && 'key' in meant)) {
    const values = isEvent(meant) ? [name, meant.room, meant.seq] : [name, null, null]
    for (const text of [HURRY, REVIVE]) count += (await query({ text, values })).length
  }
  if (!isEvent(meant)) count += (await query({ text: RERUN, values: [name, meant === 'all' ? null : meant.key] })).length
  return count
}

const SKIP_EVENT = `WITH waiting AS (DELETE FROM "Retry" WHERE consumer = $1 AND room = $2 AND seq = $3 RETURNING 1),
    moved AS (UPDATE "Cursor" SET seq = $3 WHERE consumer = $1 AND room = $2 AND seq = $3::bigint - 1 AND EXISTS (SELECT FROM waiting)),
    dead AS (DELETE FROM "DeadLetter" WHERE consumer = $1 AND room = $2 AND seq = $3 RETURNING 1)
  SELECT 1 FROM waiting UNION ALL SELECT 1 FROM dead`
const SKIP_ROW = `DELETE FROM "Due" WHERE consumer = $1 AND key = $2 AND "failedAt" IS NOT NULL RETURNING 1`

/** Removes failed work; a room that waited for it goes on with its next event. @returns false where there was no such work */
export async function skipFailed({ query }: Pick<Write, 'query'>, name: string, meant: Exclude<Meant, 'all'>): Promise<boolean> {
  const statement = isEvent(meant)
    ? { text: SKIP_EVENT, values: [name, meant.room, meant.seq] }
    : { text: SKIP_ROW, values: [name, meant.key] }
  return (await query(statement)).length > 0
}
