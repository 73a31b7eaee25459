import { Prisma } from '../../db/client.ts'
import type { Write } from '../../rooms/log/commit.ts'

/** Locks a project: writes that count or compare what it has (owners, invitations, webhooks) come one after another. */
export async function lockProject({ query }: Pick<Write, 'query'>, projectId: string): Promise<void> {
  await query(Prisma.sql`SELECT 1 FROM "Project" WHERE id = ${projectId}::uuid FOR NO KEY UPDATE`)
}
