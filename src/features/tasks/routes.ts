import type { FastifyInstance } from 'fastify'
import { tasks } from '../../contract/index.ts'
import type { Database } from '../../db/client.ts'
import { afterRank, listOf, toPage } from '../paging.ts'
import { presentTask, withPeople } from './present.ts'
import { createTask, deleteTask, loadTask, moveTask, updateTask } from './writes.ts'

export function taskRoutes(app: FastifyInstance, { prisma }: { prisma: Database['prisma'] }): void {
  app.serve(tasks.list, async (asked) => {
    const { params, query } = asked
    const list = listOf(asked)
    const rows = await prisma.task.findMany({
      where: { projectId: params.projectId, ...(query.status && { status: query.status }), ...afterRank(query.cursor, list) },
      include: withPeople,
      orderBy: [{ rank: 'asc' }, { id: 'asc' }],
      take: query.limit + 1,
    })
    return toPage(rows, query.limit, list, (row) => [row.rank, row.id] as const, presentTask)
  })
  app.write(tasks.create, ({ scope, params, body }, door) => createTask(door, params.projectId, scope.me, body))
  app.serve(tasks.get, ({ params }) => loadTask(prisma, params.taskId))
  app.write(tasks.update, ({ scope, params, body }, door) => updateTask(door, scope.projectId, params.taskId, body), loadTask)
  app.write(tasks.move, ({ scope, params, body }, door) => moveTask(door, scope.projectId, params.taskId, body), loadTask)
  app.write(tasks.delete, ({ scope, params }, door) => deleteTask(door, scope.projectId, params.taskId), loadTask)
}
