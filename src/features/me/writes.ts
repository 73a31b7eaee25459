import { Prisma } from '../../db/client.ts'
import type { Conditional } from '../../http/endpoints.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { presentUser } from '../auth/serialize.ts'
import { nextVersion, presentPerson } from '../shared/serialize.ts'

/** Rooms of the projects in which the person is drawn somewhere, whether or not they still are a member. */
const roomsDrawing = (userId: string) => Prisma.sql`
  SELECT 'project:' || id AS room FROM ((
    SELECT "projectId" AS id FROM "Member" WHERE "userId" = ${userId}::uuid
    UNION SELECT id FROM "Project" WHERE "authorId" = ${userId}::uuid
    UNION SELECT "projectId" FROM "Task" WHERE "authorId" = ${userId}::uuid
    UNION SELECT "projectId" FROM "Task" WHERE "assigneeId" = ${userId}::uuid
    UNION SELECT "projectId" FROM "Vibe" WHERE "authorId" = ${userId}::uuid
    UNION SELECT "projectId" FROM "Cut" WHERE "authorId" = ${userId}::uuid
    UNION SELECT "projectId" FROM "Comment" WHERE "authorId" = ${userId}::uuid
    UNION SELECT "projectId" FROM "Comment" WHERE "resolvedById" = ${userId}::uuid)
    EXCEPT SELECT id FROM "Project" WHERE "deletedAt" IS NOT NULL) AS drawn`

/**
 * Changes how a person is drawn and tells every project that draws them, in one statement. A write that draws people holds their
 * rows (`holdPeople`, or its check) until its commit: waiting for them here keeps an event with the old name from coming after
 * `person:updated`, and finds the projects that such a write has just added.
 */
export async function updatePerson(
  { tx, query, emitAll }: Write,
  userId: string,
  data: { name?: string | undefined; avatarUrl?: string | null | undefined },
  expect: Conditional['expect'],
) {
  await query(Prisma.sql`SELECT 1 FROM "User" WHERE id = ${userId}::uuid FOR UPDATE`)
  const before = await tx.user.findUniqueOrThrow({ where: { id: userId } })
  await expect(before.version, async () => presentUser(before))
  const { name = before.name, avatarUrl = before.avatarUrl } = data
  if (name === before.name && avatarUrl === before.avatarUrl) return before
  const user = await tx.user.update({ where: { id: userId }, data: { name, avatarUrl, version: nextVersion } })
  emitAll(roomsDrawing(userId), 'person:updated', presentPerson(user))
  return user
}
