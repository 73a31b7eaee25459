import { MAX_NOTIFICATIONS, type Notification, type NotificationKind, userRoom } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { lockPeople, lockPeopleById } from '../shared/people.ts'
import { readPart } from '../shared/reading.ts'
import { isWanted } from './preferences.ts'
import { type Removed, reportRemoved, returningRemoved } from './removed.ts'
import { notificationReading, notificationRows } from './serialize.ts'

/** Bytes of one as JSON at most, with room to spare. */
const MAX_BYTES = 40 * 1024

/** While a person has not seen so many notifications that one other person caused, that one causes no more: a flood ends here. */
export const MAX_UNSEEN_FROM_ONE = 200

/** Something that people are to be notified of. */
export interface Cause {
  /** Names it, as `comment:<id>`: a person is notified of it once. */
  name: string
  projectId: string
  /** Who did it: they are not notified. */
  actorId: string
  target: { type: string; id: string; name: string | null }
  text: string | null
  link: string
  /** The cut or task that the target is, or is on. */
  onId: string | null
  /** Further things with which its notifications end. */
  about: readonly string[]
  /** Where a person is there twice, the first one of a kind that they want counts. */
  receivers: readonly { userId: string; kind: NotificationKind }[]
}

/** A notification that was written or changed, and whose it is. */
interface Written {
  userId: string
  notification: Notification
}

/** Inserts the rows for those who are members now, want them, and have none of this cause. @returns their ids */
async function insertRows({ query }: Write, cause: Cause): Promise<string[]> {
  const { projectId, actorId, target, onId } = cause
  const receivers = cause.receivers.filter(({ userId }) => userId !== actorId)
  if (receivers.length === 0) return []
  const ids = receivers.map(() => newId())
  const people = receivers.map(({ userId }) => userId)
  const kinds = receivers.map(({ kind }) => kind)
  const about = [target.id, ...(onId === null ? [] : [onId]), ...cause.about]
  // Locked: a member is removed before this, and gets none, or after it.
  const member = Prisma.sql`SELECT "userId" FROM "Member" WHERE "projectId" = ${projectId}::uuid AND "userId" = r."userId" LIMIT 1 FOR KEY SHARE`
  const invited = Prisma.sql`SELECT id AS "userId" FROM "User" WHERE id = r."userId" LIMIT 1`
  const rows = await query<{ id: string }>(Prisma.sql`
    INSERT INTO "Notification" (id, "userId", kind, cause, "projectId", "actorId", "targetType", "targetId", "targetName", text, link,
      "onId", about, "createdAt")
    SELECT r.id, m."userId", r.kind, ${cause.name}, ${projectId}::uuid, ${actorId}::uuid, ${target.type}, ${target.id}::uuid,
      ${target.name}, ${cause.text}, ${cause.link}, ${onId}::uuid, ${about}::uuid[], clock_timestamp()
    FROM unnest(${ids}::uuid[], ${people}::uuid[], ${kinds}::text[]) WITH ORDINALITY AS r(id, "userId", kind, n)
    CROSS JOIN LATERAL (${kinds[0] === 'invitation' ? invited : member}) m
    WHERE ${isWanted(projectId, Prisma.sql`r.kind`)} AND (SELECT count(*) FROM (SELECT FROM "Notification" u
      WHERE u."userId" = m."userId" AND u."seenAt" IS NULL AND u."deletedAt" IS NULL AND u."actorId" = ${actorId}::uuid
      LIMIT ${MAX_UNSEEN_FROM_ONE}) AS unseen) < ${MAX_UNSEEN_FROM_ONE}
    ORDER BY r.n ON CONFLICT ("userId", cause) DO NOTHING RETURNING id`)
  return rows.map(({ id }) => id)
}

/** Removes what people have beyond their bound, the oldest. */
async function trim(write: Write, people: readonly string[]): Promise<void> {
  const removed = await write.query<Removed>(Prisma.sql`
    WITH bounds AS MATERIALIZED (SELECT a.id AS "userId", o.id FROM unnest(${people}::uuid[]) AS a(id) CROSS JOIN LATERAL
      (SELECT id FROM "Notification" WHERE "userId" = a.id ORDER BY id DESC OFFSET ${MAX_NOTIFICATIONS} LIMIT 1) o)
    DELETE FROM "Notification" t USING bounds b WHERE t."userId" = b."userId" AND t.id <= b.id ${returningRemoved}`)
  reportRemoved(write, removed)
}

/** Rows as their people receive them, in the order of their ids. */
async function readWritten({ query }: Write, ids: readonly string[]): Promise<Written[]> {
  const { rows, items } = await readPart(query, notificationReading, {
    rows: notificationRows(Prisma.sql`t.id = ANY(${ids}::uuid[])`),
    order: Prisma.sql`t.id`,
    limit: ids.length,
    bytes: ids.length * MAX_BYTES,
  })
  return items.map((notification, n) => ({ userId: String(rows[n]?.userId), notification }))
}

/**
 * Notifies people of something, in a write. This is the one place where notifications are written, whatever they are of.
 * @returns those that are new, as their people receive them
 */
export async function notify(write: Write, cause: Cause): Promise<Written[]> {
  lockPeopleById(write, [cause.actorId])
  const ids = await insertRows(write, cause)
  if (ids.length === 0) return []
  const written = await readWritten(write, ids)
  for (const { userId, notification } of written) write.emit(userRoom(userId), 'notification:new', notification)
  await trim(
    write,
    written.map(({ userId }) => userId),
  )
  return written
}

/**
 * Makes the notifications of a thing that was edited say what it says now, and tells the people whose they are: of those that change, and
 * of none that they deleted. What the edit took out stays in no list.
 */
export async function rewrite(write: Write, { target: { id, name }, text }: Cause): Promise<void> {
  // Members are locked: one is removed before this, and is told nothing, or after it.
  const changed = await write.query<{ id: string }>(Prisma.sql`
    WITH changed AS (UPDATE "Notification" SET text = ${text}, "targetName" = ${name}
      WHERE about @> ARRAY[${id}::uuid] AND "targetId" = ${id}::uuid AND "deletedAt" IS NULL
        AND (text, "targetName") IS DISTINCT FROM (${text}, ${name}) RETURNING id, "userId", "projectId")
    SELECT c.id FROM changed c CROSS JOIN LATERAL (SELECT FROM "Member"
      WHERE "projectId" = c."projectId" AND "userId" = c."userId" LIMIT 1 FOR KEY SHARE) m`)
  if (changed.length === 0) return
  const ids = changed.map(({ id }) => id)
  lockPeople(write, Prisma.sql`SELECT "actorId" FROM "Notification" WHERE id = ANY(${ids}::uuid[])`)
  for (const { userId, notification } of await readWritten(write, ids))
    write.emit(userRoom(userId), 'notification:updated', notification)
}
