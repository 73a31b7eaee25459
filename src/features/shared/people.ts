import { Prisma } from '../../db/client.ts'
import type { Write } from '../../rooms/log/commit.ts'

/**
 * Locks people against a rename until the commit, for an event that shows others than its writer. Sent before the statement that
 * reads them, so that their names are those of the event; no round trip.
 * @param ids a query with one column
 */
export const lockPeople = ({ assert }: Pick<Write, 'assert'>, ids: Prisma.Sql): void =>
  assert(Prisma.sql`SELECT 1 FROM "User" WHERE id IN (${ids}) ORDER BY id FOR KEY SHARE`)

/** The same for people who are known: looked up one by one, in one order for all writers. */
export const lockPeopleById = ({ assert }: Pick<Write, 'assert'>, ids: readonly string[]): void =>
  assert(
    Prisma.sql`SELECT 1 FROM unnest(${[...new Set(ids)].sort()}::uuid[]) AS a(id)
      CROSS JOIN LATERAL (SELECT 1 FROM "User" WHERE id = a.id LIMIT 1 FOR KEY SHARE) u`,
  )
