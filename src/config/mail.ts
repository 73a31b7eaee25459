import { z } from 'zod'
import { duration, whole } from './values.ts'

const SMTP = 'must be an smtp:// or smtps:// URL without a path, like smtp://name:password@mail.example.com:587'
const FROM = 'must be an address, perhaps with a name, like Cutroom <cutroom@example.com>'

/** A mail server, and who sends. */
export interface MailConfig {
  smtp: {
    host: string
    port: number
    /** TLS from the start; otherwise by STARTTLS, where the server offers it. */
    secure: boolean
    /** The server is on this machine. */
    isLocal: boolean
    user: string | undefined
    password: string | undefined
  }
  from: { name: string; address: string }
}

const decoded = (text: string): string | undefined => (text === '' ? undefined : decodeURIComponent(text))

const smtpUrl = z.string().transform((text, context): MailConfig['smtp'] => {
  try {
    const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(text)
    const secure = protocol === 'smtps:'
    if ((secure || protocol === 'smtp:') && hostname !== '' && /^\/?$/.test(pathname) && search === '' && hash === '') {
      const host = hostname.replace(/^\[(.*)\]$/, '$1')
      const isLocal = host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
      const ownPort = secure ? 465 : 587
      return {
        host,
        port: port === '' ? ownPort : Number(port),
        secure,
        isLocal,
        user: decoded(username),
        password: decoded(password),
      }
    }
  } catch {
    // It is no URL, or has a bare % in it.
  }
  context.addIssue({ code: 'custom', message: SMTP })
  return z.NEVER
})

const from = z.string().transform((text, context): MailConfig['from'] => {
  const [, quoted, plain, inBrackets, alone] =
    /^(?:(?:"([^"<>\p{Cc}]*)"|([^"<>\p{Cc}]*?))\s*<([^<>]+)>|([^<>\s]+))$/u.exec(text) ?? []
  const address = z
    .email()
    .max(254)
    .safeParse(inBrackets ?? alone)
  if (address.success) return { name: (quoted ?? plain ?? '').trim() || 'Cutroom', address: address.data }
  context.addIssue({ code: 'custom', message: FROM })
  return z.NEVER
})

/** Variables about mail. */
export const mailVariables = {
  SMTP_URL: smtpUrl.optional(),
  MAIL_FROM: from.optional(),
  MISSED_MAIL_AFTER: duration('15m'),
  DIGEST_HOUR: whole('an hour of the day, 0 to 23', 0, 23).default(7),
}

/** What a mail needs beside a server: a line by the name of its variable. */
export function missingOfMail(given: Record<string, string | undefined>): [name: string, line: string][] {
  if (given.SMTP_URL === undefined) return []
  return ['MAIL_FROM', 'PUBLIC_URL']
    .filter((name) => given[name] === undefined)
    .map((name) => [name, `${name} must be set, since SMTP_URL is`])
}

/** What there is to know of mail. */
export interface MailSettings {
  /** Absent: no mail is sent. */
  mail: MailConfig | undefined
  /** Seconds until a mail tells of what was not seen. */
  missedMailAfter: number
  /** When digests are made, UTC. */
  digestHour: number
}

export const mailConfigOf = ({
  SMTP_URL: smtp,
  MAIL_FROM: from,
  MISSED_MAIL_AFTER: missedMailAfter,
  DIGEST_HOUR: digestHour,
}: z.output<z.ZodObject<typeof mailVariables>>): MailSettings => ({
  mail: smtp && from ? { smtp, from } : undefined,
  missedMailAfter,
  digestHour,
})
