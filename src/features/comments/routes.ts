import { comments } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { byId, readPage } from '../shared/paging.ts'
import { commentReading } from './serialize.ts'
import { createComment, deleteComment, editComment, loadComment, reply, setResolved } from './writes.ts'

type Listed = Parameters<typeof readPage>[1] & { query: { resolved?: 'true' | 'false' | undefined } }

/** Those of resolved or open threads: a reply goes with the first comment of its thread. */
function inThreads(ids: Prisma.Sql, resolved: 'true' | 'false'): Prisma.Sql {
  const settled = resolved === 'true' ? Prisma.sql`IS NOT NULL` : Prisma.sql`IS NULL`
  return Prisma.sql`(SELECT t.id FROM (${ids} ORDER BY id OFFSET 0) t CROSS JOIN LATERAL (
    SELECT FROM "Comment" c WHERE c.id = t.id AND (c."parentId" IS NULL AND c."resolvedAt" ${settled}
      OR EXISTS (SELECT FROM "Comment" first WHERE first.id = c."parentId" AND first."resolvedAt" ${settled})) LIMIT 1) kept)`
}

export function commentRoutes(app: FastifyInstance, { prisma, query }: Pick<Database, 'prisma' | 'query'>): void {
  function list(on: Prisma.Sql, asked: Listed) {
    const { resolved } = asked.query
    return readPage(query, asked, {
      order: byId,
      reading: commentReading,
      rows(after) {
        // Ids alone, which an index holds: it is read in its order, whatever the planner knows of a thread.
        const ids = Prisma.sql`SELECT t.id FROM "Comment" t WHERE ${on} AND ${after}`
        return Prisma.sql`${resolved ? inThreads(ids, resolved) : Prisma.sql`(${ids})`} t`
      },
    })
  }

  app.serve(comments.listOnCut, (asked) => list(Prisma.sql`t."cutId" = ${asked.params.cutId}::uuid`, asked))
  app.serve(comments.listOnTask, (asked) => list(Prisma.sql`t."taskId" = ${asked.params.taskId}::uuid`, asked))
  app.write(comments.createOnCut, ({ scope, params, body }, write) =>
    createComment(write, scope.projectId, scope.me, params, body),
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
  app.write(comments.delete, ({ scope, params }, write) => deleteComment(write, scope.projectId, params.commentId), loadComment)
}
