import { Prisma } from '../../db/client.ts'
import type { Write } from '../../rooms/log/commit.ts'

/**
 * Keeps people as they are drawn until the commit, for an event that draws others than its writer: a new name waits, or has come
 * first and is read. Before the statement that reads them; no round trip.
 * @param ids a query with one column
 */
export const holdPeople = ({ assert }: Pick<Write, 'assert'>, ids: Prisma.Sql): void =>
  assert(Prisma.sql`SELECT 1 FROM "User" WHERE id IN (${ids}) ORDER BY id FOR KEY SHARE`)
