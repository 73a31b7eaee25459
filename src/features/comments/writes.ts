import { type Person, projectRoom } from '../../contract/index.ts'
import type { Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/commit.ts'
import { excerpt, nextVersion } from '../present.ts'
import { newRow } from '../row.ts'
import { presentComment, withPeople } from './present.ts'

export const loadComment = async (tx: Tx, id: string) =>
  presentComment(await tx.comment.findUniqueOrThrow({ where: { id }, include: withPeople }))

/** A comment as it begins: open, and never edited. */
const newComment = () => ({ ...newRow(), resolvedAt: null, resolvedById: null, editedAt: null })

/** On a cut or on a task; `atMs` and `endMs` name a moment or a range of the cut. */
export async function createComment(
  { insert, emit }: Write,
  projectId: string,
  author: Person,
  data: { body: string } & ({ cutId: string; atMs: number | null; endMs: number | null } | { taskId: string }),
) {
  const nowhere = { cutId: null, taskId: null, parentId: null, atMs: null, endMs: null }
  const row = { ...newComment(), ...nowhere, ...data, projectId, authorId: author.id }
  insert('Comment', row)
  return emit(projectRoom(projectId), 'comment:created', presentComment({ ...row, author, resolvedBy: null }))
}

/** A reply to a reply stands in the same thread: threads are one level deep. */
export async function reply({ tx, insert, emit }: Write, projectId: string, author: Person, toId: string, body: string) {
  const to = await tx.comment.findUniqueOrThrow({
    where: { id: toId },
    select: { id: true, parentId: true, cutId: true, taskId: true },
  })
  const { cutId, taskId } = to
  const place = { cutId, taskId, parentId: to.parentId ?? to.id, atMs: null, endMs: null }
  const row = { ...newComment(), ...place, body, projectId, authorId: author.id }
  insert('Comment', row)
  return emit(projectRoom(projectId), 'comment:reply', presentComment({ ...row, author, resolvedBy: null }))
}

export async function editComment({ tx, emit }: Write, projectId: string, id: string, body: string) {
  const row = await tx.comment.update({
    where: { id },
    data: { body, editedAt: new Date(), version: nextVersion },
    include: withPeople,
  })
  return emit(projectRoom(projectId), 'comment:updated', presentComment(row))
}

/** Resolving what is resolved, or reopening what is open, changes nothing and says nothing. */
export async function settle({ tx, emit }: Write, projectId: string, id: string, by: string | null) {
  const before = await loadComment(tx, id)
  if (before.parentId !== null) throw problem('conflict', 'Only the first comment of a thread is resolved or reopened')
  if ((before.resolvedAt !== null) === (by !== null)) return before
  const data = { resolvedAt: by === null ? null : new Date(), resolvedById: by, version: nextVersion }
  const row = await tx.comment.update({ where: { id }, data, include: withPeople })
  return emit(projectRoom(projectId), by === null ? 'comment:reopened' : 'comment:resolved', presentComment(row))
}

export async function deleteComment({ tx, emit }: Write, projectId: string, id: string): Promise<void> {
  const { body } = await tx.comment.delete({ where: { id }, select: { body: true } })
  emit(projectRoom(projectId), 'comment:deleted', { commentId: id }, excerpt(body))
}
