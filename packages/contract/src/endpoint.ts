import type * as z from 'zod'
import type { ProblemCode } from './problems.ts'

/** A right inside a project, as `noun:verb`. Each noun lists its own (noun.ts). */
export type ActionName = `${string}:${string}`

/** Callers of an endpoint that names nothing in a project: all, holders of a token of a session (access or refresh), people who are logged in. */
export type GeneralAccess = 'public' | 'session' | 'account'

/** A Fastify route without its handler. The one success status stands as the only key of `response`. */
interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  url: string
  /** Where a created thing is read again; `:names` are fields of the answer. */
  location?: string
  /** Longest body, bytes, where what the contract allows is longer than other bodies may be. */
  bodyLimit?: number
  /** Its body is a form with a file (multipart/form-data), which is never whole in memory. */
  form?: true
  /** Its body, of whatever type, says nothing, and is ignored. */
  anyBody?: true
  /** Its answer is no JSON, but of one of these media types. */
  media?: readonly string[]
  /** Where Accept prefers `text/event-stream` it answers with a stream of events (Server-Sent Events); what that holds. */
  eventStream?: string
  /** Its answers are pages of up to 1 MiB, or made of as much: one person reads two of them at a time. */
  largePages?: true
  /** Its answer has a token in it: nothing stores it, and it is never compressed. */
  secret?: true
  schema: {
    summary: string
    description?: string
    tags: readonly string[]
    params?: z.ZodObject
    querystring?: z.ZodObject
    body?: z.ZodType
    response: Record<number, z.ZodType>
    /** What can go wrong here, beside what follows from the rest (a body that does not fit, no right to it, a limit). */
    problems?: readonly ProblemCode[]
  }
}

/** Open to everyone in `access`. */
interface GeneralEndpoint extends Route {
  access: GeneralAccess
  /** API tokens may call it, too. Endpoints that name something in a project are open to them within their scope. */
  apiTokens?: true
  target?: undefined
  effect?: undefined
  personal?: undefined
}

/** Open to members of a project whose role allows the action. */
interface ProjectEndpoint<A extends string> extends Route {
  access: A
  /** The path parameter that names the thing on which the action is checked. */
  target: string
  apiTokens?: undefined
  /** What happens to the target: it is read, something is added to it, or it changes. */
  effect: 'read' | 'create' | 'change'
  /** Its answer depends on who asks, and is never given to another member. Answers of other reads may be. */
  personal?: true
}

export type Endpoint<A extends string = ActionName> = GeneralEndpoint | ProjectEndpoint<A>

export const endpoint = <const E extends Endpoint>(value: E): E => value

type WithSchema = Pick<Endpoint, 'schema'>
type Part<E extends WithSchema, K extends 'params' | 'querystring' | 'body'> =
  E['schema'] extends Record<K, infer S extends z.ZodType> ? S : never
/** What a client sends, by part of the request. */
export type Input<E extends WithSchema, K extends 'params' | 'querystring' | 'body'> = z.input<Part<E, K>>
/** What a handler receives, parsed. */
export type Parsed<E extends WithSchema, K extends 'params' | 'querystring' | 'body'> = z.output<Part<E, K>>
type Body<E extends WithSchema> = z.output<E['schema']['response'][keyof E['schema']['response']]>
/** The body of the success answer; void where there is none. */
export type Answer<E extends WithSchema> = Body<E> extends undefined ? void : Body<E>

/** The success status of an endpoint. */
export const statusOf = (e: Endpoint): number => Number(Object.keys(e.schema.response)[0])
