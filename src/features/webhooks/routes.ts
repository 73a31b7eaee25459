import { type Answer, projectEvents, webhooks } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { Prisma } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { RouteContext } from '../shared/noun.ts'
import { byAge, newestFirst, readPage } from '../shared/paging.ts'
import { namesPrivate } from './addresses.ts'
import { assertRetention } from './retention.ts'
import { webhookSecrets } from './secrets.ts'
import { deliveryReading, webhookReading } from './serialize.ts'
import { createWebhook, deleteWebhook, loadWebhook, queueReplay, queueTest, rotateSecret, updateWebhook } from './writes.ts'

/** Webhooks, tests and replays that one person makes in 15 minutes, to all projects together. */
const MADE = 60

const types = new Set(Object.keys(projectEvents).map((name) => name.replace(':', '.')))

const refuse = (pointer: string, detail: string) =>
  problem('validation', undefined, { errors: [{ pointer, code: 'custom', detail }] })

type Secretive = Answer<typeof webhooks.create>

export function webhookRoutes(app: FastifyInstance, { prisma, query, config }: RouteContext): void {
  const secrets = webhookSecrets(config.jwtSecret)
  const made = app.limit('webhook', MADE)
  const spend = { prepare: ({ me }: { me: { userId: string } }) => made.spend(me.userId) }
  /** What is saved with an Idempotency-Key is the generation of the secret, from which it follows. */
  const complete = (_: unknown, { secret, ...webhook }: Secretive): Secretive => ({
    ...webhook,
    secret: secrets.of(webhook.id, Number(secret)),
  })

  /** @throws problem validation */
  function assertTarget({ url, events }: { url?: string | undefined; events?: string[] | null | undefined }): void {
    const unknown = events?.findIndex((type) => !types.has(type)) ?? -1
    if (unknown >= 0) throw refuse(`/events/${unknown}`, 'there is no event of this type in a project')
    if (url === undefined || config.webhooksPrivate) return
    if (!url.startsWith('https:')) throw refuse('/url', 'must be https')
    if (namesPrivate(new URL(url))) throw refuse('/url', 'must be at a public address')
  }

  app.serve(webhooks.list, (asked) => {
    const rows = (after: Prisma.Sql) => Prisma.sql`"Webhook" t WHERE t."projectId" = ${asked.params.projectId}::uuid AND ${after}`
    return readPage(query, asked, { order: byAge, reading: webhookReading, rows })
  })
  app.serve(webhooks.get, ({ params }) => loadWebhook(prisma, params.webhookId))
  app.serve(webhooks.deliveries, (asked) => {
    const rows = (after: Prisma.Sql) =>
      Prisma.sql`"WebhookDelivery" t WHERE t."webhookId" = ${asked.params.webhookId}::uuid AND ${after}`
    return readPage(query, asked, { order: newestFirst, reading: deliveryReading, rows })
  })

  app.write(
    webhooks.create,
    async ({ scope, body }, write) => {
      assertTarget(body)
      assertRetention(config.eventRetention)
      return { ...(await createWebhook(write, secrets, scope, body)), secret: '1' }
    },
    undefined,
    { ...spend, complete },
  )
  app.write(
    webhooks.update,
    ({ scope, params, body }, write) => {
      assertTarget(body)
      if (body.state === 'active') assertRetention(config.eventRetention)
      return updateWebhook(write, scope, params.webhookId, body)
    },
    loadWebhook,
  )
  app.write(
    webhooks.rotate,
    async ({ scope, params }, write) => {
      const { webhook, generation } = await rotateSecret(write, secrets, scope.projectId, params.webhookId)
      return { ...webhook, secret: String(generation) }
    },
    loadWebhook,
    { complete },
  )
  app.write(webhooks.delete, ({ scope, params }, write) => deleteWebhook(write, scope.projectId, params.webhookId), loadWebhook)
  app.write(webhooks.test, ({ scope, params }, write) => queueTest(write, scope.projectId, params.webhookId), undefined, spend)
  app.write(
    webhooks.replay,
    ({ scope, params, body }, write) => queueReplay(write, scope.projectId, params.webhookId, body),
    undefined,
    spend,
  )
}
