import { defineNoun, projectTable, targetIn } from '../shared/noun.ts'
import { webhookRoutes } from './routes.ts'

export const webhooks = defineNoun({
  name: 'webhooks',
  targets: { webhookId: targetIn('Webhook') },
  tables: [projectTable('Webhook', ['authorId']), projectTable('WebhookDelivery', [])],
  routes: webhookRoutes,
  // A snapshot is what all members read, and webhooks are for owners.
  snapshot: {},
  activity: { 'webhook:created': null, 'webhook:updated': null, 'webhook:deleted': null },
})
