import { type Person, projectRoom, type Task } from '@cutroom/contract'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Conditional } from '../../http/request-context.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { newRow } from '../shared/new-row.ts'
import { lockPeople } from '../shared/people.ts'
import { type List, lastRank, lockOrder, rankAfter, standsAfter } from '../shared/rank.ts'
import { nextVersion } from '../shared/serialize.ts'
import { isUnchanged } from '../shared/unchanged.ts'
import { presentTask, withPeople } from './serialize.ts'

type Status = Task['status']
interface Fields {
  title: string
  description: string | null
  assigneeId: string | null
  dueAt: string | null
  labels: string[]
}
type Changes = { [K in keyof Fields]?: Fields[K] | undefined }

const listOf = (projectId: string, status: Status): List => ({
  table: 'Task',
  name: `${projectId} ${status}`,
  where: Prisma.sql`"projectId" = ${projectId}::uuid AND status = ${status}::"TaskStatus"`,
})

export const loadTask = async (tx: Tx, id: string) =>
  presentTask(await tx.task.findUniqueOrThrow({ where: { id }, include: withPeople }))

/** Holds the assignee's membership until the commit, so that a removal finds the task. */
async function lockAssignee({ query }: Write, projectId: string, assigneeId: string | null | undefined): Promise<Person | null> {
  if (assigneeId == null) return null
  const [assignee] = await query<Person>(
    Prisma.sql`SELECT u.id, u.name, u."avatarUrl" FROM "Member" m JOIN "User" u ON u.id = m."userId"
      WHERE m."projectId" = ${projectId}::uuid AND m."userId" = ${assigneeId}::uuid FOR SHARE OF m FOR KEY SHARE OF u`,
  )
  if (!assignee)
    throw problem('validation', undefined, {
      errors: [{ pointer: '/assigneeId', code: 'unknown', detail: 'is not a member of the project' }],
    })
  return assignee
}

/** @param given `id`: of a task that comes from elsewhere; others get one */
export async function createTask(
  write: Write,
  projectId: string,
  author: Person,
  { status, id, ...fields }: Fields & { status: Status; id?: string },
) {
  const assignee = await lockAssignee(write, projectId, fields.assigneeId)
  const rank = await lastRank(write.query, listOf(projectId, status))
  const dueAt = fields.dueAt === null ? null : new Date(fields.dueAt)
  const assignedVersion = fields.assigneeId === null ? null : 1
  const begun = newRow()
  const row = { ...begun, id: id ?? begun.id, ...fields, dueAt, status, projectId, authorId: author.id, rank, assignedVersion }
  write.insert('Task', row)
  return write.emit(projectRoom(projectId), 'task:created', presentTask({ ...row, author, assignee }))
}

export async function updateTask(write: Write, projectId: string, id: string, changes: Changes) {
  const before = await loadTask(write.tx, id)
  if (isUnchanged(before, changes)) return before
  await lockAssignee(write, projectId, changes.assigneeId)
  lockPeople(write, Prisma.sql`SELECT unnest(ARRAY["authorId", "assigneeId"]) FROM "Task" WHERE id = ${id}::uuid`)
  const { assigneeId = before.assigneeId } = changes
  const assigned = assigneeId === before.assigneeId ? {} : { assignedVersion: before.version + 1 }
  const data = { ...changes, ...assigned, version: nextVersion }
  const row = await write.tx.task.update({ where: { id }, data, include: withPeople })
  return write.emit(projectRoom(projectId), 'task:updated', presentTask(row))
}

export async function moveTask(
  write: Write & Conditional,
  projectId: string,
  id: string,
  { status, after }: { status: Status; after: string | null },
) {
  const { tx, query, emit, expect } = write
  const room = projectRoom(projectId)
  const list = listOf(projectId, status)
  lockOrder(write, list)
  const [before] = await query<{ version: number; status: Status }>(
    Prisma.sql`SELECT version, status FROM "Task" WHERE id = ${id}::uuid FOR NO KEY UPDATE`,
  )
  if (!before) throw problem('not-found')
  await expect(before.version, () => loadTask(tx, id))
  if (await standsAfter(query, list, id, after)) return loadTask(tx, id)
  const rank = await rankAfter(write, list, id, after, (items, updatedAt) =>
    emit(room, 'task:reranked', { items: items.map(({ id: taskId, ...place }) => ({ taskId, ...place })), updatedAt }),
  )
  const task = presentTask(
    await tx.task.update({ where: { id }, data: { status, rank, version: nextVersion }, include: withPeople }),
  )
  const { version, updatedAt, title } = task
  emit(room, 'task:moved', { taskId: id, from: before.status, to: status, rank, version, updatedAt }, title)
  return task
}

export async function deleteTask({ tx, emit }: Write, projectId: string, id: string): Promise<void> {
  const { title } = await tx.task.delete({ where: { id }, select: { title: true } })
  emit(projectRoom(projectId), 'task:deleted', { taskId: id }, title)
}
