import type pg from 'pg'
import { type TestApp, testConfig } from './app.ts'
import { claimsOf, forge } from './calls.ts'
import type { Person } from './people.ts'

/** So many more members of a project, each with a session of their own, made without a password; their tokens. */
export async function addCrowd(
  db: pg.Pool,
  {
    projectId,
    count,
    like,
    config = testConfig(),
  }: { projectId: string; count: number; like: Person; config?: TestApp['config'] },
): Promise<{ id: string; token: string }[]> {
  const { rows } = await db.query<{ id: string; sid: string }>(
    `WITH people AS (
       INSERT INTO "User" (id, email, name, "passwordHash")
       SELECT id, id || '@example.com', 'Person ' || n, '' FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(1, $2::int) n) AS each
       RETURNING id
     ), rooms AS (INSERT INTO "Room" (id) SELECT 'user:' || id FROM people),
     members AS (INSERT INTO "Member" ("projectId", "userId", role) SELECT $1::uuid, id, 'editor' FROM people)
     INSERT INTO "Session" (id, "userId", "tokenHash", "expiresAt")
     SELECT gen_random_uuid(), id, '', now() + interval '1 day' FROM people RETURNING "userId" AS id, id AS sid`,
    [projectId, count],
  )
  return rows.map(({ id, sid }) => ({ id, token: forge({ config }, { ...claimsOf(like.token), sub: id, sid }) }))
}

/** So many more projects of one person. */
export async function addProjects(db: pg.Pool, { userId, count }: { userId: string; count: number }): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `WITH made AS (
       INSERT INTO "Project" (id, name, "authorId")
       SELECT gen_random_uuid(), 'Album ' || n, $1::uuid FROM generate_series(1, $2::int) n RETURNING id
     ), members AS (INSERT INTO "Member" ("projectId", "userId", role) SELECT id, $1::uuid, 'owner' FROM made),
     rooms AS (INSERT INTO "Room" (id) SELECT 'project:' || id FROM made)
     SELECT id FROM made`,
    [userId, count],
  )
  return rows.map(({ id }) => id)
}
