import { type Person, projectRoom, type Role, userRoom } from '@cutroom/contract'
import { Prisma, type Query, type Statement } from '../db/client.ts'
import { problem } from '../errors.ts'

/** Identity claimed by a valid token. The session may have been revoked since; the database decides. */
export interface Caller {
  userId: string
  sessionId: string
}

/** How far an API token reaches. It never changes. */
export interface TokenScope {
  /** Its holder's highest role. */
  role: Role
  /** null: all projects of the person. */
  projectIds: string[] | null
}

/** Of a room's log: the last seq given, and the lowest `after` still served. */
export interface Position {
  head: number
  floor: number
}

/**
 * The person as they are shown now, their role in a project through this session and where its log stands, in one snapshot: a removal
 * that is not in it has a later seq.
 * @throws problem not-found, for people who are no members, for projects outside an API token's scope and for unknown ids alike
 */
export async function admit(
  query: Query,
  { userId, sessionId }: Caller,
  projectId: string,
): Promise<{ person: Person; role: Role } & Position> {
  const [row] = await query<Person & { role: Role; head: string; floor: string }>(
    Prisma.sql`SELECT least(m.role, s."maxRole") AS role, r.head, r.floor, u.id, u.name, u."avatarUrl" FROM "Member" m
      JOIN "Session" s ON s.id = ${sessionId}::uuid AND s."userId" = m."userId"
        AND (s."allProjects" OR m."projectId" = ANY(s."projectIds"))
      JOIN "User" u ON u.id = m."userId" JOIN "Room" r ON r.id = ${projectRoom(projectId)}
      WHERE m."projectId" = ${projectId}::uuid AND m."userId" = ${userId}::uuid`,
  )
  if (!row) throw problem('not-found')
  const { role, head, floor, ...person } = row
  return { person, role, head: Number(head), floor: Number(floor) }
}

/** What is known of the use of a session's tokens. */
export interface SessionUse {
  /** The newest generation of access tokens of which one was used. */
  confirmed: number
  /** When a refresh token, or the API token, was noted last, ms since the epoch; 0: not yet. */
  notedAt: number
}

interface SessionRow extends Person {
  head: string
  floor: string
  maxRole: Role | null
  projectIds: string[] | null
  endsAt: string
  confirmed: number
  notedAt: string | null
}

/**
 * The person a session belongs to and where their own log stands, in one snapshot: a later revocation has a later seq.
 * @throws problem session-revoked, also for a session that never was
 */
export async function admitSession(
  query: Query,
  { userId, sessionId }: Caller,
): Promise<{ person: Person; token: TokenScope | null; sessionEndsAt: number; use: SessionUse } & Position> {
  const [row] = await query<SessionRow>(
    Prisma.sql`SELECT u.id, u.name, u."avatarUrl", r.head, r.floor, s."maxRole", extract(epoch FROM s."expiresAt") * 1000 AS "endsAt",
      s.confirmed, extract(epoch FROM nullif(s."rotatedAt", s."createdAt")) * 1000 AS "notedAt",
      CASE WHEN NOT s."allProjects" THEN s."projectIds"::text[] END AS "projectIds" FROM "Session" s
      JOIN "User" u ON u.id = s."userId" JOIN "Room" r ON r.id = ${userRoom(userId)}
      WHERE s.id = ${sessionId}::uuid AND s."userId" = ${userId}::uuid AND s."revokedAt" IS NULL AND s."expiresAt" > now()`,
  )
  if (!row) throw problem('session-revoked')
  const { head, floor, maxRole, projectIds, endsAt, confirmed, notedAt, ...person } = row
  const token = maxRole === null ? null : { role: maxRole, projectIds }
  const use = { confirmed, notedAt: Number(notedAt) }
  return { person, token, use, sessionEndsAt: Number(endsAt), head: Number(head), floor: Number(floor) }
}

/**
 * Keeps the session open until the commit: whatever closes it comes before, and is seen here, or after the commit.
 * Last of the locks of a write, behind rows of users and members, so that a revocation need not wait for those.
 * @throws problem session-revoked
 */
export async function lockSession(query: Query, { userId, sessionId }: Caller): Promise<void> {
  const rows = await query(
    Prisma.sql`SELECT 1 FROM "Session" WHERE id = ${sessionId}::uuid AND "userId" = ${userId}::uuid
      AND "revokedAt" IS NULL AND "expiresAt" > now() FOR SHARE`,
  )
  if (rows.length === 0) throw problem('session-revoked')
}

/**
 * The same as a statement whose answer nothing waits for: it fails with the SQLSTATE of `assumption` (errors.ts) where the session is
 * closed. Tried again, the write finds the closed session first.
 */
export const sessionAssertion = ({ userId, sessionId }: Caller): Statement => ({
  text: `WITH session AS MATERIALIZED (SELECT 1 FROM "Session" WHERE id = $1::uuid AND "userId" = $2::uuid
    AND "revokedAt" IS NULL AND "expiresAt" > now() FOR SHARE) SELECT assert_holds(EXISTS (SELECT FROM session))`,
  values: [sessionId, userId],
})
