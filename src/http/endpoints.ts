import type { Answer, Endpoint, Parsed } from '@cutroom/contract'
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import { z } from 'zod'
import type { Authorizer, Scope } from '../access/authorize.ts'
import type { Config } from '../config.ts'
import type { Query } from '../db/client.ts'
import { ProblemError, problem } from '../errors.ts'
import type { Write } from '../rooms/log/commit.ts'
import { bearer } from './auth.ts'
import { encode } from './compression.ts'
import { basePathOf } from './cookies.ts'
import { type Conditional, type RequestContext, targetOf, type WriteOptions } from './request-context.ts'
import { send, sendRead, tagFor } from './response.ts'
import { bytesOf, createResponseCache, type ResponseCache } from './response-cache.ts'
import { acceptForms } from './uploads/form.ts'
import { validate } from './validation.ts'
import { contextOf, createWriteHandlers } from './write-endpoints.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Endpoint['access']
    /** Its answer has a token in it. */
    secret?: true | undefined
    /** Its body is a file, or has one: it is received by its handler, and may take long. */
    receivesFile?: true | undefined
  }
  interface FastifyInstance {
    /**
     * Serves an endpoint: reads, and the few that answer with more than a body (auth). What is read in a project may depend on
     * the path and the rows, not on who asks (unless the endpoint is `personal`): it is kept until the project's log moves on.
     */
    serve<const E extends Endpoint>(
      endpoint: E,
      handler: (context: RequestContext<E>) => Promise<Answer<E>>,
      options?: ServeOptions<E>,
    ): void
    /**
     * Serves an endpoint that writes: the handler runs inside `commit`, possibly more than once, after the caller's right was checked
     * in the same transaction. `current` loads the thing that an endpoint with the effect `change` names: the check then locks it and
     * compares If-Match. Without it the handler locks what it changes and calls `expect` itself.
     */
    write<const E extends Endpoint, P = undefined>(
      endpoint: E,
      handler: (context: RequestContext<E>, write: Write & Conditional, prepared: P) => Promise<Answer<E>>,
      current?: (tx: Write['tx'], id: string, params: Parsed<E, 'params'>) => Promise<unknown>,
      options?: WriteOptions<E, P>,
    ): void
    /** Serves an endpoint that answers with bytes: the handler sends them. */
    stream<const E extends Endpoint>(endpoint: E, handler: (context: RequestContext<E>) => Promise<FastifyReply>): void
  }
}

interface ServeOptions<E extends Endpoint> {
  /** Of a public endpoint: with a valid token the request is its person's, as elsewhere, and waits for no visitors. */
  knowsCaller?: true
  /**
   * Comes before the handler, when access was checked. The answer is its own where it gives one; where it has waited, without a place, all is
   * checked again.
   */
  before?(context: RequestContext<E>): Promise<FastifyReply | 'waited' | null>
}

const noQuery = z.strictObject({})

/** The body of a form is not there yet: its handler reads it. */
const validateButBody: FastifySchemaCompiler<unknown> = (route) =>
  route.httpPart === 'body' ? (value: unknown) => ({ value }) : validate(route)

/** Lets the routes of a scope take bodies of any type, up to their limit, and heed none. */
const ignoreBodies = async (scope: FastifyInstance): Promise<void> => {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined))
}

type ScopeOf = (endpoint: Endpoint, request: FastifyRequest) => Promise<Scope | null>
type RequestHandler = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/** Registers endpoints with what comes before all handlers: the token, a place, the session, and for a form the check of access. */
function createRegistrar(
  app: FastifyInstance,
  scopeOf: ScopeOf,
): (endpoint: Endpoint, handler: RequestHandler, knowsCaller?: true) => void {
  const isByApiToken = ({ caller, headers }: FastifyRequest): boolean =>
    caller ? caller.apiToken : app.tokens.api.parse(bearer(headers.authorization) ?? '') !== null

  function validCallerOf(request: FastifyRequest) {
    try {
      return app.tokens.assertNotEnded(app.tokens.callerOf(request))
    } catch (error) {
      if (error instanceof ProblemError) return null
      throw error
    }
  }

  return (endpoint, handler, knowsCaller) => {
    const { method, url, schema, access, secret, bodyLimit, form, anyBody, largePages = false } = endpoint
    const loginsOnly = endpoint.target === undefined && endpoint.apiTokens !== true
    const options: RouteOptions = {
      method,
      url,
      schema: { querystring: noQuery, ...schema, tags: [...schema.tags] },
      config: { access, secret, receivesFile: form },
      ...(form && { validatorCompiler: validateButBody, preHandler: assertAccess }),
      ...(bodyLimit !== undefined && { bodyLimit }),
      // The token is checked before a byte of the body is read, and the request is counted before the database is asked.
      onRequest(request, _reply, done) {
        if (access !== 'public' && access !== 'session') request.caller = app.tokens.callerOf(request)
        else if (knowsCaller) request.caller = validCallerOf(request)
        if (loginsOnly && isByApiToken(request)) throw problem('forbidden', 'API tokens may not do this')
        if (request.caller) app.tokens.assertNotEnded(request.caller)
        done()
      },
      preValidation: [
        // A form takes one when it uses the database: the way of its file may be long.
        (request, reply, done) => (form ? done() : app.takePlace(request, reply, largePages, done)),
        (request, _reply, done) => {
          const { caller } = request
          if (caller === null || knowsCaller) done()
          else if (access === 'account')
            app.tokens.principalOf(caller).then((principal) => {
              request.principal = principal
              done()
            }, done)
          // Elsewhere the statement that looks up their right looks up their session, too.
          else if (caller.confirmed) done()
          else app.tokens.confirm(caller).then(() => done(), done)
        },
      ],
      handler: (request, reply) => app.tokens.noteEnd(request.caller, () => handler(request, reply)),
    }
    if (form || anyBody)
      app.register(async (scope) => {
        await (form ? acceptForms(scope) : ignoreBodies(scope))
        scope.route(options)
      })
    else app.route(options)

    /** Before the first byte of a file is read. */
    async function assertAccess(request: FastifyRequest, reply: FastifyReply): Promise<void> {
      await app.withPlace(request, reply, () => app.tokens.noteEnd(request.caller, () => scopeOf(endpoint, request)))
    }
  }
}

/** `app.serve` and `app.write`: what every endpoint does alike, so that no feature can forget it. */
export const endpointsPlugin = fp<{ config: Config; query: Query; authorizer: Authorizer; cache?: ResponseCache | undefined }>(
  async (app, { config, query, authorizer, cache = createResponseCache() }) => {
    const base = basePathOf(config)
    app.addHook('onClose', async () => cache.close())

    async function scopeOf(endpoint: Endpoint, request: FastifyRequest): Promise<Scope | null> {
      const target = targetOf(endpoint, request)
      if (endpoint.target === undefined || target === null || request.caller === null) return null
      return authorizer.authorize(query, request.caller, endpoint.access, target)
    }

    const route = createRegistrar(app, scopeOf)

    /** What is read where a path leads: schemas of answers, by path. */
    const readable = new Map<string, z.ZodType | undefined>()

    /** What is checked of each request before its handler runs, for one that has waited since. */
    async function enterAgain(endpoint: Endpoint, request: FastifyRequest, reply: FastifyReply): Promise<Scope | null> {
      request.caller = app.tokens.callerOf(request)
      await new Promise<void>((resolve, reject) =>
        app.takePlace(request, reply, endpoint.largePages ?? false, (error) => (error ? reject(error) : resolve())),
      )
      return scopeOf(endpoint, request)
    }

    app.decorate('serve', (endpoint, handler, options) => {
      if (endpoint.method === 'GET') readable.set(endpoint.url, endpoint.schema.response[200])
      route(
        endpoint,
        async (request, reply) => {
          let scope = await scopeOf(endpoint, request)
          const before = await options?.before?.(contextOf(request, reply, scope))
          if (before === 'waited') scope = await enterAgain(endpoint, request, reply)
          else if (before) return before
          if (!scope?.at || endpoint.personal) {
            const answer = await handler(contextOf(request, reply, scope))
            if (endpoint.method !== 'GET') return send(reply, endpoint, answer, base)
            const body = reply.serialize(answer) as string
            return sendRead(request, reply, { body, tag: tagFor(answer, body) })
          }
          const { head, floor } = scope.at
          const read = async () => {
            const answer = await handler(contextOf(request, reply, scope))
            const body = bytesOf(reply.serialize(answer) as string)
            return { body, tag: tagFor(answer, body) }
          }
          const position = `${app.rooms.log.epoch()} ${floor} ${head}`
          const response = await cache.get(request.url, position, read)
          return sendRead(request, reply, response, async (encoding) => {
            // No address has a space in it.
            const { body } = await cache.get(`${request.url} ${encoding}`, `${position} ${response.reading}`, async () => ({
              body: bytesOf(await encode(response.body, encoding)),
              tag: null,
            }))
            return body
          })
        },
        options?.knowsCaller,
      )
    })

    app.decorate('stream', (endpoint, handler) =>
      route(endpoint, async (request, reply) => handler(contextOf(request, reply, await scopeOf(endpoint, request)))),
    )

    const handle = createWriteHandlers({
      commit: (...args) => app.rooms.commit(...args),
      epoch: () => app.rooms.log.epoch(),
      authorizer,
      secret: config.jwtSecret,
      readable,
    })
    app.decorate('write', (endpoint, handler, current, options = {}) => {
      const run = handle({ endpoint, handler: handler as never, current: current as never, options: options as never })
      route(endpoint, async (request, reply) => send(reply, endpoint, await run(request, reply), base))
    })
  },
  { name: 'cutroom-endpoints', dependencies: ['cutroom-auth', 'cutroom-in-flight'] },
)
