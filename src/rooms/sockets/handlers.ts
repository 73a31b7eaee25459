import { isBounded, MAX_LEVELS, MAX_VALUES, type Problem } from '@cutroom/contract'
import type { z } from 'zod'
import { issuesOf, problem, toProblem, toWire } from '../../errors.ts'
import { guardedFor } from '../../lib/guarded.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { RoomSocket } from '../types.ts'
import type { Admission } from './connection-limits.ts'
import { listenToAll } from './engine-io.ts'

/** A request of the contract: what a client sends, and how it is acknowledged. */
export interface RequestSchema {
  payload: z.ZodType
  ack: z.ZodType
}
/** What a handler answers; `ok: true` is added. */
export type Success<R extends RequestSchema> = Omit<Extract<z.output<R['ack']>, { ok: true }>, 'ok'>
export type Handler<R extends RequestSchema, C = RoomSocket> = (
  caller: C,
  payload: z.output<R['payload']>,
) => Success<R> | Promise<Success<R>>

export interface HandlersOptions {
  admission: Admission
  /** Handles a request of the socket's dialect. */
  ofDialect: (socket: RoomSocket, name: string, payload: unknown) => Promise<unknown>
  /** Called with failures of this server. */
  onError: (error: unknown) => void
}

/** Steady requests per second of one socket, and how many may come at once. */
const RATE = 20
const BURST = 100
/** How many more are answered with a refusal before the socket is closed. */
const REFUSAL_BURST = 400

/** Of a socket that begins. */
export const newRequestBucket = () => new TokenBucket(RATE, BURST)

export type Handlers = ReturnType<typeof createHandlers>

/** The handlers of what sockets ask, by name. Each request is counted, parsed, handled, acknowledged. */
export function createHandlers({ admission, ofDialect, onError }: HandlersOptions) {
  const handlers = new Map<string, (socket: RoomSocket, payload: unknown) => Promise<object>>()
  /** Of sockets that were refused a request. */
  const refusals = new WeakMap<RoomSocket, TokenBucket>()

  /** A request of the socket's dialect: of a name that the contract does not have, or with a text, which no request of the contract is. */
  const isOfDialect = ({ data: { dialect } }: RoomSocket, name: string, payload: unknown) =>
    (typeof payload === 'string' || !handlers.has(name)) && Object.hasOwn(dialect?.requests ?? {}, name)

  async function answer(socket: RoomSocket, name: string, payload: unknown): Promise<unknown> {
    const handler = handlers.get(name)
    const isForeign = isOfDialect(socket, name, payload)
    if (!handler && !isForeign) throw problem('bad-request', 'There is no such request')
    if (!isBounded(payload, MAX_LEVELS, MAX_VALUES)) throw problem('bad-request', 'Nested too deeply, or too many values')
    // A client of a dialect may ask before the server has put it into its projects, which it counts on.
    if (socket.data.ready) await socket.data.ready
    if (isForeign) return ofDialect(socket, name, payload)
    return { ok: true, ...(await handler?.(socket, payload)) }
  }

  /** A refusal in the words of the one who asked. */
  function refusal(socket: RoomSocket, name: string, payload: unknown, error: Problem): object {
    const native = { ok: false, error }
    const inItsWords = socket.data.dialect?.refused?.(error)
    if (isOfDialect(socket, name, payload)) return inItsWords ?? native
    // A name that has no answer here may be a word of the client's that is not spoken: it reads the reason in its own words, too.
    return handlers.has(name) ? native : { ...native, ...inItsWords }
  }

  /** @returns whether the socket may be refused one more, and is not to be closed */
  function mayBeRefused(socket: RoomSocket): boolean {
    const bucket = refusals.get(socket) ?? new TokenBucket(RATE, REFUSAL_BURST)
    refusals.set(socket, bucket)
    return bucket.spend()
  }

  async function onRequest(socket: RoomSocket, name: string, ...args: unknown[]): Promise<void> {
    const last = args.at(-1)
    const ack = typeof last === 'function' ? (last as (value: unknown) => void) : () => {}
    const payload = typeof args[0] === 'function' ? undefined : args[0]
    const { requests } = socket.data
    try {
      if (!requests.spend()) {
        if (!mayBeRefused(socket)) return admission.banBriefly(socket)
        throw problem('rate-limited', undefined, { retryAfter: requests.wait() })
      }
      ack(await answer(socket, name, payload))
    } catch (error) {
      const failed = toProblem(error)
      if (failed.status >= 500) onError(error)
      ack(refusal(socket, name, payload, toWire(failed)))
    }
  }
  /** Errors of the acknowledgement itself have no other receiver. */
  const listeners = [guardedFor(onError, onRequest)]

  return {
    /**
     * Registers the handler of a request.
     * @throws Error where the name has one
     */
    handle<R extends RequestSchema>(name: string, request: R, handler: Handler<R>): void {
      if (handlers.has(name)) throw new Error(`The request ${name} has two handlers`)
      handlers.set(name, async (socket, payload) => {
        const parsed = request.payload.safeParse(payload)
        if (!parsed.success) throw problem('validation', undefined, { errors: issuesOf(parsed.error.issues) })
        return handler(socket, parsed.data as z.output<R['payload']>)
      })
    },

    /** Whether a request has a handler. */
    has: (name: string): boolean => handlers.has(name),

    /** Counts an expensive request of a socket as so many more. */
    charge: (socket: RoomSocket, cost: number): void => socket.data.requests.charge(cost),

    /** Handles the requests of a socket from now on. */
    listen: (socket: RoomSocket): void => listenToAll(socket, listeners),
  }
}
