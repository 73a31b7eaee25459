import type { FastifyRateLimitStoreCtor } from '@fastify/rate-limit'
import LocalStore from '@fastify/rate-limit/store/LocalStore.js'
import RedisStore from '@fastify/rate-limit/store/RedisStore.js'
import type { SharedRedis } from '../db/redis.ts'

type Store = InstanceType<typeof LocalStore>

/** Counts that all nodes share in Redis. Each node counts by itself as well, and goes by that while Redis is away. */
function shared(redis: SharedRedis, here: Store, all: Store): Store {
  return {
    incr(key, done, timeWindow, max) {
      here.incr(
        key,
        (error, own) => {
          if (error || !redis.healthy()) done(error, own)
          else all.incr(key, (away, count) => done(null, away ? own : count), timeWindow, max)
        },
        timeWindow,
        max,
      )
    },
    child: (options) => shared(redis, here.child(options), all.child(options)),
  }
}

/** The store for @fastify/rate-limit. */
export function sharedCounts(redis: SharedRedis): FastifyRateLimitStoreCtor {
  return function SharedCounts() {
    return shared(redis, new LocalStore(), new RedisStore(false, false, redis.client, 'cutroom:limit:'))
  } as unknown as FastifyRateLimitStoreCtor
}
