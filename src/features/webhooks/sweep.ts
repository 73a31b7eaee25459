import type { Query } from '../../db/client.ts'
import { LOWEST_ID } from '../../db/ids.ts'

/** Deliveries that are over, and stay, of each webhook; `docs/webhooks.md` says so. */
const KEPT = 1_000
const KEPT_MS = 30 * 86_400_000
/** Rows, and webhooks, in one statement. */
const STEP = 1_000

/** Comes before the ids (UUIDv7) of all that is made from this time on. */
function firstIdAt(ms: number): string {
  const hex = Math.max(ms, 0).toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`
}

const PAGE = `SELECT id FROM "Webhook" WHERE id > $1::uuid ORDER BY id LIMIT $2`
/** Old ones, whether they are over or not: what waits for a month is of a webhook that is switched off. */
const OLD = `DELETE FROM "WebhookDelivery" WHERE ctid = ANY (ARRAY(
  SELECT d.ctid FROM unnest($1::uuid[]) AS w(id) CROSS JOIN LATERAL (
    SELECT ctid FROM "WebhookDelivery" WHERE "webhookId" = w.id AND id < $2::uuid ORDER BY id LIMIT ${STEP}) d LIMIT ${STEP})) RETURNING 1`
const MANY = `DELETE FROM "WebhookDelivery" WHERE ctid = ANY (ARRAY(
  SELECT d.ctid FROM unnest($1::uuid[]) AS w(id) CROSS JOIN LATERAL (
    SELECT ctid FROM "WebhookDelivery" WHERE "webhookId" = w.id AND "nextAt" IS NULL ORDER BY id DESC OFFSET ${KEPT} LIMIT ${STEP}) d
  LIMIT ${STEP})) RETURNING 1`

/** Removes deliveries that are old, and those that are more than are kept. @throws the reason of the signal */
export async function sweepDeliveries(query: Query, signal: AbortSignal): Promise<void> {
  async function all(text: string, values: unknown[]): Promise<void> {
    for (let count = STEP; count === STEP; ) {
      signal.throwIfAborted()
      count = (await query({ text, values })).length
    }
  }
  const before = firstIdAt(Date.now() - KEPT_MS)
  for (let last = LOWEST_ID; ; ) {
    const page = await query<{ id: string }>({ text: PAGE, values: [last, STEP] })
    const ids = page.map(({ id }) => id)
    if (ids.length > 0) {
      await all(OLD, [ids, before])
      await all(MANY, [ids])
    }
    if (page.length < STEP) return
    last = ids.at(-1) ?? last
  }
}
