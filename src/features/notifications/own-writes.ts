import { type Notification, userRoom } from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { readPart } from '../shared/reading.ts'
import { isShown, notificationReading, notificationRows } from './serialize.ts'

/** Rows `t` of a person that they are shown. */
export const ofPerson = (userId: string): Prisma.Sql => Prisma.sql`t."userId" = ${userId}::uuid AND ${isShown}`
const isUnseen = Prisma.sql`t."seenAt" IS NULL AND t."deletedAt" IS NULL`

/** How many a person has not seen, and where their own log stands, in one snapshot. */
export async function countUnseen(query: Query, userId: string): Promise<{ unseen: number; seq: number }> {
  const [row] = await query<{ unseen: number; head: string }>(Prisma.sql`
    SELECT r.head, (SELECT count(*)::int FROM "Notification" t WHERE ${ofPerson(userId)} AND ${isUnseen}) AS unseen
    FROM "Room" r WHERE r.id = ${userRoom(userId)}`)
  return { unseen: row?.unseen ?? 0, seq: Number(row?.head ?? 0) }
}

/** Marks as seen what is not. @param which of the rows `t` of a person */
async function mark({ query, emit }: Write, userId: string, which: Prisma.Sql): Promise<void> {
  const seenAt = new Date().toISOString()
  const marked = await query<{ id: string }>(Prisma.sql`UPDATE "Notification" t SET "seenAt" = ${seenAt}::timestamptz
    WHERE ${ofPerson(userId)} AND ${isUnseen} AND ${which} RETURNING t.id`)
  if (marked.length > 0) emit(userRoom(userId), 'notification:seen', { ids: marked.map(({ id }) => id), seenAt })
}

/** @throws problem not-found, also for a notification of another person */
export async function markOne(write: Write, userId: string, id: string): Promise<Notification> {
  await mark(write, userId, Prisma.sql`t.id = ${id}::uuid`)
  const rows = notificationRows(Prisma.sql`t.id = ${id}::uuid AND ${ofPerson(userId)}`)
  const { items } = await readPart(write.query, notificationReading, { rows, order: Prisma.sql`t.id`, limit: 1, bytes: 0 })
  if (!items[0]) throw problem('not-found')
  return items[0]
}

/** @param upTo the newest that is marked; without it all are */
export async function markAll(write: Write, userId: string, upTo: string | undefined): Promise<{ unseen: number }> {
  await mark(write, userId, upTo === undefined ? Prisma.sql`true` : Prisma.sql`t.id <= ${upTo}::uuid`)
  const { unseen } = await countUnseen(write.query, userId)
  return { unseen }
}

/** Its row stays, without what was written, so that its cause makes no second one. @throws problem not-found */
export async function deleteOne({ query, emit }: Write, userId: string, id: string): Promise<void> {
  const [row] = await query<{ unseen: boolean }>(Prisma.sql`UPDATE "Notification" t
    SET "deletedAt" = now(), "targetName" = NULL, text = NULL WHERE t.id = ${id}::uuid AND ${ofPerson(userId)}
    RETURNING t."seenAt" IS NULL AS unseen`)
  if (!row) throw problem('not-found')
  emit(userRoom(userId), 'notification:deleted', { ids: [id], unseen: row.unseen ? 1 : 0 })
}
