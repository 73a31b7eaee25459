import type { Message } from '@cutroom/contract'
import { Prisma, type Query, type Tx } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import { problem } from '../../errors.ts'
import type { Conditional } from '../../http/request-context.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { begun } from '../shared/new-row.ts'
import { nextVersion } from '../shared/serialize.ts'
import { assertMayWrite, isVisible, limitReaders, lockConversation, roomsOf } from './access.ts'
import { presentMessage, withAuthor } from './serialize.ts'

export const loadMessage = async (tx: Tx, id: string): Promise<Message> =>
  presentMessage(await tx.message.findUniqueOrThrow({ where: { id }, include: withAuthor }))

/** An id behind that of the message before, whose node may have had a clock that runs ahead. */
export function idAfter(last: string | null): string {
  const id = newId()
  if (last === null || id > last) return id
  const next = (BigInt(`0x${last.replaceAll('-', '')}`) + 1n).toString(16).padStart(32, '0')
  return next.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** A new message. Its author has read all up to it. */
export async function createMessage(write: Write, conversationId: string, userId: string, body: string): Promise<Message> {
  const { insert, assert, emitAll } = write
  const { me, lastId, isGroup } = await lockConversation(write, conversationId, userId)
  if (isGroup) limitReaders(write, conversationId, lastId)
  const row = { id: idAfter(lastId), conversationId, authorId: userId, body, editedAt: null, ...begun() }
  insert('Message', row)
  assert(
    Prisma.sql`UPDATE "Conversation" SET "lastId" = ${row.id}::uuid, "updatedAt" = ${row.createdAt.toISOString()}::timestamptz
      WHERE id = ${conversationId}::uuid`,
  )
  assert(
    Prisma.sql`UPDATE "Participant" SET "readId" = ${row.id}::uuid
      WHERE "conversationId" = ${conversationId}::uuid AND "userId" = ${userId}::uuid`,
  )
  const message = presentMessage(Object.assign(row, { author: me }))
  emitAll(roomsOf(conversationId, row.id), 'chat:message', message)
  return message
}

interface Place {
  conversationId: string
  authorId: string
  version: number
}

/**
 * Where a message is that a person may read.
 * @param lock keeps it as it is until the commit
 * @throws problem not-found
 */
export async function findMessage(query: Query, id: string, userId: string, lock = false): Promise<Place> {
  const [found] = await query<Place>(
    Prisma.sql`SELECT m."conversationId", m."authorId", m.version FROM "Message" m
      JOIN "Participant" p ON p."conversationId" = m."conversationId" AND p."userId" = ${userId}::uuid
      WHERE m.id = ${id}::uuid AND ${isVisible(Prisma.sql`m.id`)} ${lock ? Prisma.sql`FOR NO KEY UPDATE OF m` : Prisma.empty}`,
  )
  if (!found) throw problem('not-found')
  return found
}

/** @throws problem not-found | forbidden, for a message of another person | stale */
async function lockOwn({ query, tx, expect }: Write & Conditional, id: string, userId: string): Promise<Place> {
  // Before the message, as in all writes: people. It is shown by its author only.
  await query(Prisma.sql`SELECT 1 FROM "User" WHERE id = ${userId}::uuid FOR KEY SHARE`)
  const place = await findMessage(query, id, userId, true)
  if (place.authorId !== userId) throw problem('forbidden', 'The message is of another person')
  await expect(place.version, () => loadMessage(tx, id))
  return place
}

/** @throws problem not-found | forbidden | stale */
export async function editMessage(write: Write & Conditional, id: string, userId: string, body: string): Promise<Message> {
  const { tx, query, emitAll } = write
  const { conversationId } = await lockOwn(write, id, userId)
  await assertMayWrite(query, conversationId, userId)
  const before = await loadMessage(tx, id)
  if (before.body === body) return before
  const data = { body, editedAt: new Date(), version: nextVersion }
  const message = presentMessage(await tx.message.update({ where: { id }, data, include: withAuthor }))
  emitAll(roomsOf(conversationId, id), 'chat:message-updated', message)
  return message
}

/** @throws problem not-found | forbidden | stale */
export async function deleteMessage(write: Write & Conditional, id: string, userId: string): Promise<void> {
  const { conversationId } = await lockOwn(write, id, userId)
  write.assert(Prisma.sql`DELETE FROM "Message" WHERE id = ${id}::uuid`)
  write.emitAll(roomsOf(conversationId, id), 'chat:message-deleted', { conversationId, messageId: id })
}
