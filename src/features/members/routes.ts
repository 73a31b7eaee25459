import { members } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { type Order, readPage } from '../shared/paging.ts'
import { memberReading } from './serialize.ts'
import { addMember, changeRole, loadMember, removeMember } from './writes.ts'

const byJoining: Order = { sort: 'createdAt', id: 'userId' }

/** People one person may add in an hour, to all projects together: they are not asked, and can only leave. */
const ADDITIONS = 300

export function memberRoutes(app: FastifyInstance, { prisma, query }: Pick<Database, 'prisma' | 'query'>): void {
  const additions = app.limit('member-create', ADDITIONS, 3_600_000)
  app.serve(members.list, (asked) => {
    const rows = (after: Prisma.Sql) => Prisma.sql`"Member" t WHERE t."projectId" = ${asked.params.projectId}::uuid AND ${after}`
    return readPage(query, asked, { order: byJoining, reading: memberReading, rows })
  })
  app.write(members.create, ({ params, body }, write) => addMember(write, params.projectId, body), undefined, {
    prepare: ({ me }) => additions.spend(me.userId),
  })
  app.serve(members.get, ({ params }) => loadMember(prisma, params.projectId, params.userId))
  app.write(
    members.update,
    ({ params, body }, write) => changeRole(write, params.projectId, params.userId, body.role),
    (tx, userId, params) => loadMember(tx, params.projectId, userId),
  )
  app.write(
    members.delete,
    ({ me, params }, write) => removeMember(write, params.projectId, params.userId, me.userId),
    (tx, userId, params) => loadMember(tx, params.projectId, userId),
  )
}
