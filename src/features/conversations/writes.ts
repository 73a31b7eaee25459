import { type ChatRead, type Conversation, MAX_GROUPS, type Person, userRoom } from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { lockPeopleById } from '../shared/people.ts'
import { isVisible, mayWrite, roomsOf } from './access.ts'
import { loadConversation } from './reading.ts'

/**
 * Checks that a person shares a project with each of the others, in which they may comment.
 * @throws problem validation for those they share none with, whether they exist or not | forbidden
 */
async function assertShares(query: Query, userId: string, others: readonly string[]): Promise<void> {
  const shared = await query<{ userId: string; mayWrite: boolean }>(
    Prisma.sql`SELECT o."userId", bool_or(m.role >= 'commenter') AS "mayWrite" FROM "Member" o
      JOIN "Member" m ON m."projectId" = o."projectId" AND m."userId" = ${userId}::uuid
      WHERE o."userId" = ANY(${others}::uuid[]) GROUP BY o."userId"`,
  )
  const known = new Set(shared.map((person) => person.userId))
  const errors = others.flatMap((id, n) =>
    known.has(id) && id !== userId
      ? []
      : [{ pointer: `/memberIds/${n}`, code: 'unknown', detail: 'is no other person of your projects' }],
  )
  if (errors.length > 0) throw problem('validation', undefined, { errors: errors.slice(0, 20) })
  if (shared.some((person) => !person.mayWrite))
    throw problem('forbidden', 'You have to be a commenter at least in a project that you share with each of them')
}

/** @throws problem too-many */
async function assertRoomForGroup({ query }: Write, userId: string): Promise<void> {
  // The person's row orders the groups that they make at once.
  await query(Prisma.sql`SELECT 1 FROM "User" WHERE id = ${userId}::uuid FOR NO KEY UPDATE`)
  const made = await query(
    Prisma.sql`SELECT 1 FROM "Conversation" WHERE "authorId" = ${userId}::uuid AND pair IS NULL LIMIT ${MAX_GROUPS}`,
  )
  if (made.length === MAX_GROUPS) throw problem('too-many', `A person makes at most ${MAX_GROUPS} groups`)
}

/**
 * The conversation of two people, made if there is none yet, or a new group.
 * @throws problem validation | forbidden | too-many
 */
export async function openConversation(
  write: Write,
  userId: string,
  { memberIds, title }: { memberIds: readonly string[]; title: string | null },
): Promise<Conversation> {
  const { query, assert, insert, emit } = write
  const people = [userId, ...memberIds].sort()
  const pair = memberIds.length === 1 ? people.join(' ') : null
  if (pair !== null) {
    const [known] = await query<{ id: string }>(Prisma.sql`SELECT id FROM "Conversation" WHERE pair = ${pair}`)
    if (known) return loadConversation(query, userId, known.id)
  }
  await assertShares(query, userId, memberIds)
  if (pair === null) await assertRoomForGroup(write, userId)
  lockPeopleById(write, people)
  const id = newId()
  const now = new Date()
  insert('Conversation', { id, title, pair, authorId: userId, lastId: null, createdAt: now, updatedAt: now })
  assert(Prisma.sql`INSERT INTO "Participant" ("conversationId", "userId") SELECT ${id}::uuid, unnest(${people}::uuid[])`)
  const members = await query<Person & { canWrite: boolean }>(
    Prisma.sql`SELECT u.id, u.name, u."avatarUrl", ${mayWrite(Prisma.sql`${id}::uuid`, Prisma.sql`u.id`)} AS "canWrite"
      FROM unnest(${people}::uuid[]) AS a(id) CROSS JOIN LATERAL (SELECT * FROM "User" WHERE id = a.id LIMIT 1) u ORDER BY u.id`,
  )
  const common = {
    id,
    title,
    members: members.map(({ canWrite: _, ...person }) => person),
    lastMessage: null,
    unread: 0,
    readUpTo: {},
    createdAt: now.toISOString(),
    updatedAt: now.toISOString(),
  }
  let own: Conversation | undefined
  for (const { id: memberId, canWrite } of members) {
    const seen = emit(userRoom(memberId), 'conversation:created', { ...common, canWrite })
    if (memberId === userId) own = seen
  }
  return own ?? { ...common, canWrite: true }
}

/**
 * Moves the read position of a person forward, to a message that they may read.
 * @returns where it stands
 * @throws problem not-found
 */
export async function markRead(
  { query, emitAll }: Write,
  conversationId: string,
  userId: string,
  messageId: string,
): Promise<ChatRead> {
  // Waits for another move of the same position, and then compares with that.
  const [place] = await query<{ readId: string | null; exists: boolean }>(
    Prisma.sql`SELECT p."readId", EXISTS (SELECT FROM "Message" m WHERE m.id = ${messageId}::uuid
        AND m."conversationId" = p."conversationId" AND ${isVisible(Prisma.sql`m.id`)}) AS "exists"
      FROM "Participant" p WHERE p."conversationId" = ${conversationId}::uuid AND p."userId" = ${userId}::uuid FOR NO KEY UPDATE`,
  )
  if (!place?.exists) throw problem('not-found')
  if (place.readId !== null && place.readId >= messageId) return { conversationId, readBy: userId, messageId: place.readId }
  await query(
    Prisma.sql`UPDATE "Participant" SET "readId" = ${messageId}::uuid
      WHERE "conversationId" = ${conversationId}::uuid AND "userId" = ${userId}::uuid`,
  )
  const read = { conversationId, readBy: userId, messageId }
  emitAll(roomsOf(conversationId, messageId), 'chat:read', read)
  return read
}
