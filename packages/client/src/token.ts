import type { Tokens } from './login.ts'

/** The parts of an access token that the client reads; none where a token is not a JWT. */
export interface TokenClaims {
  /** User id. */
  sub?: string
  /** Session id. */
  sid?: string
  /** Issued at, seconds since 1970 by the clock of the server. */
  iat?: number
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Base64url of ASCII. `atob` is missing in some engines. */
function decode(text: string): string {
  let bits = 0
  let value = 0
  let decoded = ''
  for (const letter of text) {
    value = ((value << 6) | ALPHABET.indexOf(letter)) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    decoded += String.fromCharCode((value >> bits) & 0xff)
  }
  return decoded
}

/** Reads an access token, unverified: for comparing tokens that the server gave, never for deciding a right. */
export function claimsOf(accessToken: string): TokenClaims {
  try {
    const claims: unknown = JSON.parse(decode(accessToken.split('.')[1] ?? ''))
    return typeof claims === 'object' && claims !== null ? claims : {}
  } catch {
    return {}
  }
}

/** Do two pairs name different sessions? Tokens that cannot be read count as of one. */
export function isOtherSession(one: Tokens, other: Tokens): boolean {
  const [a, b] = [claimsOf(one.accessToken), claimsOf(other.accessToken)]
  return a.sid !== undefined && b.sid !== undefined && a.sid !== b.sid
}

/** Was `one` given before `other`? */
export function isOlder(one: Tokens, other: Tokens): boolean {
  const [a, b] = [claimsOf(one.accessToken).iat, claimsOf(other.accessToken).iat]
  if (a !== undefined && b !== undefined) return a < b
  return Date.parse(one.expiresAt ?? '') < Date.parse(other.expiresAt ?? '')
}
