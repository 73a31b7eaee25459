import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { Config } from '../config.ts'
import { problem } from '../errors.ts'
import type { SharedRedis } from '../redis.ts'
import { networkOf } from '../rooms/sockets/handshake.ts'
import { countBodies } from './body-quota.ts'
import { createLimits, type MakeLimit } from './limits.ts'
import { countStore } from './rate-limit-store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes limits; they hold nothing back where RATE_LIMIT is off. */
    limit: MakeLimit
  }
}

/** An API token counts by itself: a leaked one uses up nothing but its own, also after its end. */
const subjectOf = ({ caller, ip }: FastifyRequest): string => {
  if (caller === null) return networkOf(ip)
  return caller.apiToken ? caller.sessionId : caller.userId
}

/** How often one person may ask. */
export const securityPlugin = fp<{ config: Config; redis: SharedRedis | undefined }>(
  async (app, { config, redis }) => {
    app.decorate('limit', createLimits({ enabled: config.rateLimit !== null, redis }))
    await app.register(fastifyRateLimit, {
      global: config.rateLimit !== null,
      max: config.rateLimit ?? 1,
      timeWindow: '1 minute',
      store: countStore(redis),
      // After authentication, which has found out who asks.
      hook: 'preParsing',
      keyGenerator: subjectOf,
      errorResponseBuilder: (_request, { ttl }) => problem('rate-limited', undefined, { retryAfter: Math.ceil(ttl / 1000) }),
    })
    if (config.rateLimit !== null) countBodies(app, config.rateLimit)
  },
  { name: 'cutroom-security', dependencies: ['cutroom-auth'] },
)
