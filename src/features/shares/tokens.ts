import { timingSafeEqual } from 'node:crypto'
import { keyedMac } from '../../lib/keyed-mac.ts'

/** How long a link with a password stays open for who typed it, ms. */
export const OPEN_MS = 6 * 3_600_000

export interface ShareTokens {
  /**
   * The token of a link, 256 bits. It is derived, not drawn: an answer that was lost can be given again, although only the token's
   * hash is stored.
   */
  of(shareId: string): string
  /** What says that the password of a link was typed. */
  grant(shareId: string): string
  /** Whether this is such a word for this link, and not over. */
  isGrant(shareId: string, grant: string | undefined): boolean
}

/** @param secret the one that signs access tokens. Links stay good under another one, since their hashes are stored */
export function shareTokens(secret: string): ShareTokens {
  const grantOf = keyedMac(secret, 'cutroom share grant')
  return {
    of: keyedMac(secret, 'cutroom share token'),
    grant(shareId) {
      const until = Date.now() + OPEN_MS
      return `${until}.${grantOf(`${shareId} ${until}`)}`
    },
    isGrant(shareId, grant) {
      const [, until, given] = /^(\d{1,15})\.([\w-]{43})$/.exec(grant ?? '') ?? []
      if (until === undefined || given === undefined || Number(until) <= Date.now()) return false
      return timingSafeEqual(Buffer.from(given), Buffer.from(grantOf(`${shareId} ${until}`)))
    },
  }
}
