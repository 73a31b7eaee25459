import type { Answer, Endpoint, GeneralAccess, Parsed } from '@cutroom/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Scope, Target } from '../access/authorize.ts'
import type { Caller } from '../access/sessions.ts'
import type { Principal } from '../rooms/index.ts'

export interface WriteOptions<E extends Endpoint, P> {
  /** Slow work before the transaction, once per request. A repeated request gets its first answer, whatever this says then. */
  prepare?: (context: RequestContext<E>) => Promise<P>
  /** Of an endpoint with a form: what stands for its body where a repeated request is compared with the first one. */
  digest?: (prepared: P) => unknown
  /** Called when the write has ended, in whatever way. */
  release?: (prepared: P) => Promise<void>
  /** Lets the write begin at its time. What waits here holds no connection to the database. */
  within?: <T>(context: RequestContext<E>, write: () => Promise<T>) => Promise<T>
  /** Adds to each answer, the first and repeated ones, what is not saved with an Idempotency-Key. */
  complete?: (context: RequestContext<E>, answer: Answer<E>) => Answer<E>
  /** The handler locks or closes the caller's session itself. */
  locksSession?: boolean
}

/** A request, parsed and authorised. */
export interface RequestContext<E extends Endpoint> {
  params: Parsed<E, 'params'>
  query: Parsed<E, 'querystring'>
  body: Parsed<E, 'body'>
  me: E['access'] extends GeneralAccess ? (E['access'] extends 'account' ? Principal : null) : Caller
  scope: E['access'] extends GeneralAccess ? null : Scope
  request: FastifyRequest
  reply: FastifyReply
}

export interface Conditional {
  /** @throws problem stale, with the entity as it is now, when If-Match names another version */
  expect(version: number, current: () => Promise<unknown>): Promise<void>
}

/** The thing that the path names; null for an endpoint outside projects. */
export function targetOf({ target }: Endpoint, request: FastifyRequest): Target | null {
  const params = request.params as Record<string, string | undefined>
  return target === undefined ? null : { param: target, id: params[target] ?? '', projectId: params.projectId }
}
