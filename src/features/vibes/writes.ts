import { type Person, projectRoom } from '@cutroom/contract'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Conditional } from '../../http/request-context.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { newRow } from '../shared/new-row.ts'
import { lockPeople } from '../shared/people.ts'
import { type List, lastRank, lockOrder, rankAfter, standsAfter } from '../shared/rank.ts'
import { nextVersion, withAuthor } from '../shared/serialize.ts'
import { isUnchanged } from '../shared/unchanged.ts'
import { presentVibe } from './serialize.ts'

interface Fields {
  name: string
  theme: string | null
  notes: string | null
}
type Changes = { [K in keyof Fields]?: Fields[K] | undefined }

const listOf = (projectId: string): List => ({
  table: 'Vibe',
  name: `${projectId} vibes`,
  where: Prisma.sql`"projectId" = ${projectId}::uuid`,
})

export const loadVibe = async (tx: Tx, id: string) =>
  presentVibe(await tx.vibe.findUniqueOrThrow({ where: { id }, include: withAuthor }))

export async function createVibe({ query, insert, emit }: Write, projectId: string, author: Person, fields: Fields) {
  const rank = await lastRank(query, listOf(projectId))
  const row = { ...newRow(), ...fields, projectId, authorId: author.id, rank }
  insert('Vibe', row)
  return emit(projectRoom(projectId), 'vibe:created', presentVibe({ ...row, author }))
}

export async function updateVibe(write: Write, projectId: string, id: string, changes: Changes) {
  const before = await loadVibe(write.tx, id)
  if (isUnchanged(before, changes)) return before
  lockPeople(write, Prisma.sql`SELECT "authorId" FROM "Vibe" WHERE id = ${id}::uuid`)
  const row = await write.tx.vibe.update({ where: { id }, data: { ...changes, version: nextVersion }, include: withAuthor })
  return write.emit(projectRoom(projectId), 'vibe:updated', presentVibe(row))
}

export async function moveVibe(write: Write & Conditional, projectId: string, id: string, { after }: { after: string | null }) {
  const { tx, query, emit, expect } = write
  const room = projectRoom(projectId)
  const list = listOf(projectId)
  lockOrder(write, list)
  const [before] = await query<{ version: number }>(
    Prisma.sql`SELECT version FROM "Vibe" WHERE id = ${id}::uuid FOR NO KEY UPDATE`,
  )
  if (!before) throw problem('not-found')
  await expect(before.version, () => loadVibe(tx, id))
  if (await standsAfter(query, list, id, after)) return loadVibe(tx, id)
  const rank = await rankAfter(write, list, id, after, (items, updatedAt) =>
    emit(room, 'vibe:reranked', { items: items.map(({ id: vibeId, ...place }) => ({ vibeId, ...place })), updatedAt }),
  )
  const vibe = presentVibe(await tx.vibe.update({ where: { id }, data: { rank, version: nextVersion }, include: withAuthor }))
  emit(room, 'vibe:moved', { vibeId: id, rank, version: vibe.version, updatedAt: vibe.updatedAt }, vibe.name)
  return vibe
}

/** Its cuts go by the foreign key, which waits for those that are on their way in or out: their moves come first in the log, too. */
export async function deleteVibe({ tx, emit }: Write, projectId: string, id: string): Promise<void> {
  const { name } = await tx.vibe.delete({ where: { id }, select: { name: true } })
  emit(projectRoom(projectId), 'vibe:deleted', { vibeId: id }, name)
}
