import { type Endpoint, projectRoom, userRoom } from '@cutroom/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Authorizer, Scope } from '../access/authorize.ts'
import { allows } from '../access/roles.ts'
import { createScopeCache, type ScopeCache } from '../access/scope-cache.ts'
import { admitSession, type Caller, lockSession, sessionAssertion } from '../access/sessions.ts'
import { ProblemError, problem } from '../errors.ts'
import type { TokenClaims } from '../rooms/index.ts'
import type { Actor, Commit, Write } from '../rooms/log/commit.ts'
import { type Key, lockOf, withIdempotencyKey } from '../rooms/log/idempotency.ts'
import { fingerprints, idempotencyKey, matches } from './conditional.ts'
import { type Conditional, type RequestContext, targetOf, type WriteOptions } from './request-context.ts'
import { tagFor } from './response.ts'
import { serializerOf } from './validation.ts'

/** A context without the types of one endpoint. */
export const contextOf = (request: FastifyRequest, reply: FastifyReply, scope: Scope | null) =>
  ({
    params: request.params,
    query: request.query,
    body: request.body,
    me: request.principal ?? request.caller,
    scope,
    request,
    reply,
  }) as never

type Handler = (context: RequestContext<Endpoint>, write: Write & Conditional, prepared: unknown) => Promise<unknown>
type Current = (tx: Write['tx'], id: string, params: object) => Promise<unknown>

export interface WriteHandlerOptions {
  commit: Commit
  /** The name of the log's history now. */
  epoch: () => string
  authorizer: Authorizer
  /** Keys the fingerprints of requests. */
  secret: string
  /** Schemas of what GET answers, by path: they give the tag of an entity in a problem. */
  readable: ReadonlyMap<string, z.ZodType | undefined>
}

type Outcome = { failed: false; value: unknown } | { failed: true; reason: unknown }
const NOTHING: Outcome = { failed: false, value: undefined }
const outcomeOf = (work: Promise<unknown>): Promise<Outcome> =>
  work.then(
    (value) => ({ failed: false, value }),
    (reason: unknown) => ({ failed: true, reason }),
  )

/** What all writes share. */
interface Context extends WriteHandlerOptions {
  scopes: ScopeCache
  fingerprint: ReturnType<typeof fingerprints>
}

/** One endpoint that writes. */
interface WriteRoute {
  endpoint: Endpoint
  handler: Handler
  current: Current | undefined
  options: WriteOptions<Endpoint, unknown>
  /** The check locks the thing that the path names, and compares If-Match with it. */
  locksTarget: boolean
  /** The scope of the caller's last write may be assumed: the check locks no more than the membership. */
  assumesScope: boolean
}

/** One request to it. */
interface WriteCall {
  request: FastifyRequest
  reply: FastifyReply
  caller: Caller
  actor: Actor & { id: string }
  key: Key | undefined
  prepared: Outcome
  reportHead: (head: number) => void
}

/** Where the thing that an endpoint changes is read: `/api/tasks/:taskId` of `/api/tasks/:taskId/move`. */
const thingUrl = ({ url, target }: Endpoint): string =>
  target === undefined ? url : url.slice(0, url.indexOf(`:${target}`) + target.length + 1)

/** If-Match of a request: a refusal carries the entity as it is now, and its tag, the one that reading it gives. */
function expectationOf({ readable }: Context, { endpoint }: WriteRoute, { request, reply }: WriteCall): Conditional['expect'] {
  return async (version, load) => {
    if (matches(request, version)) return
    const entity = await load()
    // An answer with a token in it is more than the entity.
    const own = endpoint.secret ? undefined : endpoint.schema.response[200]
    const shown = own ?? readable.get(endpoint.url) ?? readable.get(thingUrl(endpoint))
    const tag = shown ? tagFor(entity, serializerOf(shown)(entity)) : null
    if (tag !== null) reply.header('etag', tag)
    throw problem('stale', undefined, { current: entity })
  }
}

/** The handler with what is checked around it. Access was checked, or is asserted by the batch (`isAsserted`), which asserts the session, too. */
async function runHandler(
  context: Context,
  route: WriteRoute,
  call: WriteCall,
  write: Write,
  scope: Scope | null,
  isAsserted: boolean,
): Promise<unknown> {
  const { endpoint, handler, current, options, locksTarget } = route
  const { request, reply, caller, actor, key, prepared, reportHead } = call
  // As they are called while the write locks them.
  if (scope) actor.name = scope.me.name
  const expect = expectationOf(context, route, call)
  if (locksTarget && current && endpoint.target !== undefined && scope) {
    const params = request.params as Record<string, string>
    const id = params[endpoint.target] ?? ''
    await expect(scope.version, () => current(write.tx, id, params))
  }
  if (prepared.failed) throw prepared.reason
  const body = await handler(contextOf(request, reply, scope), Object.assign(write, { expect }), prepared.value)
  if (endpoint.access !== 'account') {
    if (!isAsserted) write.assert(sessionAssertion(caller))
  } else if (!options.locksSession) await lockSession(write.query, caller)
  const room = scope ? projectRoom(scope.projectId) : userRoom(actor.id)
  if (key) write.saveResponse(key, body, room)
  write.reportHead(room, reportHead)
  return body
}

/** @throws what `commit` takes for an assumption that does not hold, in place of a problem */
function tryAgainWhereRefused(error: unknown): never {
  throw error instanceof ProblemError ? Object.assign(new Error(error.message, { cause: error }), { code: 'CR001' }) : error
}

/** The work of a write, which `commit` may run more than once: by the scope that is assumed the first time, by the one that is found after that. */
function workOf(context: Context, route: WriteRoute, call: WriteCall): (write: Write) => Promise<unknown> {
  const { authorizer, scopes } = context
  const { endpoint, locksTarget, assumesScope } = route
  const { request, caller, key, reportHead } = call
  const target = targetOf(endpoint, request)
  const assumable = assumesScope ? target : null
  const assumed = assumable && scopes.get(caller, assumable)
  let mayAssume = assumed !== undefined && assumed !== null && allowsAction(endpoint, assumed, caller.userId)

  async function check(write: Write): Promise<Scope | null> {
    if (endpoint.target === undefined || target === null) return null
    if (assumable) scopes.delete(caller, assumable)
    const scope = await authorizer.authorize(write.query, caller, endpoint.access, target, locksTarget ? 'target' : 'member')
    if (assumable) scopes.set(caller, assumable, scope)
    return scope
  }
  return async (write) => {
    if (assumable && assumed && mayAssume) {
      mayAssume = false
      write.assert(scopes.assertion(caller, assumable, assumed, key && lockOf(key)))
      const answer = runHandler(context, route, call, write, assumed, true)
      // What refuses may be what the first request with this key has done: the next attempt looks for its answer.
      return key ? answer.catch(tryAgainWhereRefused) : answer
    }
    return withIdempotencyKey(
      write,
      key,
      async () => runHandler(context, route, call, write, await check(write), false),
      () => admitSession(write.query, caller),
      (room) => write.reportHead(room, reportHead),
    )
  }
}

const allowsAction = (endpoint: Endpoint, scope: Scope, userId: string): boolean =>
  endpoint.target !== undefined && allows(scope.role, endpoint.access, scope.authorId === userId)

/** Keys of an API token are its own: what its person was answered may lie outside its scope. No key of a client contains a space. */
const keyOf = ({ userId, sessionId, apiToken }: TokenClaims, key: string, fingerprint: string): Key => ({
  userId,
  key: apiToken ? `${sessionId} ${key}` : key,
  fingerprint,
})

/** Makes the handlers of endpoints that write: Idempotency-Key, access, If-Match and session in the one transaction of the write. */
export function createWriteHandlers(options: WriteHandlerOptions) {
  const context: Context = {
    ...options,
    scopes: createScopeCache(options.authorizer),
    fingerprint: fingerprints(options.secret),
  }
  return (given: Omit<WriteRoute, 'locksTarget' | 'assumesScope'>) => {
    const { target, effect } = given.endpoint
    const locksTarget = effect === 'change' && given.current !== undefined
    const assumesScope = target !== undefined && !locksTarget && options.authorizer.memberQuery(target) !== null
    const route: WriteRoute = { ...given, locksTarget, assumesScope }
    const { prepare, digest, release, within, complete } = route.options
    return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const { caller } = request
      if (caller === null) throw problem('token-missing')
      const mutationId = idempotencyKey(request)
      const actor = { id: caller.userId, name: request.principal?.person.name ?? '', mutationId }
      const prepared = prepare ? await outcomeOf(prepare(contextOf(request, reply, null))) : NOTHING
      // Without its body a form cannot be compared with the first one.
      if (prepared.failed && (mutationId === undefined || digest)) throw prepared.reason
      const { method, url } = request
      const body = digest && !prepared.failed ? digest(prepared.value) : request.body
      const key = mutationId === undefined ? undefined : keyOf(caller, mutationId, context.fingerprint({ method, url, body }))
      const reportHead = (head: number) => void reply.headers({ 'cutroom-seq': head, 'cutroom-epoch': options.epoch() })
      const work = workOf(context, route, { request, reply, caller, actor, key, prepared, reportHead })
      const start = () => options.commit(actor, work)
      let answer: unknown
      try {
        answer = await (within ? within(contextOf(request, reply, null), start) : start())
      } finally {
        if (!prepared.failed) await release?.(prepared.value)
      }
      return complete ? complete(contextOf(request, reply, null), answer as never) : answer
    }
  }
}
