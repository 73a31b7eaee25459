import { createHash, timingSafeEqual } from 'node:crypto'
import { keyedMac } from '../../lib/keyed-mac.ts'

/**
 * Refresh tokens are `<session id>.<generation>.<mac>`. They are derived, not drawn: the same successor can be given again while its
 * answer may be lost, although only its hash is stored; and a made-up token is told from a used one without the database.
 */
export interface RefreshTokens {
  of(sessionId: string, generation: number): string
  /** null for a token that was never issued here. */
  parse(token: string): { sessionId: string; generation: number } | null
}

export function refreshTokens(secret: string): RefreshTokens {
  const mac = keyedMac(secret, 'cutroom refresh token')
  return {
    of(sessionId, generation) {
      const body = `${sessionId}.${generation}`
      return `${body}.${mac(body)}`
    },
    parse(token) {
      const [, sessionId, generation, given] = /^([0-9a-f-]{36})\.(\d{1,9})\.([\w-]{43})$/.exec(token) ?? []
      if (sessionId === undefined || generation === undefined || given === undefined) return null
      const expected = Buffer.from(mac(`${sessionId}.${generation}`))
      return timingSafeEqual(Buffer.from(given), expected) ? { sessionId, generation: Number(generation) } : null
    },
  }
}

export const hashToken = (token: string): string => createHash('sha256').update(token).digest('base64url')
