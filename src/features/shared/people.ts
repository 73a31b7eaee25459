import { Prisma } from '../../db/client.ts'
import type { Write } from '../../rooms/log/commit.ts'

/**
 * Locks people against a rename until the commit, for an event that shows others than its writer. Sent before the statement that
 * reads them, so that their names are those of the event; no round trip.
 * @param ids a query with one column
 */
export const lockPeople = ({ assert }: Pick<Write, 'assert'>, ids: Prisma.Sql): void =>
  assert(Prisma.sql`SELECT 1 FROM "User" WHERE id IN (${ids}) ORDER BY id FOR KEY SHARE`)
