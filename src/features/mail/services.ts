import type { FastifyInstance } from 'fastify'
import type { Config } from '../../config.ts'
import type { Database } from '../../db/client.ts'
import { openMailer } from '../../ports/mail/open-mailer.ts'
import type { Consumer, Job } from '../../rooms/log/consumers/consumer.ts'
import { createComposers } from './composers.ts'
import type { DigestSource } from './digest.ts'
import { digestJob } from './digest-job.ts'
import { mailJob } from './job.ts'
import { missedConsumer, missedJob } from './missed-job.ts'

/** What sends mails. Its connections end with the app. */
export async function openMail(
  app: FastifyInstance,
  config: Config,
  { query }: Pick<Database['jobs'], 'query'>,
  activityOf: DigestSource['activityOf'],
): Promise<{ jobs: readonly Job[]; consumers: readonly Consumer[] }> {
  const mailer = await openMailer(config.mail, (mail) => app.log.warn(mail, 'mail: not sent, SMTP_URL is not set'))
  app.addHook('onClose', async () => mailer.close())
  const host = config.mail?.from.address.split('@').at(-1) ?? 'localhost'
  const composers = createComposers(config, { log: app.rooms.log, activityOf })
  const graceMs = config.missedMailAfter * 1000
  return {
    jobs: [
      mailJob({ query, composers, mailer, host, log: app.log }),
      digestJob({ query, hour: config.digestHour }),
      missedJob({ query, graceMs, isOnline: app.rooms.isOnline }),
    ],
    consumers: [missedConsumer(graceMs)],
  }
}
