import type { Member, Person } from '@cutroom/contract'
import type { Rows } from '../../db/client.ts'
import { readable } from '../shared/reading.ts'
import { person, presentPerson, stamps } from '../shared/serialize.ts'

export const withUser = { user: person } as const

export const presentMember = (row: Rows['Member'] & { user: Person }): Member => ({
  projectId: row.projectId,
  userId: row.userId,
  role: row.role,
  user: presentPerson(row.user),
  ...stamps(row),
})

export const memberReading = readable({
  columns: ['projectId', 'userId', 'role', 'version', 'createdAt', 'updatedAt'],
  people: { user: 'userId' },
  texts: [],
  present: presentMember,
})
