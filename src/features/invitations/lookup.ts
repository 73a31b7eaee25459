import type { InvitationPreview, Role } from '@cutroom/contract'
import type { FastifyRequest } from 'fastify'
import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { MakeLimit } from '../../http/limits.ts'
import { networkOf } from '../../rooms/sockets/handshake.ts'
import { hashToken } from '../auth/refresh-token.ts'

/** An invitation that has a given token. */
export interface FoundInvitation {
  id: string
  projectId: string
  projectName: string
  role: Role
  email: string | null
  invitedBy: string
  expiresAt: Date
  isAccepted: boolean
  isOver: boolean
}

const find = (token: string): Prisma.Sql => Prisma.sql`
  SELECT i.id, i."projectId", p.name AS "projectName", i.role, i.email, u.name AS "invitedBy", i."expiresAt",
    i."acceptedAt" IS NOT NULL AS "isAccepted", i."expiresAt" <= now() AS "isOver"
  FROM "Invitation" i
  JOIN "Project" p ON p.id = i."projectId" AND p."deletedAt" IS NULL
  JOIN "User" u ON u.id = i."authorId"
  WHERE i."tokenHash" = ${hashToken(token)}`

/** Finds an invitation, in whatever state it is. @throws problem not-found | rate-limited */
export type FindInvitation = (request: Pick<FastifyRequest, 'ip'>, token: string) => Promise<FoundInvitation>

/** Tokens that name nothing, of one network in 15 minutes. Good ones are answered however many of these there were. */
const INVENTED = 120

/** Finds invitations by their tokens. */
export function createFindInvitation(query: Query, limit: MakeLimit): FindInvitation {
  const invented = limit('invitation-invented', INVENTED)
  return async ({ ip }, token) => {
    const [found] = await query<FoundInvitation>(find(token))
    if (found) return found
    await invented.spend(networkOf(ip))
    throw problem('not-found')
  }
}

/** @throws problem gone, for one that was accepted or has expired */
export function assertOpen({ isAccepted, isOver }: Pick<FoundInvitation, 'isAccepted' | 'isOver'>): void {
  if (isAccepted) throw problem('gone', 'This invitation was accepted')
  if (isOver) throw problem('gone', 'This invitation has expired')
}

/** What a person remembers their own address by. */
const hintOf = (email: string): string => `${email.slice(0, 1)}…${email.slice(email.lastIndexOf('@'))}`

/** What an invitation shows to all who have its link. */
export const presentPreview = (found: FoundInvitation): InvitationPreview => ({
  project: { id: found.projectId, name: found.projectName },
  role: found.role,
  kind: found.email === null ? 'link' : 'email',
  invitedBy: found.invitedBy,
  emailHint: found.email === null ? null : hintOf(found.email),
  expiresAt: found.expiresAt.toISOString(),
})
