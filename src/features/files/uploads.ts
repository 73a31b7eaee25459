import type { FileKind } from '@cutroom/contract'
import type { Config } from '../../config.ts'
import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Commit, Write } from '../../rooms/log/commit.ts'
import { assertQuota } from './quota.ts'

/** How long an upload in parts may take, ms; and how long it says afterwards which file it became. */
export const LIFE_MS = 24 * 3_600_000
/** Those of one person that are under way at a time. */
const MOST = 100

/** An upload in parts. */
export interface UploadRow {
  id: string
  projectId: string
  cutId: string
  userId: string
  kind: FileKind | null
  name: string
  /** Bytes; text in the database. */
  length: string
  fileId: string | null
  createdAt: Date
}

/**
 * An upload of this person that has not expired; those of others are not there.
 * @param lock inside a write: until its commit
 */
export async function findUpload(query: Query, id: string, userId: string, lock = false): Promise<UploadRow | null> {
  const [row] = await query<UploadRow>(
    Prisma.sql`SELECT id, "projectId", "cutId", "userId", kind, name, length, "fileId", "createdAt" FROM "Upload"
      WHERE id = ${id}::uuid AND "userId" = ${userId}::uuid AND "expiresAt" > now() ${lock ? Prisma.sql`FOR UPDATE` : Prisma.empty}`,
  )
  return row ?? null
}

/** An upload that is to be made. */
export type NewUpload = Omit<UploadRow, 'length' | 'fileId' | 'createdAt'> & { length: number }

/** @throws problem quota-exceeded | too-many | idempotency-running, where the same one is being made */
export async function createUpload(write: Write, quota: Config['quota'], { length, ...upload }: NewUpload): Promise<void> {
  const { id, projectId, userId } = upload
  // One of the same key, of which nothing counts any more.
  await write.query(Prisma.sql`DELETE FROM "Upload" WHERE id = ${id}::uuid AND "expiresAt" <= now()`)
  if (await findUpload(write.query, id, userId)) throw problem('idempotency-running', undefined, { retryAfter: 1 })
  // The same one may be committed from here on: it counts once, and the insertion fails and is tried again.
  await assertQuota(write, quota, { projectId, userId, bytes: length, but: id })
  const [own] = await write.query<{ count: number }>(Prisma.sql`SELECT count(*)::int AS count FROM "Upload"
    WHERE "userId" = ${userId}::uuid AND "fileId" IS NULL AND "expiresAt" > now() AND id <> ${id}::uuid`)
  if ((own?.count ?? 0) >= MOST) throw problem('too-many', `You have ${MOST} uploads under way`)
  const now = new Date()
  const expiresAt = new Date(now.getTime() + LIFE_MS)
  write.insert('Upload', { ...upload, length: BigInt(length), fileId: null, createdAt: now, expiresAt })
}

/** It counts no longer for the quotas, and says which file it became. */
export const completeUpload = ({ tx }: Write, id: string, fileId: string) =>
  tx.upload.update({ where: { id }, data: { fileId, expiresAt: new Date(Date.now() + LIFE_MS) } })

/** @returns the file that it has become, which stays */
export const deleteUpload = (commit: Commit, id: string): Promise<string | null> =>
  commit(null, async ({ tx, query }) => {
    const [row] = await query<{ fileId: string | null }>(
      Prisma.sql`SELECT "fileId" FROM "Upload" WHERE id = ${id}::uuid FOR UPDATE`,
    )
    if (row) await tx.upload.delete({ where: { id } })
    return row?.fileId ?? null
  })

/** Without Prisma, which a node at rest need not have made: 14 MB. */
export const deleteExpiredUploads = (commit: Commit) =>
  commit(null, ({ query }) => query(Prisma.sql`DELETE FROM "Upload" WHERE "expiresAt" < now()`))
