import type { MailConfig } from '../../config/mail.ts'
import { openLogMailer, type UnsentMail } from './log.ts'
import type { Mailer } from './mailer.ts'

/** The mailer of the configuration: SMTP where it names a server, else one that reports each mail as not sent. */
export async function openMailer(mail: MailConfig | undefined, unsent: (mail: UnsentMail) => void): Promise<Mailer> {
  if (!mail) return openLogMailer(unsent)
  const { openSmtpMailer } = await import('./smtp.ts')
  return openSmtpMailer(mail)
}
