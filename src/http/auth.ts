import { randomUUID } from 'node:crypto'
import fastifyCookie from '@fastify/cookie'
import fastifyJwt from '@fastify/jwt'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { admitSession } from '../access/sessions.ts'
import type { Config } from '../config.ts'
import type { Query } from '../db/client.ts'
import { ProblemError, problem } from '../errors.ts'
import type { TokenClaims as Claims, Principal } from '../rooms/index.ts'
import type { Write } from '../rooms/log/commit.ts'
import { type ApiTokens, apiTokens, isApiToken } from './api-tokens.ts'
import { type Cookies, createCookies } from './cookies.ts'
import { createEndedSessions, type EndedSessions } from './ended-sessions.ts'
import type { Origins } from './origins.ts'
import { createVerifier, isNoted, Payload, type Verifier } from './verifier.ts'

declare module 'fastify' {
  interface FastifyInstance {
    tokens: Tokens
  }
  interface FastifyRequest {
    /** Identity claimed by a valid token; null on routes without one. Its session is looked up together with the access check. */
    caller: Claims | null
    /** Who asks of their own account, whose session stands; null elsewhere. */
    principal: Principal | null
  }
}

export interface Tokens extends Verifier, EndedSessions {
  cookies: Cookies
  api: ApiTokens
  /** An access token for a session, and when it ends. `generation`: of the refresh token that is given out with it. */
  issue(session: { userId: string; sessionId: string; generation: number }): { accessToken: string; expiresAt: string }
  /** @throws problem token-invalid | token-expired | token-missing, session-revoked for another person, and origin-refused where a cookie speaks */
  callerOf(request: FastifyRequest): Claims
  /**
   * The claims of a handshake's token: of `auth.token`, else the header, else the cookie; never of the query string. `mayFallBack`: also
   * of the cookie where `auth.token` has expired and both are of one person: pages of older clients keep the token they began with.
   * @throws problem token-missing | token-invalid | token-expired, and session-revoked where `auth.userId` or the header names another person
   */
  handshakeCaller(handshake: Handshake, mayFallBack?: boolean): Claims
  /**
   * Notes that a token of its generation was used, once per token and node: the refresh token before that one is spent then. Of an
   * API token it notes when, every few minutes. Resolves after the commit.
   */
  confirm(claims: Claims): Promise<void>
  /** The person of a token that is used now. @throws problem session-revoked */
  principalOf(claims: Claims): Promise<Principal>
  /** Whether the cookies of these headers may be used. True where there are none. */
  mayUseCookies(headers: FastifyRequest['headers']): boolean
}

/**
 * The header in which a page names the person it acts for. Cookies are shared by all tabs: without it a page of one person acts
 * as another after a login in another tab.
 */
export const USER_HEADER = 'cutroom-user'

/** @throws problem session-revoked where the request is meant for another person */
export function assertMeantFor(headers: FastifyRequest['headers'], userId: string): void {
  const meant = headers[USER_HEADER]
  if (meant !== undefined && String(meant).toLowerCase() !== userId)
    throw problem('session-revoked', 'Another person is logged in here now')
}

const ISSUER = 'cutroom'
const AUDIENCE = 'cutroom'

interface Handshake {
  auth: Record<string, unknown>
  headers: FastifyRequest['headers']
}

/** The token of an Authorization header; null where it is no Bearer token. */
export const bearer = (header: string | undefined): string | null => /^Bearer +(\S+)$/i.exec(header ?? '')?.[1] ?? null

/** Raises what the session knows to be in its client's hands. */
async function noteUse({ tx }: Write, { sessionId, userId, generation, apiToken }: Claims): Promise<void> {
  if (apiToken) {
    await tx.session.updateMany({ where: { id: sessionId, userId, revokedAt: null }, data: { rotatedAt: new Date() } })
    return
  }
  await tx.session.updateMany({
    where: { id: sessionId, userId, revokedAt: null, confirmed: { lt: generation }, generation: { gte: generation } },
    data: { confirmed: generation },
  })
}

/** @throws problem token-invalid for an API token, which no cookie carries */
function assertCookieToken(token: string): void {
  if (isApiToken(token)) throw problem('token-invalid')
}

/** The access token of a request: of the header, else of the cookie. */
function requestToken({ headers, cookies: sent, method }: FastifyRequest, { cookies, mayUseCookies }: Tokens): string {
  if (headers.authorization !== undefined) {
    const token = bearer(headers.authorization)
    if (token === null) throw problem('token-invalid', 'The Authorization header is not a Bearer token')
    return token
  }
  const token = cookies.accessOf(sent)
  if (token === undefined) throw problem('token-missing')
  assertCookieToken(token)
  const reads = method === 'GET' || method === 'HEAD'
  if (!reads && !mayUseCookies(headers)) throw problem('origin-refused')
  return token
}

export const authPlugin = fp<{ config: Config; query: Query; origins: Origins }>(
  async (app, { config, query, origins }) => {
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

    /** Confirmations under way. */
    const confirming = new Map<Claims, Promise<void>>()

    const api = apiTokens(config.jwtSecret)
    const { verify, verifyOnce } = createVerifier((token) => app.jwt.verify(token), api)
    const cookies = createCookies(config)

    /** The claims of a token; where it has expired, of the cookie of the same person. */
    function eitherOf(token: string, cookie: string): Claims {
      try {
        return verifyOnce(token)
      } catch (error) {
        if (!(error instanceof ProblemError) || error.code !== 'token-expired' || isApiToken(token)) throw error
        const { sub } = Payload.parse(app.jwt.verify(token, { ignoreExpiration: true }))
        assertCookieToken(cookie)
        const claims = verifyOnce(cookie)
        if (claims.userId !== sub) throw error
        return claims
      }
    }

    const tokens: Tokens = {
      cookies,
      api,
      ...createEndedSessions(),
      issue({ userId, sessionId, generation }) {
        const accessToken = app.jwt.sign({ sub: userId, sid: sessionId, jti: randomUUID(), gen: generation })
        return { accessToken, expiresAt: new Date(verify(accessToken).expiresAt).toISOString() }
      },
      verify,
      verifyOnce,
      async confirm(claims) {
        if (claims.confirmed) return
        const running = confirming.get(claims) ?? app.rooms.commit(null, (write) => noteUse(write, claims))
        confirming.set(claims, running)
        try {
          await running
          claims.confirmed = true
        } finally {
          confirming.delete(claims)
        }
      },
      async principalOf(claims) {
        const { use, ...admitted } = await tokens.noteEnd(claims, () => admitSession(query, claims))
        if (isNoted(claims, use)) claims.confirmed = true
        else await tokens.confirm(claims)
        const { userId, sessionId, expiresAt } = claims
        return { userId, sessionId, expiresAt, ...admitted }
      },
      callerOf(request) {
        const { headers } = request
        const claims = verify(requestToken(request, tokens))
        assertMeantFor(headers, claims.userId)
        return claims
      },
      handshakeCaller({ auth, headers }, mayFallBack = false) {
        const given = typeof auth.token === 'string' && auth.token !== '' ? auth.token : bearer(headers.authorization)
        const cookie = cookies.accessOf(app.parseCookie(headers.cookie ?? ''))
        const token = given ?? cookie
        if (token === undefined) throw problem('token-missing')
        if (given === null) assertCookieToken(token)
        const claims = mayFallBack && given !== null && cookie !== undefined ? eitherOf(given, cookie) : verifyOnce(token)
        assertMeantFor(auth.userId == null ? headers : { [USER_HEADER]: String(auth.userId) }, claims.userId)
        return tokens.assertNotEnded(claims)
      },
      mayUseCookies(headers) {
        if (!cookies.isIn(headers.cookie)) return true
        if (headers.origin !== undefined) return origins.isAllowed(headers.origin, headers.host)
        // Browsers say where a request comes from; programs that are no browsers say nothing.
        const site = headers['sec-fetch-site']
        return site === undefined || site === 'same-origin' || site === 'none'
      },
    }
    app.decorate('tokens', tokens)
  },
  { name: 'cutroom-auth' },
)
