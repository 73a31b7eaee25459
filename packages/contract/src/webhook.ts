import * as z from 'zod'
import { ann, at, fresh, ids, later } from './examples.ts'
import { id, Person, seq, stamps, time, url } from './values.ts'

/** Webhooks of one project. */
export const MAX_WEBHOOKS = 10
/** Events of one replay. */
export const MAX_REPLAY = 1_000
const MAX_NAMES = 100

/** A password in it would be shown to all owners; what stands behind a # is not sent. */
export const target = url
  .refine(
    (value) => !URL.canParse(value) || new URL(value).username + new URL(value).password === '',
    'must not have a password in it',
  )
  .refine((value) => !value.includes('#'), 'must not have a #')
  .meta({ description: 'Where events are posted: https, at a public address' })
export const names = z
  .array(z.string().regex(/^[a-z]+\.[a-z-]+$/, 'must be the type of an event, like comment.created'))
  .min(1)
  .max(MAX_NAMES)
  .refine((all) => new Set(all).size === all.length, 'must not have one twice')
  .nullable()
  .meta({ description: 'Types of the events that are sent, like `comment.created`; null: all of the project' })

export const WebhookState = z.enum(['active', 'off', 'gone', 'orphaned']).meta({
  id: 'WebhookState',
  description:
    '`active`: events are sent; `off`: an owner switched it off; `gone`: the receiver answered 410; `orphaned`: its `author` is no longer an owner',
})
export type WebhookState = z.output<typeof WebhookState>

export const example = {
  id: ids.webhook,
  projectId: ids.project,
  url: 'https://hooks.example.com/cutroom',
  events: ['comment.created', 'cut.approved'],
  state: 'active',
  previousSecretUntil: null,
  author: ann,
  ...fresh,
} as const

export const Webhook = z
  .object({
    id,
    projectId: id,
    url: z.string(),
    events: z.array(z.string()).nullable(),
    state: WebhookState,
    previousSecretUntil: time.nullable().meta({ description: 'Until then the secret before signs, too; null: there is none' }),
    author: Person.meta({ description: 'The owner who made it, gave it its URL or switched it on, the last of them' }),
    ...stamps,
  })
  .meta({ id: 'Webhook', description: 'What of a project is sent to another server', examples: [example] })
export type Webhook = z.output<typeof Webhook>

export const NewWebhook = Webhook.extend({
  secret: z.string().meta({ description: 'What verifies signatures. It is shown in this answer only' }),
}).meta({ id: 'NewWebhook', examples: [{ ...example, secret: 'whsec_ZXhhbXBsZS1vZi1hLXNlY3JldC1vZi1hLXdlYmhvb2s=' }] })
export type NewWebhook = z.output<typeof NewWebhook>

export const WebhookCause = z
  .enum(['event', 'replay', 'test'])
  .meta({ id: 'WebhookCause', description: 'Why it is sent: it happened, or an owner asked for it' })
export type WebhookCause = z.output<typeof WebhookCause>

export const WebhookDeliveryStatus = z.enum(['pending', 'delivered', 'failed']).meta({
  id: 'WebhookDeliveryStatus',
  description: '`pending`: it is sent at `nextAt`; `delivered`: answered with 2xx; `failed`: given up',
})
export type WebhookDeliveryStatus = z.output<typeof WebhookDeliveryStatus>

export const WebhookDelivery = z
  .object({
    id,
    webhookId: id,
    eventId: id.meta({ description: 'The `webhook-id` of all attempts: the id of the event' }),
    seq: seq.nullable().meta({ description: 'Position of the event in the log of the project; null for a test' }),
    type: z.string(),
    cause: WebhookCause,
    status: WebhookDeliveryStatus,
    attempts: z.int().min(0),
    statusCode: z.int().nullable().meta({ description: 'The last answer; null: there was none' }),
    error: z.string().nullable().meta({ description: 'Why the last attempt failed' }),
    durationMs: z.int().min(0).nullable().meta({ description: 'Of the last attempt' }),
    lastAt: time.nullable().meta({ description: 'When the last attempt ended' }),
    nextAt: time.nullable().meta({ description: 'When it is tried again, at the earliest' }),
    createdAt: time,
  })
  .meta({
    id: 'WebhookDelivery',
    description: 'One event on its way to one webhook',
    examples: [
      {
        id: ids.delivery,
        webhookId: ids.webhook,
        eventId: ids.event,
        seq: 42,
        type: 'comment.created',
        cause: 'event',
        status: 'pending',
        attempts: 1,
        statusCode: 503,
        error: 'answered 503',
        durationMs: 180,
        lastAt: at,
        nextAt: later,
        createdAt: at,
      },
    ],
  })
export type WebhookDelivery = z.output<typeof WebhookDelivery>

export const WebhookReplay = z
  .object({
    queued: z.int().min(0).meta({ description: 'Events that are sent again' }),
    upTo: seq.meta({ description: 'The last position that was looked at: `after` of the next replay' }),
    head: seq.meta({ description: 'The end of the log of the project' }),
  })
  .meta({ id: 'WebhookReplay', examples: [{ queued: 17, upTo: 42, head: 42 }] })
export type WebhookReplay = z.output<typeof WebhookReplay>
