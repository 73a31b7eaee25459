import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Query } from '../../db/client.ts'
import { PARTIAL } from '../../http/uploads/part-store.ts'
import type { Staging } from '../../ports/storage/staging.ts'
import type { Commit } from '../../rooms/log/commit.ts'
import { deleteExpiredUploads } from './uploads.ts'

/** Nothing that was written to within this time is touched, ms. */
const AGE_MS = 3_600_000
/** Files that are asked about in one statement. */
const BATCH = 500

/**
 * Removes what is left of uploads: rows that have expired, bytes in parts whose row is gone, and files that a crash left on their way to
 * the store. The bytes are those on the disk of this node.
 * @returns how many files are gone
 */
export function createLeftovers({
  query,
  commit,
  staging,
}: {
  query: Query
  commit: Commit
  staging: Staging
}): () => Promise<number> {
  async function removeOrphans(ids: readonly string[]): Promise<number> {
    const found = await query<{ id: string }>({ text: 'SELECT id FROM "Upload" WHERE id = ANY ($1::uuid[])', values: [ids] })
    const known = new Set(found.map(({ id }) => id))
    const orphans = ids.filter((id) => !known.has(id))
    for (const id of orphans) await staging.remove(join(staging.folder, id + PARTIAL))
    return orphans.length
  }

  return async () => {
    await deleteExpiredUploads(commit)
    let removed = await staging.sweep(AGE_MS)
    const before = Date.now() - AGE_MS
    let old: string[] = []
    for await (const { name } of await opendir(staging.folder)) {
      if (!/^[0-9a-f-]{36}\.partial$/.test(name)) continue
      // It may have become a file by now.
      const found = await stat(join(staging.folder, name)).catch(() => null)
      if (found === null || found.mtimeMs > before) continue
      old.push(name.slice(0, -PARTIAL.length))
      if (old.length < BATCH) continue
      removed += await removeOrphans(old)
      old = []
    }
    return removed + (old.length > 0 ? await removeOrphans(old) : 0)
  }
}
