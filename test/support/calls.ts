import { createHmac, randomUUID } from 'node:crypto'
import { type Endpoint, endpoints } from '@cutroom/contract'
import type { TestApp } from './app.ts'

/** Every endpoint of the contract. */
export const listed: Endpoint[] = Object.values(endpoints).flatMap((noun): Endpoint[] => Object.values(noun))

/** `GET /api/tasks/:taskId` */
export const keyOf = ({ method, url }: Pick<Endpoint, 'method' | 'url'>): string => `${method} ${url}`

/** The path with ids in it. */
export const pathOf = (url: string, params: Record<string, string> = {}): string =>
  url.replace(/:(\w+)/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined) throw new Error(`${url} needs ${name}`)
    return value
  })

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** What an access token says; wrong on purpose where a test wants it. */
export function claimsOf(token: string): Record<string, unknown> & { sub: string; sid: string; exp: number } {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

/** A token signed with the server's own secret, HMAC as its header says: it is wrong only where a test makes it so. */
export function forge(
  { config }: Pick<TestApp, 'config'>,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = { alg: 'HS256', typ: 'JWT' },
  secret: string | Buffer = config.jwtSecret,
): string {
  const body = `${part(header)}.${part(claims)}`
  const bits = /^HS(384|512)$/.exec(String(header.alg))?.[1] ?? '256'
  return `${body}.${createHmac(`sha${bits}`, secret).update(body).digest('base64url')}`
}

/** A token of the same session that ends in so many seconds (or ended, when negative). */
export function tokenOf(app: Pick<TestApp, 'config'>, token: string, seconds: number): string {
  const now = Math.floor(Date.now() / 1000)
  return forge(app, { ...claimsOf(token), jti: randomUUID(), iat: now - 3600, exp: now + seconds })
}
