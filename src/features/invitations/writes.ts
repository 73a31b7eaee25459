import { MAX_INVITATIONS, type Person, type ProjectInvitation, projectRoom, type Role } from '@cutroom/contract'
import { Prisma, type Tx } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'
import { hashToken } from '../auth/refresh-token.ts'
import { lockProject } from '../shared/lock-project.ts'
import { newRow } from '../shared/new-row.ts'
import { lockPeople } from '../shared/people.ts'
import { nextVersion, withAuthor } from '../shared/serialize.ts'
import type { TokenLinks } from '../shared/token-links.ts'
import { presentForOwner, presentInvitation } from './serialize.ts'

/** How long an invitation is good for, ms. */
const LIFETIME_MS = 7 * 86_400_000
const expiry = () => new Date(Date.now() + LIFETIME_MS)

/** @throws problem not-found, also for one that was accepted */
export async function loadInvitation(tx: Tx, id: string) {
  const row = await tx.invitation.findFirst({ where: { id, acceptedAt: null }, include: withAuthor })
  if (!row) throw problem('not-found')
  return presentInvitation(row)
}

/** Makes room for an invitation of an address. @throws problem already-member | already-invited */
async function assertMayInvite({ query, emit }: Write, projectId: string, email: string): Promise<void> {
  const members = await query(Prisma.sql`
    SELECT 1 FROM "User" u JOIN "Member" m ON m."userId" = u.id AND m."projectId" = ${projectId}::uuid WHERE u.email = ${email}`)
  if (members.length > 0) throw problem('already-member')
  const [other] = await query<{ id: string; isOver: boolean }>(Prisma.sql`
    SELECT id, "expiresAt" <= now() AS "isOver" FROM "Invitation"
    WHERE "projectId" = ${projectId}::uuid AND email = ${email} AND "acceptedAt" IS NULL FOR UPDATE`)
  if (!other) return
  if (!other.isOver) throw problem('already-invited', 'Send it again, or revoke it')
  await query(Prisma.sql`DELETE FROM "Invitation" WHERE id = ${other.id}::uuid`)
  emit(projectRoom(projectId), 'invitation:expired', { invitationId: other.id })
}

/** @throws problem too-many | already-member | already-invited */
export async function createInvitation(
  write: Write,
  links: TokenLinks,
  { projectId, me }: { projectId: string; me: Person },
  { email, role }: { email: string | null; role: Role },
): Promise<ProjectInvitation> {
  // Locked: invitations to a project are made one after another.
  await lockProject(write, projectId)
  if (email !== null) await assertMayInvite(write, projectId, email)
  if ((await write.tx.invitation.count({ where: { projectId, acceptedAt: null } })) >= MAX_INVITATIONS)
    throw problem('too-many', `A project has at most ${MAX_INVITATIONS} invitations; revoke those that are not needed`)
  const begun = newRow()
  const row = { ...begun, projectId, role, email, expiresAt: expiry(), authorId: me.id, acceptedAt: null, acceptedBy: null }
  write.insert('Invitation', { ...row, tokenHash: hashToken(links.tokenOf(begun.id)) })
  const shown = { ...row, author: me }
  write.emit(projectRoom(projectId), 'invitation:created', presentInvitation(shown))
  return presentForOwner(shown)
}

/** Makes an invitation good for another seven days; its link stays the same. @throws problem not-found */
export async function renewInvitation(write: Write, id: string): Promise<ProjectInvitation> {
  await loadInvitation(write.tx, id)
  lockPeople(write, Prisma.sql`SELECT "authorId" FROM "Invitation" WHERE id = ${id}::uuid`)
  const data = { expiresAt: expiry(), version: nextVersion }
  const row = await write.tx.invitation.update({ where: { id }, data, include: withAuthor })
  write.emit(projectRoom(row.projectId), 'invitation:updated', presentInvitation(row))
  return presentForOwner(row)
}

/** @throws problem not-found */
export async function revokeInvitation({ tx, emit }: Write, projectId: string, id: string): Promise<void> {
  const { count } = await tx.invitation.deleteMany({ where: { id, acceptedAt: null } })
  if (count === 0) throw problem('not-found')
  emit(projectRoom(projectId), 'invitation:revoked', { invitationId: id })
}

/** Uses up the invitation of a person's address, who becomes a member in another way: removed, they do not come back by it. */
export async function settleInvitations({ query, emit }: Write, projectId: string, userId: string): Promise<void> {
  const settled = await query<{ id: string }>(Prisma.sql`
    UPDATE "Invitation" i SET "acceptedAt" = now(), "acceptedBy" = u.id FROM "User" u
    WHERE u.id = ${userId}::uuid AND i."projectId" = ${projectId}::uuid AND i.email = u.email AND i."acceptedAt" IS NULL
    RETURNING i.id`)
  for (const { id } of settled) emit(projectRoom(projectId), 'invitation:accepted', { invitationId: id })
}

/**
 * Revokes the invitations to a project that a person made: one who is no longer an owner lets no one in any more, not themselves
 * either. The project's row is locked before.
 */
export async function revokeInvitationsOf({ query, emit }: Write, projectId: string, authorId: string): Promise<void> {
  const revoked = await query<{ id: string }>(Prisma.sql`
    DELETE FROM "Invitation" WHERE "projectId" = ${projectId}::uuid AND "authorId" = ${authorId}::uuid AND "acceptedAt" IS NULL
    RETURNING id`)
  for (const { id } of revoked) emit(projectRoom(projectId), 'invitation:revoked', { invitationId: id })
}
