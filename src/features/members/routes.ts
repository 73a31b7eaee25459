import type { FastifyInstance } from 'fastify'
import { members } from '../../contract/index.ts'
import { timeInput } from '../../contract/values.ts'
import type { Database } from '../../db/client.ts'
import { listOf, readCursor, toPage } from '../paging.ts'
import { presentMember, withUser } from './present.ts'
import { addMember, changeRole, loadMember, removeMember } from './writes.ts'

export function memberRoutes(app: FastifyInstance, { prisma }: { prisma: Database['prisma'] }): void {
  app.serve(members.list, async (asked) => {
    const { params, query } = asked
    const list = listOf(asked)
    const at = readCursor(query.cursor, list, timeInput)
    const joined = at && new Date(at[0])
    const rows = await prisma.member.findMany({
      where: {
        projectId: params.projectId,
        ...(at && joined && { createdAt: { gte: joined }, OR: [{ createdAt: { gt: joined } }, { userId: { gt: at[1] } }] }),
      },
      include: withUser,
      orderBy: [{ createdAt: 'asc' }, { userId: 'asc' }],
      take: query.limit + 1,
    })
    return toPage(rows, query.limit, list, (row) => [row.createdAt.toISOString(), row.userId] as const, presentMember)
  })
  app.write(members.create, ({ params, body }, door) => addMember(door, params.projectId, body))
  app.serve(members.get, ({ params }) => loadMember(prisma, params.projectId, params.userId))
  app.write(
    members.update,
    ({ params, body }, door) => changeRole(door, params.projectId, params.userId, body.role),
    (tx, userId, params) => loadMember(tx, params.projectId, userId),
  )
  app.write(
    members.delete,
    ({ me, params }, door) => removeMember(door, params.projectId, params.userId, me.userId),
    (tx, userId, params) => loadMember(tx, params.projectId, userId),
  )
}
