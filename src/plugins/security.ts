import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import fastifyCors from '@fastify/cors'
import fastifyRateLimit from '@fastify/rate-limit'
import fp from 'fastify-plugin'
import helmet, { type HelmetOptions } from 'helmet'
import type { Config } from '../config.ts'
import type { SharedRedis } from '../db/redis.ts'
import { problem } from '../errors.ts'
import { networkOf } from '../rooms/handshake.ts'
import { USER_HEADER } from './auth.ts'
import { countBodies } from './body-quota.ts'
import { createLimits, type MakeLimit } from './limits.ts'
import { countStore } from './shared-counts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Makes limits; they hold nothing back where RATE_LIMIT is off. */
    limit: MakeLimit
  }
}

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
      allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'if-match', 'if-none-match', USER_HEADER],
      exposedHeaders: ['etag', 'location', 'retry-after'],
      maxAge: 600,
    })
    // Answers are somebody's own: no cache between keeps them, and those with tokens nobody keeps.
    app.addHook('onSend', (request, reply, _payload, done) => {
      if (request.url.startsWith('/api/') && !reply.hasHeader('cache-control'))
        reply.header('cache-control', request.url.startsWith('/api/auth/') ? 'no-store' : 'private, no-cache')
      done()
    })
    app.decorate('limit', createLimits({ enabled: config.rateLimit !== null, redis }))
    await app.register(fastifyRateLimit, {
      global: config.rateLimit !== null,
      max: config.rateLimit ?? 1,
      timeWindow: '1 minute',
      store: countStore(redis),
      // After authentication, which has found out who asks.
      hook: 'preParsing',
      keyGenerator: (request) => request.caller?.userId ?? networkOf(request.ip),
      errorResponseBuilder: (_request, { ttl }) => problem('rate-limited', undefined, { retryAfter: Math.ceil(ttl / 1000) }),
    })
    if (config.rateLimit !== null) countBodies(app, config.rateLimit)
  },
  { name: 'cutroom-security', dependencies: ['cutroom-auth'] },
)
