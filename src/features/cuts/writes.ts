import { type Lyrics, type Person, projectRoom } from '@cutroom/contract'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Conditional } from '../../http/request-context.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { newRow } from '../shared/new-row.ts'
import { lockPeople } from '../shared/people.ts'
import { type List, lastRank, lockOrder, rankAfter, standsAfter } from '../shared/rank.ts'
import { nextVersion } from '../shared/serialize.ts'
import { isUnchanged } from '../shared/unchanged.ts'
import { presentCut, presentLyrics, withPeople } from './serialize.ts'

interface Fields {
  name: string
  bpm: number | null
  timeSignature: string | null
}
type Changes = { [K in keyof Fields]?: Fields[K] | undefined }

const listOf = (vibeId: string): List => ({
  table: 'Cut',
  name: `${vibeId} cuts`,
  where: Prisma.sql`"vibeId" = ${vibeId}::uuid`,
})

export const loadCut = async (tx: Tx, id: string) =>
  presentCut(await tx.cut.findUniqueOrThrow({ where: { id }, include: withPeople }))

/** Locks the people that a cut shows. */
const lockShownPeople = (write: Write, id: string) =>
  lockPeople(write, Prisma.sql`SELECT unnest(ARRAY["authorId", "approvedById"]) FROM "Cut" WHERE id = ${id}::uuid`)

/** What a cut says of its approval while it has none. */
export const NOT_APPROVED = { approvedFileId: null, approvedTake: null, approvedAt: null, approvedById: null } as const
/** A cut begins as a draft without takes. */
const BEGUN = { ...NOT_APPROVED, state: 'draft', lastTake: 0 } as const

export async function createCut(
  { query, insert, emit }: Write,
  projectId: string,
  vibeId: string,
  author: Person,
  fields: Fields,
) {
  const rank = await lastRank(query, listOf(vibeId))
  const row = { ...newRow(), ...fields, ...BEGUN, projectId, vibeId, authorId: author.id, rank }
  insert('Cut', row)
  insert('Lyrics', { cutId: row.id, projectId, version: 0, updatedAt: row.updatedAt })
  return emit(projectRoom(projectId), 'cut:created', presentCut({ ...row, author, approvedBy: null }))
}

export async function updateCut(write: Write, projectId: string, id: string, changes: Changes) {
  const before = await loadCut(write.tx, id)
  if (isUnchanged(before, changes)) return before
  lockShownPeople(write, id)
  const row = await write.tx.cut.update({ where: { id }, data: { ...changes, version: nextVersion }, include: withPeople })
  return write.emit(projectRoom(projectId), 'cut:updated', presentCut(row))
}

/** Puts an approved cut back into review: what was approved is not its current take any more. */
export async function withdrawApproval(write: Write, projectId: string, id: string): Promise<void> {
  lockPeople(write, Prisma.sql`SELECT "authorId" FROM "Cut" WHERE id = ${id}::uuid`)
  const row = await write.tx.cut.update({
    where: { id },
    data: { ...NOT_APPROVED, state: 'review', version: nextVersion },
    include: withPeople,
  })
  write.emit(projectRoom(projectId), 'cut:submitted', presentCut(row))
}

export async function moveCut(
  write: Write & Conditional,
  projectId: string,
  id: string,
  { vibeId, after }: { vibeId: string; after: string | null },
) {
  const { tx, query, emit, expect } = write
  const room = projectRoom(projectId)
  const list = listOf(vibeId)
  lockOrder(write, list)
  const [before] = await query<{ version: number; vibeId: string }>(
    Prisma.sql`SELECT version, "vibeId" FROM "Cut" WHERE id = ${id}::uuid FOR NO KEY UPDATE`,
  )
  if (!before) throw problem('not-found')
  await expect(before.version, () => loadCut(tx, id))
  if (await standsAfter(query, list, id, after)) return loadCut(tx, id)
  if (!(await tx.vibe.findFirst({ where: { id: vibeId, projectId }, select: { id: true } })))
    throw problem('validation', undefined, {
      errors: [{ pointer: '/vibeId', code: 'unknown', detail: 'is not a vibe of this project' }],
    })
  const rank = await rankAfter(write, list, id, after, (items, updatedAt) =>
    emit(room, 'cut:reranked', { items: items.map(({ id: cutId, ...place }) => ({ cutId, ...place })), updatedAt }),
  )
  const cut = presentCut(
    await tx.cut.update({ where: { id }, data: { vibeId, rank, version: nextVersion }, include: withPeople }),
  )
  const { version, updatedAt, name } = cut
  emit(room, 'cut:moved', { cutId: id, fromVibeId: before.vibeId, toVibeId: vibeId, rank, version, updatedAt }, name)
  return cut
}

export async function deleteCut({ tx, emit }: Write, projectId: string, id: string): Promise<void> {
  const { name } = await tx.cut.delete({ where: { id }, select: { name: true } })
  emit(projectRoom(projectId), 'cut:deleted', { cutId: id }, name)
}

export const loadLyrics = async (tx: Tx, cutId: string) => presentLyrics(await tx.lyrics.findUniqueOrThrow({ where: { cutId } }))

export async function writeLyrics(
  { tx, query, emit, expect }: Write & Conditional,
  projectId: string,
  cutId: string,
  lines: Lyrics['lyrics'],
): Promise<Lyrics> {
  await query(Prisma.sql`SELECT 1 FROM "Lyrics" WHERE "cutId" = ${cutId}::uuid FOR UPDATE`)
  const { cut, ...before } = await tx.lyrics.findUniqueOrThrow({ where: { cutId }, include: { cut: { select: { name: true } } } })
  const shown = presentLyrics(before)
  await expect(shown.version, async () => shown)
  if (isUnchanged(shown, { lyrics: lines })) return shown
  const row = await tx.lyrics.update({ where: { cutId }, data: { lines, version: nextVersion } })
  return emit(projectRoom(projectId), 'lyrics:updated', presentLyrics(row), cut.name)
}
