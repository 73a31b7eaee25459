import { type Person, projectRoom, userRoom } from '@cutroom/contract'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { schedule } from '../../rooms/log/consumers/schedule.ts'
import { begun, newRow } from '../shared/new-row.ts'
import { lockPeople } from '../shared/people.ts'
import { nextVersion, withAuthor } from '../shared/serialize.ts'
import { isUnchanged } from '../shared/unchanged.ts'
import { presentProject } from './serialize.ts'

export const loadProject = async (tx: Tx, id: string) =>
  presentProject(await tx.project.findUniqueOrThrow({ where: { id }, include: withAuthor }))

/** The project, its room, and its first owner. */
export async function createProject(
  { query, insert, emit }: Write,
  authorId: string,
  data: { name: string; description: string | null },
) {
  // Locked: no rename between this query and the commit.
  const [author] = await query<Person>(
    Prisma.sql`SELECT id, name, "avatarUrl" FROM "User" WHERE id = ${authorId}::uuid FOR KEY SHARE`,
  )
  if (!author) throw problem('not-found')
  const row = { ...newRow(), ...data, authorId }
  insert('Project', row)
  insert('Member', { ...begun(), projectId: row.id, userId: author.id, role: 'owner' })
  insert('Room', { id: projectRoom(row.id) })
  return emit(userRoom(author.id), 'project:created', presentProject({ ...row, author }))
}

export async function updateProject(
  write: Write,
  id: string,
  data: { name?: string | undefined; description?: string | null | undefined },
) {
  const before = await loadProject(write.tx, id)
  if (isUnchanged(before, data)) return before
  lockPeople(write, Prisma.sql`SELECT "authorId" FROM "Project" WHERE id = ${id}::uuid`)
  const row = await write.tx.project.update({ where: { id }, data: { ...data, version: nextVersion }, include: withAuthor })
  return write.emit(projectRoom(id), 'project:updated', presentProject(row))
}

/**
 * The members go, and with them all access: nothing of the project can be seen from then on. Its rows, however many, are taken away
 * little by little afterwards (jobs/purge.ts). The room and its log stay: members who were away still learn how it ended.
 * @param by who deletes it
 */
export async function deleteProject(write: Write, id: string, by: string): Promise<void> {
  const { tx, query, emit, emitAll } = write
  // Locked against new members: the list below is exact.
  await query(Prisma.sql`SELECT 1 FROM "Project" WHERE id = ${id}::uuid FOR UPDATE`)
  const members = await query<{ userId: string }>(Prisma.sql`SELECT "userId" FROM "Member" WHERE "projectId" = ${id}::uuid`)
  await tx.member.deleteMany({ where: { projectId: id } })
  const { name } = await tx.project.update({ where: { id }, data: { deletedAt: new Date() }, select: { name: true } })
  emit(projectRoom(id), 'project:deleted', { projectId: id }, name)
  schedule(write, 'purge', { key: id })
  const left = { projectId: id, reason: 'deleted' } as const
  emit(userRoom(by), 'project:left', left)
  const others = members.map(({ userId }) => userId).filter((userId) => userId !== by)
  emitAll(Prisma.sql`SELECT 'user:' || id AS room FROM unnest(${others}::uuid[]) AS id`, 'project:left', left)
}
