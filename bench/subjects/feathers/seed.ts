import pg from 'pg'
import { membersOf, type SeedPlan, type World } from '../../support/subject.ts'

/** Straight into the rows: thousands of logins would take minutes of bcrypt. */
export async function seed(databaseUrl: string, plan: SeedPlan, tokenOf: (userId: string) => string): Promise<World> {
  const database = new pg.Client({ connectionString: databaseUrl })
  await database.connect()
  try {
    const insert = async (text: string, ...columns: unknown[][]) =>
      (await database.query<{ id: number }>(text, columns)).rows.map((row) => String(row.id))
    const members = membersOf(plan)
    const people = await insert(
      `INSERT INTO users (email, name, password)
       SELECT n || '@example.com', 'Person ' || n, '-' FROM unnest($1::int[]) n RETURNING id`,
      Array.from({ length: plan.people }, (_, n) => n),
    )
    const projects = await insert(
      `INSERT INTO projects (name) SELECT 'Project ' || n FROM unnest($1::int[]) n RETURNING id`,
      members.map((_, n) => n),
    )
    const cuts = await insert(
      `INSERT INTO cuts ("projectId", name) SELECT id, 'First' FROM unnest($1::int[]) id RETURNING id`,
      projects,
    )
    await insert(
      'INSERT INTO members ("projectId", "userId") SELECT * FROM unnest($1::int[], $2::int[]) RETURNING id',
      members.flatMap((those, n) => those.map(() => projects[n])),
      members.flatMap((those) => those.map((person) => people[person])),
    )
    await database.query('ANALYZE')
    return {
      people: people.map((id) => ({ id, token: tokenOf(id) })),
      places: members.map((those, n) => ({ id: projects[n] ?? '', cutId: cuts[n] ?? '', members: those })),
    }
  } finally {
    await database.end()
  }
}
