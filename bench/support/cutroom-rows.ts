import { createHmac, randomUUID } from 'node:crypto'
import pg from 'pg'
import { uuidv7 } from 'uuidv7'
import { membersOf, type Person, type SeedPlan, type World } from './subject.ts'

/** Of every subject on Cutroom's schema. */
export const SECRET = 'a secret of the bench, thirty-two characters or more'
const DAY_S = 86_400

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** An access token as Cutroom's login issues it. `name` is for the limit, which looks up no names. */
function tokenFor(userId: string, sessionId: string, name: string): string {
  const now = Math.floor(Date.now() / 1000)
  const claims = { sub: userId, sid: sessionId, jti: randomUUID(), name, iat: now, exp: now + DAY_S }
  const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ ...claims, iss: 'cutroom', aud: 'cutroom' })}`
  return `${text}.${createHmac('sha256', SECRET).update(text).digest('base64url')}`
}

/**
 * People with open sessions, projects with one vibe and one cut, members: straight into the rows of a migrated database, since
 * registering hashes passwords for longer than the bench has. Nothing is written to the log.
 */
export async function seedRows(databaseUrl: string, plan: SeedPlan): Promise<World> {
  const accounts = Array.from({ length: plan.people }, (_, n) => ({ id: uuidv7(), sid: uuidv7(), name: `Person ${n}` }))
  const people: Person[] = accounts.map(({ id, sid, name }) => ({ id, token: tokenFor(id, sid, name) }))
  const places = membersOf(plan).map((members) => ({ id: uuidv7(), vibeId: uuidv7(), cutId: uuidv7(), members }))
  const idOf = (index: number | undefined) => people[index ?? -1]?.id ?? ''
  const owners = places.map(({ members }) => idOf(members[0]))
  const memberships = places.flatMap(({ id, members }) =>
    members.map((index, n) => ({ project: id, user: idOf(index), role: n === 0 ? 'owner' : 'commenter' })),
  )
  const ids = people.map(({ id }) => id)
  const projects = places.map(({ id }) => id)
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const insert = (text: string, ...values: unknown[][]) => client.query(text, values)
  try {
    await client.query('BEGIN')
    await insert(
      `INSERT INTO "User" (id, email, name, "passwordHash") SELECT id, id || '@example.com', name, '' FROM unnest($1::uuid[], $2::text[]) AS t (id, name)`,
      ids,
      accounts.map(({ name }) => name),
    )
    await insert(
      `INSERT INTO "Session" (id, "userId", "tokenHash", "expiresAt") SELECT id, "userId", '', now() + interval '1 day' FROM unnest($1::uuid[], $2::uuid[]) AS t (id, "userId")`,
      accounts.map(({ sid }) => sid),
      ids,
    )
    await insert(
      `INSERT INTO "Project" (id, name, "authorId") SELECT id, 'Album', author FROM unnest($1::uuid[], $2::uuid[]) AS t (id, author)`,
      projects,
      owners,
    )
    await insert(
      `INSERT INTO "Member" ("projectId", "userId", role) SELECT project, person, role::"Role" FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS t (project, person, role)`,
      memberships.map(({ project }) => project),
      memberships.map(({ user }) => user),
      memberships.map(({ role }) => role),
    )
    await insert(
      `INSERT INTO "Vibe" (id, "projectId", name, rank, "authorId") SELECT id, project, 'Verse ideas', 'a0', author FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS t (id, project, author)`,
      places.map(({ vibeId }) => vibeId),
      projects,
      owners,
    )
    await insert(
      `INSERT INTO "Cut" (id, "projectId", "vibeId", name, rank, "authorId") SELECT id, project, vibe, 'Take 1', 'a0', author FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) AS t (id, project, vibe, author)`,
      places.map(({ cutId }) => cutId),
      projects,
      places.map(({ vibeId }) => vibeId),
      owners,
    )
    await insert(
      'INSERT INTO "Lyrics" ("cutId", "projectId") SELECT * FROM unnest($1::uuid[], $2::uuid[])',
      places.map(({ cutId }) => cutId),
      projects,
    )
    await insert('INSERT INTO "Room" (id) SELECT * FROM unnest($1::text[])', [
      ...projects.map((id) => `project:${id}`),
      ...ids.map((id) => `user:${id}`),
    ])
    await client.query('COMMIT')
    await client.query('ANALYZE')
  } finally {
    await client.end()
  }
  return { people, places: places.map(({ vibeId, ...place }) => place) }
}

/** So many events in the log of each project, each as long as a comment. */
export async function appendEvents(databaseUrl: string, places: World['places'], count: number): Promise<void> {
  const db = new pg.Client({ connectionString: databaseUrl })
  await db.connect()
  try {
    const payload = JSON.stringify({ id: randomUUID(), body: 'x'.repeat(250) })
    const text = `SELECT append($1, 'comment:created', $2::json) FROM generate_series(1, $3::int)`
    for (const { id } of places) await db.query(text, [`project:${id}`, payload, count])
    await db.query('ANALYZE')
  } finally {
    await db.end()
  }
}
