import type { Person } from '@cutroom/contract'
import { Prisma, type Query, type Statement } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'

/** What a participant `p` may read of messages with this id. */
export const isVisible = (messageId: Prisma.Sql): Prisma.Sql => Prisma.sql`(p."readsAll" OR ${messageId} <= p."visibleId")`

/**
 * The condition for the messages `t` that a person may read in a conversation.
 * @throws problem not-found for a conversation of others
 */
export async function visibleMessages(query: Query, conversationId: string, userId: string): Promise<Prisma.Sql> {
  const [found] = await query<{ readsAll: boolean; visibleId: string | null }>(
    Prisma.sql`SELECT "readsAll", "visibleId" FROM "Participant"
      WHERE "conversationId" = ${conversationId}::uuid AND "userId" = ${userId}::uuid`,
  )
  if (!found) throw problem('not-found')
  const all = Prisma.sql`t."conversationId" = ${conversationId}::uuid`
  return found.readsAll ? all : Prisma.sql`${all} AND t.id <= ${found.visibleId}::uuid`
}

/** The room of each participant who may read a message. */
export const roomsOf = (conversationId: string, messageId: string): Statement =>
  Prisma.sql`SELECT 'user:' || p."userId" AS room FROM "Participant" p
    WHERE p."conversationId" = ${conversationId}::uuid AND ${isVisible(Prisma.sql`${messageId}::uuid`)}`

/** The rooms of all who have a conversation with a person, that person included. */
export const roomsWith = (userId: string): Prisma.Sql =>
  Prisma.sql`SELECT 'user:' || other."userId" AS room FROM "Participant" own
    JOIN "Participant" other ON other."conversationId" = own."conversationId" WHERE own."userId" = ${userId}::uuid
    UNION SELECT 'user:' || ${userId}`

/**
 * A membership by which a person may write in a conversation: commenter at least, in a project of which another participant is a
 * member, too. At most one row, as `m`.
 */
const writingRight = (conversationId: Prisma.Sql, userId: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`FROM "Participant" q JOIN "Member" o ON o."userId" = q."userId"
    JOIN "Member" m ON m."projectId" = o."projectId" AND m."userId" = ${userId} AND m.role >= 'commenter'
    WHERE q."conversationId" = ${conversationId} AND q."userId" <> ${userId} LIMIT 1`

/** Whether a person may write there, in a SELECT. */
export const mayWrite = (conversationId: Prisma.Sql, userId: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`EXISTS (SELECT ${writingRight(conversationId, userId)})`

/** Participants of a conversation who share a project with another one, as `userId`; some several times. */
export const sharing = (conversationId: string): Prisma.Sql =>
  Prisma.sql`SELECT unnest(array_agg(m."userId")) AS "userId" FROM "Participant" p JOIN "Member" m ON m."userId" = p."userId"
    WHERE p."conversationId" = ${conversationId}::uuid GROUP BY m."projectId" HAVING count(*) > 1`

/** A participant of a conversation, who writes. */
export interface Writer {
  me: Person
  /** The newest message that there was. */
  lastId: string | null
  isGroup: boolean
}

/**
 * Keeps a right to write until the commit: a removal, or a change of the role, comes before or after it.
 * @throws problem forbidden for a participant who may read only
 */
export async function assertMayWrite(query: Query, conversationId: string, userId: string): Promise<void> {
  const right = writingRight(Prisma.sql`${conversationId}::uuid`, Prisma.sql`${userId}::uuid`)
  const held = await query(Prisma.sql`SELECT 1 ${right} FOR SHARE OF m`)
  if (held.length === 0) throw problem('forbidden', 'Share a project with another participant in which you may comment')
}

/**
 * Locks a conversation for a new message: those of one conversation come one after another.
 * @throws problem not-found | forbidden
 */
export async function lockConversation({ query }: Write, conversationId: string, userId: string): Promise<Writer> {
  const found = query<Person & { lastId: string | null; isGroup: boolean }>(
    Prisma.sql`SELECT u.id, u.name, u."avatarUrl", c."lastId", c.pair IS NULL AS "isGroup" FROM "Conversation" c
      JOIN "Participant" p ON p."conversationId" = c.id AND p."userId" = ${userId}::uuid JOIN "User" u ON u.id = p."userId"
      WHERE c.id = ${conversationId}::uuid FOR NO KEY UPDATE OF c FOR KEY SHARE OF u`,
  )
  // Sent at once; what is not found is answered first.
  const [place, right] = await Promise.allSettled([found, assertMayWrite(query, conversationId, userId)])
  if (place.status === 'rejected') throw place.reason
  const [row] = place.value
  if (!row) throw problem('not-found')
  if (right.status === 'rejected') throw right.reason
  const { lastId, isGroup, ...me } = row
  return { me, lastId, isGroup }
}

/**
 * Who of a group shares no project with another participant any more reads up to its last message; who does again reads all. Sent
 * before a new message, without waiting for it.
 */
export const limitReaders = ({ assert }: Pick<Write, 'assert'>, conversationId: string, lastId: string | null): void =>
  assert(
    Prisma.sql`WITH shared AS (${sharing(conversationId)}), now AS (
      SELECT p."userId", p."userId" IN (SELECT "userId" FROM shared) AS inside FROM "Participant" p
        WHERE p."conversationId" = ${conversationId}::uuid
    ) UPDATE "Participant" p SET "readsAll" = now.inside, "visibleId" = CASE WHEN NOT now.inside THEN ${lastId}::uuid END
      FROM now WHERE p."conversationId" = ${conversationId}::uuid AND p."userId" = now."userId" AND p."readsAll" <> now.inside`,
  )
