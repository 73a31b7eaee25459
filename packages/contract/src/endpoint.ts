import type * as z from 'zod'
import type { Role } from './values.ts'

/** What may be done inside a project. The least role for it, and the least role for it on what one wrote oneself. */
export const actions = {
  'project:read': { role: 'viewer' },
  'project:update': { role: 'owner' },
  'project:delete': { role: 'owner' },
  'member:create': { role: 'owner' },
  'member:update': { role: 'owner' },
  'member:delete': { role: 'owner', own: 'viewer' },
  'task:create': { role: 'editor' },
  'task:update': { role: 'editor' },
  'task:move': { role: 'editor' },
  'task:delete': { role: 'editor' },
  'vibe:create': { role: 'editor' },
  'vibe:update': { role: 'editor' },
  'vibe:move': { role: 'editor' },
  'vibe:delete': { role: 'editor' },
  'cut:create': { role: 'editor' },
  'cut:update': { role: 'editor' },
  'cut:move': { role: 'editor' },
  'cut:delete': { role: 'editor' },
  'lyrics:update': { role: 'editor' },
  'comment:create': { role: 'commenter' },
  'comment:update': { role: null, own: 'commenter' },
  'comment:delete': { role: 'owner', own: 'commenter' },
  'comment:resolve': { role: 'editor', own: 'commenter' },
} as const satisfies Record<string, { role: Role | null; own?: Role }>
export type Action = keyof typeof actions

/**
 * Callers of an endpoint: all, holders of a token of a session (access or refresh), people who are logged in, or members whose role allows the action
 * (on the thing that the last id of the path names).
 */
export type Access = 'public' | 'session' | 'account' | Action

/** A Fastify route without its handler. The one success status stands as the only key of `response`. */
export interface Endpoint {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  access: Access
  /** Where a created thing is read again; `:names` are fields of the answer. */
  location?: string
  /** Longest body, bytes, where what the contract allows is longer than other bodies may be. */
  bodyLimit?: number
  /** Its answers are pages of up to 1 MiB: one person reads two of them at a time. */
  largePages?: true
  schema: {
    summary: string
    description?: string
    tags: readonly string[]
    params?: z.ZodObject
    querystring?: z.ZodObject
    body?: z.ZodType
    response: Record<number, z.ZodType>
  }
}

export const endpoint = <const E extends Endpoint>(value: E): E => value

type Part<E extends Endpoint, K extends 'params' | 'querystring' | 'body'> =
  E['schema'] extends Record<K, infer S extends z.ZodType> ? S : never
/** What a client sends, by part of the request. */
export type Input<E extends Endpoint, K extends 'params' | 'querystring' | 'body'> = z.input<Part<E, K>>
/** What a handler receives, parsed. */
export type Parsed<E extends Endpoint, K extends 'params' | 'querystring' | 'body'> = z.output<Part<E, K>>
type Body<E extends Endpoint> = z.output<E['schema']['response'][keyof E['schema']['response']]>
/** The body of the success answer; void where there is none. */
export type Answer<E extends Endpoint> = Body<E> extends undefined ? void : Body<E>

/** The success status of an endpoint. */
export const statusOf = (e: Endpoint): number => Number(Object.keys(e.schema.response)[0])
