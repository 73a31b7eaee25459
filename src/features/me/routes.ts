import type { FastifyInstance } from 'fastify'
import type { Config } from '../../config.ts'
import { me as contract } from '../../contract/index.ts'
import type { Database } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { limiter } from '../../plugins/security.ts'
import { hashPassword, verifyPassword } from '../auth/password.ts'
import { presentUser } from '../auth/present.ts'
import { revokeSessions } from '../auth/writes.ts'
import { updatePerson } from './writes.ts'

/** Sessions in the list of one person: the newest. */
const MOST_SESSIONS = 200

export function meRoutes(app: FastifyInstance, { config, prisma }: { config: Config; prisma: Database['prisma'] }): void {
  const byAccount = limiter(app, config)('password', 20, (request) => request.caller?.userId ?? request.ip)

  app.serve(contract.get, async ({ me }) => presentUser(await prisma.user.findUniqueOrThrow({ where: { id: me.person.id } })))

  app.write(contract.update, async ({ me, body }, door) => {
    const user = await updatePerson(door, me.person.id, body, door.expect)
    return presentUser(user)
  })

  app.write(contract.changePassword, async ({ me, body, request }, door) => {
    await byAccount(request)
    const user = await door.tx.user.findUniqueOrThrow({ where: { id: me.person.id } })
    if (!(await verifyPassword(body.current, user.passwordHash)))
      throw problem('bad-credentials', 'The current password is wrong')
    const passwordHash = await hashPassword(body.next)
    await door.tx.user.update({ where: { id: user.id }, data: { passwordHash } })
    await revokeSessions(door, user.id, { except: me.sessionId }, 'password')
  })

  app.serve(contract.sessions, async ({ me }) => {
    const own = { userId: me.person.id, revokedAt: null, expiresAt: { gt: new Date() } }
    const rows = await prisma.session.findMany({ where: own, orderBy: { rotatedAt: 'desc' }, take: MOST_SESSIONS })
    // The one that asks is in the list, however many are newer.
    if (!rows.some(({ id }) => id === me.sessionId))
      rows.push(...(await prisma.session.findMany({ where: { ...own, id: me.sessionId } })))
    const data = rows.map((row) => ({
      id: row.id,
      current: row.id === me.sessionId,
      userAgent: row.userAgent,
      address: row.address,
      createdAt: row.createdAt.toISOString(),
      lastUsedAt: row.rotatedAt.toISOString(),
      expiresAt: row.expiresAt.toISOString(),
    }))
    return { data }
  })

  app.write(contract.endSession, async ({ me, params }, door) => {
    const ended = await revokeSessions(door, me.person.id, { only: params.sessionId }, 'ended')
    if (ended === 0) throw problem('not-found')
  })
}
