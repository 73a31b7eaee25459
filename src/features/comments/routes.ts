import type { FastifyInstance } from 'fastify'
import { comments } from '../../contract/index.ts'
import type { Database } from '../../db/client.ts'
import { afterId, listOf, toPage } from '../paging.ts'
import { presentComment, withPeople } from './present.ts'
import { createComment, deleteComment, editComment, loadComment, reply, settle } from './writes.ts'

export function commentRoutes(app: FastifyInstance, { prisma }: { prisma: Database['prisma'] }): void {
  async function list(
    on: { cutId: string } | { taskId: string },
    query: { limit: number; cursor?: string | undefined; resolved?: 'true' | 'false' | undefined },
    name: string,
  ) {
    // `resolved` speaks of threads: a reply goes with the first comment of its thread.
    const settled = query.resolved === 'true' ? { not: null } : null
    const rows = await prisma.comment.findMany({
      where: {
        ...on,
        ...afterId(query.cursor, name),
        ...(query.resolved && { OR: [{ parentId: null, resolvedAt: settled }, { parent: { resolvedAt: settled } }] }),
      },
      include: withPeople,
      orderBy: { id: 'asc' },
      take: query.limit + 1,
    })
    return toPage(rows, query.limit, name, (row) => ['', row.id] as const, presentComment)
  }

  app.serve(comments.listOnCut, (asked) => list({ cutId: asked.params.cutId }, asked.query, listOf(asked)))
  app.serve(comments.listOnTask, (asked) => list({ taskId: asked.params.taskId }, asked.query, listOf(asked)))
  app.write(comments.createOnCut, ({ scope, params, body }, door) => createComment(door, scope.projectId, scope.me, params, body))
  app.write(comments.createOnTask, ({ scope, params, body }, door) =>
    createComment(door, scope.projectId, scope.me, params, body),
  )
  app.serve(comments.get, ({ params }) => loadComment(prisma, params.commentId))
  app.write(comments.reply, ({ scope, params, body }, door) =>
    reply(door, scope.projectId, scope.me, params.commentId, body.body),
  )
  app.write(
    comments.update,
    ({ scope, params, body }, door) => editComment(door, scope.projectId, params.commentId, body.body),
    loadComment,
  )
  app.write(
    comments.resolve,
    ({ scope, params }, door) => settle(door, scope.projectId, params.commentId, scope.me.id),
    loadComment,
  )
  app.write(comments.reopen, ({ scope, params }, door) => settle(door, scope.projectId, params.commentId, null), loadComment)
  app.write(comments.delete, ({ scope, params }, door) => deleteComment(door, scope.projectId, params.commentId), loadComment)
}
