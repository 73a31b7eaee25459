import type { Comment } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import { type ActivityTarget, defineNoun, projectTable, type SnapshotRequest, targetIn } from '../shared/noun.ts'
import { byId } from '../shared/paging.ts'
import { excerpt } from '../shared/texts.ts'
import { commentRoutes } from './routes.ts'
import { commentReading } from './serialize.ts'

function shown({ id, cutId, taskId, body }: Comment): ActivityTarget {
  const path = cutId === null ? `/tasks/${taskId}` : `/cuts/${cutId}`
  return { type: 'comment', id, name: excerpt(body), path: `${path}?comment=${id}` }
}

/** All comments of the project, none, or those on one cut or task. */
function rows({ projectId, comments }: SnapshotRequest) {
  if (comments === 'none') return []
  if (comments === 'all')
    return [
      (beyond: Prisma.Sql) => Prisma.sql`(SELECT t.id FROM "Comment" t WHERE t."projectId" = ${projectId}::uuid AND ${beyond}) t`,
    ]
  // Asked once: nothing is read of a thread in another project.
  const on = (column: Prisma.Sql, table: Prisma.Sql) => (beyond: Prisma.Sql) =>
    Prisma.sql`(SELECT t.id FROM "Comment" t WHERE ${column} = ${comments}::uuid AND ${beyond}
      AND EXISTS (SELECT FROM ${table} o WHERE o.id = ${comments}::uuid AND o."projectId" = ${projectId}::uuid)) t`
  return [on(Prisma.sql`t."cutId"`, Prisma.sql`"Cut"`), on(Prisma.sql`t."taskId"`, Prisma.sql`"Task"`)]
}

export const comments = defineNoun({
  name: 'comments',
  targets: { commentId: targetIn('Comment') },
  tables: [projectTable('Comment', ['authorId', 'resolvedById'])],
  routes: commentRoutes,
  snapshot: { comments: { order: byId, reading: commentReading, rows } },
  activity: {
    'comment:created': shown,
    'comment:reply': shown,
    'comment:updated': shown,
    'comment:resolved': shown,
    'comment:reopened': shown,
    'comment:deleted': ({ commentId }, label) => ({ type: 'comment', id: commentId, name: label, path: '' }),
  },
})
