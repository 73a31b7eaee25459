import { type Member, type Person, projectRoom, type Role, userRoom } from '@cutroom/contract'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { beginReading } from '../activity/writes.ts'
import { revokeInvitationsOf, settleInvitations } from '../invitations/writes.ts'
import { forgetProject } from '../notifications/preferences.ts'
import { loadProject } from '../projects/writes.ts'
import { lockProject } from '../shared/lock-project.ts'
import { begun } from '../shared/new-row.ts'
import { lockPeople } from '../shared/people.ts'
import { nextVersion } from '../shared/serialize.ts'
import { isUnchanged } from '../shared/unchanged.ts'
import { orphanWebhooksOf } from '../webhooks/writes.ts'
import { presentMember, withUser } from './serialize.ts'

const keyOf = (projectId: string, userId: string) => ({ projectId_userId: { projectId, userId } })

export const loadMember = async (tx: Tx, projectId: string, userId: string) =>
  presentMember(await tx.member.findUniqueOrThrow({ where: keyOf(projectId, userId), include: withUser }))

/** Makes a person a member, who is none and whose row is locked against a rename. */
export async function insertMember(write: Write, projectId: string, user: Person, role: Role): Promise<Member> {
  const { tx, insert, emit } = write
  // Locked as for a new invitation: one of the same address is there to be settled, or finds the member.
  await lockProject(write, projectId)
  await settleInvitations(write, projectId, user.id)
  const row = { ...begun(), projectId, userId: user.id, role }
  insert('Member', row)
  beginReading(write, projectId, user.id)
  emit(userRoom(user.id), 'project:joined', await loadProject(tx, projectId))
  return emit(projectRoom(projectId), 'member:joined', presentMember({ ...row, user }))
}

export async function addMember(
  write: Write,
  projectId: string,
  { userId, email, role }: { userId?: string | undefined; email?: string | undefined; role: Role },
) {
  const where = userId === undefined ? Prisma.sql`email = ${(email ?? '').toLowerCase()}` : Prisma.sql`id = ${userId}::uuid`
  // Locked: no rename between this query and the commit.
  const [user] = await write.query<Person>(Prisma.sql`SELECT id, name, "avatarUrl" FROM "User" WHERE ${where} FOR KEY SHARE`)
  if (!user) {
    const pointer = userId === undefined ? '/email' : '/userId'
    throw problem('validation', undefined, { errors: [{ pointer, code: 'unknown', detail: 'there is no such account' }] })
  }
  if (await write.tx.member.findUnique({ where: keyOf(projectId, user.id), select: { role: true } }))
    throw problem('already-member')
  return insertMember(write, projectId, user, role)
}

/**
 * Writes that may take an owner away wait for each other here, on the project's row: each has locked a member's row already, and
 * waiting for each other's would be a deadlock.
 * @throws problem last-owner when the project would be left without an owner
 */
async function assertAnotherOwner(write: Write, projectId: string, userId: string): Promise<void> {
  await lockProject(write, projectId)
  const owners = await write.query<{ userId: string }>(
    Prisma.sql`SELECT "userId" FROM "Member" WHERE "projectId" = ${projectId}::uuid AND role = 'owner' LIMIT 2`,
  )
  if (owners.length === 1 && owners[0]?.userId === userId) throw problem('last-owner')
}

/** Ends what a person lets others in by, or lets out, as an owner. The project's row is locked before. */
async function endOwnership(write: Write, projectId: string, userId: string): Promise<void> {
  await revokeInvitationsOf(write, projectId, userId)
  await orphanWebhooksOf(write, projectId, userId)
}

export async function changeRole(write: Write, projectId: string, userId: string, role: Role) {
  const before = await loadMember(write.tx, projectId, userId)
  if (isUnchanged(before, { role })) return before
  if (role !== 'owner') await assertAnotherOwner(write, projectId, userId)
  lockPeople(write, Prisma.sql`SELECT ${userId}::uuid`)
  const data = { role, version: nextVersion }
  const row = await write.tx.member.update({ where: keyOf(projectId, userId), data, include: withUser })
  if (before.role === 'owner') await endOwnership(write, projectId, userId)
  return write.emit(projectRoom(projectId), 'member:updated', presentMember(row))
}

/**
 * Removal, or leaving when `by` is the person themselves. Tasks assigned to them are unassigned: one statement and, as a rule of the
 * reducer, part of the one event, however many there are.
 */
export async function removeMember(write: Write, projectId: string, userId: string, by: string): Promise<void> {
  const { tx, emit } = write
  await assertAnotherOwner(write, projectId, userId)
  const room = projectRoom(projectId)
  const { user, role } = await tx.member.delete({ where: keyOf(projectId, userId), include: withUser })
  forgetProject(write, userId, projectId)
  if (role === 'owner') await endOwnership(write, projectId, userId)
  const updatedAt = new Date()
  const unassigned = { assigneeId: null, version: nextVersion, updatedAt }
  await tx.task.updateMany({ where: { projectId, assigneeId: userId }, data: unassigned })
  const removedBy = by === userId ? {} : { removedBy: by }
  emit(room, 'member:left', { projectId, userId, ...removedBy, updatedAt: updatedAt.toISOString() }, user.name)
  emit(userRoom(userId), 'project:left', { projectId, reason: by === userId ? 'left' : 'removed' })
}
