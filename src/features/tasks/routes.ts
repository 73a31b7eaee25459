import { tasks } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { byRank, readPage } from '../shared/paging.ts'
import { taskReading } from './serialize.ts'
import { createTask, deleteTask, loadTask, moveTask, updateTask } from './writes.ts'

export function taskRoutes(app: FastifyInstance, { prisma, query }: Pick<Database, 'prisma' | 'query'>): void {
  app.serve(tasks.list, (asked) => {
    const { status } = asked.query
    const inColumn = status === undefined ? Prisma.empty : Prisma.sql`AND t.status = ${status}::"TaskStatus"`
    const rows = (after: Prisma.Sql) =>
      Prisma.sql`"Task" t WHERE t."projectId" = ${asked.params.projectId}::uuid ${inColumn} AND ${after}`
    return readPage(query, asked, { order: byRank(Prisma.sql`"Task"`), reading: taskReading, rows })
  })
  app.write(tasks.create, ({ scope, params, body }, write) => createTask(write, params.projectId, scope.me, body))
  app.serve(tasks.get, ({ params }) => loadTask(prisma, params.taskId))
  app.write(tasks.update, ({ scope, params, body }, write) => updateTask(write, scope.projectId, params.taskId, body), loadTask)
  app.write(tasks.move, ({ scope, params, body }, write) => moveTask(write, scope.projectId, params.taskId, body))
  app.write(tasks.delete, ({ scope, params }, write) => deleteTask(write, scope.projectId, params.taskId), loadTask)
}
