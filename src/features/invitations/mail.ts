import type { Role } from '@cutroom/contract'
import { z } from 'zod'
import { Prisma } from '../../db/client.ts'
import type { Composer } from '../mail/outbox.ts'
import { renderMail } from '../mail/template.ts'
import type { TokenLinks } from '../shared/token-links.ts'

const Payload = z.object({ invitationId: z.uuid() })

interface Row {
  email: string
  role: Role
  project: string
  inviter: string
  expiresAt: Date
}

const ROLES: Record<Role, string> = {
  viewer: 'to look at it',
  commenter: 'to comment on it',
  editor: 'to work on it',
  owner: 'to own it with them',
}

/** The mail with the link of an invitation; none where it was revoked, was accepted or has expired. */
export const composeInvitation =
  (links: TokenLinks): Composer =>
  async (query, payload) => {
    const { invitationId } = Payload.parse(payload)
    const [row] = await query<Row>(Prisma.sql`
      SELECT i.email, i.role, p.name AS project, u.name AS inviter, i."expiresAt"
      FROM "Invitation" i JOIN "Project" p ON p.id = i."projectId" AND p."deletedAt" IS NULL JOIN "User" u ON u.id = i."authorId"
      WHERE i.id = ${invitationId}::uuid AND i.email IS NOT NULL AND i."acceptedAt" IS NULL AND i."expiresAt" > now()`)
    if (!row) return null
    return {
      to: { name: '', address: row.email },
      subject: `${row.inviter} invites you to ${row.project}`,
      ...renderMail({
        heading: `Join “${row.project}”`,
        paragraphs: [`${row.inviter} invites you to the project “${row.project}” on Cutroom, ${ROLES[row.role]}.`],
        button: { label: 'See the invitation', url: links.urlOf(invitationId) },
        notes: [
          `The link is for ${row.email}, and works until ${row.expiresAt.toISOString().slice(0, 10)}.`,
          'If you do not know who this is from, do nothing.',
        ],
      }),
    }
  }
