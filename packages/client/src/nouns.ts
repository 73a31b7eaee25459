import type { Call, CallOptions, LooseArgs } from './call.ts'
import type { Answer, Endpoint, Input } from './endpoint.ts'
import { endpoints } from './generated/contract.ts'

type Part<T> = [T] extends [never] ? unknown : T
type Flat<E extends Endpoint> = Part<Input<E, 'params'>> & Part<Input<E, 'querystring'>> & Part<NonNullable<Input<E, 'body'>>>
type Rest<E extends Endpoint> =
  Record<never, never> extends Flat<E> ? [args?: Flat<E>, options?: CallOptions] : [args: Flat<E>, options?: CallOptions]

/** The endpoints as functions: `api.comments.createOnCut({ cutId, body })`, with parameters, query and body in one object. */
export type Api = {
  readonly [N in keyof typeof endpoints]: {
    readonly [K in keyof (typeof endpoints)[N]]: (typeof endpoints)[N][K] extends Endpoint
      ? (...rest: Rest<(typeof endpoints)[N][K]>) => Promise<Answer<(typeof endpoints)[N][K]>>
      : never
  }
}

/** Takes one object apart: what the path names, and the rest as query or body. */
function argsOf({ method, url }: Endpoint, flat: Record<string, unknown>): LooseArgs {
  const names = [...url.matchAll(/:(\w+)/g)].map(([, name]) => name as string)
  const params = Object.fromEntries(names.map((name) => [name, flat[name]]))
  const rest = Object.fromEntries(Object.entries(flat).filter(([name]) => !names.includes(name)))
  if (method === 'GET') return { params, query: rest }
  return Object.keys(rest).length > 0 ? { params, body: rest } : { params }
}

const mapValues = <T, U>(record: Record<string, T>, map: (value: T) => U): Record<string, U> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]))

/** Functions for all endpoints of the contract. */
export function createNouns(call: Call): Api {
  const ask = call as (endpoint: Endpoint, args: LooseArgs) => Promise<unknown>
  const functionOf =
    (endpoint: Endpoint) =>
    (flat: Record<string, unknown> = {}, options: CallOptions = {}) =>
      ask(endpoint, { ...argsOf(endpoint, flat), ...options })
  return mapValues<Record<string, Endpoint>, unknown>(endpoints, (table) => mapValues(table, functionOf)) as unknown as Api
}
