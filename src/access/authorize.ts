import { type Action, actions, type Person, projectRoom, type Role, userRoom } from '@cutroom/contract'
import { Prisma, type Query, type Statement } from '../db/client.ts'
import { problem } from '../errors.ts'

const order: Role[] = ['viewer', 'commenter', 'editor', 'owner']
export const atLeast = (role: Role, least: Role | null | undefined): boolean =>
  least != null && order.indexOf(role) >= order.indexOf(least)

/** Whether a person with `role` may do this; `own`: to a thing they wrote themselves. */
export function allows(role: Role, action: Action, own: boolean): boolean {
  const rule: { role: Role | null; own?: Role } = actions[action]
  return atLeast(role, rule.role) || (own && atLeast(role, rule.own))
}

/** Identity claimed by a valid token. The session may have been revoked since; the database decides. */
export interface Caller {
  userId: string
  sessionId: string
}

/** Of a room's log: the last seq given, and the lowest `after` still served. */
export interface Position {
  head: number
  floor: number
}

/** The thing a path names, the project it is in, and the caller's role there. */
export interface Scope {
  projectId: string
  role: Role
  /** Who wrote the thing (for a member: who it is). */
  authorId: string
  /** The thing's version. */
  version: number
  /** Where the project's log stood in the snapshot of the check; null in a write, where it moves. */
  at: Position | null
  /** The caller as they are drawn; in a write they cannot be renamed before the commit. */
  me: Person
}

/** What the last id of a path can name, by the parameter's name. */
export type Target = 'projectId' | 'userId' | 'taskId' | 'vibeId' | 'cutId' | 'commentId'

// $1 the thing, $2 the caller, $3 their session; t: the thing, m: the caller's membership, u: the caller, r: the room.
const right = (table: string, columns: string, project: string, where: string) => ({
  select: `SELECT m.role, u.id AS "myId", u.name AS "myName", u."avatarUrl" AS "myAvatarUrl", ${columns}, t.version`,
  from: `FROM ${table} t
    JOIN "Member" m ON m."projectId" = ${project} AND m."userId" = $2::uuid JOIN "User" u ON u.id = m."userId"
    JOIN "Session" s ON s.id = $3::uuid AND s."userId" = m."userId" AND s."revokedAt" IS NULL AND s."expiresAt" > now()`,
  where: `WHERE ${where}`,
})
const thing = (table: string) => right(table, 't."projectId", t."authorId"', 't."projectId"', 't.id = $1::uuid')
const rights: Record<Target, ReturnType<typeof right>> = {
  projectId: right('"Project"', 't.id AS "projectId", t."authorId"', 't.id', 't.id = $1::uuid'),
  userId: right(
    '"Member"',
    't."projectId", t."userId" AS "authorId"',
    't."projectId"',
    't."projectId" = $4::uuid AND t."userId" = $1::uuid',
  ),
  taskId: thing('"Task"'),
  vibeId: thing('"Vibe"'),
  cutId: thing('"Cut"'),
  commentId: thing('"Comment"'),
}
const forAll = (make: (right: (typeof rights)[Target], type: Target) => string) =>
  Object.fromEntries(Object.entries(rights).map(([type, right]) => [type, make(right, type as Target)])) as Record<Target, string>

// SHARE makes removal and change of role wait for this commit, KEY SHARE a new name; NO KEY UPDATE lets other writers
// refer to the thing at that time.
const locks = {
  member: ' FOR SHARE OF m FOR KEY SHARE OF u',
  thing: ' FOR NO KEY UPDATE OF t FOR SHARE OF m FOR KEY SHARE OF u',
  self: ' FOR UPDATE OF t FOR KEY SHARE OF u',
}

const holding = (lock: string) => forAll(({ select, from, where }) => `${select} ${from} ${where}${lock}`)
const reading = forAll(
  ({ select, from, where }) => `${select}, r.head, r.floor ${from} JOIN "Room" r ON r.id = 'project:' || m."projectId" ${where}`,
)
const held = { member: holding(locks.member), thing: holding(locks.thing), self: holding(locks.self) }
const proofs = (also: string) =>
  forAll(
    (_, type) => `WITH seen AS MATERIALIZED (${held.member[type]}) SELECT 1 / count(*) FROM seen
    WHERE role = $4::"Role" AND "projectId" = $5::uuid AND "authorId" = $6::uuid AND "myName" = $7
    AND "myAvatarUrl" IS NOT DISTINCT FROM $8 ${also}`,
  )
const plainProofs = proofs('')
const freeProofs = proofs('AND pg_try_advisory_xact_lock(hashtextextended($9, 0))')

interface Row extends Omit<Scope, 'me' | 'at'> {
  myId: string
  myName: string
  myAvatarUrl: string | null
  head?: string
  floor?: string
}

/**
 * The one check, in one statement: the session stands, the thing is there, and the role allows it. Unknown things and things
 * of projects one is not a member of answer alike.
 * @param hold inside a write: `member` keeps the caller's role as it is until the commit, `thing` also locks the thing
 * @throws problem session-revoked | not-found | forbidden
 */
export async function authorize(
  query: Query,
  who: Caller,
  action: Action,
  target: { type: Target; id: string; projectId?: string | undefined },
  hold?: 'member' | 'thing',
): Promise<Scope> {
  // On oneself both locks fall on one row.
  const lock = hold === 'thing' && target.type === 'userId' && target.id === who.userId ? 'self' : hold
  const [row] = await query<Row>({
    text: (lock ? held[lock] : reading)[target.type],
    values: [target.id, who.userId, who.sessionId, ...(target.type === 'userId' ? [target.projectId] : [])],
  })
  if (!row) {
    await admitSession(query, who)
    throw problem('not-found')
  }
  if (!allows(row.role, action, row.authorId === who.userId)) throw problem('forbidden')
  const { myId, myName, myAvatarUrl, head, floor, ...scope } = row
  const at = head === undefined ? null : { head: Number(head), floor: Number(floor) }
  return { ...scope, at, me: { id: myId, name: myName, avatarUrl: myAvatarUrl } }
}

/**
 * A statement that fails (as a division by zero) unless `authorize` with the lock `member` would give this very scope now. Not
 * for a member as target, who is found by a project, too.
 * @param free it also fails while the advisory lock of this name is held, and else takes it until the commit
 */
export function proof(who: Caller, target: { type: Target; id: string }, scope: Scope, free?: string): Statement {
  const values = [target.id, who.userId, who.sessionId, scope.role, scope.projectId, scope.authorId, scope.me.name]
  return {
    text: (free === undefined ? plainProofs : freeProofs)[target.type],
    values: [...values, scope.me.avatarUrl, ...(free === undefined ? [] : [free])],
  }
}

/**
 * The caller as they are drawn now, their role in a project and where its log stands, in one snapshot: a removal seen nowhere yet has
 * a later seq.
 * @throws problem not-found, for strangers and strange ids alike
 */
export async function admit(query: Query, userId: string, projectId: string): Promise<{ person: Person; role: Role } & Position> {
  const [row] = await query<Person & { role: Role; head: string; floor: string }>(
    Prisma.sql`SELECT m.role, r.head, r.floor, u.id, u.name, u."avatarUrl" FROM "Member" m
      JOIN "User" u ON u.id = m."userId" JOIN "Room" r ON r.id = ${projectRoom(projectId)}
      WHERE m."projectId" = ${projectId}::uuid AND m."userId" = ${userId}::uuid`,
  )
  if (!row) throw problem('not-found')
  const { role, head, floor, ...person } = row
  return { person, role, head: Number(head), floor: Number(floor) }
}

/**
 * The person a session belongs to and where their own log stands, in one snapshot: a later revocation has a later seq.
 * @throws problem session-revoked, also for a session that never was
 */
export async function admitSession(query: Query, { userId, sessionId }: Caller): Promise<{ person: Person } & Position> {
  const [row] = await query<Person & { head: string; floor: string }>(
    Prisma.sql`SELECT u.id, u.name, u."avatarUrl", r.head, r.floor FROM "Session" s
      JOIN "User" u ON u.id = s."userId" JOIN "Room" r ON r.id = ${userRoom(userId)}
      WHERE s.id = ${sessionId}::uuid AND s."userId" = ${userId}::uuid AND s."revokedAt" IS NULL AND s."expiresAt" > now()`,
  )
  if (!row) throw problem('session-revoked')
  const { head, floor, ...person } = row
  return { person, head: Number(head), floor: Number(floor) }
}

/**
 * Keeps the session open until the commit: whatever closes it comes before, and is seen here, or after the commit.
 * Last of the locks of a write, behind rows of users and members, so that a revocation need not wait for those.
 * @throws problem session-revoked
 */
export async function holdSession(query: Query, { userId, sessionId }: Caller): Promise<void> {
  const rows = await query(
    Prisma.sql`SELECT 1 FROM "Session" WHERE id = ${sessionId}::uuid AND "userId" = ${userId}::uuid
      AND "revokedAt" IS NULL AND "expiresAt" > now() FOR SHARE`,
  )
  if (rows.length === 0) throw problem('session-revoked')
}

/**
 * A statement that does as `holdSession` does, and fails (as a division by zero) when the session is closed: nothing waits for its
 * answer. Tried again, the write finds the closed session first.
 */
export const sessionProof = ({ userId, sessionId }: Caller): Statement => ({
  text: `WITH seen AS MATERIALIZED (SELECT 1 FROM "Session" WHERE id = $1::uuid AND "userId" = $2::uuid
    AND "revokedAt" IS NULL AND "expiresAt" > now() FOR SHARE) SELECT 1 / count(*) FROM seen`,
  values: [sessionId, userId],
})
