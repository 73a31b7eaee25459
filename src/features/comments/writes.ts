import { type Person, projectRoom } from '@cutroom/contract'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { newRow } from '../shared/new-row.ts'
import { holdPeople } from '../shared/people.ts'
import { excerpt, nextVersion } from '../shared/serialize.ts'
import { isUnchanged } from '../shared/unchanged.ts'
import { presentComment, withPeople } from './serialize.ts'

/** What a comment hangs on; a reply also on the first comment of its thread. */
interface Place {
  cutId?: string | null
  taskId?: string | null
  parentId?: string
}
/** `atMs` and `endMs` name a moment or a range of the cut. */
interface Said {
  body: string
  atMs?: number | null
  endMs?: number | null
}

export const loadComment = async (tx: Tx, id: string) =>
  presentComment(await tx.comment.findUniqueOrThrow({ where: { id }, include: withPeople }))

/** Makes a comment as it begins: open, and never edited. */
function insertComment({ insert }: Write, projectId: string, author: Person, on: Place, said: Said) {
  const { id, version, createdAt, updatedAt } = newRow()
  const row = {
    id,
    projectId,
    cutId: on.cutId ?? null,
    taskId: on.taskId ?? null,
    parentId: on.parentId ?? null,
    authorId: author.id,
    body: said.body,
    atMs: said.atMs ?? null,
    endMs: said.endMs ?? null,
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

export async function createComment(door: Write, projectId: string, author: Person, on: Place, said: Said) {
  return door.emit(projectRoom(projectId), 'comment:created', insertComment(door, projectId, author, on, said))
}

/** A reply to a reply stands in the same thread: threads are one level deep. */
export async function reply(door: Write, projectId: string, author: Person, toId: string, body: string) {
  const to = await door.tx.comment.findUniqueOrThrow({
    where: { id: toId },
    select: { id: true, parentId: true, cutId: true, taskId: true },
  })
  const { cutId, taskId } = to
  const comment = insertComment(door, projectId, author, { cutId, taskId, parentId: to.parentId ?? to.id }, { body })
  return door.emit(projectRoom(projectId), 'comment:reply', comment)
}

const holdDrawn = (door: Write, id: string) =>
  holdPeople(door, Prisma.sql`SELECT unnest(ARRAY["authorId", "resolvedById"]) FROM "Comment" WHERE id = ${id}::uuid`)

export async function editComment(door: Write, projectId: string, id: string, body: string) {
  const before = await loadComment(door.tx, id)
  if (isUnchanged(before, { body })) return before
  holdDrawn(door, id)
  const row = await door.tx.comment.update({
    where: { id },
    data: { body, editedAt: new Date(), version: nextVersion },
    include: withPeople,
  })
  return door.emit(projectRoom(projectId), 'comment:updated', presentComment(row))
}

/** Resolving what is resolved, or reopening what is open, changes nothing and says nothing. */
export async function settle(door: Write, projectId: string, id: string, by: string | null) {
  const { tx, emit } = door
  holdDrawn(door, id)
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
