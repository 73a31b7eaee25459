import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

/** What an API token says of itself. Its scope and whether it was ended stand in its row of `Session`. */
export interface ApiTokenClaims {
  sessionId: string
  userId: string
  /** Milliseconds since the epoch; Infinity: never. */
  expiresAt: number
}

/**
 * API tokens are `cutroom_<session id, user id, expiry, mac>`. They are derived from their row and the secret: the database holds
 * a hash only, and a made-up token is refused without a query.
 */
export interface ApiTokens {
  of(claims: ApiTokenClaims): string
  /** null for a token that was never issued here. */
  parse(token: string): ApiTokenClaims | null
}

/** Scanners for secrets look for it. */
const PREFIX = 'cutroom_'
const ID_BYTES = 16
const TIME_BYTES = 6
const BODY_BYTES = 2 * ID_BYTES + TIME_BYTES
const MAC_BYTES = 32
const LENGTH = PREFIX.length + Math.ceil(((BODY_BYTES + MAC_BYTES) * 4) / 3)

const bytesOf = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex')
const idOf = (bytes: Buffer): string => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')

/** Whether a token has the form of an API token, good or not. */
export const isApiToken = (token: string): boolean => token.startsWith(PREFIX)

/** @param secret the one that signs access tokens; another one ends all API tokens */
export function apiTokens(secret: string): ApiTokens {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'cutroom API token', 32))
  function of({ sessionId, userId, expiresAt }: ApiTokenClaims): string {
    const time = Buffer.alloc(TIME_BYTES)
    time.writeUIntBE(Number.isFinite(expiresAt) ? expiresAt : 0, 0, TIME_BYTES)
    const body = Buffer.concat([bytesOf(sessionId), bytesOf(userId), time])
    const mac = createHmac('sha256', key).update(body).digest()
    return PREFIX + Buffer.concat([body, mac]).toString('base64url')
  }
  return {
    of,
    parse(token) {
      if (!isApiToken(token) || token.length !== LENGTH) return null
      const bytes = Buffer.from(token.slice(PREFIX.length), 'base64url')
      if (bytes.length !== BODY_BYTES + MAC_BYTES) return null
      const claims = {
        sessionId: idOf(bytes.subarray(0, ID_BYTES)),
        userId: idOf(bytes.subarray(ID_BYTES, 2 * ID_BYTES)),
        expiresAt: bytes.readUIntBE(2 * ID_BYTES, TIME_BYTES) || Number.POSITIVE_INFINITY,
      }
      // The whole text, so that one token has one form.
      const given = Buffer.from(token)
      const expected = Buffer.from(of(claims))
      return given.length === expected.length && timingSafeEqual(given, expected) ? claims : null
    },
  }
}
