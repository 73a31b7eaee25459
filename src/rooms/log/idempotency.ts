import { type RoomId, userRoom } from '@cutroom/contract'
import type { Query } from '../../db/client.ts'
import { Prisma } from '../../db/client.ts'
import { problem } from '../../errors.ts'

export interface Key {
  userId: string
  key: string
  /** Of the whole request: the same key on another one is a mistake. */
  fingerprint: string
}

/** The name of the advisory lock that a write holds while it answers a key. */
export const lockOf = ({ userId, key }: Key): string => `${userId} ${key}`

/**
 * The saved answer, for a caller who may still see it: a member of its project, or the person of its user room. An answer
 * without a body shows nothing, so it may outlive its project; so may that of the project's creation.
 * @throws problem not-found | gone, where retention has taken the event that was the answer
 */
async function firstAnswer(query: Query, { userId, key }: Key): Promise<{ body: unknown; room: RoomId }> {
  const [found] = await query<{ lost: boolean; visible: boolean; body: unknown; room: RoomId }>(
    Prisma.sql`SELECT a.lost, v.visible, coalesce(e.room, k.answer->>'room') AS room, CASE WHEN v.visible THEN a.body END AS body
      FROM "IdempotencyKey" k LEFT JOIN "Event" e ON e.id = k."eventId",
      LATERAL (SELECT k."eventId" IS NOT NULL AND e.id IS NULL AS lost, coalesce(e.payload, k.answer->'body') AS body,
        coalesce(e.room, k.answer->>'room') = ${userRoom(userId)} AS own,
        CASE WHEN e.name = 'project:created' THEN e.payload->>'id'
          ELSE substring(coalesce(e.room, k.answer->>'room') FROM '^project:(.*)$') END::uuid AS "projectId") a,
      LATERAL (SELECT coalesce(CASE
        WHEN a."projectId" IS NULL THEN a.own
        WHEN EXISTS (SELECT FROM "Project" p WHERE p.id = a."projectId" AND p."deletedAt" IS NULL)
          THEN EXISTS (SELECT FROM "Member" m WHERE m."projectId" = a."projectId" AND m."userId" = k."userId")
        ELSE a.own OR a.body IS NULL END, false) AS visible) v
      WHERE k."userId" = ${userId}::uuid AND k.key = ${key}`,
  )
  if (found?.lost) throw problem('gone', 'The first answer to this key is no longer kept')
  if (!found?.visible) throw problem('not-found')
  return { body: found.body ?? undefined, room: found.room }
}

/**
 * Runs a write once per key; `run` saves its answer, which is given again.
 * @param checkCaller runs before a saved answer is given again
 * @param onRepeated called with the room of a saved answer
 * @throws problem idempotency-running | idempotency-mismatch | not-found | gone
 */
export async function withIdempotencyKey<T>(
  { query }: { query: Query },
  key: Key | undefined,
  run: () => Promise<T>,
  checkCaller: () => Promise<unknown>,
  onRepeated: (room: RoomId) => void,
): Promise<T> {
  if (!key) return run()
  // An answer that is committed between the two parts of this statement makes saving ours fail: `commit` then tries again at once.
  const [found] = await query<{ free: boolean; fingerprint: string | null }>(
    Prisma.sql`SELECT pg_try_advisory_xact_lock(hashtextextended(${lockOf(key)}, 0)) AS free, k.fingerprint
      FROM (SELECT 1) AS one LEFT JOIN "IdempotencyKey" k ON k."userId" = ${key.userId}::uuid AND k.key = ${key.key}`,
  )
  if (!found?.free) throw problem('idempotency-running', undefined, { retryAfter: 1 })
  if (found.fingerprint === null) return run()
  await checkCaller()
  if (found.fingerprint !== key.fingerprint) throw problem('idempotency-mismatch')
  const { body, room } = await firstAnswer(query, key)
  onRepeated(room)
  return body as T
}
