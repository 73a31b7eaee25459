import type { MailConfig } from '../../config/mail.ts'
import { openLogMailer, type UnsentMail } from './log.ts'
import type { Mailer } from './mailer.ts'
import { openSmtpMailer } from './smtp.ts'

/** The mailer of the configuration: SMTP where it names a server, else one that reports each mail as not sent. */
export const openMailer = (mail: MailConfig | undefined, unsent: (mail: UnsentMail) => void): Mailer =>
  mail ? openSmtpMailer(mail) : openLogMailer(unsent)
