import { type Member, type Person, projectRoom, type Role } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { presentMember, withUser } from '../members/serialize.ts'
import { insertMember } from '../members/writes.ts'
import { assertOpen, type FoundInvitation } from './lookup.ts'

interface InvitationRow {
  role: Role
  email: string | null
  acceptedBy: string | null
  isAccepted: boolean
  isOver: boolean
}

/**
 * Makes a person a member by an invitation that was found before. The person, the project, the invitation are locked in this order, as
 * elsewhere: of two who accept at once one comes first, and a project that is being deleted takes no one.
 * @throws problem not-found | gone | wrong-address
 */
export async function acceptInvitation(
  write: Write,
  { id, projectId }: Pick<FoundInvitation, 'id' | 'projectId'>,
  userId: string,
): Promise<Member> {
  const { tx, query, emit } = write
  const [user] = await query<Person & { email: string }>(
    Prisma.sql`SELECT id, name, "avatarUrl", email FROM "User" WHERE id = ${userId}::uuid FOR KEY SHARE`,
  )
  const live = await query(
    Prisma.sql`SELECT 1 FROM "Project" WHERE id = ${projectId}::uuid AND "deletedAt" IS NULL FOR NO KEY UPDATE`,
  )
  const [invitation] = await query<InvitationRow>(Prisma.sql`
    SELECT role, email, "acceptedBy", "acceptedAt" IS NOT NULL AS "isAccepted", "expiresAt" <= now() AS "isOver"
    FROM "Invitation" WHERE id = ${id}::uuid FOR UPDATE`)
  if (!user || live.length === 0 || !invitation) throw problem('not-found')
  const where = { projectId_userId: { projectId, userId } }
  const row = await tx.member.findUnique({ where, include: withUser })
  const member = row && presentMember(row)
  // The answer was lost, and the person asks again.
  if (member && invitation.acceptedBy === userId) return member
  assertOpen(invitation)
  if (invitation.email !== null && invitation.email !== user.email) throw problem('wrong-address')
  // A link is for a person who is not there yet.
  if (member && invitation.email === null) return member
  await tx.invitation.update({ where: { id }, data: { acceptedAt: new Date(), acceptedBy: userId } })
  emit(projectRoom(projectId), 'invitation:accepted', { invitationId: id })
  return member ?? insertMember(write, projectId, user, invitation.role)
}
