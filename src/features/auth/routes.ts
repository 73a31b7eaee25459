import { auth, type SessionState } from '@cutroom/contract'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import type { Database, Rows } from '../../db/client.ts'
import { ProblemError, problem } from '../../errors.ts'
import { isApiToken } from '../../http/api-tokens.ts'
import { assertMeantFor, bearer } from '../../http/auth.ts'
import { networkOf } from '../../rooms/sockets/handshake.ts'
import { createFindInvitation } from '../invitations/lookup.ts'
import { type Attempt, createGuessLimits } from './guesses.ts'
import { type HashCost, hashPassword, isBcrypt, verifyPassword, withHashSlot } from './password.ts'
import { refreshTokens } from './refresh-token.ts'
import { createRegistrationMode, registrationRoute } from './registration.ts'
import { resetRoutes } from './reset-routes.ts'
import { presentUser } from './serialize.ts'
import { createTokenExchange } from './token-exchange.ts'
import { closeSession, lockPassword, openSession, replacePassword, revokeSessions, rotate } from './writes.ts'

/** In 15 minutes: refreshes of one session; refresh tokens of one network that were never given out. */
const REFRESHES = 900
const INVENTED = 120
/** Sessions of an account whose addresses are looked through. */
const SESSIONS = 200

interface LoginAttempt extends Attempt {
  /** Of the account with this e-mail, if there is one. */
  userId: string | undefined
}

/** Has the account had a session from this network? */
const createKnownNetworks =
  (prisma: Database['prisma']) =>
  async ({ userId, address }: LoginAttempt): Promise<boolean> => {
    if (userId === undefined) return false
    const sessions = await prisma.session.findMany({
      where: { userId },
      select: { address: true },
      orderBy: { id: 'desc' },
      take: SESSIONS,
    })
    const network = networkOf(address)
    return sessions.some((session) => session.address !== null && networkOf(session.address) === network)
  }

export function authRoutes(
  app: FastifyInstance,
  { config, prisma, query, hashCost }: Pick<Database, 'prisma' | 'query'> & { config: Config; hashCost: HashCost | undefined },
): void {
  const rules = { refreshTokens: refreshTokens(config.jwtSecret), refreshTokenTtl: config.refreshTokenTtl }
  const { commit } = app.rooms

  const guesses = createGuessLimits(app.limit, 'login', createKnownNetworks(prisma))
  const refreshes = app.limit('refresh', REFRESHES)
  const invented = app.limit('refresh-invented', INVENTED)

  const from = (request: FastifyRequest) => ({
    userAgent: request.headers['user-agent']?.slice(0, 300) ?? null,
    address: request.ip,
  })

  const exchange = createTokenExchange(app.tokens, rules.refreshTokens)
  const { deliver, refreshTokenOf } = exchange

  const find = createFindInvitation(query, app.limit)
  resetRoutes(app, { config, query, hashCost })
  registrationRoute(app, { config, query, rules, hashCost, find, deliver, from })

  /** The person with this e-mail and this password. A hash of bcrypt is renewed. @throws problem bad-credentials */
  async function authenticate({ email, password }: { email: string; password: string }, address: string): Promise<Rows['User']> {
    const user = await prisma.user.findUnique({ where: { email } })
    const attempt: LoginAttempt = { subject: email, userId: user?.id, address }
    // Asked at the gate, where few are at a time: of many attempts at once no more get through than of as many in a row.
    const renewed = await withHashSlot(async () => {
      await guesses.assert(attempt)
      if (await verifyPassword(password, user?.passwordHash))
        return user && isBcrypt(user.passwordHash) ? hashPassword(password, hashCost) : null
      await guesses.failed(attempt)
      throw problem('bad-credentials')
    })
    if (!user) throw problem('bad-credentials')
    if (renewed === null) return user
    const isRenewed = await commit(null, (write) => replacePassword(write, user.id, user.passwordHash, renewed))
    // Of two logins at once one renews it, the other looks again.
    return isRenewed ? { ...user, passwordHash: renewed } : authenticate({ email, password }, address)
  }

  app.serve(auth.login, async ({ body, request, reply }) => {
    const user = await authenticate(body, request.ip)
    const opened = await commit(null, async (write) => {
      await lockPassword(write, user.id, user.passwordHash)
      return openSession(write, rules, { userId: user.id, remember: body.remember, ...from(request) })
    })
    return { user: presentUser(user), ...deliver(reply, opened, body.delivery) }
  })

  app.serve(auth.refresh, async ({ body, request, reply }) => {
    const given = body?.refreshToken
    const token = refreshTokenOf(request, given)
    if (token === undefined) throw problem('token-missing')
    const presented = rules.refreshTokens.parse(token)
    if (!presented) {
      await invented.spend(networkOf(request.ip))
      throw problem('token-invalid')
    }
    await refreshes.spend(presented.sessionId)
    const opened = await commit(null, (write) => rotate(write, rules, token, (userId) => assertMeantFor(request.headers, userId)))
    if (opened === 'reused') throw problem('token-reused')
    return deliver(reply, opened, given === undefined ? 'cookie' : 'body')
  })

  logoutRoutes(app, rules.refreshTokens, exchange)
  sessionRoute(app, prisma, createRegistrationMode(config, query))
}

/** Who is logged in, for pages that have just been opened. */
function sessionRoute(
  app: FastifyInstance,
  prisma: Database['prisma'],
  registrationMode: ReturnType<typeof createRegistrationMode>,
): void {
  const { tokens } = app

  async function stateOf(request: FastifyRequest): Promise<Omit<SessionState, 'registration'>> {
    try {
      const { person } = await tokens.principalOf(tokens.callerOf(request))
      const user = await prisma.user.findUniqueOrThrow({ where: { id: person.id } })
      return { user: presentUser(user), refreshable: false }
    } catch (error) {
      if (!(error instanceof ProblemError) || error.status !== 401) throw error
      // A revoked session has no next token. An expired one of a header was given with a refresh token, which the server does not see.
      const isExpiredLogin = error.code === 'token-expired' && !isApiToken(bearer(request.headers.authorization) ?? '')
      const refreshable = error.code !== 'session-revoked' && (isExpiredLogin || tokens.cookies.markRefresh(request.cookies))
      return { user: null, refreshable }
    }
  }

  app.serve(
    auth.session,
    async ({ request, reply }) => {
      reply.header('cache-control', 'no-store')
      return { ...(await stateOf(request)), registration: await registrationMode() }
    },
    { knowsCaller: true },
  )
}

/** Logging out, of one session or of all. */
function logoutRoutes(
  app: FastifyInstance,
  tokens: ReturnType<typeof refreshTokens>,
  { sessionToClose }: ReturnType<typeof createTokenExchange>,
): void {
  const { commit } = app.rooms
  const { cookies } = app.tokens

  app.serve(auth.logout, async ({ body, request, reply }) => {
    const { sessionId, byRefreshToken, later } = sessionToClose(request, body?.refreshToken)
    const actor = { id: '', name: '' }
    const closed = await commit(actor, async (write) => {
      const closed: string[] = []
      const close = async (id: string, isMeant: (userId: string) => boolean) => {
        const owner = await closeSession(write, id, isMeant)
        if (owner) closed.push(id)
        if (owner) Object.assign(actor, { id: owner.userId, name: owner.name })
      }
      await close(sessionId, (userId) => {
        assertMeantFor(request.headers, userId)
        return true
      })
      if (later) await close(later.sessionId, (userId) => userId === later.userId)
      return closed
    })
    // Cookies of another session are not this one's to clear.
    const kept = tokens.parse(cookies.refreshOf(request.cookies) ?? '')
    if (!kept || [sessionId, ...closed].includes(kept.sessionId)) cookies.clear(reply)
    // A client whose answer was lost repeats its refresh token; an access token of a closed session is refused here, too.
    if (closed.length === 0 && !byRefreshToken) throw problem('session-revoked')
  })

  app.write(
    auth.logoutAll,
    async ({ me, reply }, write) => {
      await revokeSessions(write, me.person.id, { kind: 'login' }, 'logout-all', me.sessionId)
      cookies.clear(reply)
    },
    undefined,
    { locksSession: true },
  )
}
