import type { Answer, Endpoint, Input } from '../contract/index.ts'
import { CutroomError, problemFrom, problemOf } from './problem.ts'
import { backoff, sleep } from './wait.ts'

export interface CallOptions {
  /** Makes a write safe to repeat: the server answers the same key with the first answer. Comes back as `meta.mutationId`. */
  idempotencyKey?: string
  /** The `version` one has seen; a write against another one answers 412 `stale` with the current entity. */
  ifMatch?: number
  signal?: AbortSignal
  /** Milliseconds to go on trying when the network fails or the server answers 503. Only GETs, and writes with an `idempotencyKey`. */
  retryForMs?: number
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

export interface Target {
  /** Without a slash at its end. */
  base: string
  fetch: typeof fetch
  /** Cookies are sent and kept. */
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
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== null) search.set(name, String(value))
  return `${base}${path}${search.size > 0 ? `?${search}` : ''}`
}

function parse(text: string, status: number): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    if (status >= 400) return undefined
    throw new CutroomError(problemOf('internal', 'The answer is not JSON'))
  }
}

/** One request, one answer. Problem answers throw `CutroomError`; a failing network throws what fetch throws (TypeError). */
export async function send(target: Target, endpoint: Endpoint, args: LooseArgs, token?: string): Promise<unknown> {
  const headers: Record<string, string> = { accept: 'application/json, application/problem+json' }
  if (token !== undefined) headers.authorization = `Bearer ${token}`
  if (args.body !== undefined) headers['content-type'] = 'application/json'
  if (args.idempotencyKey !== undefined) headers['idempotency-key'] = args.idempotencyKey
  if (args.ifMatch !== undefined) headers['if-match'] = `"${args.ifMatch}"`
  const response = await target.fetch(urlOf(target.base, endpoint, args), {
    method: endpoint.method,
    headers,
    credentials: target.cookies ? 'include' : 'omit',
    ...(args.body === undefined ? {} : { body: JSON.stringify(args.body) }),
    ...(args.signal === undefined ? {} : { signal: args.signal }),
  })
  const body = parse(await response.text(), response.status)
  if (response.ok) return body
  throw new CutroomError(problemFrom(response.status, body, response.headers.get('retry-after')))
}

/** May the same request succeed later without anybody changing anything? */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof CutroomError)) return error instanceof TypeError
  // the first attempt may still run although its connection broke
  return error.status === 502 || error.status === 503 || error.status === 504 || error.code === 'idempotency-running'
}

/** Runs again while the trouble is passing, for `forMs` at most; then the last error stands. */
export async function retrying<T>(run: () => Promise<T>, forMs: number, signal: AbortSignal): Promise<T> {
  const until = Date.now() + forMs
  for (let tries = 0; ; tries++) {
    try {
      return await run()
    } catch (error) {
      const asked = error instanceof CutroomError ? (error.problem.retryAfter ?? 0) * 1000 : 0
      const delay = Math.max(asked, backoff(tries, 250, 5_000))
      if (!isPassing(error) || signal.aborted || Date.now() + delay > until) throw error
      await sleep(delay, signal).catch(() => Promise.reject(error))
    }
  }
}
