import { projects } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import type { Purge } from '../../jobs/purge.ts'
import { readPage } from '../shared/paging.ts'
import { ownProjectReading } from './serialize.ts'
import { createProject, deleteProject, loadProject, updateProject } from './writes.ts'

export function projectRoutes(
  app: FastifyInstance,
  { prisma, query, purge }: Pick<Database, 'prisma' | 'query'> & { purge: Pick<Purge, 'soon'> },
): void {
  app.serve(projects.list, (asked) => {
    const of = asked.me.person.id
    // No more than the index holds: a page of it is read in its order.
    const rows = (after: Prisma.Sql) =>
      Prisma.sql`(SELECT "userId", "projectId" FROM "Member" t WHERE t."userId" = ${of}::uuid AND ${after}) t`
    return readPage(query, asked, { order: { id: 'projectId' }, reading: ownProjectReading, rows, of })
  })
  app.write(projects.create, ({ me, body }, write) => createProject(write, me.userId, body))
  app.serve(projects.get, ({ params }) => loadProject(prisma, params.projectId))
  app.write(projects.update, ({ params, body }, write) => updateProject(write, params.projectId, body), loadProject)
  app.write(projects.delete, ({ me, params }, write) => deleteProject(write, params.projectId, me.userId), loadProject, {
    async within(_, write) {
      const answer = await write()
      purge.soon()
      return answer
    },
  })
}
