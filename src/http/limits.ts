import { hash } from 'node:crypto'
import { problem } from '../errors.ts'
import type { SharedRedis } from '../redis.ts'
import { readCount, sharedStore } from './rate-limit-store.ts'
import { createWindowCounts, type Window } from './window-counts.ts'

/** Keys that one limit remembers on a node, a hundred bytes each. */
const CAPACITY = 50_000

/** So often in a window, per key. */
export interface Limit {
  /** How often it was counted in the window under way. */
  used(key: string): Promise<number>
  count(key: string): Promise<void>
  /**
   * @param most in place of the limit
   * @throws problem rate-limited, with `retryAfter`, when nothing is left
   */
  assert(key: string, most?: number): Promise<void>
  /** Asserts and counts. */
  spend(key: string): Promise<void>
}

/** Makes a limit: `most` times in `windowMs` for each key. */
export type MakeLimit = (name: string, most: number, windowMs?: number) => Limit

export const QUARTER_HOUR_MS = 15 * 60_000

const NO_LIMIT: Limit = { used: async () => 0, count: async () => {}, assert: async () => {}, spend: async () => {} }

/** Limits whose counts all nodes share while Redis answers, and that each node keeps by itself as well. */
export function createLimits({ enabled, redis }: { enabled: boolean; redis: SharedRedis | undefined }): MakeLimit {
  if (!enabled) return () => NO_LIMIT
  const shared = redis && sharedStore(redis)
  return (name, most, windowMs = QUARTER_HOUR_MS) => {
    const here = createWindowCounts({ windowMs, limit: most, capacity: CAPACITY })
    // Of one length, and no e-mail address leaves the process.
    const keyOf = (key: string) => `${name}:${hash('sha256', key, 'base64url').slice(0, 22)}`
    async function used(key: string): Promise<Window> {
      const id = keyOf(key)
      const own = here.of(id) ?? { count: 0, endsAt: Date.now() + windowMs }
      const all = shared && (await readCount(shared, (store, done) => store.read(id, done, windowMs, most)))
      if (!all || all.current <= own.count) return own
      return { count: all.current, endsAt: Date.now() + all.ttl }
    }
    async function count(key: string): Promise<void> {
      const id = keyOf(key)
      here.add(id)
      if (shared) await readCount(shared, (store, done) => store.incr(id, done, windowMs, most))
    }
    async function assert(key: string, limit = most): Promise<void> {
      const { count, endsAt } = await used(key)
      if (count >= limit)
        throw problem('rate-limited', undefined, { retryAfter: Math.max(Math.ceil((endsAt - Date.now()) / 1000), 1) })
    }
    return {
      used: async (key) => (await used(key)).count,
      count,
      assert,
      async spend(key) {
        await assert(key)
        await count(key)
      },
    }
  }
}
