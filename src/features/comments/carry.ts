import { type Comment, MANY_COMMENTS, projectRoom } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { loadTake, type TakeOfCut } from '../files/takes.ts'
import { lockPeopleById } from '../shared/people.ts'
import { presentComment, withPeople } from './serialize.ts'
import { invalid } from './writes.ts'

/** JSON of the comments that are carried at a time, bytes. */
const MOST_BYTES = 2 * 1024 * 1024

const tooMany = () =>
  problem('too-many', `At most ${MANY_COMMENTS} comments and 2 MiB are carried at a time: resolve threads that are done with`)

/**
 * The comments of the open threads on a take that were not carried to the other yet. Their first comments are locked until the commit: none
 * is resolved or deleted before.
 * @throws problem too-many
 */
async function openThreads({ query }: Write, from: TakeOfCut, to: TakeOfCut): Promise<{ id: string; authorId: string }[]> {
  const found = await query<{ id: string; authorId: string; bytes: number }>(Prisma.sql`WITH firsts AS MATERIALIZED (
      SELECT f.id FROM "Comment" f LEFT JOIN LATERAL (SELECT copy.id FROM "Comment" copy
        WHERE copy."carriedFrom" = coalesce(f."carriedFrom", f.id) AND copy."fileId" = ${to.id}::uuid LIMIT 1) copy ON true
      WHERE f."fileId" = ${from.id}::uuid AND f."parentId" IS NULL AND f."resolvedAt" IS NULL AND copy.id IS NULL
      ORDER BY f.id LIMIT ${MANY_COMMENTS + 1} FOR SHARE OF f
    ), ids AS MATERIALIZED (
      SELECT id FROM firsts
      UNION ALL (SELECT r.id FROM firsts CROSS JOIN LATERAL (
        SELECT id FROM "Comment" WHERE "parentId" = firsts.id LIMIT ${MANY_COMMENTS + 1}) r LIMIT ${MANY_COMMENTS + 1})
    ) SELECT c.id, c."authorId", octet_length(c.body) AS bytes FROM ids CROSS JOIN LATERAL (
      SELECT id, "authorId", body FROM "Comment" WHERE id = ids.id LIMIT 1) c`)
  if (found.length > MANY_COMMENTS || found.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_BYTES) throw tooMany()
  return found
}

/**
 * Copies the open threads on an older take of a cut to a newer one, as they are: by their authors, of their time, at their moment. Threads
 * that were carried there before, also through takes between, are passed over.
 * @returns the copies, first comments before replies
 * @throws problem not-found | conflict | validation | too-many
 */
export async function carryComments(write: Write, projectId: string, toId: string, fromId: string): Promise<Comment[]> {
  const to = await loadTake(write.query, toId)
  if (to.take === null) throw problem('conflict', 'Comments are carried to recordings only')
  const from = await loadTake(write.query, fromId).catch(() => null)
  if (from?.cutId !== to.cutId || from.take === null || from.take >= to.take)
    throw invalid('/from', 'unknown', 'is not an older take of the same cut')
  const found = await openThreads(write, from, to)
  if (found.length === 0) return []
  lockPeopleById(
    write,
    found.map(({ authorId }) => authorId),
  )
  const ids = found.map(({ id }) => id)
  const rows = await write.tx.comment.findMany({ where: { id: { in: ids } }, include: withPeople, orderBy: { id: 'asc' } })
  const ordered = [...rows.filter((row) => row.parentId === null), ...rows.filter((row) => row.parentId !== null)]
  const copies = new Map(ordered.map((row) => [row.id, newId()]))
  const updatedAt = new Date()
  const carried = ordered.map(({ author, resolvedBy: _, ...row }) => {
    const copy = {
      ...row,
      id: copies.get(row.id) as string,
      parentId: row.parentId && (copies.get(row.parentId) as string),
      fileId: row.parentId === null ? to.id : null,
      carriedFrom: row.carriedFrom ?? row.id,
      version: 1,
      updatedAt,
    }
    return { row: copy, shown: presentComment({ ...copy, author, resolvedBy: null }) }
  })
  if (carried.reduce((sum, { shown }) => sum + Buffer.byteLength(JSON.stringify(shown)), 0) > MOST_BYTES) throw tooMany()
  return carried.map(({ row, shown }) => {
    write.insert('Comment', row)
    return write.emit(projectRoom(projectId), row.parentId === null ? 'comment:created' : 'comment:reply', shown)
  })
}
