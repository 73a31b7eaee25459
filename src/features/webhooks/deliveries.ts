import type { Query } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import { delayAfter } from './timetable.ts'
import { MAX_WAITING } from './writes.ts'

/** A webhook as it is now, for one attempt. */
export interface Receiver {
  id: string
  projectId: string
  url: string
  /** Empty: all. */
  events: string[]
  /** First attempts were made up to this position. */
  seq: number
  generation: number
  secretHash: string
  rotatedAt: Date | null
}

/** How an attempt ended. */
export interface Outcome {
  /** `dropped`: another attempt would end alike. */
  end: 'delivered' | 'gone' | 'failed' | 'dropped'
  statusCode: number | null
  error: string | null
  durationMs: number
  retryAfter: string | undefined
}

/** A delivery that waits. */
export interface Waiting {
  id: string
  eventId: string
  seq: number | null
  name: string
  cause: 'event' | 'replay' | 'test'
  attempts: number
  createdAt: Date
}

const COLUMNS = 'id, "eventId", seq, name, cause, attempts, "createdAt"'

const statements = {
  receiver: `SELECT w.id, w."projectId", w.url, w.events, w.seq, w.generation, w."secretHash", w."rotatedAt" FROM "Webhook" w
    JOIN "Project" p ON p.id = w."projectId" AND p."deletedAt" IS NULL WHERE w.id = $1::uuid AND w.state = 'active'`,
  // Whether first attempts may go on, and when the next of the others is due.
  waiting: `SELECT count(*)::int AS count, min("nextAt") AS next FROM (
    SELECT "nextAt" FROM "WebhookDelivery" WHERE "webhookId" = $1::uuid AND "nextAt" IS NOT NULL ORDER BY "nextAt" LIMIT $2) w`,
  asked: `SELECT ${COLUMNS} FROM "WebhookDelivery" WHERE "webhookId" = $1::uuid AND "nextAt" <= now() AND attempts = 0
    ORDER BY "nextAt", seq LIMIT $2`,
  retries: `SELECT ${COLUMNS} FROM "WebhookDelivery" WHERE "webhookId" = $1::uuid AND "nextAt" <= now() AND attempts > 0
    ORDER BY "nextAt", seq LIMIT $2`,
  pass: `UPDATE "Webhook" SET seq = $3 WHERE id = $1::uuid AND seq = $2 AND state = 'active' RETURNING 1`,
  first: `WITH moved AS (UPDATE "Webhook" SET seq = $3 WHERE id = $1::uuid AND seq = $2 AND state = 'active' RETURNING id, "projectId")
    INSERT INTO "WebhookDelivery"
      (id, "webhookId", "projectId", "eventId", seq, name, cause, status, attempts, "statusCode", error, "durationMs", "nextAt", "lastAt")
    SELECT $4::uuid, id, "projectId", $5::uuid, $3, $6, 'event', $7::"WebhookDeliveryStatus", 1, $8, $9, $10,
      now() + make_interval(secs => $11), now() FROM moved RETURNING 1`,
  again: `UPDATE "WebhookDelivery" SET attempts = attempts + 1, status = $3::"WebhookDeliveryStatus", "statusCode" = $4, error = $5,
      "durationMs" = $6, "nextAt" = now() + make_interval(secs => $7), "lastAt" = now()
    WHERE id = $1::uuid AND attempts = $2 RETURNING 1`,
}

/** The rows of one webhook's deliveries, for the leader. What another leader has recorded in between is not recorded twice. */
export interface Deliveries {
  /** null where nothing may be sent: it is switched off or gone, or its project is. */
  receiver(): Promise<Receiver | null>
  /** Deliveries that wait, MAX_WAITING at most, and when the first of them is due. */
  waiting(): Promise<{ count: number; next: Date | null }>
  /** Replays and tests without an attempt, in order. */
  asked(limit: number): Promise<Waiting[]>
  retries(limit: number): Promise<Waiting[]>
  /** Goes on in the log without sending. @returns whether it was where it was thought to be */
  pass(from: number, to: number): Promise<boolean>
  /** Records the first attempt of an event of the log, and goes on behind it. @returns the same */
  first(from: number, event: { id: string; seq: number; name: string }, outcome: Outcome): Promise<boolean>
  /** Records another attempt. */
  again(delivery: Waiting, outcome: Outcome): Promise<void>
}

export function openDeliveries(query: Query, webhookId: string, delaysMs: readonly number[] | undefined): Deliveries {
  /** Status, columns of the attempt, and seconds until the next one. */
  function recordOf({ end, statusCode, error, durationMs, retryAfter }: Outcome, attempts: number, isOnce: boolean): unknown[] {
    const delay = end === 'failed' && !isOnce ? delayAfter(attempts, retryAfter, delaysMs) : null
    const status = end === 'delivered' ? 'delivered' : delay === null ? 'failed' : 'pending'
    return [status, statusCode, error, Math.round(durationMs), delay === null ? null : delay / 1_000]
  }
  async function select(text: string, limit: number): Promise<Waiting[]> {
    const rows = await query<Waiting & { seq: string | null }>({ text, values: [webhookId, limit] })
    return rows.map((row) => ({ ...row, seq: row.seq === null ? null : Number(row.seq) }))
  }
  return {
    async receiver() {
      const [row] = await query<Receiver>({ text: statements.receiver, values: [webhookId] })
      return row ? { ...row, seq: Number(row.seq) } : null
    },
    async waiting() {
      const [row] = await query<{ count: number; next: Date | null }>({
        text: statements.waiting,
        values: [webhookId, MAX_WAITING],
      })
      return row ?? { count: 0, next: null }
    },
    asked: (limit) => select(statements.asked, limit),
    retries: (limit) => select(statements.retries, limit),
    pass: async (from, to) => (await query({ text: statements.pass, values: [webhookId, from, to] })).length > 0,
    async first(from, { id, seq, name }, outcome) {
      const values = [webhookId, from, seq, newId(), id, name, ...recordOf(outcome, 1, false)]
      return (await query({ text: statements.first, values })).length > 0
    },
    async again({ id, attempts, cause }, outcome) {
      const values = [id, attempts, ...recordOf(outcome, attempts + 1, cause === 'test')]
      await query({ text: statements.again, values })
    },
  }
}
