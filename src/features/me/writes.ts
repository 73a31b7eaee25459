import { projectRoom } from '../../contract/index.ts'
import { Prisma } from '../../db/client.ts'
import type { Conditional } from '../../plugins/endpoints.ts'
import type { Write } from '../../rooms/commit.ts'
import { presentUser } from '../auth/present.ts'
import { nextVersion, presentPerson } from '../present.ts'

/** Every project in which the person is drawn somewhere, whether or not they still are a member. */
const traces = (userId: string) => Prisma.sql`
  SELECT "projectId" AS id FROM "Member" WHERE "userId" = ${userId}::uuid
  UNION SELECT id FROM "Project" WHERE "authorId" = ${userId}::uuid
  UNION SELECT "projectId" FROM "Task" WHERE "authorId" = ${userId}::uuid OR "assigneeId" = ${userId}::uuid
  UNION SELECT "projectId" FROM "Vibe" WHERE "authorId" = ${userId}::uuid
  UNION SELECT "projectId" FROM "Cut" WHERE "authorId" = ${userId}::uuid
  UNION SELECT "projectId" FROM "Comment" WHERE "authorId" = ${userId}::uuid OR "resolvedById" = ${userId}::uuid`

/**
 * Changes how a person is drawn and tells every project that draws them. Writers in these projects hold their member
 * row until they commit: waiting for those rows keeps an event with the old name from coming after `person:updated`.
 * Member rows come before the person's row, as in every other write (whose foreign keys lock the people it names):
 * the other way round, whoever renames themselves while they write would run into a deadlock.
 */
export async function updatePerson(
  { tx, query, emit }: Write,
  userId: string,
  data: { name?: string | undefined; avatarUrl?: string | null | undefined },
  expect: Conditional['expect'],
) {
  const drawnIn = async () => (await query<{ id: string }>(traces(userId))).map((project) => project.id)
  const hold = (ids: string[]) =>
    query(Prisma.sql`SELECT 1 FROM "Member" WHERE "projectId" = ANY(${ids}::uuid[]) ORDER BY "projectId", "userId" FOR UPDATE`)
  const known = new Set(await drawnIn())
  await hold([...known])
  // Now nobody draws the person in a further project; one that was begun before is found by looking again.
  await query(Prisma.sql`SELECT 1 FROM "User" WHERE id = ${userId}::uuid FOR UPDATE`)
  const before = await tx.user.findUniqueOrThrow({ where: { id: userId } })
  await expect(before.version, async () => presentUser(before))
  const projects = await drawnIn()
  const late = projects.filter((id) => !known.has(id))
  if (late.length > 0) await hold(late)
  const user = await tx.user.update({ where: { id: userId }, data: { ...data, version: nextVersion } })
  for (const id of projects) emit(projectRoom(id), 'person:updated', presentPerson(user))
  return user
}
