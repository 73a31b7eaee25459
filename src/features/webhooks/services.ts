import type { FastifyInstance } from 'fastify'
import type { Config } from '../../config.ts'
import type { Database } from '../../db/client.ts'
import type { Consumer, Job } from '../../rooms/log/consumers/consumer.ts'
import { webhooksConsumer } from './consumer.ts'
import { webhooksJob } from './job.ts'
import { createSend } from './message.ts'
import { createPost, type PostOptions, postOptions } from './post.ts'
import { checkRetention } from './retention.ts'
import { webhookSecrets } from './secrets.ts'

/** What tests may change: how receivers are reached, and the waits before the second, third, … attempt. */
export interface WebhookSeams extends Partial<PostOptions> {
  delaysMs?: readonly number[]
}

/** What sends webhooks. @throws ConfigError where EVENT_RETENTION is too short for those that are there */
export async function openWebhooks(
  app: FastifyInstance,
  config: Config,
  { query }: Pick<Database['jobs'], 'query'>,
  { delaysMs, ...seams }: WebhookSeams = {},
): Promise<{ consumer: Consumer; job: Job }> {
  await checkRetention(query, config.eventRetention)
  const { job, lanes } = webhooksJob({
    query,
    log: app.rooms.log,
    send: createSend(createPost({ ...postOptions(config.webhooksPrivate), ...seams }), webhookSecrets(config.jwtSecret)),
    delaysMs,
    onLost: ({ id, projectId }, count) =>
      app.log.error({ webhookId: id, projectId, count }, 'webhooks: retention took events that were not sent'),
  })
  return { consumer: webhooksConsumer(query, lanes), job }
}
