import { randomUUID } from 'node:crypto'
import fastifyCookie from '@fastify/cookie'
import fastifyJwt from '@fastify/jwt'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { z } from 'zod'
import { admitSession, type Caller } from '../access.ts'
import type { Config } from '../config.ts'
import type { Query } from '../db/client.ts'
import { problem } from '../errors.ts'
import type { Principal } from '../rooms/sockets.ts'
import { remember } from './memory.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: Tokens
  }
  interface FastifyRequest {
    /** Whom the token names; null where nobody needs to be known. Their session is looked up with their right. */
    caller: Claims | null
    /** Who asks of their own account, whose session stands; null elsewhere. */
    principal: Principal | null
  }
}

export interface Tokens {
  /** An access token for a session, and when it ends. */
  issue(userId: string, sessionId: string): { accessToken: string; expiresAt: string }
  /** @throws problem token-invalid | token-expired | session-revoked */
  authenticate(token: string): Promise<Principal>
  /** @throws problem token-invalid | token-expired | token-missing, and origin-refused where a cookie speaks */
  callerOf(request: FastifyRequest): Claims
  /** @throws problem session-revoked */
  principalOf(claims: Claims): Promise<Principal>
  handshakeToken(handshake: { auth: Record<string, unknown>; headers: FastifyRequest['headers'] }): string | null
  /** May whoever sent these headers use the cookies in them? True where there are none. */
  mayUseCookies(headers: FastifyRequest['headers']): boolean
}

export const ACCESS_COOKIE = 'cutroom_access'
export const REFRESH_COOKIE = 'cutroom_refresh'
/** Tokens that are remembered as good. */
const TOKENS = 10_000
const ISSUER = 'cutroom'
const AUDIENCE = 'cutroom'

const Payload = z.object({ sub: z.uuid(), sid: z.uuid(), jti: z.string(), exp: z.number() })

/** What a token says. */
interface Claims extends Caller {
  /** Milliseconds since the epoch. */
  expiresAt: number
}

const bearer = (header: string | undefined): string | null => /^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? null

export const authPlugin = fp<{ config: Config; query: Query }>(
  async (app, { config, query }) => {
    await app.register(fastifyCookie)
    await app.register(fastifyJwt, {
      secret: config.jwtSecret,
      // The algorithm is ours to name, never the token's.
      sign: { algorithm: 'HS256', iss: ISSUER, aud: AUDIENCE, expiresIn: config.accessTokenTtl },
      verify: {
        algorithms: ['HS256'],
        allowedIss: ISSUER,
        allowedAud: AUDIENCE,
        // An issuer and an audience that are not named at all are not compared.
        requiredClaims: ['iss', 'aud', 'exp', 'sub', 'sid', 'jti'],
      },
    })
    app.decorateRequest('caller', null)
    app.decorateRequest('principal', null)

    const allowed = new Set(config.corsOrigins)
    if (config.publicUrl) allowed.add(new URL(config.publicUrl).origin)
    // Who reaches us through TLS may be shown our host's plain pages by whoever sits on the wire: they are not ours.
    const schemes = config.secureCookies ? ['https:'] : ['http:', 'https:']
    function isAllowed(origin: string, host: string | undefined): boolean {
      if (allowed.has(origin)) return true
      if (!URL.canParse(origin)) return false
      const page = new URL(origin)
      return page.origin === origin && page.host === host && schemes.includes(page.protocol)
    }

    // A token that was checked is not checked again until it expires: the session behind it is, each time.
    const known = new Map<string, Claims>()

    function verify(token: string): Claims {
      const seen = known.get(token)
      if (seen && seen.expiresAt > Date.now()) return seen
      known.delete(token)
      try {
        const { sub, sid, exp } = Payload.parse(app.jwt.verify(token))
        const claims = { userId: sub, sessionId: sid, expiresAt: exp * 1000 }
        remember(known, TOKENS, token, claims)
        return claims
      } catch (error) {
        const expired = (error as { code?: string }).code === 'FAST_JWT_EXPIRED'
        throw problem(expired ? 'token-expired' : 'token-invalid', undefined, undefined, { cause: error })
      }
    }

    const tokens: Tokens = {
      issue(userId, sessionId) {
        const accessToken = app.jwt.sign({ sub: userId, sid: sessionId, jti: randomUUID() })
        return { accessToken, expiresAt: new Date(verify(accessToken).expiresAt).toISOString() }
      },
      authenticate: async (token) => tokens.principalOf(verify(token)),
      principalOf: async (claims) => ({ ...claims, ...(await admitSession(query, claims)) }),
      callerOf(request) {
        const { headers } = request
        if (headers.authorization !== undefined) {
          const token = bearer(headers.authorization)
          if (token === null) throw problem('token-invalid', 'The Authorization header is not a Bearer token')
          return verify(token)
        }
        const token = request.cookies[ACCESS_COOKIE]
        if (token === undefined) throw problem('token-missing')
        const reads = request.method === 'GET' || request.method === 'HEAD'
        if (!reads && !tokens.mayUseCookies(headers)) throw problem('origin-refused')
        return verify(token)
      },
      handshakeToken({ auth, headers }) {
        if (typeof auth.token === 'string' && auth.token !== '') return auth.token
        return bearer(headers.authorization) ?? app.parseCookie(headers.cookie ?? '')[ACCESS_COOKIE] ?? null
      },
      mayUseCookies(headers) {
        if (!headers.cookie?.includes('cutroom_')) return true
        if (headers.origin !== undefined) return isAllowed(headers.origin, headers.host)
        // Browsers say where a request comes from; programs that are no browsers say nothing.
        const site = headers['sec-fetch-site']
        return site === undefined || site === 'same-origin' || site === 'none'
      },
    }
    app.decorate('tokens', tokens)
  },
  { name: 'cutroom-auth' },
)

/** Sets both cookies. Without `remember` they end with the browser session. */
export function setCookies(
  reply: FastifyReply,
  config: Config,
  pair: { accessToken: string; refreshToken: string; remember: boolean },
): void {
  const shared = { httpOnly: true, secure: config.secureCookies }
  const maxAge = pair.remember ? config.refreshTokenTtl : undefined
  reply.setCookie(ACCESS_COOKIE, pair.accessToken, {
    ...shared,
    path: '/',
    sameSite: 'lax',
    ...(maxAge && { maxAge: config.accessTokenTtl }),
  })
  reply.setCookie(REFRESH_COOKIE, pair.refreshToken, {
    ...shared,
    path: '/api/auth',
    sameSite: 'strict',
    ...(maxAge && { maxAge }),
  })
}

export function clearCookies(reply: FastifyReply): void {
  reply.clearCookie(ACCESS_COOKIE, { path: '/' })
  reply.clearCookie(REFRESH_COOKIE, { path: '/api/auth' })
}
