import type { Invitation, ProjectInvitation } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { presentPerson, type Shown, stamps } from '../shared/serialize.ts'

type ShownInvitation = Omit<Shown<'Invitation', 'author'>, 'tokenHash' | 'acceptedAt' | 'acceptedBy'>

/** As all members see it: of the address it says only that there is one. */
export const presentInvitation = (row: ShownInvitation): Invitation => ({
  id: row.id,
  projectId: row.projectId,
  role: row.role,
  kind: row.email === null ? 'link' : 'email',
  expiresAt: row.expiresAt.toISOString(),
  author: presentPerson(row.author),
  ...stamps(row),
})

/** As owners see it. */
export const presentForOwner = (row: ShownInvitation): ProjectInvitation => ({ ...presentInvitation(row), email: row.email })

const reading = {
  columns: ['id', 'projectId', 'role', 'email', 'expiresAt', 'version', 'createdAt', 'updatedAt'],
  people: { author: 'authorId' },
  texts: [],
} as const
export const invitationReading = readable({ ...reading, present: presentInvitation })
export const ownerReading = readable({ ...reading, present: presentForOwner })
