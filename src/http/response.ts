import { type Endpoint, statusOf } from '@cutroom/contract'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Encoding, encodingFor, markEncoded } from './compression.ts'
import { knownTag, tagOf, versionOf } from './conditional.ts'
import type { CachedResponse } from './response-cache.ts'

/** `/api/tasks/:id` of what has an `id`. */
const locate = (location: string, answer: Record<string, unknown>): string =>
  location
    .split('/')
    .map((part) => (part[0] === ':' ? encodeURIComponent(String(answer[part.slice(1)])) : part))
    .join('/')

const JSON_TYPE = 'application/json; charset=utf-8'

/** The tag of an answer in its written form; null for what has no version: lists, and answers of auth. */
export function tagFor(answer: unknown, body: string | Buffer): string | null {
  const version = versionOf(answer)
  return version === null ? null : tagOf(version, body)
}

/**
 * Answers a read: 304 where the caller has exactly this.
 * @param encoded the body in a content coding, where it is kept
 */
export function sendRead(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, tag }: CachedResponse,
  encoded?: (encoding: Encoding) => Promise<string | Buffer>,
) {
  const known = tag === null ? null : knownTag(request, tag)
  if (tag !== null) reply.header('etag', known ?? tag)
  if (known !== null) return reply.code(304).send()
  reply.type(JSON_TYPE)
  const encoding = encoded ? encodingFor(request, body.length) : null
  if (!encoded || encoding === null) return reply.send(body)
  return encoded(encoding).then((bytes) => {
    markEncoded(reply, encoding)
    return reply.send(bytes)
  })
}

/**
 * Answers a write, and a read without a tag.
 * @param base the path under which the world finds this server; '' where there is none
 */
export function send(reply: FastifyReply, endpoint: Endpoint, answer: unknown, base: string) {
  reply.code(statusOf(endpoint))
  if (answer === undefined) return reply.send()
  if (endpoint.location !== undefined)
    reply.header('location', base + locate(endpoint.location, answer as Record<string, unknown>))
  const body = reply.serialize(answer) as string
  const tag = tagFor(answer, body)
  if (tag !== null) reply.header('etag', tag)
  return reply.type(JSON_TYPE).send(body)
}
