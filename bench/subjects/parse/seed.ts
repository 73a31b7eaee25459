import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { membersOf, type SeedPlan, type World } from '../../support/subject.ts'

const newId = () => randomBytes(5).toString('hex')
const many = <T>(length: number, make: (n: number) => T) => Array.from({ length }, (_, n) => make(n))

/** Straight into the rows: thousands of logins would take minutes of bcrypt. */
export async function seed(databaseUrl: string, plan: SeedPlan): Promise<World> {
  const people = many(plan.people, () => ({ id: newId(), token: `r:${randomBytes(16).toString('hex')}` }))
  const places = membersOf(plan).map((members) => ({ id: newId(), members }))
  const members = places.flatMap(({ id, members }) => members.map((person) => [newId(), id, people[person]?.id]))
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    const insert = (text: string, ...columns: unknown[][]) => database.query(text, columns)
    const ids = people.map(({ id }) => id)
    await insert(
      `INSERT INTO "_User" ("objectId", "createdAt", "updatedAt", username, email, name, _hashed_password)
       SELECT id, now(), now(), id, id || '@example.com', 'Person ' || id, '-' FROM unnest($1::text[]) id`,
      ids,
    )
    await insert(
      `INSERT INTO "_Session" ("objectId", "createdAt", "updatedAt", "user", "sessionToken", "expiresAt", "createdWith")
       SELECT id, now(), now(), id, token, now() + interval '1 day', '{"action":"login","authProvider":"password"}'
       FROM unnest($1::text[], $2::text[]) s (id, token)`,
      ids,
      people.map(({ token }) => token),
    )
    await insert(
      `INSERT INTO "Project" ("objectId", "createdAt", "updatedAt", name)
       SELECT id, now(), now(), 'Project ' || id FROM unnest($1::text[]) id`,
      places.map(({ id }) => id),
    )
    await insert(
      `INSERT INTO "Member" ("objectId", "createdAt", "updatedAt", project, "user")
       SELECT id, now(), now(), project, person FROM unnest($1::text[], $2::text[], $3::text[]) m (id, project, person)`,
      ...[0, 1, 2].map((column) => members.map((row) => row[column])),
    )
    await database.query('CREATE INDEX IF NOT EXISTS session_token ON "_Session" ("sessionToken")')
    await database.query('ANALYZE')
  } finally {
    await database.end()
  }
  return { people, places: places.map((place) => ({ ...place, cutId: place.id })) }
}
