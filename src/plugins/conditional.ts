import { hash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { problem } from '../errors.ts'

/** A version as an entity tag. */
export const etag = (version: number) => `"${version}"`
const listed = (header: string | undefined) => header?.split(',').map((tag) => tag.trim())

/** Does If-None-Match name this version? Compared weakly, as RFC 9110 has it. */
export function isKnown({ headers }: FastifyRequest, version: number): boolean {
  const tags = listed(headers['if-none-match'])?.map((tag) => tag.replace(/^W\//, ''))
  return tags !== undefined && (tags.includes('*') || tags.includes(etag(version)))
}

/** Does If-Match allow a change of this version? RFC 9110: If-Match compares strongly, so a weak tag never fits. */
export function matches({ headers }: FastifyRequest, version: number): boolean {
  const tags = listed(headers['if-match'])
  return tags === undefined || tags.includes('*') || tags.includes(etag(version))
}

/** @throws problem bad-request */
export function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key))
    throw problem('bad-request', 'Idempotency-Key must be 1 to 255 visible ASCII characters')
  return key
}

/** The same request again has the same fingerprint. */
export const fingerprint = (request: FastifyRequest): string =>
  hash('sha256', `${request.method} ${request.url}\n${JSON.stringify(request.body) ?? ''}`, 'base64url')

/** The version of an entity; null for what is none. */
export function versionOf(answer: unknown): number | null {
  const version = (answer as { version?: unknown } | null | undefined)?.version
  return typeof version === 'number' ? version : null
}
