import type { Statement } from '../../db/client.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { makeDueNow } from '../../rooms/log/consumers/statements.ts'

/** The job that sends: a row for each webhook that has, or may have, something to send. */
export const WEBHOOKS = 'webhooks'

/** Makes one webhook send what it has, when the write commits. */
export const wakeWebhook = ({ assert }: Pick<Write, 'assert'>, webhookId: string): void =>
  assert(makeDueNow(WEBHOOKS, { text: 'SELECT $1::text AS key', values: [webhookId] }))

/** The same of the webhooks of a project that have not passed a position of its log. */
export const wakeProject = (projectId: string, seq: number): Statement =>
  makeDueNow(WEBHOOKS, {
    text: `SELECT id::text AS key FROM "Webhook" WHERE "projectId" = $1::uuid AND state = 'active' AND seq < $2::bigint ORDER BY id`,
    values: [projectId, seq],
  })

/**
 * The same of all that are behind, or have something to try again: what a wake that was lost has left. LIMIT of the room keeps the planner
 * from reading all rooms, of which far fewer have webhooks.
 */
export const wakeLate = (limit: number): Statement =>
  makeDueNow(WEBHOOKS, {
    text: `SELECT w.id::text AS key FROM "Webhook" w
      CROSS JOIN LATERAL (SELECT head FROM "Room" WHERE id = 'project:' || w."projectId" LIMIT 1) r
      WHERE w.state = 'active' AND (w.seq < r.head
        OR EXISTS (SELECT FROM "WebhookDelivery" d WHERE d."webhookId" = w.id AND d."nextAt" <= now()))
      ORDER BY w.id LIMIT $1`,
    values: [limit],
  })
