import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { ann, at, fresh, ids, later } from './examples.ts'
import { noun } from './noun.ts'
import { projectParams } from './projects.ts'
import { id, Paging, Person, page, patch, seq, stamps, time, url } from './values.ts'

/** Webhooks of one project. */
export const MAX_WEBHOOKS = 10
/** Events of one replay. */
export const MAX_REPLAY = 1_000
const MAX_NAMES = 100

/** A password in it would be shown to all owners; what stands behind a # is not sent. */
const target = url
  .refine(
    (value) => !URL.canParse(value) || new URL(value).username + new URL(value).password === '',
    'must not have a password in it',
  )
  .refine((value) => !value.includes('#'), 'must not have a #')
  .meta({ description: 'Where events are posted: https, at a public address' })
const names = z
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

const example = {
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

const tags = ['webhooks'] as const
const params = z.object({ webhookId: id })

export const webhooks = {
  list: endpoint({
    method: 'GET',
    url: '/api/projects/:projectId/webhooks',
    access: 'webhook:read',
    target: 'projectId',
    effect: 'read',
    schema: {
      summary: 'Webhooks of a project, oldest first',
      tags,
      params: projectParams,
      querystring: Paging,
      response: { 200: page(Webhook) },
    },
  }),
  create: endpoint({
    method: 'POST',
    url: '/api/projects/:projectId/webhooks',
    access: 'webhook:create',
    target: 'projectId',
    effect: 'create',
    location: '/api/webhooks/:id',
    secret: true,
    schema: {
      summary: `Send events of a project to another server; ${MAX_WEBHOOKS} webhooks at most`,
      description:
        'It is sent what happens from now on, its own `webhook.created` first. Its secret is shown in this answer only. A webhook belongs to the ' +
        'project; it is switched off when its author is no longer an owner.',
      tags,
      params: projectParams,
      body: z
        .strictObject({ url: target, events: names.default(null) })
        .meta({ examples: [{ url: example.url, events: [...example.events] }] }),
      response: { 201: NewWebhook },
      problems: ['too-many', 'retention-too-short'],
    },
  }),
  get: endpoint({
    method: 'GET',
    url: '/api/webhooks/:webhookId',
    access: 'webhook:read',
    target: 'webhookId',
    effect: 'read',
    schema: { summary: 'One webhook, without its secret', tags, params, response: { 200: Webhook } },
  }),
  update: endpoint({
    method: 'PATCH',
    url: '/api/webhooks/:webhookId',
    access: 'webhook:update',
    target: 'webhookId',
    effect: 'change',
    schema: {
      summary: 'Change where a webhook sends what, or switch it on or off',
      description:
        'One that is switched on again is sent what happens from then on, and what it was still to be sent; the rest can be replayed.',
      tags,
      params,
      body: patch({ url: target, events: names, state: z.enum(['active', 'off']) }),
      response: { 200: Webhook },
      problems: ['retention-too-short'],
    },
  }),
  delete: endpoint({
    method: 'DELETE',
    url: '/api/webhooks/:webhookId',
    access: 'webhook:delete',
    target: 'webhookId',
    effect: 'change',
    schema: {
      summary: 'Delete a webhook with its deliveries: nothing is sent any more',
      tags,
      params,
      response: { 204: z.undefined() },
    },
  }),
  deliveries: endpoint({
    method: 'GET',
    url: '/api/webhooks/:webhookId/deliveries',
    access: 'webhook:read',
    target: 'webhookId',
    effect: 'read',
    // An attempt is no event of the project.
    personal: true,
    schema: {
      summary: 'What a webhook was sent, newest first',
      description: 'Those that are over are kept for 30 days, the newest 1,000 of each webhook.',
      tags,
      params,
      querystring: Paging,
      response: { 200: page(WebhookDelivery) },
    },
  }),
  test: endpoint({
    method: 'POST',
    url: '/api/webhooks/:webhookId/test',
    access: 'webhook:test',
    target: 'webhookId',
    effect: 'create',
    schema: {
      summary: 'Send a `webhook.test`, once',
      description: 'It is sent within seconds; its delivery says how that went.',
      tags,
      params,
      response: { 200: WebhookDelivery },
      problems: ['webhook-disabled', 'too-many'],
    },
  }),
  replay: endpoint({
    method: 'POST',
    url: '/api/webhooks/:webhookId/replay',
    access: 'webhook:replay',
    target: 'webhookId',
    effect: 'create',
    schema: {
      summary: `Send events of the log again, ${MAX_REPLAY} at a time`,
      description:
        'Those after the position `after`, up to `upTo` (default: the end of the log), in order, as far as the webhook wants them, with the ids and ' +
        'bodies that they had. 410 when the log does not reach back so far.',
      tags,
      params,
      body: z.strictObject({ after: seq, upTo: seq.optional() }).meta({ examples: [{ after: 25, upTo: 42 }] }),
      response: { 200: WebhookReplay },
      problems: ['gone', 'webhook-disabled', 'too-many'],
    },
  }),
  rotate: endpoint({
    method: 'POST',
    url: '/api/webhooks/:webhookId/rotate',
    access: 'webhook:rotate',
    target: 'webhookId',
    effect: 'change',
    secret: true,
    schema: {
      summary: 'Give a webhook a new secret; for 24 hours the one before signs, too',
      tags,
      params,
      response: { 200: NewWebhook },
    },
  }),
}

const named = z.object({ webhookId: id }).meta({ examples: [{ webhookId: ids.webhook }] })
const owner = { role: 'owner' } as const
const none = { kind: 'none' } as const

export const webhookNoun = noun({
  actions: {
    'webhook:read': owner,
    'webhook:create': owner,
    'webhook:update': owner,
    'webhook:delete': owner,
    'webhook:test': owner,
    'webhook:replay': owner,
    'webhook:rotate': owner,
  },
  endpoints: webhooks,
  events: { 'webhook:created': named, 'webhook:updated': named, 'webhook:deleted': named },
  when: {
    'webhook:created': 'A webhook was made; what it is, owners read: events are received by all members',
    'webhook:updated': 'A webhook was changed, switched on or off, by the receiver too, or has another secret',
    'webhook:deleted': 'A webhook was deleted',
  },
  changes: { 'webhook:created': none, 'webhook:updated': none, 'webhook:deleted': none },
  collections: {},
})
