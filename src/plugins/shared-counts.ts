import type { FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import LocalStore from '@fastify/rate-limit/store/LocalStore.js'
import RedisStore from '@fastify/rate-limit/store/RedisStore.js'
import type { SharedRedis } from '../db/redis.ts'

type Store = InstanceType<typeof LocalStore>

/** How long a count is waited for, ms; and how long none is asked for when one did not come, ms. */
const PATIENCE_MS = 20
const REST_MS = 1_000

/** When Redis may be asked again, ms since the epoch: one for all counts of a node. */
interface Rest {
  until: number
}

/** Counts that all nodes share in Redis. Each node counts by itself as well, and goes by that while Redis is away or slow. */
function shared(redis: SharedRedis, rest: Rest, here: Store, all: Store): Store {
  return {
    incr(key, done, timeWindow, max) {
      here.incr(
        key,
        (error, own) => {
          if (error || !redis.healthy() || Date.now() < rest.until) return done(error, own)
          let answered = false
          const goOn = (failed: Error | null, count?: typeof own) => {
            clearTimeout(timer)
            if (answered) return
            answered = true
            if (failed) rest.until = Date.now() + REST_MS
            done(null, failed ? own : count)
          }
          // Behind what has come meanwhile: where this process stood still, Redis was not slow.
          const giveUp = () => setImmediate(goOn, new Error(`no count within ${PATIENCE_MS} ms`))
          const timer = setTimeout(giveUp, PATIENCE_MS)
          all.incr(key, goOn, timeWindow, max)
        },
        timeWindow,
        max,
      )
    },
    child: (options) => shared(redis, rest, here.child(options), all.child(options)),
  }
}

/** The store for @fastify/rate-limit. */
export function sharedCounts(redis: SharedRedis): FastifyRateLimitStoreCtor {
  return function SharedCounts() {
    const all = new RedisStore(false, false, redis.client, `${redis.name}:limit:`)
    return shared(redis, { until: 0 }, new LocalStore(), all)
  } as unknown as FastifyRateLimitStoreCtor
}
