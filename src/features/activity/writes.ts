import { type ActivityRead, userRoom } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { projectIdOf } from '../../rooms/kinds.ts'
import type { Write } from '../../rooms/log/commit.ts'

/** What was in a project before a person came counts as read by them. Sent after the insertion of the member. */
export const beginReading = ({ assert }: Pick<Write, 'assert'>, projectId: string, userId: string): void =>
  assert(Prisma.sql`INSERT INTO "ActivityRead" ("userId", "projectId", seq)
    SELECT ${userId}::uuid, ${projectId}::uuid, head FROM "Room" WHERE id = 'project:' || ${projectId}::text`)

/** Moves a person's read position forward, to the head of the log at most. @throws problem not-found */
export async function markRead({ query, emit }: Write, userId: string, { projectId, seq }: ActivityRead): Promise<ActivityRead> {
  // Locked: who is removed at the same time has no row after that.
  const [at] = await query<{ head: string }>(Prisma.sql`
    SELECT r.head FROM "Member" m CROSS JOIN LATERAL (SELECT head FROM "Room" WHERE id = 'project:' || m."projectId" LIMIT 1) r
    WHERE m."projectId" = ${projectId}::uuid AND m."userId" = ${userId}::uuid FOR KEY SHARE OF m`)
  if (!at) throw problem('not-found')
  const next = Math.min(seq, Number(at.head))
  const [moved] = await query(Prisma.sql`
    INSERT INTO "ActivityRead" AS a ("userId", "projectId", seq) SELECT ${userId}::uuid, ${projectId}::uuid, ${next}::bigint WHERE ${next} > 0
    ON CONFLICT ("userId", "projectId") DO UPDATE SET seq = excluded.seq WHERE a.seq < excluded.seq RETURNING seq`)
  if (moved) return emit(userRoom(userId), 'activity:read', { projectId, seq: next })
  const [kept] = await query<{ seq: string }>(
    Prisma.sql`SELECT seq FROM "ActivityRead" WHERE "userId" = ${userId}::uuid AND "projectId" = ${projectId}::uuid`,
  )
  return { projectId, seq: Number(kept?.seq ?? 0) }
}

/**
 * The place of an event that a person may see in their lists now.
 * @param actions names of the events that are shown
 * @throws problem not-found
 */
async function placeOf({ query }: Write, userId: string, eventId: string, actions: readonly string[]) {
  const [event] = await query<{ room: string; seq: string; name: string }>(
    Prisma.sql`SELECT room, seq, name FROM "Event" WHERE id = ${eventId}::uuid AND seq IS NOT NULL`,
  )
  const projectId = event && actions.includes(event.name) ? projectIdOf(event.room) : null
  if (!event || projectId === null) throw problem('not-found')
  const [member] = await query(Prisma.sql`
    SELECT 1 FROM "Member" m CROSS JOIN LATERAL (SELECT floor FROM "Room" WHERE id = ${event.room} LIMIT 1) r
    WHERE m."projectId" = ${projectId}::uuid AND m."userId" = ${userId}::uuid AND r.floor < ${event.seq}::bigint FOR KEY SHARE OF m`)
  if (!member) throw problem('not-found')
  return { projectId, seq: event.seq }
}

/** Leaves an event out of a person's lists. @throws problem not-found */
export async function dismiss(write: Write, userId: string, eventId: string, actions: readonly string[]): Promise<void> {
  const { projectId, seq } = await placeOf(write, userId, eventId, actions)
  const [dismissed] = await write.query(Prisma.sql`
    INSERT INTO "ActivityDismissal" ("userId", "projectId", seq) VALUES (${userId}::uuid, ${projectId}::uuid, ${seq}::bigint)
    ON CONFLICT DO NOTHING RETURNING seq`)
  if (dismissed) write.emit(userRoom(userId), 'activity:dismissed', { projectId, eventId })
}

/** Brings it back. @throws problem not-found */
export async function restore(write: Write, userId: string, eventId: string, actions: readonly string[]): Promise<void> {
  const { projectId, seq } = await placeOf(write, userId, eventId, actions)
  const [restored] = await write.query(Prisma.sql`
    DELETE FROM "ActivityDismissal" WHERE "userId" = ${userId}::uuid AND "projectId" = ${projectId}::uuid AND seq = ${seq}::bigint RETURNING seq`)
  if (restored) write.emit(userRoom(userId), 'activity:restored', { projectId, eventId })
}
