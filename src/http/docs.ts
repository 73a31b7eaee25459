import { PROTOCOL_VERSION } from '@cutroom/contract'
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import fp from 'fastify-plugin'
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod'
import type { Config } from '../config.ts'
import { basePathOf } from './cookies.ts'

/** Zod writes out what every reader of OpenAPI knows: the pattern behind a format, the bounds of a safe integer. */
const zodToJsonConfig = {
  override: ({ jsonSchema }: { jsonSchema: Record<string, unknown> }) => {
    if (jsonSchema.format !== undefined) delete jsonSchema.pattern
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  },
}
const transform = createJsonSchemaTransform({ zodToJsonConfig })
const transformObject = createJsonSchemaTransformObject({ zodToJsonConfig })
const problemAnswer = {
  description: 'A problem (RFC 9457); `code` is from a closed list',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}

const header = (name: string, description: string) => ({ in: 'header', name, description, schema: { type: 'string' } })
const parameters = {
  IdempotencyKey: header(
    'Idempotency-Key',
    'Send the same key again and you get the first answer again; the event carries it as meta.mutationId',
  ),
  IfMatch: header('If-Match', 'The ETag, or the version in quotes, that you have seen; another version now answers 412'),
  IfNoneMatch: header('If-None-Match', 'The ETag that you have; answers 304 while it is still the one'),
}
const refer = (name: keyof typeof parameters) => ({ $ref: `#/components/parameters/${name}` })

interface Operation {
  security?: unknown
  parameters?: unknown[]
  responses: Record<string, unknown>
}
interface OpenApi {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, unknown>; parameters?: unknown }
}

/** Of an answer to a write. */
const positionHeaders = {
  'Cutroom-Seq': { description: 'The head of the room’s log, with the events of this write', schema: { type: 'integer' } },
  'Cutroom-Epoch': { description: 'The history of the log that the position is of', schema: { type: 'string' } },
}
const successes = ({ responses }: Operation): object[] =>
  Object.entries(responses).flatMap(([status, answer]) => (/^2\d\d$/.test(status) ? [answer as object] : []))

/** What every endpoint does alike, said once: problems and conditional headers. Drops schemas without a reference. */
function finish(openapi: OpenApi): OpenApi {
  for (const [url, path] of Object.entries(openapi.paths))
    for (const [method, operation] of Object.entries(path)) {
      Object.assign(operation.responses, { '4XX': problemAnswer, '5XX': problemAnswer })
      if (operation.responses['204']) operation.responses['204'] = { description: 'Done' }
      if (!operation.security) continue
      const names: (keyof typeof parameters)[] = method === 'get' ? ['IfNoneMatch'] : ['IdempotencyKey']
      // A logout by refresh token alone is no write of a caller.
      if (method !== 'get' && url !== '/api/auth/logout')
        for (const answer of successes(operation)) Object.assign(answer, { headers: positionHeaders })
      if (method !== 'get' && !(method === 'post' && !/(move|resolve|reopen)$/.test(url))) names.push('IfMatch')
      operation.parameters = [...(operation.parameters ?? []), ...names.map(refer)]
    }
  openapi.components.parameters = parameters
  const { schemas } = openapi.components
  const used = new Set<string>()
  const follow = (value: unknown): void => {
    for (const [, name] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (name === undefined || used.has(name)) continue
      used.add(name)
      follow(schemas[name])
    }
  }
  follow(openapi.paths)
  openapi.components.schemas = Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)))
  return openapi
}

/** OpenAPI 3.1 at `/openapi.json`, a page at `/docs`. */
export const docsPlugin = fp<{ config: Config }>(
  async (app, { config }) => {
    const base = basePathOf(config)
    await app.register(fastifySwagger, {
      openapi: {
        openapi: '3.1.0',
        ...(base !== '' && { servers: [{ url: base }] }),
        info: {
          title: 'Cutroom',
          version: `${PROTOCOL_VERSION}`,
          description: 'Projects, tasks, vibes, cuts and comments over REST; every committed change in order over Socket.IO.',
        },
        components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      },
      transform: (document) => {
        const { schema, url } = transform(document)
        const access = document.route.config?.access
        if (access !== undefined && access !== 'public') Object.assign(schema, { security: [{ bearer: [] }] })
        return { schema, url }
      },
      transformObject: (document) => finish(transformObject(document) as OpenApi) as never,
    })
    app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
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
