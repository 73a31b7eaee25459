import { type Cut, type cuts, type Parsed, type Person, projectRoom } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { loadFile } from '../files/writes.ts'
import { lockPeople } from '../shared/people.ts'
import { nextVersion } from '../shared/serialize.ts'
import { presentCut, withPeople } from './serialize.ts'
import { loadCut, NOT_APPROVED } from './writes.ts'

const events = { draft: 'cut:drafted', review: 'cut:submitted', approved: 'cut:approved' } as const

/**
 * The take of a cut that is approved: it must be the current one. It cannot be deleted before the commit, and a request that deletes it then
 * finds the approval; newer takes wait for the row of the cut, which the check of access has locked.
 * @throws problem conflict with the current take, validation for what is no recording of this cut
 */
async function approvedTake({ query, tx }: Write, cutId: string, fileId: string): Promise<{ id: string; take: number }> {
  const [current] = await query<{ id: string; take: number }>(Prisma.sql`SELECT id, take FROM "File"
    WHERE "cutId" = ${cutId}::uuid AND take IS NOT NULL ORDER BY take DESC LIMIT 1 FOR KEY SHARE`)
  if (current?.id === fileId) return current
  const [older] = await query(
    Prisma.sql`SELECT 1 FROM "File" WHERE id = ${fileId}::uuid AND "cutId" = ${cutId}::uuid AND take IS NOT NULL`,
  )
  if (current && older) {
    const file = await loadFile(tx, current.id)
    throw problem('conflict', `Take ${current.take} is newer: approve the one that you heard last`, { current: file })
  }
  throw problem('validation', undefined, {
    errors: [{ pointer: '/fileId', code: 'unknown', detail: 'is not a recording of this cut' }],
  })
}

/** Moves a cut between draft, review and approved. A state that it has already changes nothing and says nothing. */
export async function setCutState(
  write: Write,
  projectId: string,
  me: Person,
  id: string,
  { state, fileId }: Parsed<typeof cuts.setState, 'body'>,
): Promise<Cut> {
  const take = fileId === undefined ? null : await approvedTake(write, id, fileId)
  const before = await loadCut(write.tx, id)
  if (before.state === state && before.approvedFileId === (take?.id ?? null)) return before
  lockPeople(write, Prisma.sql`SELECT "authorId" FROM "Cut" WHERE id = ${id}::uuid`)
  const approval = take
    ? { approvedFileId: take.id, approvedTake: take.take, approvedAt: new Date(), approvedById: me.id }
    : NOT_APPROVED
  const data = { ...approval, state, version: nextVersion }
  const row = await write.tx.cut.update({ where: { id }, data, include: withPeople })
  return write.emit(projectRoom(projectId), events[state], presentCut(row))
}
