import { Prisma } from '../db/client.ts'
import { problem } from '../errors.ts'
import type { Write } from './commit.ts'

export interface Key {
  userId: string
  key: string
  /** Of the whole request: the same key on another one is a mistake. */
  fingerprint: string
}

/** The name of the advisory lock that the one who answers a key holds. */
export const lockOf = ({ userId, key }: Key): string => `${userId} ${key}`

/**
 * Runs a write once per key: its answer is kept in the write's own transaction and given again.
 * @param again checks whoever is given an answer again
 * @throws problem idempotency-running | idempotency-mismatch
 */
export async function once<T>(
  { query, keep }: Pick<Write, 'query' | 'keep'>,
  key: Key | undefined,
  run: () => Promise<T>,
  again: () => Promise<unknown>,
): Promise<T> {
  if (!key) return run()
  // An answer that commits between the look and the lock is met when ours is kept: `commit` then tries again.
  const [found] = await query<{ free: boolean; fingerprint: string | null; answer: { body?: T } | null }>(
    Prisma.sql`SELECT pg_try_advisory_xact_lock(hashtextextended(${lockOf(key)}, 0)) AS free, k.fingerprint, k.answer
      FROM (SELECT 1) AS one LEFT JOIN "IdempotencyKey" k ON k."userId" = ${key.userId}::uuid AND k.key = ${key.key}`,
  )
  if (!found?.free) throw problem('idempotency-running', undefined, { retryAfter: 1 })
  if (found.fingerprint !== null) {
    await again()
    if (found.fingerprint !== key.fingerprint) throw problem('idempotency-mismatch')
    return found.answer?.body as T
  }
  const body = await run()
  keep(key, body)
  return body
}
