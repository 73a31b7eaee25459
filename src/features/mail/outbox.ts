import type { Query } from '../../db/client.ts'
import type { Mail } from '../../ports/mail/mailer.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { scheduleOnce } from '../../rooms/log/consumers/schedule.ts'

/** The name of the job that sends mails. */
export const MAIL_JOB = 'mail'

/** What a mail is about. Each kind has a composer. */
export type MailKind = 'invitation' | 'password-reset' | 'missed' | 'digest'

/** A mail that waits to be sent. */
export interface QueuedMail {
  kind: MailKind
  /**
   * Names it among the mails of its kind, and makes its Message-ID: queued twice before it is sent it is one mail. A mail that is sent
   * once more on purpose needs another key.
   */
  key: string
  /** When it is due; default: now. */
  at?: Date
  /** Ids of what it is about, and nothing that is secret. */
  payload: object
}

/** Writes a mail from what the rows hold when it is sent. @returns null where it is not wanted any more */
export type Composer = (query: Query, payload: unknown) => Promise<Mail | null>

/** Queues a mail in a write: it is sent when, and only when, the write commits. */
export function queueMail(write: Pick<Write, 'assert'>, { kind, key, at, payload }: QueuedMail): void {
  scheduleOnce(write, MAIL_JOB, { key: `${kind}:${key}`, payload, ...(at && { at }) }, false)
}
