import { type Person, projectRoom, userRoom } from '../../contract/index.ts'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/commit.ts'
import { nextVersion, withAuthor } from '../present.ts'
import { begun, newRow } from '../row.ts'
import { presentProject } from './present.ts'

export const loadProject = async (tx: Tx, id: string) =>
  presentProject(await tx.project.findUniqueOrThrow({ where: { id }, include: withAuthor }))

/** The project, its room, and its first owner. */
export async function createProject(
  { query, insert, emit }: Write,
  authorId: string,
  data: { name: string; description: string | null },
) {
  // Held: nobody renames them between this look and the commit.
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
  { tx, emit }: Write,
  id: string,
  data: { name?: string | undefined; description?: string | null | undefined },
) {
  const row = await tx.project.update({ where: { id }, data: { ...data, version: nextVersion }, include: withAuthor })
  return emit(projectRoom(id), 'project:updated', presentProject(row))
}

/** Rows go, the room and its log stay: whoever was away still learns how it ended. */
export async function deleteProject({ tx, query, emit }: Write, id: string): Promise<void> {
  // Against members who come meanwhile: the list below is exact.
  await query(Prisma.sql`SELECT 1 FROM "Project" WHERE id = ${id}::uuid FOR UPDATE`)
  const project = await tx.project.findUniqueOrThrow({
    where: { id },
    select: { name: true, members: { select: { userId: true } } },
  })
  await tx.project.delete({ where: { id } })
  emit(projectRoom(id), 'project:deleted', { projectId: id }, project.name)
  for (const member of project.members) emit(userRoom(member.userId), 'project:left', { projectId: id, reason: 'deleted' })
}
