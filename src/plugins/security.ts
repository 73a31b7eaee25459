import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fastifyCors from '@fastify/cors'
import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import helmet, { type HelmetOptions } from 'helmet'
import type { Config } from '../config.ts'
import type { SharedRedis } from '../db/redis.ts'
import { problem } from '../errors.ts'
import { networkOf } from '../rooms/handshake.ts'
import { countBodies } from './body-quota.ts'
import { sharedCounts } from './shared-counts.ts'

/** What helmet says. It says the same to everybody: once is enough. */
function securityHeaders(options: HelmetOptions): Record<string, string> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  helmet(options)(request, response, (error) => {
    if (error) throw error
  })
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]))
}

const VARY = 'Authorization, Cookie'

/** Headers, CORS, and how often one person may ask. */
export const securityPlugin = fp<{ config: Config; redis: SharedRedis | undefined }>(
  async (app, { config, redis }) => {
    const headers = securityHeaders({
      // Plain HTTP on a laptop must keep working; a proxy with TLS adds these itself.
      strictTransportSecurity: config.secureCookies,
      contentSecurityPolicy: { directives: { upgradeInsecureRequests: config.secureCookies ? [] : null } },
    })
    app.addHook('onRequest', (request, reply, done) => {
      reply.headers(headers)
      // What decides an answer: a browser keeps one for each of these, and CORS adds the origin.
      if (request.url.startsWith('/api/')) reply.header('vary', VARY)
      done()
    })
    await app.register(fastifyCors, {
      // Where nobody is let in from elsewhere, there is nothing to say.
      origin: config.corsOrigins.length > 0 && config.corsOrigins,
      credentials: true,
      methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'if-match', 'if-none-match'],
      exposedHeaders: ['etag', 'location', 'retry-after'],
      maxAge: 600,
    })
    // Answers are somebody's own: no cache between keeps them, and those with tokens nobody keeps.
    app.addHook('onSend', (request, reply, _payload, done) => {
      if (request.url.startsWith('/api/') && !reply.hasHeader('cache-control'))
        reply.header('cache-control', request.url.startsWith('/api/auth/') ? 'no-store' : 'private, no-cache')
      done()
    })
    await app.register(fastifyRateLimit, {
      global: config.rateLimit !== null,
      max: config.rateLimit ?? 1,
      timeWindow: '1 minute',
      ...(redis && { store: sharedCounts(redis) }),
      // After authentication, which has found out who asks.
      hook: 'preParsing',
      keyGenerator: (request) => request.caller?.userId ?? networkOf(request.ip),
      errorResponseBuilder: (_request, { ttl }) => problem('rate-limited', undefined, { retryAfter: Math.ceil(ttl / 1000) }),
    })
    if (config.rateLimit !== null) countBodies(app, config.rateLimit)
  },
  { name: 'cutroom-security', dependencies: ['cutroom-auth'] },
)

/**
 * Makes limits of `max` requests in 15 minutes per key; off where RATE_LIMIT is off.
 * @throws problem rate-limited, with `retryAfter`
 */
export function limiter(app: FastifyInstance, config: Config) {
  return (
    nameSpace: string,
    max: number,
    key: (request: FastifyRequest) => string,
  ): ((request: FastifyRequest) => Promise<void>) => {
    if (config.rateLimit === null) return async () => {}
    const count = app.createRateLimit({
      max,
      timeWindow: '15 minutes',
      keyGenerator: (request) => `${nameSpace}:${key(request)}`,
    })
    return async (request) => {
      const used = await count(request)
      if (!used.isAllowed && used.isExceeded) throw problem('rate-limited', undefined, { retryAfter: Math.ceil(used.ttl / 1000) })
    }
  }
}
