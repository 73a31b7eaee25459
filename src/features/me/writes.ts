import { Prisma } from '../../db/client.ts'
import type { Conditional } from '../../http/request-context.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { presentUser } from '../auth/serialize.ts'
import { roomsWith } from '../conversations/access.ts'
import type { Noun } from '../shared/noun.ts'
import { nextVersion, presentPerson } from '../shared/serialize.ts'

/**
 * Rooms of the projects that show the person somewhere, whether or not they still are a member: a query with the person as $1, by
 * the tables that name people.
 */
export function roomsShowing(nouns: readonly Noun[]): (userId: string) => Prisma.Sql {
  const each = nouns.flatMap(({ tables }) =>
    tables.flatMap(({ name, project, people }) => people.map((person) => ({ table: name, project, person }))),
  )
  return (userId) => {
    const selects = each.map(
      ({ table, project, person }) =>
        Prisma.sql`SELECT ${Prisma.raw(`"${project}"`)} AS id FROM ${Prisma.raw(`"${table}"`)} WHERE ${Prisma.raw(`"${person}"`)} = ${userId}::uuid`,
    )
    return Prisma.sql`SELECT 'project:' || id AS room FROM ((${Prisma.join(selects, ' UNION ')})
      EXCEPT SELECT id FROM "Project" WHERE "deletedAt" IS NOT NULL) AS shown`
  }
}

/**
 * Changes how a person is shown and tells every project that shows them, in one statement. A write that shows people locks their
 * rows (`lockPeople`, or its check) until its commit: waiting for them here keeps an event with the old name from coming after
 * `person:updated`, and finds the projects that such a write has just added.
 */
export async function updatePerson(
  { tx, query, emitAll }: Write,
  userId: string,
  data: { name?: string | undefined; avatarUrl?: string | null | undefined },
  { expect, rooms }: Conditional & { rooms: (userId: string) => Prisma.Sql },
) {
  await query(Prisma.sql`SELECT 1 FROM "User" WHERE id = ${userId}::uuid FOR UPDATE`)
  const before = await tx.user.findUniqueOrThrow({ where: { id: userId } })
  await expect(before.version, async () => presentUser(before))
  const { name = before.name, avatarUrl = before.avatarUrl } = data
  if (name === before.name && avatarUrl === before.avatarUrl) return before
  const user = await tx.user.update({ where: { id: userId }, data: { name, avatarUrl, version: nextVersion } })
  emitAll(rooms(userId), 'person:updated', presentPerson(user))
  emitAll(roomsWith(userId), 'contact:updated', presentPerson(user))
  return user
}
