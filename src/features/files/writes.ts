import { type File, type FileKind, type Person, projectRoom } from '@cutroom/contract'
import type { Config } from '../../config.ts'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { OBJECTS_JOB } from '../../jobs/objects.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { schedule } from '../../rooms/log/consumers/schedule.ts'
import { withdrawApproval } from '../cuts/writes.ts'
import { newRow } from '../shared/new-row.ts'
import { lockPeople } from '../shared/people.ts'
import { nextVersion, withAuthor } from '../shared/serialize.ts'
import { isUnchanged } from '../shared/unchanged.ts'
import { displayName } from './names.ts'
import { assertQuota } from './quota.ts'
import { presentFile } from './serialize.ts'

/** A file whose bytes are in the store. */
export interface StoredFile {
  /** Of its object. */
  key: string
  kind: FileKind
  name: string
  type: string
  size: number
  sha256: string
}

export const loadFile = async (tx: Tx, id: string) =>
  presentFile(await tx.file.findUniqueOrThrow({ where: { id }, include: withAuthor }))

/** Kinds that are processed before they are ready. */
export const isProcessed = (kind: FileKind): boolean => kind === 'audio' || kind === 'image'

/** The next number on a cut. An approval of an older take ends. */
async function nextTake(write: Write, projectId: string, cutId: string): Promise<number> {
  const { tx, query } = write
  await query(Prisma.sql`SELECT 1 FROM "Cut" WHERE id = ${cutId}::uuid FOR NO KEY UPDATE`)
  const before = await tx.cut.findUniqueOrThrow({ where: { id: cutId }, select: { updatedAt: true } })
  // Not shown: for those who see the cut it is as it was.
  const data = { lastTake: { increment: 1 }, updatedAt: before.updatedAt }
  const cut = await tx.cut.update({ where: { id: cutId }, data, select: { lastTake: true, state: true } })
  if (cut.state === 'approved') await withdrawApproval(write, projectId, cutId)
  return cut.lastTake
}

/**
 * The row of a file, together with its claim on the stored object: none is there without the other.
 * @param upload the upload in parts that it was
 * @throws problem quota-exceeded, unavailable when the sweep has taken the object
 */
export async function createFile(
  write: Write,
  quota: Config['quota'],
  { projectId, me }: { projectId: string; me: Person },
  cutId: string,
  { key, ...stored }: StoredFile,
  upload: string | null = null,
): Promise<File> {
  const { tx, insert, emit } = write
  await assertQuota(write, quota, { projectId, userId: me.id, bytes: stored.size, but: upload })
  const take = stored.kind === 'audio' ? await nextTake(write, projectId, cutId) : null
  const row = {
    ...newRow(),
    ...stored,
    size: BigInt(stored.size),
    projectId,
    cutId,
    take,
    objectKey: key,
    status: isProcessed(stored.kind) ? ('processing' as const) : ('ready' as const),
    failure: null,
    audio: null,
    image: null,
    authorId: me.id,
  }
  insert('File', row)
  const { count } = await tx.storedObject.updateMany({ where: { key, fileId: null }, data: { fileId: row.id } })
  if (count !== 1) throw problem('unavailable', 'The upload took too long; send it again', { retryAfter: 1 })
  return emit(projectRoom(projectId), 'file:uploaded', presentFile({ ...row, author: me }))
}

export async function renameFile(write: Write, projectId: string, id: string, given: string | undefined): Promise<File> {
  const before = await loadFile(write.tx, id)
  const name = given === undefined ? before.name : displayName(given)
  if (isUnchanged(before, { name })) return before
  lockPeople(write, Prisma.sql`SELECT "authorId" FROM "File" WHERE id = ${id}::uuid`)
  const row = await write.tx.file.update({ where: { id }, data: { name, version: nextVersion }, include: withAuthor })
  return write.emit(projectRoom(projectId), 'file:updated', presentFile(row))
}

/** The object of a deleted file has no file any more (a foreign key sees to it), and is removed after the commit. */
export async function deleteFile(write: Write, projectId: string, id: string): Promise<void> {
  const { tx, query, emit } = write
  const shown = { name: true, cutId: true, objectKey: true }
  const { name, cutId, objectKey } = await tx.file.delete({ where: { id }, select: shown })
  schedule(write, OBJECTS_JOB, { key: objectKey })
  emit(projectRoom(projectId), 'file:deleted', { fileId: id }, name)
  const [approved] = await query(
    Prisma.sql`SELECT 1 FROM "Cut" WHERE id = ${cutId}::uuid AND "approvedFileId" = ${id}::uuid FOR NO KEY UPDATE`,
  )
  if (approved) await withdrawApproval(write, projectId, cutId)
}
