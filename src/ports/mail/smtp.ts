import { createTransport } from 'nodemailer'
import type { MailConfig } from '../../config/mail.ts'
import { type Mailer, RefusedMailError } from './mailer.ts'

/** Connections to the mail server, and the mails that one of them sends before it is replaced. */
export const CONNECTIONS = 3
const MAILS_PER_CONNECTION = 100
/** For a name to be resolved, a connection to be made, and the server to greet, ms each. */
const CONNECT_MS = 10_000
/** Without a word from the server, ms. */
const SILENCE_MS = 30_000
/** A connection that sends nothing ends before servers usually end it, ms. */
const IDLE_MS = 20_000

/** Header lines are one line, whatever is in a name. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim()

/** What a mail server answered, as nodemailer reports it. */
interface SmtpError extends Error {
  command?: string
  responseCode?: number
}

/**
 * Is the mail itself refused, for good? A 5xx answer to its recipient or its content says so. One to a login or to the sender's address
 * does not: that is corrected in the configuration, and then the mail goes out.
 */
const isRefused = ({ command, responseCode = 0 }: SmtpError): boolean =>
  responseCode >= 500 && (command === 'RCPT TO' || command === 'DATA')

/** A mailer that speaks SMTP. */
export function openSmtpMailer({ smtp, from }: MailConfig): Mailer {
  const { host, port, secure, user, password } = smtp
  const transport = createTransport({
    pool: true,
    host,
    port,
    secure,
    ...(user !== undefined && { auth: { user, pass: password ?? '' } }),
    // A password is not sent in clear text to another machine.
    requireTLS: !secure && user !== undefined && !smtp.isLocal,
    maxConnections: CONNECTIONS,
    maxMessages: MAILS_PER_CONNECTION,
    // What was interrupted is sent again by the job, which knows of it.
    maxRequeues: 0,
    idleTimeout: IDLE_MS,
    dnsTimeout: CONNECT_MS,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })

  return {
    async send({ to, subject, text, html, messageId, unsubscribeUrl }) {
      try {
        await transport.sendMail({
          from,
          // Never as text: a name with a line break would add headers and recipients.
          to: { name: oneLine(to.name), address: oneLine(to.address) },
          subject: oneLine(subject),
          text,
          html,
          messageId,
          headers: {
            'Auto-Submitted': 'auto-generated',
            ...(unsubscribeUrl !== undefined && {
              'List-Unsubscribe': `<${unsubscribeUrl}>`,
              'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
            }),
          },
        })
      } catch (error) {
        if (isRefused(error as SmtpError)) throw new RefusedMailError((error as Error).message, { cause: error })
        throw error
      }
    },
    check: async () => void (await transport.verify()),
    close: () => transport.close(),
  }
}
