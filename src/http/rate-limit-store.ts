import type { FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import RedisStore from '@fastify/rate-limit/store/RedisStore.js'
import type { SharedRedis } from '../redis.ts'
import { createWindowCounts, type WindowCounts } from './window-counts.ts'

type Store = InstanceType<typeof RedisStore>
type Done = Parameters<Store['incr']>[1]
type Count = NonNullable<Parameters<Done>[1]>

/** How long a count is waited for, ms; and how long none is asked for when one did not come, ms. */
const PATIENCE_MS = 20
const REST_MS = 1_000

/** Counts in Redis. */
export interface SharedStore {
  redis: SharedRedis
  store: Store
  /** When Redis may be asked again, ms since the epoch: one for all counts of a node. */
  restUntil: number
}

const stores = new WeakMap<SharedRedis, SharedStore>()

/** The counts in this Redis. */
export function sharedStore(redis: SharedRedis): SharedStore {
  const known = stores.get(redis)
  if (known) return known
  const made = { redis, store: new RedisStore(false, false, redis.client, `${redis.name}:limit:`), restUntil: 0 }
  stores.set(redis, made)
  return made
}

/** Asks for a count; undefined while Redis is away or slow. */
export async function readCount(
  shared: SharedStore,
  ask: (store: Store, done: Done) => void,
  store: SharedStore['store'] = shared.store,
): Promise<Count | undefined> {
  if (!shared.redis.healthy() || Date.now() < shared.restUntil) return undefined
  return new Promise((resolve) => {
    let answered = false
    const finish = (failed: Error | null, count?: Count) => {
      clearTimeout(timer)
      if (answered) return
      answered = true
      if (failed) shared.restUntil = Date.now() + REST_MS
      resolve(failed ? undefined : count)
    }
    // Behind what has come since: where this process stood still, Redis was not slow.
    const giveUp = () => setImmediate(finish, new Error(`no count within ${PATIENCE_MS} ms`))
    const timer = setTimeout(giveUp, PATIENCE_MS)
    ask(store, finish)
  })
}

/** People and addresses that a node remembers, a hundred bytes each. */
const CAPACITY = 50_000

/** Counts of this node. The plugin's own store forgets at 5,000 keys whichever was asked for last, also one that is locked. */
function localStore(): Store {
  let counts: WindowCounts | undefined
  const answer = (done: Done, { count, endsAt }: { count: number; endsAt: number }) =>
    done(null, { current: count, ttl: Math.max(endsAt - Date.now(), 0) })
  const of = (windowMs: number, limit: number) => {
    counts ??= createWindowCounts({ windowMs, limit, capacity: CAPACITY })
    return counts
  }
  return {
    incr: (key, done, timeWindow, max) => answer(done, of(timeWindow, max).add(key)),
    read: (key, done, timeWindow, max) => answer(done, of(timeWindow, max).of(key) ?? { count: 0, endsAt: 0 }),
    child: localStore,
  }
}

/** Counts that all nodes share in Redis. Each node counts by itself as well, and goes by that while Redis is away or slow. */
function withShared(shared: SharedStore, here: Store, all: Store): Store {
  return {
    incr(key, done, timeWindow, max) {
      here.incr(
        key,
        (error, own) => {
          if (error) return done(error, own)
          void readCount(shared, (store, counted) => store.incr(key, counted, timeWindow, max), all).then((count) =>
            done(null, count ?? own),
          )
        },
        timeWindow,
        max,
      )
    },
    read: (key, done, timeWindow, max) => here.read(key, done, timeWindow, max),
    child: (options) => withShared(shared, here.child(options), all.child(options)),
  }
}

/** The store for @fastify/rate-limit. */
export function countStore(redis: SharedRedis | undefined): FastifyRateLimitStoreCtor {
  return function CountStore() {
    const shared = redis && sharedStore(redis)
    return shared ? withShared(shared, localStore(), shared.store) : localStore()
  } as unknown as FastifyRateLimitStoreCtor
}
