import { PROTOCOL_VERSION } from '@cutroom/contract'
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { Config } from '../config.ts'
import { type Encoding, encode, encodingFor, markEncoded, vary } from './compression.ts'
import { basePathOf, createCookies } from './cookies.ts'
import { asyncApiOf } from './reference/asyncapi.ts'
import { toHtml } from './reference/blocks.ts'
import { eventPage, readEvents } from './reference/events.ts'
import { finish, type OpenApi } from './reference/openapi.ts'
import { plain } from './reference/schemas.ts'

const zodToJsonConfig = { override: plain as (context: { jsonSchema: object }) => void }
const transform = createJsonSchemaTransform({ zodToJsonConfig })
const transformObject = createJsonSchemaTransformObject({ zodToJsonConfig })

/** Serves a document that never changes: made at its first use, and compressed once in each coding. */
function serveDocument(app: FastifyInstance, path: string, type: string, make: () => string): void {
  let body: Buffer | undefined
  const encoded = new Map<Encoding, Promise<Buffer>>()
  app.get(path, { schema: { hide: true } }, async (request, reply) => {
    body ??= Buffer.from(make())
    reply.type(type)
    vary(reply)
    const encoding = encodingFor(request, body.length)
    if (encoding === null) return reply.send(body)
    const bytes = encoded.get(encoding) ?? encode(body, encoding)
    encoded.set(encoding, bytes)
    markEncoded(reply, encoding)
    return reply.send(await bytes)
  })
}

/** The reference: OpenAPI at `/openapi.json`, AsyncAPI at `/asyncapi.json`, pages for people at `/docs` and `/docs/events`. */
export const docsPlugin = fp<{ config: Config }>(
  async (app, { config }) => {
    const base = basePathOf(config)
    await app.register(fastifySwagger, {
      openapi: {
        openapi: '3.1.0',
        servers: [{ url: base || '/' }],
        info: {
          title: 'Cutroom',
          version: `${PROTOCOL_VERSION}`,
          description: `Projects, tasks, vibes, cuts and comments over REST; every committed change in order over Socket.IO ([events](${base}/docs/events)).`,
          license: { name: 'MIT', identifier: 'MIT' } as { name: string },
        },
        components: {
          securitySchemes: {
            bearer: { type: 'http', scheme: 'bearer', description: 'The access token of a login' },
            cookie: {
              type: 'apiKey',
              in: 'cookie',
              name: createCookies(config).accessName,
              description:
                'Set by a login without `delivery`; for pages of this host, and of origins in CORS_ORIGINS on the same site',
            },
          },
        },
      },
      transform: (document) => {
        const { schema, url } = transform(document)
        const access = document.route.config?.access
        if (access !== undefined) Object.assign(schema, { security: access === 'public' ? [] : [{ bearer: [] }, { cookie: [] }] })
        return { schema, url }
      },
      transformObject: (document) => finish(transformObject(document) as OpenApi) as never,
    })
    const json = 'application/json; charset=utf-8'
    serveDocument(app, '/openapi.json', json, () => JSON.stringify(app.swagger()))
    serveDocument(app, '/asyncapi.json', json, () => JSON.stringify(asyncApiOf(readEvents(), config)))
    serveDocument(app, '/docs/events', 'text/html; charset=utf-8', () => toHtml('Cutroom: events', eventPage(readEvents())))
    await app.register(fastifySwaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      // On plain http it would send the page's own scripts to a port that speaks no TLS; browsers spare localhost alone.
      transformStaticCSP: (policy) => (config.secureCookies ? policy : policy.replace(/\s*upgrade-insecure-requests;?/, '')),
      uiConfig: { validatorUrl: null, docExpansion: 'list', layout: 'BaseLayout' },
    })
  },
  { name: 'cutroom-docs' },
)
