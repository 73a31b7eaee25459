import { MAX_SHARES, type Person, projectRoom, type Share, type ShareAllows } from '@cutroom/contract'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { hashToken } from '../auth/refresh-token.ts'
import { newRow } from '../shared/new-row.ts'
import { lockPeople } from '../shared/people.ts'
import { nextVersion, withAuthor } from '../shared/serialize.ts'
import { presentShare } from './serialize.ts'
import type { ShareTokens } from './tokens.ts'

/** What a link shows: a file, or the current take of a cut. */
export type Shared = { fileId: string; cutId: null } | { fileId: null; cutId: string }

interface ShareInput {
  allows: ShareAllows
  passwordHash: string | null
  expiresAt: Date | null
}

export const loadShare = async (tx: Tx, id: string) =>
  presentShare(await tx.share.findUniqueOrThrow({ where: { id }, include: withAuthor }))

/** Locks what is shared, so that links to it are made one after another. */
async function lockShared({ query }: Write, { fileId, cutId }: Shared): Promise<{ name: string; kind: string }> {
  const [row] = await query<{ name: string; kind: string }>(
    fileId === null
      ? Prisma.sql`SELECT name, 'audio' AS kind FROM "Cut" WHERE id = ${cutId}::uuid FOR NO KEY UPDATE`
      : Prisma.sql`SELECT name, kind::text FROM "File" WHERE id = ${fileId}::uuid FOR NO KEY UPDATE`,
  )
  if (!row) throw problem('not-found')
  return row
}

/** @throws problem too-many, and validation for a file that can only be saved */
export async function createShare(
  write: Write,
  tokens: ShareTokens,
  { projectId, me }: { projectId: string; me: Person },
  shared: Shared,
  { allows, passwordHash, expiresAt }: ShareInput,
): Promise<Share> {
  const { name, kind } = await lockShared(write, shared)
  if (allows === 'listen' && kind !== 'audio' && kind !== 'image') {
    const detail = 'A file that is no sound and no picture can only be downloaded'
    throw problem('validation', undefined, { errors: [{ pointer: '/allows', code: 'custom', detail }] })
  }
  const which = shared.fileId === null ? { cutId: shared.cutId } : { fileId: shared.fileId }
  if ((await write.tx.share.count({ where: which })) >= MAX_SHARES)
    throw problem('too-many', `There are at most ${MAX_SHARES} links to one file or cut; revoke those that have expired`)
  const begun = newRow()
  const row = {
    ...begun,
    projectId,
    ...shared,
    allows,
    tokenHash: hashToken(tokens.of(begun.id)),
    passwordHash,
    expiresAt,
    plays: 0,
    authorId: me.id,
  }
  write.insert('Share', row)
  return write.emit(projectRoom(projectId), 'share:created', presentShare({ ...row, author: me }), name)
}

/** Visitors find nothing from the commit on. */
export async function revokeShare({ tx, emit }: Write, projectId: string, id: string): Promise<void> {
  const name = { select: { name: true } }
  const { file, cut } = await tx.share.delete({ where: { id }, select: { file: name, cut: name } })
  emit(projectRoom(projectId), 'share:revoked', { shareId: id }, file?.name ?? cut?.name)
}

/** As many as a row can hold. */
const MAX_PLAYS = 2_147_483_647

/** Adds plays to links that are there, with an event for each. @param added plays by the id of the link */
export async function addPlays(write: Write, added: ReadonlyMap<string, number>): Promise<void> {
  const { tx, query, emit } = write
  const ids = [...added.keys()]
  lockPeople(write, Prisma.sql`SELECT "authorId" FROM "Share" WHERE id = ANY(${ids}::uuid[])`)
  // The project cannot be deleted before the commit: no event comes after that of its end.
  const live = await query<{ id: string; plays: number }>(Prisma.sql`
    SELECT s.id, s.plays FROM "Share" s JOIN "Project" p ON p.id = s."projectId" AND p."deletedAt" IS NULL
    WHERE s.id = ANY(${ids}::uuid[]) ORDER BY s.id FOR NO KEY UPDATE OF s FOR SHARE OF p`)
  for (const { id, plays } of live) {
    const data = { plays: Math.min(plays + (added.get(id) ?? 0), MAX_PLAYS), version: nextVersion }
    const row = await tx.share.update({ where: { id }, data, include: withAuthor })
    emit(projectRoom(row.projectId), 'share:updated', presentShare(row))
  }
}
