import { type Access, type Action, type Answer, type Endpoint, type Parsed, projectRoom, userRoom } from '@cutroom/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { z } from 'zod'
import {
  admitSession,
  allows,
  authorize,
  type Caller,
  holdSession,
  proof,
  type Scope,
  sessionProof,
  type Target,
} from '../access/authorize.ts'
import { createScopeCache } from '../access/scope-cache.ts'
import type { Config } from '../config.ts'
import type { Query } from '../db/client.ts'
import { problem } from '../errors.ts'
import type { Principal } from '../rooms/index.ts'
import type { Write } from '../rooms/log/commit.ts'
import { lockOf, withIdempotencyKey } from '../rooms/log/idempotency.ts'
import { fingerprints, idempotencyKey, matches } from './conditional.ts'
import { basePathOf } from './cookies.ts'
import { send, sendRead, tagFor } from './response.ts'
import { bytesOf, createAnswers } from './response-cache.ts'
import { serializerOf } from './validation.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyInstance {
    /**
     * Serves an endpoint: reads, and the few that answer with more than a body (auth). What is read in a project may depend on
     * the path and the rows, not on who asks: it is kept until the project's log moves on.
     */
    serve<const E extends Endpoint>(endpoint: E, handler: (asked: Asked<E>) => Promise<Answer<E>>): void
    /**
     * Serves an endpoint that writes: the handler runs inside `commit`, possibly more than once, after the caller's
     * right was checked in the same transaction. `current` loads the thing that the path names, for If-Match.
     */
    write<const E extends Endpoint, P = undefined>(
      endpoint: E,
      handler: (asked: Asked<E>, door: Write & Conditional, prepared: P) => Promise<Answer<E>>,
      current?: (tx: Write['tx'], id: string, params: Parsed<E, 'params'>) => Promise<unknown>,
      options?: WriteOptions<E, P>,
    ): void
  }
}

export interface WriteOptions<E extends Endpoint, P> {
  /** Slow work before the transaction, once per request. A repeated request gets its first answer, whatever this says then. */
  prepare?: (asked: Asked<E>) => Promise<P>
  /** Lets the write begin at its time. What waits here holds no connection to the database. */
  within?: <T>(asked: Asked<E>, write: () => Promise<T>) => Promise<T>
  /** The handler holds or closes the caller's session itself. */
  holdsSession?: boolean
}

/** A request, parsed and authorised. */
export interface Asked<E extends Endpoint> {
  params: Parsed<E, 'params'>
  query: Parsed<E, 'querystring'>
  body: Parsed<E, 'body'>
  me: E['access'] extends 'public' | 'session' ? null : E['access'] extends Action ? Caller : Principal
  scope: E['access'] extends Action ? Scope : null
  request: FastifyRequest
  reply: FastifyReply
}

export interface Conditional {
  /** @throws problem stale, with the entity as it is now, when If-Match names another version */
  expect(version: number, current: () => Promise<unknown>): Promise<void>
}

const targets: readonly Target[] = ['userId', 'taskId', 'vibeId', 'cutId', 'commentId', 'projectId']
const nouns: Record<Target, string> = {
  userId: 'member',
  taskId: 'task',
  vibeId: 'vibe',
  cutId: 'cut',
  commentId: 'comment',
  projectId: 'project',
}

interface Compiled {
  endpoint: Endpoint
  action: Action | null
  target: Target | null
  /** The write changes the very thing that the path names, which is locked with the check. A move locks it after the list it goes to. */
  changesTarget: boolean
}

function compile(endpoint: Endpoint): Compiled {
  const { access } = endpoint
  const action = access === 'public' || access === 'session' || access === 'account' ? null : access
  const target = action === null ? null : (targets.find((name) => endpoint.url.includes(`:${name}`)) ?? null)
  if (action !== null && target === null) throw new Error(`${endpoint.url} names nothing to check ${action} on`)
  const [noun, verb] = action?.split(':') ?? []
  const ofTarget = target !== null && noun === nouns[target]
  const changesTarget = ofTarget && !['create', 'read', 'move'].includes(verb ?? '')
  return { endpoint, action, target, changesTarget }
}

type Outcome = { failed: false; value: unknown } | { failed: true; reason: unknown }

const NOTHING: Outcome = { failed: false, value: undefined }

/** How it ended, for those who look later. */
const outcomeOf = (work: Promise<unknown>): Promise<Outcome> =>
  work.then(
    (value) => ({ failed: false, value }),
    (reason: unknown) => ({ failed: true, reason }),
  )

/** What the path names, for the check. */
function namedBy({ target }: Compiled, request: FastifyRequest) {
  const params = request.params as Partial<Record<Target, string>>
  return target === null ? null : { type: target, id: params[target] ?? '', projectId: params.projectId }
}

function check(query: Query, compiled: Compiled, request: FastifyRequest, hold?: 'member' | 'thing') {
  const named = namedBy(compiled, request)
  if (compiled.action === null || named === null || request.caller === null) return Promise.resolve(null)
  return authorize(query, request.caller, compiled.action, named, hold)
}

const noQuery = z.strictObject({})

/** `app.serve` and `app.write`: what every endpoint does alike, so that no feature can forget it. */
export const endpointsPlugin = fp<{ config: Config; query: Query }>(
  async (app, { config, query }) => {
    const base = basePathOf(config)

    function route(compiled: Compiled, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>): void {
      const { method, url, schema, access, bodyLimit, largePages = false } = compiled.endpoint
      app.route({
        method,
        url,
        schema: { querystring: noQuery, ...schema, tags: [...schema.tags] },
        config: { access },
        ...(bodyLimit !== undefined && { bodyLimit }),
        // The token is checked before a byte of the body is read, and the request is counted before the database is asked.
        onRequest(request, _reply, done) {
          if (access !== 'public' && access !== 'session') request.caller = app.tokens.callerOf(request)
          done()
        },
        preValidation: [
          (request, reply, done) => app.takePlace(request, reply, largePages, done),
          (request, _reply, done) => {
            const { caller } = request
            if (caller === null) done()
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
        handler,
      })
    }
    const asked = (request: FastifyRequest, reply: FastifyReply, scope: Scope | null) =>
      ({
        params: request.params,
        query: request.query,
        body: request.body,
        me: request.principal ?? request.caller,
        scope,
        request,
        reply,
      }) as never

    const answers = createAnswers()
    app.addHook('onClose', async () => answers.close())
    /** What is read where a path leads: schemas of answers, by path. */
    const readable = new Map<string, z.ZodType | undefined>()

    /** Says the tag of an entity that stands in a problem: the one that reading it gives. */
    function tell(reply: FastifyReply, { url, schema }: Endpoint, current: unknown): void {
      const shown = schema.response[200] ?? readable.get(url)
      const tag = shown ? tagFor(current, serializerOf(shown)(current)) : null
      if (tag !== null) reply.header('etag', tag)
    }

    app.decorate('serve', (endpoint, handler) => {
      const compiled = compile(endpoint)
      if (endpoint.method === 'GET') readable.set(endpoint.url, endpoint.schema.response[200])
      route(compiled, async (request, reply) => {
        const scope = await check(query, compiled, request)
        if (!scope?.at) {
          const answer = await handler(asked(request, reply, scope))
          if (endpoint.method !== 'GET') return send(reply, endpoint, answer, base)
          const body = reply.serialize(answer) as string
          return sendRead(request, reply, { body, tag: tagFor(answer, body) })
        }
        const { head, floor } = scope.at
        const read = async () => {
          const answer = await handler(asked(request, reply, scope))
          const body = bytesOf(reply.serialize(answer) as string)
          return { body, tag: tagFor(answer, body) }
        }
        return sendRead(request, reply, await answers.of(request.url, `${app.rooms.log.epoch()} ${floor} ${head}`, read))
      })
    })

    const guesses = createScopeCache()
    const fingerprint = fingerprints(config.jwtSecret)

    app.decorate('write', (endpoint, handler, current, options = {}) => {
      const compiled = compile(endpoint)
      const { action } = compiled
      const ofAccount = endpoint.access === 'account'
      route(compiled, async (request, reply) => {
        const { caller } = request
        if (caller === null) throw problem('token-missing')
        const id = idempotencyKey(request)
        const actor = { id: caller.userId, name: request.principal?.person.name ?? '', mutationId: id }
        const key = id === undefined ? undefined : { userId: actor.id, key: id, fingerprint: fingerprint(request) }
        const named = compiled.changesTarget ? null : namedBy(compiled, request)
        const guess = named && guesses.of(caller, named)
        let guessed = false
        const prepared = options.prepare ? await outcomeOf(options.prepare(asked(request, reply, null))) : NOTHING
        if (prepared.failed && key === undefined) throw prepared.reason
        const inTransaction = async (door: Write): Promise<Answer<typeof endpoint>> => {
          const write = async (scope: Scope | null) => {
            // As they are called while the write holds them.
            if (scope) actor.name = scope.me.name
            const expect: Conditional['expect'] = async (version, load) => {
              if (matches(request, version)) return
              const current = await load()
              tell(reply, endpoint, current)
              throw problem('stale', undefined, { current })
            }
            if (compiled.changesTarget && compiled.target && scope && current) {
              const params = request.params as Parsed<typeof endpoint, 'params'>
              const id = (request.params as Record<string, string>)[compiled.target] ?? ''
              await expect(scope.version, () => current(door.tx, id, params))
            }
            if (prepared.failed) throw prepared.reason
            const body = await handler(asked(request, reply, scope), Object.assign(door, { expect }), prepared.value as never)
            if (ofAccount && !options.holdsSession) await holdSession(door.query, caller)
            // A batch that goes by a guess proves the session as it begins, and is over in one round trip.
            else if (!ofAccount && scope !== guess) door.assert(sessionProof(caller))
            if (key) door.saveResponse(key, body, scope ? projectRoom(scope.projectId) : userRoom(caller.userId))
            return body
          }
          // Who adds to a thing they have added to before goes by what was seen then, and the whole write is one round trip.
          if (guess && action && !guessed && allows(guess.role, action, guess.authorId === caller.userId)) {
            guessed = true
            door.assert(proof(caller, named, guess, key && lockOf(key)))
            return write(guess)
          }
          return withIdempotencyKey(
            door,
            key,
            async () => {
              if (named) guesses.forget(caller, named)
              const scope = await check(door.query, compiled, request, compiled.changesTarget ? 'thing' : 'member')
              if (named && scope) guesses.learn(caller, named, scope)
              return write(scope)
            },
            () => admitSession(door.query, caller),
          )
        }
        const commit = () => app.rooms.commit(actor, inTransaction)
        const answer = await (options.within ? options.within(asked(request, reply, null), commit) : commit())
        return send(reply, endpoint, answer, base)
      })
    })
  },
  { name: 'cutroom-endpoints', dependencies: ['cutroom-auth', 'cutroom-in-flight'] },
)
