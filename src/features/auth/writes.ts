import { type Payload, userRoom } from '../../contract/index.ts'
import { Prisma } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/commit.ts'
import { newRow } from '../row.ts'
import { hashToken, type RefreshTokens } from './refresh-token.ts'

/** A session that does not ask to be remembered ends after this long without use, s. */
const SHORT_SESSION = 86_400
/** Two tabs that refresh at once both get the one successor within this time, ms. */
const GRACE_MS = 10_000

export interface Opened {
  sessionId: string
  userId: string
  refreshToken: string
  remember: boolean
}

export interface SessionRules {
  refreshTokens: RefreshTokens
  /** Seconds. */
  refreshTokenTtl: number
}

const expiry = (rules: SessionRules, remember: boolean) =>
  new Date(Date.now() + (remember ? rules.refreshTokenTtl : Math.min(SHORT_SESSION, rules.refreshTokenTtl)) * 1000)

/** The rows of a new account: the user and their own room. */
export async function createUser({ tx, insert }: Write, data: { email: string; name: string; passwordHash: string }) {
  if (await tx.user.findUnique({ where: { email: data.email }, select: { id: true } })) throw problem('email-taken')
  const user = { ...newRow(), ...data, avatarUrl: null }
  insert('User', user)
  insert('Room', { id: userRoom(user.id) })
  return user
}

/**
 * Keeps the password as it was verified until the commit: a change of it closes all sessions, also one that opens now.
 * @throws problem bad-credentials when it was changed meanwhile
 */
export async function holdPassword({ query }: Write, userId: string, passwordHash: string): Promise<void> {
  const rows = await query(
    Prisma.sql`SELECT 1 FROM "User" WHERE id = ${userId}::uuid AND "passwordHash" = ${passwordHash} FOR SHARE`,
  )
  if (rows.length === 0) throw problem('bad-credentials')
}

export async function openSession(
  { insert }: Write,
  rules: SessionRules,
  login: { userId: string; remember: boolean; userAgent: string | null; address: string },
): Promise<Opened> {
  const { id, createdAt } = newRow()
  const refreshToken = rules.refreshTokens.of(id, 0)
  const fresh = { createdAt, rotatedAt: createdAt, generation: 0, confirmed: 0, expiresAt: expiry(rules, login.remember) }
  insert('Session', { id, ...login, ...fresh, tokenHash: hashToken(refreshToken) })
  return { sessionId: id, userId: login.userId, refreshToken, remember: login.remember }
}

/** Closes sessions and says so in the person's room, which also closes their sockets on every node. */
export async function revokeSessions(
  { tx, emit }: Write,
  userId: string,
  which: { only?: string; except?: string },
  reason: Payload<'session:revoked'>['reason'],
): Promise<number> {
  const id = { ...(which.only !== undefined && { equals: which.only }), ...(which.except !== undefined && { not: which.except }) }
  const open = await tx.session.findMany({ where: { userId, revokedAt: null, id }, select: { id: true } })
  await tx.session.updateMany({
    where: { id: { in: open.map((s) => s.id) } },
    data: { revokedAt: new Date(), revokedFor: reason },
  })
  for (const session of open) emit(userRoom(userId), 'session:revoked', { sessionId: session.id, reason })
  return open.length
}

/**
 * The next generation of a refresh token. A token used before its time in the grace gives the same successor; one used
 * long ago was stolen from somebody, so the session is closed (and the caller told after the commit).
 */
export async function rotate(door: Write, rules: SessionRules, token: string): Promise<Opened | 'reused'> {
  const presented = rules.refreshTokens.parse(token)
  if (!presented) throw problem('token-invalid')
  const { sessionId: id, generation } = presented
  await door.query(Prisma.sql`SELECT 1 FROM "Session" WHERE id = ${id}::uuid FOR UPDATE`)
  const session = await door.tx.session.findUnique({ where: { id } })
  if (!session || session.revokedAt) throw problem('session-revoked')
  if (session.expiresAt <= new Date()) throw problem('token-expired')

  const opened = (n: number): Opened => ({
    sessionId: id,
    userId: session.userId,
    refreshToken: rules.refreshTokens.of(id, n),
    remember: session.remember,
  })
  if (generation === session.generation && hashToken(token) === session.tokenHash) {
    const next = opened(generation + 1)
    await door.tx.session.update({
      where: { id },
      data: {
        generation: generation + 1,
        tokenHash: hashToken(next.refreshToken),
        rotatedAt: new Date(),
        expiresAt: expiry(rules, session.remember),
      },
    })
    return next
  }
  if (generation === session.generation - 1 && Date.now() - session.rotatedAt.getTime() <= GRACE_MS)
    return opened(session.generation)
  await revokeSessions(door, session.userId, { only: id }, 'reuse')
  return 'reused'
}
