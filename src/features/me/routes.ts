import { me as contract } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { admitSession, lockSession } from '../../access/sessions.ts'
import type { Database } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { RequestContext } from '../../http/request-context.ts'
import { type HashCost, hashPassword, verifyPassword, withHashSlot } from '../auth/password.ts'
import { presentUser } from '../auth/serialize.ts'
import { replacePassword, revokeSessions } from '../auth/writes.ts'
import type { Noun } from '../shared/noun.ts'
import { onlineRoute } from './online.ts'
import { overviewRoute } from './overview.ts'
import { createRenames } from './renames.ts'
import { tokenRoutes } from './tokens.ts'
import { roomsShowing, updatePerson } from './writes.ts'

/** Sessions in the list of one person: the newest. */
const MOST_SESSIONS = 200
/** Wrong passwords in 15 minutes of one session that asks for a new one. */
const GUESSES = 20

export function meRoutes(
  app: FastifyInstance,
  {
    database,
    nouns,
    hashCost,
  }: { database: Pick<Database, 'prisma' | 'query' | 'pages'>; nouns: readonly Noun[]; hashCost: HashCost | undefined },
): void {
  const { prisma } = database
  const rooms = roomsShowing(nouns)
  const renames = createRenames(database.query)
  const guesses = app.limit('password', GUESSES)

  app.serve(contract.get, async ({ me }) => presentUser(await prisma.user.findUniqueOrThrow({ where: { id: me.person.id } })))

  app.write(
    contract.update,
    async ({ me, body }, write) => presentUser(await updatePerson(write, me.person.id, body, { expect: write.expect, rooms })),
    undefined,
    { within: ({ me }, write) => renames.run(me.person.id, write) },
  )

  /** Verifies the current password and hashes the next one. */
  const hashBoth = ({ me, body }: RequestContext<typeof contract.changePassword>) =>
    withHashSlot(async () => {
      await guesses.assert(me.sessionId)
      const user = await prisma.user.findUniqueOrThrow({ where: { id: me.person.id }, select: { passwordHash: true } })
      if (await verifyPassword(body.current, user.passwordHash))
        return { verified: user.passwordHash, next: await hashPassword(body.next, hashCost) }
      // A change in another session, while this request waited, closed this one: that is no wrong guess.
      await admitSession(database.query, me)
      await guesses.count(me.sessionId)
      throw problem('bad-credentials', 'The current password is wrong')
    })

  app.write(
    contract.changePassword,
    async ({ me }, write, { verified, next }) => {
      if (!(await replacePassword(write, me.person.id, verified, next))) {
        await lockSession(write.query, me)
        throw problem('bad-credentials', 'The password was changed by another request')
      }
      await revokeSessions(write, me.person.id, { except: me.sessionId }, 'password', me.sessionId)
    },
    undefined,
    {
      locksSession: true,
      prepare: hashBoth,
    },
  )

  app.serve(contract.sessions, async ({ me }) => {
    const own = { userId: me.person.id, name: null, revokedAt: null, expiresAt: { gt: new Date() } }
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

  app.write(
    contract.endSession,
    async ({ me, params }, write) => {
      const ended = await revokeSessions(write, me.person.id, { only: params.sessionId, kind: 'login' }, 'ended', me.sessionId)
      if (ended === 0) throw problem('not-found')
    },
    undefined,
    { locksSession: true },
  )

  tokenRoutes(app, prisma)
  overviewRoute(app, { ...database, nouns })
  onlineRoute(app, database)
}
