import { type Payload, userRoom } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { newRow } from '../shared/new-row.ts'
import { hashToken, type RefreshTokens } from './refresh-token.ts'

/** A session that does not ask to be remembered ends after this long without use, s. */
const SHORT_SESSION = 86_400

export interface Opened {
  sessionId: string
  userId: string
  refreshToken: string
  /** Of the refresh token, and of the access token that goes with it. */
  generation: number
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
 * Rows of users are locked before rows of sessions, here as in every write.
 * @throws problem bad-credentials when it was changed since
 */
export async function lockPassword({ query }: Write, userId: string, passwordHash: string): Promise<void> {
  const rows = await query(
    Prisma.sql`SELECT 1 FROM "User" WHERE id = ${userId}::uuid AND "passwordHash" = ${passwordHash} FOR SHARE`,
  )
  if (rows.length === 0) throw problem('bad-credentials')
}

/**
 * Puts a new hash in the place of the one that was verified.
 * @returns false when another change came first
 */
export async function replacePassword({ tx }: Write, userId: string, verified: string, next: string): Promise<boolean> {
  const { count } = await tx.user.updateMany({
    where: { id: userId, passwordHash: verified },
    data: { passwordHash: next },
  })
  return count > 0
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
  return { sessionId: id, userId: login.userId, refreshToken, generation: 0, remember: login.remember }
}

/**
 * Closes sessions and says so in the person's room, which also closes their sockets on every node.
 * @param which `kind`: logins or API tokens alone
 * @param by the session that asks for it, locked as well
 * @returns how many were open
 * @throws problem session-revoked when the session that asks was closed before
 */
export async function revokeSessions(
  { tx, query, emit }: Write,
  userId: string,
  which: { only?: string; except?: string; kind?: 'login' | 'api-token' },
  reason: Payload<'session:revoked'>['reason'],
  by?: string,
): Promise<number> {
  const named = which.only === undefined ? null : [which.only, ...(by === undefined ? [] : [by])]
  // By id: of two sessions that close each other one comes first.
  const open = await query<{ id: string; kind: 'login' | 'api-token' }>(
    Prisma.sql`SELECT id, CASE WHEN name IS NULL THEN 'login' ELSE 'api-token' END AS kind FROM "Session" WHERE "userId" = ${userId}::uuid AND "revokedAt" IS NULL
      AND (${named}::uuid[] IS NULL OR id = ANY(${named}::uuid[])) ORDER BY id FOR UPDATE`,
  )
  const ids = open.map(({ id }) => id)
  if (by !== undefined && !ids.includes(by)) throw problem('session-revoked')
  const isMeant = ({ id, kind }: (typeof open)[number]) =>
    id !== which.except && (which.only ?? id) === id && (which.kind ?? kind) === kind
  const closed = open.filter(isMeant).map(({ id }) => id)
  await tx.session.updateMany({ where: { id: { in: closed } }, data: { revokedAt: new Date(), revokedFor: reason } })
  for (const sessionId of closed) emit(userRoom(userId), 'session:revoked', { sessionId, reason })
  return closed.length
}

/** What the next generation of a refresh token is made of. */
interface SessionRow {
  userId: string
  generation: number
  confirmed: number
  tokenHash: string
  remember: boolean
  isOver: boolean
  isRevoked: boolean
}

/**
 * The next generation of a refresh token. Its answer may be lost: until the successor, or an access token that came with it, was
 * used, the token gives the same successor again. A token that is used after its successor is in two hands, so the session is
 * closed (and the caller told after the commit).
 * @param assertMeant told whose session it is before anything is done
 * @throws problem token-invalid | session-revoked | token-expired
 */
export async function rotate(
  write: Write,
  rules: SessionRules,
  token: string,
  assertMeant: (userId: string) => void,
): Promise<Opened | 'reused'> {
  const presented = rules.refreshTokens.parse(token)
  if (!presented) throw problem('token-invalid')
  const { sessionId: id, generation } = presented
  const [session] = await write.query<SessionRow>(
    Prisma.sql`SELECT "userId", generation, confirmed, "tokenHash", remember,
      "expiresAt" <= now() AS "isOver", "revokedAt" IS NOT NULL AS "isRevoked" FROM "Session" WHERE id = ${id}::uuid FOR UPDATE`,
  )
  if (!session || session.isRevoked) throw problem('session-revoked')
  assertMeant(session.userId)
  if (session.isOver) throw problem('token-expired')

  const opened = (n: number): Opened => ({
    sessionId: id,
    userId: session.userId,
    refreshToken: rules.refreshTokens.of(id, n),
    generation: n,
    remember: session.remember,
  })
  if (generation === session.generation && hashToken(token) === session.tokenHash) {
    const next = opened(generation + 1)
    await write.tx.session.update({
      where: { id },
      data: {
        generation: next.generation,
        confirmed: generation,
        rotatedAt: new Date(),
        tokenHash: hashToken(next.refreshToken),
        expiresAt: expiry(rules, session.remember),
      },
    })
    return next
  }
  if (generation === session.generation - 1 && session.confirmed < session.generation) return opened(session.generation)
  await revokeSessions(write, session.userId, { only: id }, 'reuse')
  return 'reused'
}

/**
 * Closes the session of a token, which may have been closed before.
 * @param isMeant asked whose session may be closed, before anything is done
 * @returns whose it was; null when it was not open, or is not meant
 */
export async function closeSession(
  write: Write,
  sessionId: string,
  isMeant: (userId: string) => boolean,
): Promise<{ userId: string; name: string } | null> {
  const [owner] = await write.query<{ userId: string; name: string }>(
    Prisma.sql`SELECT u.id AS "userId", u.name FROM "Session" s JOIN "User" u ON u.id = s."userId" WHERE s.id = ${sessionId}::uuid`,
  )
  if (!owner || !isMeant(owner.userId)) return null
  return (await revokeSessions(write, owner.userId, { only: sessionId }, 'logout')) > 0 ? owner : null
}
