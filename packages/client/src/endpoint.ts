import type * as contract from '@cutroom/contract'

type Schemas = contract.Endpoint['schema']

/** An endpoint as a call needs it. The schemas of the contract are there for types alone, and never read. */
export type Endpoint = Pick<contract.Endpoint, 'method' | 'url'> & {
  /** 'public', or anything else where a login is needed. */
  readonly access?: contract.Endpoint['access']
  readonly schema?: Schemas
}

/** An endpoint of the contract without its schemas, with their types. */
export type Plain<E extends contract.Endpoint> = Pick<E, 'method' | 'url'> & {
  readonly access?: E['access']
  readonly schema?: E['schema']
}

/** The endpoints of one noun. */
export type PlainTable<T extends Record<string, contract.Endpoint>> = { readonly [K in keyof T]: Plain<T[K]> }

type Typed<E extends Endpoint> = { schema: NonNullable<E['schema']> }

/** What a client sends, by part of the request. */
export type Input<E extends Endpoint, K extends 'params' | 'querystring' | 'body'> = contract.Input<Typed<E>, K>

/** The body of the success answer; void where there is none. */
export type Answer<E extends Endpoint> = contract.Answer<Typed<E>>
