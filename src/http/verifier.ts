import { z } from 'zod'
import type { SessionUse } from '../access/sessions.ts'
import { ProblemError, problem } from '../errors.ts'
import { remember } from '../lib/bounded-map.ts'
import type { TokenClaims as Claims } from '../rooms/index.ts'
import { type ApiTokens, isApiToken } from './api-tokens.ts'

/** How long an API token is used before it is noted again, ms. */
const NOTE_MS = 300_000
/** Verified tokens that are remembered. */
const MAX_TOKENS = 10_000

// Tokens of versions before `gen` end within minutes of the update.
export const Payload = z.object({
  sub: z.uuid(),
  sid: z.uuid(),
  jti: z.string(),
  exp: z.number(),
  gen: z.int().min(0).default(0),
})

export interface Verifier {
  /** For requests, which bring a token again and again. @throws problem token-invalid | token-expired */
  verify(token: string): Claims
  /** For sockets, which bring it once. @throws problem token-invalid | token-expired */
  verifyOnce(token: string): Claims
}

/**
 * Verifies access tokens and API tokens. One that a request brought is not verified again until it expires, or its use is to be noted
 * again: its session is looked up each time. One that a socket brought is not kept: it would be 0.6 KB for as long as the socket.
 */
export function createVerifier(verifyJwt: (token: string) => unknown, api: ApiTokens): Verifier {
  const known = new Map<string, { claims: Claims; until: number }>()

  function claimsOf(token: string): Claims {
    const own = isApiToken(token) ? api.parse(token) : null
    if (own && own.expiresAt <= Date.now()) throw problem('token-expired', 'The API token has expired')
    if (own) return { ...own, apiToken: true, generation: 0, confirmed: false }
    const { sub, sid, exp, gen } = Payload.parse(verifyJwt(token))
    return { userId: sub, sessionId: sid, apiToken: false, expiresAt: exp * 1000, generation: gen, confirmed: gen === 0 }
  }
  function verifyOnce(token: string): Claims {
    const seen = known.get(token)
    if (seen && seen.until > Date.now()) return seen.claims
    known.delete(token)
    try {
      return claimsOf(token)
    } catch (error) {
      if (error instanceof ProblemError) throw error
      const expired = (error as { code?: string }).code === 'FAST_JWT_EXPIRED'
      throw problem(expired ? 'token-expired' : 'token-invalid', undefined, undefined, { cause: error })
    }
  }
  return {
    verifyOnce,
    verify(token) {
      const claims = verifyOnce(token)
      const until = claims.apiToken ? Math.min(claims.expiresAt, Date.now() + NOTE_MS) : claims.expiresAt
      if (!known.has(token)) remember(known, MAX_TOKENS, token, { claims, until })
      return claims
    },
  }
}

/** Whether the database knows already that a token of this generation, or this API token lately, was used. */
export const isNoted = ({ apiToken, generation }: Claims, { confirmed, notedAt }: SessionUse): boolean =>
  apiToken ? notedAt > Date.now() - NOTE_MS : confirmed >= generation
