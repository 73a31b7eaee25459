import { type Conversation, MAX_UNREAD, type Message, type Person } from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'
import { LOWEST_ID } from '../../db/ids.ts'
import { problem } from '../../errors.ts'
import { newestFirst, readPage } from '../shared/paging.ts'
import { type Readable, ROW_BYTES } from '../shared/reading.ts'
import { isVisible, mayWrite } from './access.ts'

type ListRequest = Parameters<typeof readPage>[1]

/** Bytes of JSON around a person, and of their read position. */
const PERSON_BYTES = 200

/** Sorted by their newest message, a list has places by its id: `id` of a row is that one, or of a conversation without any its own. */
const places: Readable<string> = {
  columns: Prisma.sql`t.id, t."conversationId"`,
  joins: Prisma.sql`CROSS JOIN LATERAL (
      SELECT sum(${PERSON_BYTES} + octet_length(to_json(u.name)::text) + coalesce(octet_length(to_json(u."avatarUrl")::text), 0)) AS bytes
      FROM "Participant" q CROSS JOIN LATERAL (SELECT name, "avatarUrl" FROM "User" WHERE id = q."userId" LIMIT 1) u
      WHERE q."conversationId" = t."conversationId"
    ) people LEFT JOIN LATERAL (
      SELECT octet_length(to_json(m.body)::text) AS bytes FROM "Message" m
      WHERE m."conversationId" = t."conversationId" AND (t."readsAll" OR m.id <= t."visibleId") ORDER BY m.id DESC LIMIT 1
    ) newest ON true`,
  size: Prisma.sql`${ROW_BYTES} + people.bytes + coalesce(newest.bytes, 0)`,
  present: ({ conversationId }) => conversationId as string,
}

interface Row {
  id: string
  title: string | null
  createdAt: Date
  updatedAt: Date
  members: (Person & { readId: string | null })[]
  lastMessage: (Omit<Message, 'author'> & { authorId: string }) | null
  unread: number
  canWrite: boolean
}

/** A conversation as a participant sees it. */
function present({ id, title, members, lastMessage, unread, canWrite, createdAt, updatedAt }: Row): Conversation {
  const people = members.map(({ readId: _, ...person }) => person)
  const read = members.flatMap(({ id, readId }) => (readId === null ? [] : [[id, readId] as const]))
  const { authorId, ...message } = lastMessage ?? {}
  const author = people.find((person) => person.id === authorId)
  return {
    id,
    title,
    members: people,
    lastMessage: author ? { ...(message as Omit<Message, 'author'>), author } : null,
    unread,
    readUpTo: Object.fromEntries(read),
    canWrite,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}

/** RFC 3339 in UTC with milliseconds, as JavaScript writes it. */
const time = (column: string) => Prisma.raw(`to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`)

/** Conversations of a person, of those that are named, in any order. Of unread messages no more are looked at than are counted. */
export async function loadConversations(
  query: Query,
  userId: string,
  ids: readonly string[],
): Promise<Map<string, Conversation>> {
  const rows = await query<Row & { unread: string }>(Prisma.sql`
    SELECT c.id, c.title, c."createdAt", c."updatedAt", people.members, newest.message AS "lastMessage", unread.count AS unread,
      ${mayWrite(Prisma.sql`c.id`, Prisma.sql`${userId}::uuid`)} AS "canWrite"
    FROM unnest(${[...ids]}::uuid[]) AS a(id) JOIN "Conversation" c ON c.id = a.id
    JOIN "Participant" p ON p."conversationId" = c.id AND p."userId" = ${userId}::uuid
    CROSS JOIN LATERAL (
      SELECT json_agg(json_build_object('id', u.id, 'name', u.name, 'avatarUrl', u."avatarUrl", 'readId', q."readId") ORDER BY u.id) AS members
      FROM "Participant" q CROSS JOIN LATERAL (SELECT id, name, "avatarUrl" FROM "User" WHERE id = q."userId" LIMIT 1) u
      WHERE q."conversationId" = c.id
    ) people
    LEFT JOIN LATERAL (
      SELECT json_build_object('id', m.id, 'conversationId', m."conversationId", 'authorId', m."authorId", 'body', m.body,
        'editedAt', ${time('m."editedAt"')}, 'version', m.version, 'createdAt', ${time('m."createdAt"')}, 'updatedAt', ${time('m."updatedAt"')}) AS message
      FROM "Message" m WHERE m."conversationId" = c.id AND ${isVisible(Prisma.sql`m.id`)} ORDER BY m.id DESC LIMIT 1
    ) newest ON true
    CROSS JOIN LATERAL (
      SELECT count(*) FROM (SELECT 1 FROM "Message" m WHERE m."conversationId" = c.id AND ${isVisible(Prisma.sql`m.id`)}
        AND m.id > coalesce(p."readId", ${LOWEST_ID}::uuid) ORDER BY m.id LIMIT ${MAX_UNREAD}) AS m
    ) unread`)
  return new Map(rows.map((row) => [row.id, present({ ...row, unread: Number(row.unread) })]))
}

/** @throws problem not-found, for a conversation of others, too */
export async function loadConversation(query: Query, userId: string, id: string): Promise<Conversation> {
  const found = (await loadConversations(query, userId, [id])).get(id)
  if (!found) throw problem('not-found')
  return found
}

/** A page of a person's conversations, those with the newest message first. */
export async function listConversations(query: Query, userId: string, asked: ListRequest) {
  const { data, nextCursor } = await readPage(query, asked, {
    order: newestFirst,
    reading: places,
    of: userId,
    rows: (after) => Prisma.sql`(SELECT t.* FROM (
      SELECT coalesce(CASE WHEN p."readsAll" THEN c."lastId" ELSE p."visibleId" END, c.id) AS id, p."conversationId", p."readsAll", p."visibleId"
      FROM "Participant" p CROSS JOIN LATERAL (SELECT id, "lastId" FROM "Conversation" WHERE id = p."conversationId" LIMIT 1) c
      WHERE p."userId" = ${userId}::uuid
    ) t WHERE ${after}) t`,
  })
  const found = await loadConversations(query, userId, data)
  return { data: data.flatMap((id) => found.get(id) ?? []), nextCursor }
}
