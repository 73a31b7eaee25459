import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { UPLOADS_URL } from '@cutroom/contract'
import fastifyCors from '@fastify/cors'
import fp from 'fastify-plugin'
import helmet, { type HelmetOptions } from 'helmet'
import type { Config } from '../config.ts'
import { USER_HEADER } from './auth.ts'
import type { Origins } from './origins.ts'

/** The headers of helmet. They are the same for every request, so they are computed once. */
function helmetHeaders(options: HelmetOptions): Record<string, string> {
  const request = new IncomingMessage(new Socket())
  const response = new ServerResponse(request)
  helmet(options)(request, response, (error) => {
    if (error) throw error
  })
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]))
}

const VARY = 'Authorization, Cookie, Accept-Encoding'
const EXPOSED = [
  ...['etag', 'location', 'retry-after', 'cutroom-seq', 'cutroom-epoch'],
  ...['accept-ranges', 'content-range', 'content-disposition'],
  ...['tus-resumable', 'tus-version', 'tus-extension', 'tus-max-size', 'upload-offset', 'upload-length', 'upload-expires'],
  'cutroom-file',
]

declare module 'fastify' {
  interface FastifyInstance {
    /** Cross-Origin-Resource-Policy of content: which pages may play and show it in media elements. */
    contentPolicy: 'same-origin' | 'same-site'
  }
}

export interface AnswerHeaders {
  /** Of every answer. */
  secure: Record<string, string>
  /** Of a refusal that is made before any hook runs: with CORS for a page of this origin, if it is allowed, and in no cache. */
  ofRefusal(origin: string | undefined): Record<string, string>
}

export function createAnswerHeaders({
  corsOrigins,
  secureCookies,
}: Pick<Config, 'corsOrigins' | 'secureCookies'>): AnswerHeaders {
  const secure = helmetHeaders({
    // Plain HTTP on a laptop must keep working; a proxy with TLS adds these itself.
    strictTransportSecurity: secureCookies,
    // On plain http browsers heed these for localhost alone, and complain elsewhere.
    crossOriginOpenerPolicy: secureCookies && { policy: 'same-origin' },
    originAgentCluster: secureCookies,
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: secureCookies ? [] : null } },
  })
  return {
    secure,
    ofRefusal: (origin) => ({
      ...secure,
      'cache-control': 'no-store',
      vary: corsOrigins.length > 0 ? `${VARY}, Origin` : VARY,
      ...(origin !== undefined &&
        corsOrigins.includes(origin) && {
          'access-control-allow-origin': origin,
          'access-control-allow-credentials': 'true',
          'access-control-expose-headers': EXPOSED.join(', '),
        }),
    }),
  }
}

/** Headers of every answer, and CORS. Comes before whatever may refuse a request: a page must be able to read why. */
export const headersPlugin = fp<{ config: Config; headers: AnswerHeaders; origins: Origins }>(
  async (app, { config, headers, origins }) => {
    // What tus can do here, said with the answer to any OPTIONS, which CORS gives.
    const uploads = {
      'tus-resumable': '1.0.0',
      'tus-version': '1.0.0',
      'tus-extension': 'creation,creation-with-upload,termination,expiration',
      'tus-max-size': Math.max(...Object.values(config.uploadMax)),
    }
    // Pages of CORS_ORIGINS on the same site have the cookies with which media elements ask.
    app.decorate('contentPolicy', config.corsOrigins.length > 0 ? 'same-site' : 'same-origin')
    app.addHook('onRequest', (request, reply, done) => {
      reply.headers(headers.secure)
      // What decides an answer: a browser keeps one for each of these, and CORS adds the origin.
      if (request.url.startsWith('/api/')) reply.header('vary', VARY)
      // A link is for those who were sent it.
      if (/^\/(api\/)?(shared|invitations|reset|unsubscribe)\//.test(request.url)) reply.header('x-robots-tag', 'noindex')
      if (request.method === 'OPTIONS' && request.url.startsWith(UPLOADS_URL)) reply.headers(uploads)
      origins.note(request.headers)
      done()
    })
    await app.register(fastifyCors, {
      // No other origin is allowed: no CORS headers.
      origin: config.corsOrigins.length > 0 && config.corsOrigins,
      credentials: true,
      methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
      allowedHeaders: [
        'authorization',
        'content-type',
        'idempotency-key',
        'if-match',
        'if-none-match',
        'if-range',
        'last-event-id',
        'range',
        ...['tus-resumable', 'upload-length', 'upload-metadata', 'upload-offset'],
        USER_HEADER,
      ],
      exposedHeaders: EXPOSED,
      maxAge: 600,
      // An OPTIONS request that is no preflight is answered like one: the plugin's refusal is plain text.
      strictPreflight: false,
    })
    // Answers belong to one person: shared caches must not store them, and those with tokens, or to a token, are not stored at all.
    app.addHook('onSend', ({ url, routeOptions }, reply, _payload, done) => {
      if (url.startsWith('/api/') && !reply.hasHeader('cache-control')) {
        const isSecret =
          routeOptions.config.secret === true || /^\/api\/(auth|shared|unsubscribe|invitations\/by-token)\//.test(url)
        reply.header('cache-control', isSecret ? 'no-store' : 'private, no-cache')
      }
      done()
    })
  },
  { name: 'cutroom-headers' },
)
