import type { FastifyInstance } from 'fastify'
import { projects } from '../../contract/index.ts'
import type { Database } from '../../db/client.ts'
import { afterId, listOf, toPage } from '../paging.ts'
import { withAuthor } from '../present.ts'
import { presentProject } from './present.ts'
import { createProject, deleteProject, loadProject, updateProject } from './writes.ts'

export function projectRoutes(app: FastifyInstance, { prisma }: { prisma: Database['prisma'] }): void {
  app.serve(projects.list, async (asked) => {
    const { me, query } = asked
    const list = listOf(asked, me.person.id)
    const rows = await prisma.project.findMany({
      where: { members: { some: { userId: me.person.id } }, ...afterId(query.cursor, list) },
      include: { ...withAuthor, members: { where: { userId: me.person.id }, select: { role: true } } },
      orderBy: { id: 'asc' },
      take: query.limit + 1,
    })
    return toPage(
      rows,
      query.limit,
      list,
      (row) => ['', row.id] as const,
      (row) => ({ ...presentProject(row), role: row.members[0]?.role ?? 'viewer' }),
    )
  })
  app.write(projects.create, ({ me, body }, door) => createProject(door, me.userId, body))
  app.serve(projects.get, ({ params }) => loadProject(prisma, params.projectId))
  app.write(projects.update, ({ params, body }, door) => updateProject(door, params.projectId, body), loadProject)
  app.write(projects.delete, ({ params }, door) => deleteProject(door, params.projectId), loadProject)
}
