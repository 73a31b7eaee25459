import type { Answer, Endpoint, Input } from './endpoint.ts'
import { CutroomError, problemFrom, problemOf } from './problem.ts'
import type { Position } from './resume-hooks.ts'
import { backoff, reasonOf, sleep } from './timing.ts'

export interface CallOptions {
  /** Makes a write safe to repeat: the server answers the same key with the first answer. Comes back as `meta.mutationId`. */
  idempotencyKey?: string
  /** The `version` one has seen; a write against another one answers 412 `stale` with the current entity. */
  ifMatch?: number
  signal?: AbortSignal
  /**
   * Milliseconds to go on trying when the network fails or the server asks to come again (408, 429, 503).
   * A write gets an `idempotencyKey` for it. Ends when the session ends in which the call was made.
   */
  retryForMs?: number
  /** Milliseconds for one attempt. Default 30 s; what is not answered in time fails with `unavailable`. */
  timeoutMs?: number
  /** Where a write stands in the log of its room, as soon as it is answered; `room.caughtUp(seq)` waits for it. */
  onPosition?: (position: Position) => void
}

type Params<T> = [T] extends [never] ? { params?: undefined } : { params: T }
type Query<T> = [T] extends [never] ? { query?: undefined } : Record<never, never> extends T ? { query?: T } : { query: T }
type Body<T> = [T] extends [never] ? { body?: undefined } : undefined extends T ? { body?: T } : { body: T }

/** What a call of `E` takes. */
export type CallArgs<E extends Endpoint> = Params<Input<E, 'params'>> &
  Query<Input<E, 'querystring'>> &
  Body<Input<E, 'body'>> &
  CallOptions
/** Left out where nothing in it is needed. */
export type CallRest<E extends Endpoint> = Record<never, never> extends CallArgs<E> ? [args?: CallArgs<E>] : [args: CallArgs<E>]

/** Calls an endpoint of the contract. */
export type Call = <E extends Endpoint>(endpoint: E, ...rest: CallRest<E>) => Promise<Answer<E>>

/** The same without the types of one endpoint. */
export interface LooseArgs extends CallOptions {
  params?: object | undefined
  query?: object | undefined
  body?: unknown
}

interface Random {
  crypto?: { getRandomValues?(bytes: Uint8Array): Uint8Array }
}

/** For an `idempotencyKey`: 128 random bits in hex. `crypto.randomUUID` is missing on http pages other than localhost, all of `crypto` in some engines. */
export function randomKey(): string {
  const bytes = new Uint8Array(16)
  const { crypto } = globalThis as Random
  if (crypto?.getRandomValues) crypto.getRandomValues(bytes)
  else for (let n = 0; n < bytes.length; n++) bytes[n] = Math.random() * 256
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

export interface Target {
  /** Without a slash at its end. */
  base: string
  fetch: typeof fetch
  /** Cookies are sent and stored. */
  cookies: boolean
}

function urlOf(base: string, endpoint: Endpoint, { params, query }: LooseArgs): string {
  const values = new Map<string, unknown>(Object.entries(params ?? {}))
  const path = endpoint.url.replace(/:(\w+)/g, (_, name: string) => {
    const value = String(values.get(name) ?? '')
    // dots survive encodeURIComponent, and fetch would walk up the path with them
    if (value === '' || value === '.' || value === '..') throw new RangeError(`${endpoint.url} needs the parameter ${name}`)
    return encodeURIComponent(value)
  })
  // URLSearchParams of React Native has no set
  const search = Object.entries(query ?? {})
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
  return `${base}${path}${search.length > 0 ? `?${search.join('&')}` : ''}`
}

function parse(text: string, { status, headers }: Response): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    if (status >= 400) return undefined
    // Where the contract has a text, as for markers in CSV, it is the answer.
    if (/^text\/(csv|plain)\b/.test(headers.get('content-type') ?? '')) return text
    throw new CutroomError(problemOf('internal', 'The answer is not JSON'))
  }
}

// Errors of the network and of the program may both be a TypeError: they are distinguished by where they were thrown.
const networkErrors = new WeakSet<object>()

/** Did the network fail, rather than the program or the server? */
export const isNetworkError = (error: unknown): boolean => typeof error === 'object' && error !== null && networkErrors.has(error)

/** Is the request itself invalid? Checked after a failure only, since it costs a Request. */
function isMalformed(url: string, { signal: _, ...init }: RequestInit): boolean {
  if (typeof Request === 'undefined') return false
  try {
    // a path of the page: Request knows no page in every engine in which fetch does
    new Request(url.startsWith('/') ? `http://page${url}` : url, init)
    return false
  } catch {
    return true
  }
}

/** Who a request is made as. */
export interface Credentials {
  /** Access token, for the Authorization header. */
  token?: string | undefined
  /** The person whose cookie it must be: another tab may have logged in as another. */
  userId?: string | undefined
}

function initOf(target: Target, endpoint: Endpoint, args: LooseArgs, { token, userId }: Credentials): RequestInit {
  const headers: Record<string, string> = { accept: 'application/json, application/problem+json' }
  if (token !== undefined) headers.authorization = `Bearer ${token}`
  if (userId !== undefined) headers['cutroom-user'] = userId
  if (args.body !== undefined) headers['content-type'] = 'application/json'
  if (args.idempotencyKey !== undefined) headers['idempotency-key'] = args.idempotencyKey
  if (args.ifMatch !== undefined) headers['if-match'] = `"${args.ifMatch}"`
  return {
    method: endpoint.method,
    headers,
    credentials: target.cookies ? 'include' : 'omit',
    ...(args.body === undefined ? {} : { body: JSON.stringify(args.body) }),
    ...(args.signal === undefined ? {} : { signal: args.signal }),
  }
}

/** One request, one answer. Problem answers throw `CutroomError`; a failing network throws what fetch throws (TypeError). */
export async function send(target: Target, endpoint: Endpoint, args: LooseArgs, as: Credentials = {}): Promise<unknown> {
  const url = urlOf(target.base, endpoint, args)
  const init = initOf(target, endpoint, args, as)
  let response: Response
  let text: string
  try {
    response = await target.fetch(url, init)
    text = await response.text()
  } catch (error) {
    if (args.signal?.aborted) throw reasonOf(args.signal)
    if (typeof error === 'object' && error !== null && !isMalformed(url, init)) networkErrors.add(error)
    throw error
  }
  const body = parse(text, response)
  const [seq, epoch] = [response.headers.get('cutroom-seq'), response.headers.get('cutroom-epoch')]
  if (response.ok && seq !== null && epoch !== null) args.onPosition?.({ seq: Number(seq), epoch })
  if (response.ok) return body
  throw new CutroomError(problemFrom(response.status, body, response.headers.get('retry-after')))
}

/** Whether the same request may succeed later unchanged. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof CutroomError)) return isNetworkError(error)
  // 408: it did not come whole in time, and was not run. The first attempt may still run although its connection broke.
  return [408, 429, 502, 503, 504].includes(error.status) || error.code === 'idempotency-running'
}

/** What the server asked to wait before the next attempt, ms; 0 where it asked for nothing. */
export function askedToWait(error: unknown): number {
  const seconds = error instanceof CutroomError ? Number(error.problem.retryAfter ?? 0) : 0
  return seconds > 0 ? seconds * 1000 : 0
}

/**
 * Runs again while the failure is temporary, for `forMs` at most; then throws the last error. A signal that is aborted with a
 * `CutroomError` ends it with that.
 */
export async function retrying<T>(
  run: () => Promise<T>,
  forMs: number,
  signal: AbortSignal,
  isWorthIt: (error: unknown) => boolean = isPassing,
): Promise<T> {
  const until = Date.now() + forMs
  for (let tries = 0; ; tries++) {
    try {
      return await run()
    } catch (error) {
      if (!isWorthIt(error)) throw error
      const delay = Math.max(askedToWait(error), backoff(tries, 250, 5_000))
      if (!signal.aborted && Date.now() + delay > until) throw error
      await sleep(delay, signal).catch((reason) => Promise.reject(reason instanceof CutroomError ? reason : error))
    }
  }
}
