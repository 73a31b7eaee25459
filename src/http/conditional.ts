import { hash, hkdfSync } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { problem } from '../errors.ts'

/** Characters of the hash in a tag: 96 bits. */
const HASH_LENGTH = 16
/** Behind the hash stands the content coding, if there is one. */
const tagged = new RegExp(`^"(\\d+)(?:\\.[\\w-]{${HASH_LENGTH}}(?:-[a-z]+)?)?"$`)

/**
 * The entity tag of an answer: its version, which If-Match compares, and a hash of its bytes, which If-None-Match compares too.
 * One version has several answers (a renamed author), and one path has an answer for each person (`/api/me`).
 * @param body as it is sent
 */
export const tagOf = (version: number, body: string | Buffer): string =>
  `"${version}.${hash('sha256', body, 'base64url').slice(0, HASH_LENGTH)}"`

const listed = (header: string | undefined) => header?.split(',').map((tag) => tag.trim())

/** The tag of the same answer in a content coding. Tags that are weak, or of others, stay as they are. */
export const encodedTag = (tag: string, encoding: string): string => (tagged.test(tag) ? `${tag.slice(0, -1)}-${encoding}"` : tag)

/**
 * The tag in If-None-Match that is of this answer, in whatever content coding the client has it; null where there is none. Compared
 * weakly, as RFC 9110 has it.
 */
export function knownTag({ headers }: FastifyRequest, tag: string): string | null {
  const tags = listed(headers['if-none-match'])?.map((each) => each.replace(/^W\//, '')) ?? []
  if (tags.includes('*')) return tag
  const encoded = `${tag.slice(0, -1)}-`
  return tags.find((each) => each === tag || (each.startsWith(encoded) && tagged.test(each))) ?? null
}

/**
 * Does If-Match allow a change of this version? RFC 9110: If-Match compares strongly, so a weak tag never fits. A tag of this
 * version fits whatever its hash: another name of the author is no change of the thing. So does `"<version>"` alone.
 */
export function matches({ headers }: FastifyRequest, version: number): boolean {
  const tags = listed(headers['if-match'])
  return tags === undefined || tags.some((tag) => tag === '*' || tagged.exec(tag)?.[1] === String(version))
}

/** @throws problem bad-request */
export function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key !== 'string' || !/^[\x21-\x7e]{1,255}$/.test(key))
    throw problem('bad-request', 'Idempotency-Key must be 1 to 255 visible ASCII characters')
  return key
}

/**
 * Fingerprints of requests: the same request again has the same one. They are stored, and a body may hold a password: without the
 * secret a fingerprint cannot be compared with a guess. Only the server computes one, so a plain hash behind a key is enough;
 * HMAC takes 30 µs more of each write.
 */
export function fingerprints(secret: string): (request: Pick<FastifyRequest, 'method' | 'url' | 'body'>) => string {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'cutroom idempotency', 32)).toString('base64url')
  return ({ method, url, body }) => hash('sha256', `${key} ${method} ${url}\n${JSON.stringify(body) ?? ''}`, 'base64url')
}

/** The version of an entity; null for what is none. */
export function versionOf(answer: unknown): number | null {
  const version = (answer as { version?: unknown } | null | undefined)?.version
  return typeof version === 'number' ? version : null
}
