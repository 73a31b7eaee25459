import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../../config.ts'
import { auth } from '../../contract/index.ts'
import type { Database } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { clearCookies, REFRESH_COOKIE, setCookies } from '../../plugins/auth.ts'
import { limiter } from '../../plugins/security.ts'
import { networkOf } from '../../rooms/handshake.ts'
import { hashPassword, verifyPassword } from './password.ts'
import { presentUser } from './present.ts'
import { refreshTokens } from './refresh-token.ts'
import { createUser, holdPassword, type Opened, openSession, revokeSessions, rotate } from './writes.ts'

export function authRoutes(app: FastifyInstance, { config, prisma }: { config: Config; prisma: Database['prisma'] }): void {
  const rules = { refreshTokens: refreshTokens(config.jwtSecret), refreshTokenTtl: config.refreshTokenTtl }
  const { commit } = app.rooms

  // A guesser is slowed by the account they guess at and by where they come from.
  const limit = limiter(app, config)
  const byAddress = limit('auth-address', 120, (request) => networkOf(request.ip))
  const byAccount = limit('auth-account', 20, (request) => (request.body as { email: string }).email)

  const from = (request: FastifyRequest) => ({
    userAgent: request.headers['user-agent']?.slice(0, 300) ?? null,
    address: request.ip,
  })

  /** Hands the pair over as the client asked: in cookies, or in the body. */
  function deliver(reply: FastifyReply, opened: Opened, delivery: 'cookie' | 'body') {
    const access = app.tokens.issue(opened.userId, opened.sessionId)
    if (delivery === 'body') return { ...access, refreshToken: opened.refreshToken }
    setCookies(reply, config, { ...opened, accessToken: access.accessToken })
    return access
  }

  app.serve(auth.register, async ({ body, request, reply }) => {
    await byAddress(request)
    if (config.registration === 'invite') throw problem('registration-closed')
    const passwordHash = await hashPassword(body.password)
    const { user, opened } = await commit(null, async (door) => {
      const user = await createUser(door, { email: body.email, name: body.name, passwordHash })
      return { user, opened: await openSession(door, rules, { userId: user.id, remember: body.remember, ...from(request) }) }
    })
    return { user: presentUser(user), ...deliver(reply, opened, body.delivery) }
  })

  app.serve(auth.login, async ({ body, request, reply }) => {
    await byAddress(request)
    await byAccount(request)
    const user = await prisma.user.findUnique({ where: { email: body.email } })
    if (!(await verifyPassword(body.password, user?.passwordHash)) || !user) throw problem('bad-credentials')
    const opened = await commit(null, async (door) => {
      await holdPassword(door, user.id, user.passwordHash)
      return openSession(door, rules, { userId: user.id, remember: body.remember, ...from(request) })
    })
    return { user: presentUser(user), ...deliver(reply, opened, body.delivery) }
  })

  app.serve(auth.refresh, async ({ body, request, reply }) => {
    await byAddress(request)
    const given = body?.refreshToken
    const token = given ?? request.cookies[REFRESH_COOKIE]
    if (token === undefined) throw problem('token-missing')
    if (given === undefined && !app.tokens.mayUseCookies(request.headers)) throw problem('origin-refused')
    const opened = await commit(null, (door) => rotate(door, rules, token))
    if (opened === 'reused') throw problem('token-reused')
    return deliver(reply, opened, given === undefined ? 'cookie' : 'body')
  })

  app.write(auth.logout, async ({ me, reply }, door) => {
    await revokeSessions(door, me.person.id, { only: me.sessionId }, 'logout')
    clearCookies(reply)
  })

  app.write(auth.logoutAll, async ({ me, reply }, door) => {
    await revokeSessions(door, me.person.id, {}, 'logout-all')
    clearCookies(reply)
  })
}
