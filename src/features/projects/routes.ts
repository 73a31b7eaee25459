import { projects } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { cappedRole } from '../../access/roles.ts'
import { type Database, Prisma } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { readPage } from '../shared/paging.ts'
import { ownProjectReading } from './serialize.ts'
import { createProject, deleteProject, loadProject, updateProject } from './writes.ts'

export function projectRoutes(app: FastifyInstance, { prisma, query }: Pick<Database, 'prisma' | 'query'>): void {
  app.serve(projects.list, async (asked) => {
    const { person, token } = asked.me
    const of = person.id
    const inScope = token?.projectIds ? Prisma.sql`AND t."projectId" = ANY(${token.projectIds}::uuid[])` : Prisma.empty
    // No more than the index holds: a page of it is read in its order.
    const rows = (after: Prisma.Sql) =>
      Prisma.sql`(SELECT "userId", "projectId" FROM "Member" t WHERE t."userId" = ${of}::uuid AND ${after} ${inScope}) t`
    const page = await readPage(query, asked, { order: { id: 'projectId' }, reading: ownProjectReading, rows, of })
    return token ? { ...page, data: page.data.map((row) => ({ ...row, role: cappedRole(row.role, token.role) })) } : page
  })
  app.write(projects.create, async ({ me, body }, write) => {
    // It would be an owner in a project of its scope.
    if (me.token && (me.token.projectIds !== null || me.token.role !== 'owner'))
      throw problem('forbidden', 'Only an API token for all projects, with the role owner, creates one')
    return createProject(write, me.userId, body)
  })
  app.serve(projects.get, ({ params }) => loadProject(prisma, params.projectId))
  app.write(projects.update, ({ params, body }, write) => updateProject(write, params.projectId, body), loadProject)
  app.write(projects.delete, ({ me, params }, write) => deleteProject(write, params.projectId, me.userId), loadProject)
}
