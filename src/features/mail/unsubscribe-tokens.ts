import { timingSafeEqual } from 'node:crypto'
import { keyedMac } from '../../lib/keyed-mac.ts'
import type { MailSubject } from './preferences.ts'

/** Of the code that shows that we made the token. */
const MAC_BYTES = 16
const ID_BYTES = 16
const KINDS = ['missed', 'digest'] as const

const bytesOf = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex')
const idOf = (bytes: Buffer): string => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

export interface UnsubscribeTokens {
  of(subject: MailSubject): string
  /** @returns null where it is none of ours */
  parse(token: string): MailSubject | null
}

/**
 * Tokens that say whose mails of which kind they end, with a code that only this server makes. Nothing of them is stored: a mail may be
 * years old. Under another secret the links of earlier mails lead nowhere; preferences are still there for who logs in.
 */
export function unsubscribeTokens(secret: string): UnsubscribeTokens {
  const mac = keyedMac(secret, 'cutroom unsubscribe token')
  const macOf = (body: Buffer) => Buffer.from(mac(body), 'base64url').subarray(0, MAC_BYTES)
  return {
    of({ userId, kind, projectId }) {
      const ids = [userId, ...(projectId === null ? [] : [projectId])].map(bytesOf)
      const body = Buffer.concat([Buffer.from([KINDS.indexOf(kind)]), ...ids])
      return Buffer.concat([body, macOf(body)]).toString('base64url')
    },
    parse(token) {
      const bytes = Buffer.from(token, 'base64url')
      const body = bytes.subarray(0, -MAC_BYTES)
      const kind = KINDS[body[0] ?? KINDS.length]
      const ids = (body.length - 1) / ID_BYTES
      if (kind === undefined || (ids !== 1 && ids !== 2)) return null
      if (!timingSafeEqual(bytes.subarray(-MAC_BYTES), macOf(body))) return null
      const userId = idOf(body.subarray(1, 1 + ID_BYTES))
      return { userId, kind, projectId: ids === 2 ? idOf(body.subarray(1 + ID_BYTES)) : null }
    },
  }
}
