import { MAX_UNREAD_ACTIVITIES } from '@cutroom/contract'
import type { Query } from '../../db/client.ts'

const COUNT = `SELECT p.id, u.count FROM unnest($2::uuid[]) AS p(id)
  JOIN "Room" r ON r.id = 'project:' || p.id
  LEFT JOIN "ActivityRead" a ON a."userId" = $1::uuid AND a."projectId" = p.id
  CROSS JOIN LATERAL (SELECT count(*)::int FROM (
    SELECT 1 FROM (
      SELECT e.seq, e.name, e."actorId" FROM "Event" e WHERE e.room = r.id AND e.seq > greatest(r.floor, a.seq, r.head - ${MAX_UNREAD_ACTIVITIES}) ORDER BY e.seq DESC
      LIMIT ${MAX_UNREAD_ACTIVITIES}
    ) e WHERE e.name = ANY($3::text[]) AND e."actorId" IS DISTINCT FROM $1::uuid AND NOT EXISTS (
      SELECT FROM "ActivityDismissal" d WHERE d."userId" = $1::uuid AND d."projectId" = p.id AND d.seq = e.seq
    )
  ) e) u`

/**
 * Counts a person's unread activities among the last events of projects of theirs.
 * @param query on connections for large reads
 * @param actions names of the events that are shown
 */
export async function countUnread(
  query: Query,
  userId: string,
  projectIds: readonly string[],
  actions: readonly string[],
): Promise<Map<string, number>> {
  const rows = await query<{ id: string; count: number }>({ text: COUNT, values: [userId, projectIds, actions] })
  return new Map(rows.map(({ id, count }) => [id, count]))
}
