import { type Endpoint, projectRoom, userRoom } from '@cutroom/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Authorizer, Scope, Target } from '../access/authorize.ts'
import { allows } from '../access/roles.ts'
import { createScopeCache } from '../access/scope-cache.ts'
import { admitSession, lockSession, sessionAssertion } from '../access/sessions.ts'
import { problem } from '../errors.ts'
import type { Commit, Write } from '../rooms/log/commit.ts'
import { type Key, lockOf, withIdempotencyKey } from '../rooms/log/idempotency.ts'
import { fingerprints, idempotencyKey, matches } from './conditional.ts'
import { type Conditional, contextOf, type RequestContext, targetOf, type WriteOptions } from './request-context.ts'
import { tagFor } from './response.ts'
import { serializerOf } from './validation.ts'

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

/** Makes the handlers of endpoints that write: Idempotency-Key, access, If-Match and session in the one transaction of the write. */
export function createWriteHandlers({ commit, epoch, authorizer, secret, readable }: WriteHandlerOptions) {
  const scopes = createScopeCache(authorizer)
  const fingerprint = fingerprints(secret)

  /** Says the tag of an entity that stands in a problem: the one that reading it gives. */
  function setTag(reply: FastifyReply, { url, schema }: Endpoint, entity: unknown): void {
    const shown = schema.response[200] ?? readable.get(url)
    const tag = shown ? tagFor(entity, serializerOf(shown)(entity)) : null
    if (tag !== null) reply.header('etag', tag)
  }

  return function handle(
    endpoint: Endpoint,
    handler: Handler,
    current: Current | undefined,
    options: WriteOptions<Endpoint, unknown>,
  ) {
    const isOfAccount = endpoint.access === 'account'
    const locksTarget = endpoint.effect === 'change' && current !== undefined

    /** Where the scope of this caller's last write may be assumed: the check locks no more than the membership. */
    function assumableTarget(request: FastifyRequest): Target | null {
      const target = locksTarget ? null : targetOf(endpoint, request)
      return target !== null && authorizer.memberQuery(target.param) === null ? null : target
    }

    return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const { caller } = request
      if (caller === null) throw problem('token-missing')
      const mutationId = idempotencyKey(request)
      const actor = { id: caller.userId, name: request.principal?.person.name ?? '', mutationId }
      const key: Key | undefined =
        mutationId === undefined ? undefined : { userId: actor.id, key: mutationId, fingerprint: fingerprint(request) }
      const prepared = options.prepare ? await outcomeOf(options.prepare(contextOf(request, reply, null))) : NOTHING
      if (prepared.failed && key === undefined) throw prepared.reason

      const reportHead = (head: number) => void reply.headers({ 'cutroom-seq': head, 'cutroom-epoch': epoch() })

      /** The handler with all that is checked around it; access was checked, or is asserted by the batch. */
      const run = async (write: Write, scope: Scope | null, isAsserted: boolean): Promise<unknown> => {
        // As they are called while the write holds them.
        if (scope) actor.name = scope.me.name
        const expect: Conditional['expect'] = async (version, load) => {
          if (matches(request, version)) return
          const entity = await load()
          setTag(reply, endpoint, entity)
          throw problem('stale', undefined, { current: entity })
        }
        if (locksTarget && endpoint.target !== undefined && scope) {
          const params = request.params as Record<string, string>
          await expect(scope.version, () => current(write.tx, params[endpoint.target] ?? '', params))
        }
        if (prepared.failed) throw prepared.reason
        const body = await handler(contextOf(request, reply, scope), Object.assign(write, { expect }), prepared.value)
        if (isOfAccount && !options.locksSession) await lockSession(write.query, caller)
        // A batch that asserts the scope asserts the session with it.
        else if (!isOfAccount && !isAsserted) write.assert(sessionAssertion(caller))
        const room = scope ? projectRoom(scope.projectId) : userRoom(actor.id)
        if (key) write.saveResponse(key, body, room)
        write.reportHead(room, reportHead)
        return body
      }

      const target = assumableTarget(request)
      const assumed = target && scopes.get(caller, target)
      let mayAssume = assumed && allowsAction(endpoint, assumed, caller.userId)
      const attempt = async (write: Write): Promise<unknown> => {
        if (target && assumed && mayAssume) {
          mayAssume = false
          write.assert(scopes.assertion(caller, target, assumed, key && lockOf(key)))
          return run(write, assumed, true)
        }
        const check = async () => {
          if (target) scopes.delete(caller, target)
          const scope = await scopeIn(write, endpoint, request)
          if (target && scope) scopes.set(caller, target, scope)
          return run(write, scope, false)
        }
        return withIdempotencyKey(
          write,
          key,
          check,
          () => admitSession(write.query, caller),
          (room) => write.reportHead(room, reportHead),
        )
      }
      const start = () => commit(actor, attempt)
      return options.within ? options.within(contextOf(request, reply, null), start) : start()
    }

    async function scopeIn(write: Write, endpoint: Endpoint, request: FastifyRequest): Promise<Scope | null> {
      const target = targetOf(endpoint, request)
      if (endpoint.target === undefined || target === null || request.caller === null) return null
      return authorizer.authorize(write.query, request.caller, endpoint.access, target, locksTarget ? 'target' : 'member')
    }
  }
}

const allowsAction = (endpoint: Endpoint, scope: Scope, userId: string): boolean =>
  endpoint.target !== undefined && allows(scope.role, endpoint.access, scope.authorId === userId)
