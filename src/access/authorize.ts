import type { ActionName, Person, Role } from '@cutroom/contract'
import type { Query } from '../db/client.ts'
import { problem } from '../errors.ts'
import { allows } from './roles.ts'
import { admitSession, type Caller, type Position } from './sessions.ts'

/** The thing a path names, the project it is in, and the caller's role there. */
export interface Scope {
  projectId: string
  /** The lower of theirs and their API token's. */
  role: Role
  /** Who wrote the thing (for a member: who it is). */
  authorId: string
  /** The thing's version. */
  version: number
  /** Where the project's log stood in the snapshot of the check; null in a write, where it moves. */
  at: Position | null
  /** The caller as they are shown; in a write they cannot be renamed before the commit. */
  me: Person
}

/** How a path parameter names a row of a project: in which table, and under which columns its key, project and author stand. */
export interface TargetRow {
  table: string
  key: string
  project: string
  author: string
  /** The key is unique only with the project, which the path names, too. */
  needsProject?: boolean
}

/** A thing that a path names. */
export interface Target {
  /** The path parameter, like `cutId`. */
  param: string
  id: string
  /** Of a key that is one only with the project: the project in the path. */
  projectId?: string | undefined
}

// SHARE makes removal and change of role wait for this commit, KEY SHARE a new name; NO KEY UPDATE lets other writers
// refer to the thing at that time.
const locks = {
  member: ' FOR SHARE OF m FOR KEY SHARE OF u',
  target: ' FOR NO KEY UPDATE OF t FOR SHARE OF m FOR KEY SHARE OF u',
  self: ' FOR UPDATE OF t FOR KEY SHARE OF u',
}
type Lock = keyof typeof locks

/** The statements of one kind of target. $1 is the thing, $2 the caller, $3 their session; $4 the project, where the key needs it. */
interface ScopeQuery {
  /** Without a lock, with the position of the project's log. */
  read: string
  locked: Record<Lock, string>
  needsProject: boolean
}

/** t: the thing, m: the caller's membership, u: the caller, s: their session or API token (of which `least` passes over a null), r: the room. Names of tables and columns are of the schema. */
function scopeQuery({ table, key, project, author, needsProject = false }: TargetRow): ScopeQuery {
  const select = `SELECT least(m.role, s."maxRole") AS role, s."maxRole" IS NOT NULL AS "byToken", u.id AS "myId", u.name AS "myName", u."avatarUrl" AS "myAvatarUrl",
    t."${project}" AS "projectId", t."${author}" AS "authorId", t.version`
  const from = `FROM "${table}" t
    JOIN "Member" m ON m."projectId" = t."${project}" AND m."userId" = $2::uuid JOIN "User" u ON u.id = m."userId"
    JOIN "Session" s ON s.id = $3::uuid AND s."userId" = m."userId" AND s."revokedAt" IS NULL AND s."expiresAt" > now()
      AND (s."allProjects" OR m."projectId" = ANY(s."projectIds"))`
  const where = `WHERE t."${key}" = $1::uuid${needsProject ? ` AND t."${project}" = $4::uuid` : ''}`
  const locked = (lock: Lock) => `${select} ${from} ${where}${locks[lock]}`
  return {
    read: `${select}, r.head, r.floor ${from} JOIN "Room" r ON r.id = 'project:' || m."projectId" ${where}`,
    locked: { member: locked('member'), target: locked('target'), self: locked('self') },
    needsProject,
  }
}

interface Row extends Omit<Scope, 'me' | 'at'> {
  myId: string
  myName: string
  myAvatarUrl: string | null
  byToken: boolean
  head?: string
  floor?: string
}

export interface Authorizer {
  /**
   * The one check, in one statement: the session is open, the thing exists, and the role allows it. Unknown things and things
   * of projects of which one is no member, or which an API token does not reach, answer alike.
   * @param lock inside a write: `member` keeps the caller's role as it is until the commit, `target` also locks the thing
   * @throws problem session-revoked | not-found | forbidden
   */
  authorize(query: Query, who: Caller, action: ActionName, target: Target, lock?: 'member' | 'target'): Promise<Scope>
  /** The statement of `authorize` with the lock `member`, for an assertion of the same; null where the key needs the project. */
  memberQuery(param: string): string | null
}

/** @param targets the rows that path parameters name, by parameter */
export function createAuthorizer(targets: Record<string, TargetRow>): Authorizer {
  const queries = new Map(Object.entries(targets).map(([param, row]) => [param, scopeQuery(row)]))
  function queryOf(param: string): ScopeQuery {
    const found = queries.get(param)
    if (!found) throw new RangeError(`No noun is named by the path parameter ${param}`)
    return found
  }
  return {
    async authorize(query, who, action, target, lock) {
      const { read, locked, needsProject } = queryOf(target.param)
      // On oneself both locks fall on one row.
      const isSelf = lock === 'target' && needsProject && target.id === who.userId
      const [row] = await query<Row>({
        text: lock ? locked[isSelf ? 'self' : lock] : read,
        values: [target.id, who.userId, who.sessionId, ...(needsProject ? [target.projectId] : [])],
      })
      if (!row) {
        await admitSession(query, who)
        throw problem('not-found')
      }
      const { myId, myName, myAvatarUrl, head, floor, byToken, ...scope } = row
      // A member is their own, and not their token's: no bot leaves a project for its person.
      const isOwn = scope.authorId === who.userId && !(needsProject && byToken)
      if (!allows(scope.role, action, isOwn)) throw problem('forbidden')
      const at = head === undefined ? null : { head: Number(head), floor: Number(floor) }
      return { ...scope, at, me: { id: myId, name: myName, avatarUrl: myAvatarUrl } }
    },
    memberQuery(param) {
      const { locked, needsProject } = queryOf(param)
      return needsProject ? null : locked.member
    },
  }
}
