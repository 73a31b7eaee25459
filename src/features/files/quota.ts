import type { Usage } from '@cutroom/contract'
import type { Config } from '../../config.ts'
import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'

/** Who or what files count for. */
interface Owner {
  kind: 'project' | 'person'
  id: string
}

const columns = {
  project: { file: Prisma.sql`"projectId"`, upload: Prisma.sql`"projectId"` },
  person: { file: Prisma.sql`"authorId"`, upload: Prisma.sql`"userId"` },
}

/** Writers that count for the same wait for each other until the commit: each sees what the one before has added. */
const lock = ({ kind, id }: Owner): Prisma.Sql =>
  Prisma.sql`SELECT pg_advisory_xact_lock(hashtextextended(${`quota ${kind} ${id}`}, 0))`

/**
 * Makes sure that so many bytes more fit, with uploads that are under way.
 * @param but an upload that is not counted: it becomes these bytes
 * @throws problem quota-exceeded
 */
export async function assertQuota(
  { query, assert }: Pick<Write, 'query' | 'assert'>,
  quota: Config['quota'],
  { projectId, userId, bytes, but = null }: { projectId: string; userId: string; bytes: number; but?: string | null },
): Promise<void> {
  const owners: Owner[] = [
    { kind: 'project', id: projectId },
    { kind: 'person', id: userId },
  ]
  // In this order for all writers: nothing waits crosswise.
  for (const owner of owners) {
    const limit = quota[owner.kind]
    if (limit === null) continue
    assert(lock(owner))
    const { file, upload } = columns[owner.kind]
    const [sum] = await query<{ bytes: string }>(Prisma.sql`SELECT
      (SELECT coalesce(sum(size), 0) FROM "File" WHERE ${file} = ${owner.id}::uuid)
      + (SELECT coalesce(sum(length), 0) FROM "Upload" WHERE ${upload} = ${owner.id}::uuid AND "fileId" IS NULL
          AND "expiresAt" > now() AND id IS DISTINCT FROM ${but}::uuid) AS bytes`)
    const used = Number(sum?.bytes ?? 0)
    if (used + bytes > limit)
      throw problem('quota-exceeded', `The files of this ${owner.kind} take ${used} of ${limit} bytes; this one has ${bytes}`)
  }
}

/** What all files of a project or of a person take up. */
export async function usageOf(query: Query, quota: Config['quota'], { kind, id }: Owner): Promise<Usage> {
  const [sum] = await query<{ bytes: string; files: number }>(
    Prisma.sql`SELECT coalesce(sum(size), 0) AS bytes, count(*)::int AS files FROM "File" WHERE ${columns[kind].file} = ${id}::uuid`,
  )
  return { bytes: Number(sum?.bytes ?? 0), files: sum?.files ?? 0, limit: quota[kind] }
}
