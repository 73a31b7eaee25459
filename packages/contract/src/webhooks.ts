import * as z from 'zod'
import { endpoint } from './endpoint.ts'
import { ids } from './examples.ts'
import { noun } from './noun.ts'
import { projectParams } from './projects.ts'
import { id, Paging, page, patch, seq } from './values.ts'
import {
  example,
  MAX_REPLAY,
  MAX_WEBHOOKS,
  NewWebhook,
  names,
  target,
  Webhook,
  WebhookDelivery,
  WebhookReplay,
} from './webhook.ts'

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
