import { type Payload, userRoom } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import type { Write } from '../../rooms/log/commit.ts'
import type { LogEntry } from '../../rooms/log/log.ts'
import { type Removed, reportRemoved, returningRemoved } from './removed.ts'

/** Removes the notifications about a thing that is gone: a comment with its replies, a task, a cut, a file, an invitation. */
export async function endThing(write: Write, id: string): Promise<void> {
  reportRemoved(
    write,
    await write.query<Removed>(Prisma.sql`DELETE FROM "Notification" t WHERE t.about @> ARRAY[${id}::uuid] ${returningRemoved}`),
  )
}

/** A vibe is gone, with its cuts: which these were, no event says. OFFSET: looked up for each row. */
export async function endLostCuts(write: Write, projectId: string): Promise<void> {
  reportRemoved(
    write,
    await write.query<Removed>(Prisma.sql`DELETE FROM "Notification" t WHERE t."projectId" = ${projectId}::uuid
      AND t."onId" IS NOT NULL AND NOT EXISTS (SELECT FROM "Cut" WHERE id = t."onId" OFFSET 0)
      AND NOT EXISTS (SELECT FROM "Task" WHERE id = t."onId" OFFSET 0) ${returningRemoved}`),
  )
}

/**
 * A person has lost a project. Its notifications were not shown to them any more from that moment on; here the rows go, and what was
 * written in the project goes out of the events of before in their own log. `notification:deleted` follows also where no row is left:
 * it makes every node forget the events as they were.
 */
export async function endMembership(write: Write, userId: string, { meta, payload }: LogEntry): Promise<void> {
  const { projectId } = payload as Payload<'project:left'>
  // Of a person who was added again since, what is newer stays.
  const removed = await write.query<Removed>(Prisma.sql`DELETE FROM "Notification" t WHERE t."userId" = ${userId}::uuid
    AND t."projectId" = ${projectId}::uuid AND t."createdAt" <= ${meta.at}::timestamptz ${returningRemoved}`)
  const redacted = await write.query(Prisma.sql`
    WITH texts AS (SELECT e.id, jsonb_set(jsonb_set(e.payload::jsonb, '{text}', 'null'), '{target,name}', 'null') AS payload
      FROM "Event" e WHERE e.room = ${meta.room} AND e.seq < ${meta.seq} AND e.name IN ('notification:new', 'notification:updated')
        AND e.payload ->> 'projectId' = ${projectId})
    UPDATE "Event" e SET payload = t.payload::json, bytes = octet_length(t.payload::text) FROM texts t WHERE e.id = t.id RETURNING 1`)
  if (removed.length === 0 && redacted.length === 0) return
  const unseen = removed.filter((row) => row.shown && row.unseen).length
  write.emit(userRoom(userId), 'notification:deleted', { ids: removed.map(({ id }) => id), unseen })
}
