import type { Webhook, WebhookDelivery } from '@cutroom/contract'
import type { Rows } from '../../db/client.ts'
import { readable } from '../shared/reading.ts'
import { iso, presentPerson, type Shown, stamps } from '../shared/serialize.ts'
import { OVERLAP_MS } from './secrets.ts'

type ShownWebhook = Omit<Shown<'Webhook', 'author'>, 'secretHash' | 'seq' | 'generation'>

export const presentWebhook = (row: ShownWebhook): Webhook => ({
  id: row.id,
  projectId: row.projectId,
  url: row.url,
  events: row.events.length === 0 ? null : row.events,
  state: row.state,
  previousSecretUntil: row.rotatedAt && new Date(row.rotatedAt.getTime() + OVERLAP_MS).toISOString(),
  author: presentPerson(row.author),
  ...stamps(row),
})

export const webhookReading = readable({
  columns: ['id', 'projectId', 'url', 'events', 'state', 'rotatedAt', 'version', 'createdAt', 'updatedAt'],
  people: { author: 'authorId' },
  texts: ['url', 'events'],
  present: presentWebhook,
})

/** A delivery as Postgres answers it, or as it is inserted. */
type ShownDelivery = Omit<Rows['WebhookDelivery'], 'seq' | 'projectId'> & { seq: bigint | string | null }

export const presentDelivery = (row: ShownDelivery): WebhookDelivery => ({
  id: row.id,
  webhookId: row.webhookId,
  eventId: row.eventId,
  seq: row.seq === null ? null : Number(row.seq),
  type: row.name,
  cause: row.cause,
  status: row.status,
  attempts: row.attempts,
  statusCode: row.statusCode,
  error: row.error,
  durationMs: row.durationMs,
  lastAt: iso(row.lastAt),
  nextAt: iso(row.nextAt),
  createdAt: row.createdAt.toISOString(),
})

export const deliveryReading = readable<ShownDelivery, WebhookDelivery>({
  columns: [
    'id',
    'webhookId',
    'eventId',
    'seq',
    'name',
    'cause',
    'status',
    'attempts',
    'statusCode',
    'error',
    'durationMs',
    'nextAt',
    'lastAt',
    'createdAt',
  ],
  people: {},
  texts: [],
  present: presentDelivery,
})
