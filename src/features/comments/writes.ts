import { type Person, projectRoom } from '@cutroom/contract'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { takeOf } from '../files/takes.ts'
import { newRow } from '../shared/new-row.ts'
import { lockPeople } from '../shared/people.ts'
import { nextVersion } from '../shared/serialize.ts'
import { excerpt } from '../shared/texts.ts'
import { isUnchanged } from '../shared/unchanged.ts'
import { presentComment, withPeople } from './serialize.ts'

/** The cut or task of a comment; for a reply also the first comment of its thread. */
interface CommentParent {
  cutId?: string | null
  taskId?: string | null
  parentId?: string
}
/** `atMs` and `endMs` name a moment or a range of the cut, on the take `fileId` if there is one. */
export interface CommentInput {
  body: string
  atMs?: number | null
  endMs?: number | null
  fileId?: string | null
}

export const loadComment = async (tx: Tx, id: string) =>
  presentComment(await tx.comment.findUniqueOrThrow({ where: { id }, include: withPeople }))

/** Makes a comment as it begins: open, and never edited. */
function insertComment({ insert }: Write, projectId: string, author: Person, parent: CommentParent, input: CommentInput) {
  const { id, version, createdAt, updatedAt } = newRow()
  const row = {
    id,
    projectId,
    cutId: parent.cutId ?? null,
    taskId: parent.taskId ?? null,
    parentId: parent.parentId ?? null,
    authorId: author.id,
    body: input.body,
    atMs: input.atMs ?? null,
    endMs: input.endMs ?? null,
    fileId: input.fileId ?? null,
    carriedFrom: null,
    resolvedAt: null,
    resolvedById: null,
    editedAt: null,
    version,
    createdAt,
    updatedAt,
  }
  insert('Comment', row)
  return presentComment(Object.assign(row, { author, resolvedBy: null }))
}

export async function createComment(write: Write, projectId: string, author: Person, parent: CommentParent, input: CommentInput) {
  return write.emit(projectRoom(projectId), 'comment:created', insertComment(write, projectId, author, parent, input))
}

/**
 * A comment on a cut. Without a `fileId` a moment is one of the current take, if there is one; null pins it to none.
 * @throws problem validation for another file than a recording of this cut, or a moment beyond its end
 */
export async function commentOnCut(
  write: Write,
  projectId: string,
  author: Person,
  cutId: string,
  { fileId, ...input }: Omit<CommentInput, 'fileId'> & { fileId?: string | null | undefined },
) {
  const isOnTake = typeof fileId === 'string' || (fileId === undefined && input.atMs != null)
  const take = isOnTake ? await takeOf(write.query, cutId, fileId ?? null) : null
  if (typeof fileId === 'string' && take === null) throw invalid('/fileId', 'unknown', 'is not a recording of this cut')
  for (const name of ['atMs', 'endMs'] as const)
    if (take?.durationMs != null && (input[name] ?? 0) > take.durationMs)
      throw invalid(`/${name}`, 'too_big', `is beyond the end of the recording, ${take.durationMs}`)
  return createComment(write, projectId, author, { cutId }, { ...input, fileId: take?.id ?? null })
}

export const invalid = (pointer: string, code: string, detail: string) =>
  problem('validation', undefined, { errors: [{ pointer, code, detail }] })

/** A reply to a reply stands in the same thread: threads are one level deep. */
export async function reply(write: Write, projectId: string, author: Person, toId: string, body: string) {
  const to = await write.tx.comment.findUniqueOrThrow({
    where: { id: toId },
    select: { id: true, parentId: true, cutId: true, taskId: true },
  })
  const { cutId, taskId } = to
  const comment = insertComment(write, projectId, author, { cutId, taskId, parentId: to.parentId ?? to.id }, { body })
  return write.emit(projectRoom(projectId), 'comment:reply', comment)
}

const lockShownPeople = (write: Write, id: string) =>
  lockPeople(write, Prisma.sql`SELECT unnest(ARRAY["authorId", "resolvedById"]) FROM "Comment" WHERE id = ${id}::uuid`)

export async function editComment(write: Write, projectId: string, id: string, body: string) {
  const before = await loadComment(write.tx, id)
  if (isUnchanged(before, { body })) return before
  lockShownPeople(write, id)
  const row = await write.tx.comment.update({
    where: { id },
    data: { body, editedAt: new Date(), version: nextVersion },
    include: withPeople,
  })
  return write.emit(projectRoom(projectId), 'comment:updated', presentComment(row))
}

/** Resolving what is resolved, or reopening what is open, changes nothing and says nothing. */
export async function setResolved(write: Write, projectId: string, id: string, by: string | null) {
  const { tx, emit } = write
  lockShownPeople(write, id)
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
