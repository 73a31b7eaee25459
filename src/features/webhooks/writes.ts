import {
  MAX_REPLAY,
  MAX_WEBHOOKS,
  type Parsed,
  type Person,
  projectRoom,
  type Webhook,
  type WebhookDelivery,
  type WebhookReplay,
  type webhooks,
} from '@cutroom/contract'
import { Prisma, type Tx } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { lockProject } from '../shared/lock-project.ts'
import { newRow } from '../shared/new-row.ts'
import { lockPeople } from '../shared/people.ts'
import { nextVersion, withAuthor } from '../shared/serialize.ts'
import { isUnchanged } from '../shared/unchanged.ts'
import { wakeWebhook } from './queue.ts'
import type { WebhookSecrets } from './secrets.ts'
import { presentDelivery, presentWebhook } from './serialize.ts'

/** Deliveries of one webhook that wait, at most; what is beyond stays in the log for as long. */
export const MAX_WAITING = 10_000
/** Positions that one replay looks at. */
const MAX_LOOKED = 50_000

type Place = { projectId: string; me: Person }

export async function loadWebhook(tx: Tx, id: string): Promise<Webhook> {
  return presentWebhook(await tx.webhook.findUniqueOrThrow({ where: { id }, include: withAuthor }))
}

async function headOf({ query }: Write, projectId: string): Promise<{ head: number; floor: number }> {
  const [row] = await query<{ head: string; floor: string }>(
    Prisma.sql`SELECT head, floor FROM "Room" WHERE id = ${projectRoom(projectId)}`,
  )
  if (!row) throw problem('not-found')
  return { head: Number(row.head), floor: Number(row.floor) }
}

/** @throws problem too-many */
export async function createWebhook(
  write: Write,
  secrets: WebhookSecrets,
  { projectId, me }: Place,
  { url, events }: Parsed<typeof webhooks.create, 'body'>,
): Promise<Webhook> {
  // Locked: webhooks of a project are made one after another.
  await lockProject(write, projectId)
  if ((await write.tx.webhook.count({ where: { projectId } })) >= MAX_WEBHOOKS)
    throw problem('too-many', `A project has at most ${MAX_WEBHOOKS} webhooks`)
  const { head } = await headOf(write, projectId)
  const begun = newRow()
  const row = {
    ...begun,
    projectId,
    url,
    events: events ?? [],
    state: 'active',
    seq: BigInt(head),
    generation: 1,
    secretHash: secrets.hashOf(begun.id, 1),
    rotatedAt: null,
    authorId: me.id,
  } as const
  write.insert('Webhook', { ...row, events: [...row.events] })
  write.emit(projectRoom(projectId), 'webhook:created', { webhookId: row.id })
  return presentWebhook({ ...row, events: [...row.events], author: me })
}

export async function updateWebhook(
  write: Write,
  { projectId, me }: Place,
  id: string,
  changes: Parsed<typeof webhooks.update, 'body'>,
): Promise<Webhook> {
  const before = await loadWebhook(write.tx, id)
  if (isUnchanged(before, changes)) return before
  const { url, events, state } = changes
  const isBegun = state === 'active' && before.state !== 'active'
  const isTaken = isBegun || (url !== undefined && url !== before.url)
  lockPeople(write, Prisma.sql`SELECT "authorId" FROM "Webhook" WHERE id = ${id}::uuid`)
  const row = await write.tx.webhook.update({
    where: { id },
    data: {
      ...(url !== undefined && { url }),
      ...(events !== undefined && { events: events ?? [] }),
      ...(state !== undefined && { state }),
      ...(isBegun && { seq: BigInt((await headOf(write, projectId)).head) }),
      ...(isTaken && { authorId: me.id }),
      version: nextVersion,
    },
    include: withAuthor,
  })
  write.emit(projectRoom(projectId), 'webhook:updated', { webhookId: id })
  return presentWebhook(row)
}

/** @returns it, with the generation of its new secret */
export async function rotateSecret(
  write: Write,
  secrets: WebhookSecrets,
  projectId: string,
  id: string,
): Promise<{ webhook: Webhook; generation: number }> {
  lockPeople(write, Prisma.sql`SELECT "authorId" FROM "Webhook" WHERE id = ${id}::uuid`)
  const { generation: last } = await write.tx.webhook.findUniqueOrThrow({ where: { id }, select: { generation: true } })
  const generation = last + 1
  const data = { generation, secretHash: secrets.hashOf(id, generation), rotatedAt: new Date(), version: nextVersion }
  const row = await write.tx.webhook.update({ where: { id }, data, include: withAuthor })
  write.emit(projectRoom(projectId), 'webhook:updated', { webhookId: id })
  return { webhook: presentWebhook(row), generation }
}

/** Its deliveries go with it. */
export async function deleteWebhook({ tx, emit }: Write, projectId: string, id: string): Promise<void> {
  await tx.webhook.delete({ where: { id } })
  emit(projectRoom(projectId), 'webhook:deleted', { webhookId: id })
}

/**
 * Switches off the webhooks of a person who is no longer an owner: else they would still be sent what they may no longer read. The
 * project's row is locked before.
 */
export async function orphanWebhooksOf({ query, emit }: Write, projectId: string, authorId: string): Promise<void> {
  const orphaned = await query<{ id: string }>(Prisma.sql`
    UPDATE "Webhook" SET state = 'orphaned', version = version + 1, "updatedAt" = now()
    WHERE "projectId" = ${projectId}::uuid AND "authorId" = ${authorId}::uuid AND state = 'active' RETURNING id`)
  for (const { id } of orphaned) emit(projectRoom(projectId), 'webhook:updated', { webhookId: id })
}

/** Locks a webhook that may get more to send. @throws problem webhook-disabled | too-many */
async function lockForMore({ query }: Write, id: string, more: number): Promise<{ events: string[] }> {
  const [row] = await query<{ state: string; events: string[] }>(
    Prisma.sql`SELECT state::text, events FROM "Webhook" WHERE id = ${id}::uuid FOR NO KEY UPDATE`,
  )
  if (!row) throw problem('not-found')
  if (row.state !== 'active') throw problem('webhook-disabled', 'Switch it on first')
  const [waiting] = await query<{ count: number }>(Prisma.sql`
    SELECT count(*)::int AS count FROM (
      SELECT FROM "WebhookDelivery" WHERE "webhookId" = ${id}::uuid AND "nextAt" IS NOT NULL LIMIT ${MAX_WAITING}) w`)
  if ((waiting?.count ?? 0) + more > MAX_WAITING)
    throw problem('too-many', `${MAX_WAITING} deliveries of this webhook may wait; wait until some are over`)
  return row
}

/** Queues a `webhook.test`. @throws problem webhook-disabled | too-many */
export async function queueTest(write: Write, projectId: string, webhookId: string): Promise<WebhookDelivery> {
  await lockForMore(write, webhookId, 1)
  const now = new Date()
  const row = {
    id: newId(),
    webhookId,
    projectId,
    eventId: newId(),
    seq: null,
    name: 'webhook.test',
    cause: 'test',
    status: 'pending',
    attempts: 0,
    statusCode: null,
    error: null,
    durationMs: null,
    nextAt: now,
    lastAt: null,
    createdAt: now,
  } as const
  write.insert('WebhookDelivery', row)
  wakeWebhook(write, webhookId)
  return presentDelivery(row)
}

/** Queues events of the log again. @throws problem gone | webhook-disabled | too-many */
export async function queueReplay(
  write: Write,
  projectId: string,
  webhookId: string,
  { after, upTo }: Parsed<typeof webhooks.replay, 'body'>,
): Promise<WebhookReplay> {
  const { events } = await lockForMore(write, webhookId, MAX_REPLAY)
  const { head, floor } = await headOf(write, projectId)
  if (after < floor) throw problem('gone', `The log begins after position ${floor}`)
  const last = Math.max(after, Math.min(upTo ?? head, head, after + MAX_LOOKED))
  const [made] = await write.query<{ found: number; queued: number; last: string | null }>(Prisma.sql`
    WITH found AS MATERIALIZED (
      SELECT id, seq, replace(name, ':', '.') AS type FROM "Event"
      WHERE room = ${projectRoom(projectId)} AND seq > ${after} AND seq <= ${last}
        AND (cardinality(${events}::text[]) = 0 OR replace(name, ':', '.') = ANY(${events}::text[]))
      ORDER BY seq LIMIT ${MAX_REPLAY + 1}
    ), made AS (
      INSERT INTO "WebhookDelivery" (id, "webhookId", "projectId", "eventId", seq, name, cause, status, attempts, "nextAt")
      SELECT event_id(), ${webhookId}::uuid, ${projectId}::uuid, id, seq, type, 'replay', 'pending', 0, now() FROM found
      ORDER BY seq LIMIT ${MAX_REPLAY} RETURNING seq
    ) SELECT (SELECT count(*)::int FROM found) AS found, (SELECT count(*)::int FROM made) AS queued, (SELECT max(seq) FROM made) AS last`)
  const { found = 0, queued = 0 } = made ?? {}
  if (queued > 0) wakeWebhook(write, webhookId)
  return { queued, upTo: found > MAX_REPLAY ? Number(made?.last) : last, head }
}
