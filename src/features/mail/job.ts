import { createHash } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type { Query } from '../../db/client.ts'
import { type Mailer, RefusedMailError } from '../../ports/mail/mailer.ts'
import type { Job } from '../../rooms/log/consumers/consumer.ts'
import { type Composer, MAIL_JOB, type MailKind } from './outbox.ts'

/** Mails that are sent at the same time. */
const PARALLEL = 3
/** Waits after those of the engine, ms: a mail server that was away for most of a day gets what was queued. */
const LATER_RETRIES_MS = [1_800_000, 7_200_000, 18_000_000, 36_000_000] as const

export interface MailJobOptions {
  query: Query
  composers: Record<MailKind, Composer>
  mailer: Mailer
  /** What stands behind the @ of a Message-ID. */
  host: string
  log: Pick<FastifyBaseLogger, 'warn'>
}

/** The same at every attempt of a mail, so that one that comes twice is seen to be one; ids cannot be guessed from it. */
const messageIdOf = (key: string, host: string): string =>
  `<${createHash('sha256').update(key).digest('hex').slice(0, 40)}@${host}>`

/**
 * Sends queued mails. One that fails is tried again; one that was sent is not, unless the node is killed between the answer of the mail
 * server and the end of its row.
 */
export const mailJob = ({ query, composers, mailer, host, log }: MailJobOptions): Job => {
  const isKind = (kind: string): kind is MailKind => Object.hasOwn(composers, kind)
  return {
    name: MAIL_JOB,
    parallel: PARALLEL,
    laterRetriesMs: LATER_RETRIES_MS,
    async run({ key, payload }) {
      const kind = key.slice(0, key.indexOf(':'))
      // A newer node may have queued what this one does not know.
      if (!isKind(kind)) throw new Error(`there is no mail of the kind ${kind}`)
      const mail = await composers[kind](query, payload)
      if (!mail) return undefined
      try {
        await mailer.send({ ...mail, messageId: messageIdOf(key, host) })
      } catch (error) {
        if (!(error instanceof RefusedMailError)) throw error
        log.warn({ kind, to: mail.to.address, reason: error.message }, 'mail: refused by the mail server, not sent again')
      }
      return undefined
    },
  }
}
