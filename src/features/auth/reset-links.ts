import type { Config } from '../../config.ts'
import { Prisma } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { type TokenLinks, tokenLinks } from '../shared/token-links.ts'
import { hashToken } from './refresh-token.ts'
import { revokeSessions } from './writes.ts'

/** How long a link is good for, ms. */
const LIFETIME_MS = 3_600_000

/** The links of password resets. */
export const resetLinks = (config: Pick<Config, 'jwtSecret' | 'publicUrl'>): TokenLinks =>
  tokenLinks(config, 'cutroom reset token', '/reset')

/** Makes a link for an address, whether or not there is an account that has it: the work is the same. @returns its id */
export function createReset({ insert }: Pick<Write, 'insert'>, links: TokenLinks, email: string): string {
  const id = newId()
  insert('PasswordReset', { id, email, tokenHash: hashToken(links.tokenOf(id)), expiresAt: new Date(Date.now() + LIFETIME_MS) })
  return id
}

/** The link with this token; `isOver`: it has expired. */
export const findReset = (token: string): Prisma.Sql =>
  Prisma.sql`SELECT email, "expiresAt" <= now() AS "isOver" FROM "PasswordReset" WHERE "tokenHash" = ${hashToken(token)}`

/**
 * Gives the account of a link its new password. The link is used up, with all others for that address, and every session ends.
 * @returns how many sessions and API tokens ended
 * @throws problem not-found
 */
export async function useReset(write: Write, token: string, passwordHash: string): Promise<number> {
  const { query } = write
  // Of two that use it at once the second one waits here, and finds no link.
  const [used] = await query<{ email: string }>(
    Prisma.sql`DELETE FROM "PasswordReset" WHERE "tokenHash" = ${hashToken(token)} AND "expiresAt" > now() RETURNING email`,
  )
  if (!used) throw problem('not-found')
  const [user] = await query<{ id: string }>(
    Prisma.sql`UPDATE "User" SET "passwordHash" = ${passwordHash} WHERE email = ${used.email} RETURNING id`,
  )
  if (!user) throw problem('not-found')
  await query(Prisma.sql`DELETE FROM "PasswordReset" WHERE email = ${used.email}`)
  return revokeSessions(write, user.id, {}, 'password')
}
