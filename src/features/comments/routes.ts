import { comments } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { byId, readPage } from '../shared/paging.ts'
import { carryComments } from './carry.ts'
import { commentReading } from './serialize.ts'
import { commentOnCut, createComment, deleteComment, editComment, loadComment, reply, setResolved } from './writes.ts'

type Listed = Parameters<typeof readPage>[1] & { query: { resolved?: 'true' | 'false' | undefined; fileId?: string | undefined } }

/** Those of threads whose first comment is like this: a reply goes with it. @param is of the row `first` */
const inThreads = (ids: Prisma.Sql, is: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`(SELECT t.id FROM (${ids} ORDER BY id OFFSET 0) t CROSS JOIN LATERAL (
    SELECT FROM "Comment" c JOIN "Comment" first ON first.id = coalesce(c."parentId", c.id) WHERE c.id = t.id AND ${is} LIMIT 1) kept)`

/** What a list asks of first comments; null: nothing. */
function filterOf({ resolved, fileId }: Listed['query']): Prisma.Sql | null {
  const conditions = [
    ...(resolved === undefined ? [] : [Prisma.sql`(first."resolvedAt" IS NOT NULL) = ${resolved === 'true'}`]),
    ...(fileId === undefined ? [] : [Prisma.sql`first."fileId" = ${fileId}::uuid`]),
  ]
  return conditions.length === 0 ? null : Prisma.join(conditions, ' AND ')
}

export function commentRoutes(app: FastifyInstance, { prisma, query }: Pick<Database, 'prisma' | 'query'>): void {
  function list(on: Prisma.Sql, asked: Listed) {
    const is = filterOf(asked.query)
    return readPage(query, asked, {
      order: byId,
      reading: commentReading,
      rows(after) {
        // Ids alone, which an index holds: it is read in its order, whatever the planner knows of a thread.
        const ids = Prisma.sql`SELECT t.id FROM "Comment" t WHERE ${on} AND ${after}`
        return Prisma.sql`${is ? inThreads(ids, is) : Prisma.sql`(${ids})`} t`
      },
    })
  }

  app.serve(comments.listOnCut, (asked) => list(Prisma.sql`t."cutId" = ${asked.params.cutId}::uuid`, asked))
  app.serve(comments.listOnTask, (asked) => list(Prisma.sql`t."taskId" = ${asked.params.taskId}::uuid`, asked))
  app.write(comments.createOnCut, ({ scope, params, body }, write) =>
    commentOnCut(write, scope.projectId, scope.me, params.cutId, body),
  )
  app.write(comments.createOnTask, ({ scope, params, body }, write) =>
    createComment(write, scope.projectId, scope.me, params, body),
  )
  app.serve(comments.get, ({ params }) => loadComment(prisma, params.commentId))
  app.write(comments.reply, ({ scope, params, body }, write) =>
    reply(write, scope.projectId, scope.me, params.commentId, body.body),
  )
  app.write(
    comments.update,
    ({ scope, params, body }, write) => editComment(write, scope.projectId, params.commentId, body.body),
    loadComment,
  )
  app.write(
    comments.resolve,
    ({ scope, params }, write) => setResolved(write, scope.projectId, params.commentId, scope.me.id),
    loadComment,
  )
  app.write(
    comments.reopen,
    ({ scope, params }, write) => setResolved(write, scope.projectId, params.commentId, null),
    loadComment,
  )
  app.write(comments.carry, async ({ scope, params, body }, write) => ({
    data: await carryComments(write, scope.projectId, params.fileId, body.from),
  }))
  app.write(comments.delete, ({ scope, params }, write) => deleteComment(write, scope.projectId, params.commentId), loadComment)
}
