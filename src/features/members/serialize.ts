import type { Member, Person, Role } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { person, presentPerson, stamps } from '../shared/serialize.ts'

export const withUser = { user: person } as const

export const presentMember = (row: {
  projectId: string
  userId: string
  role: Role
  user: Person
  version: number
  createdAt: Date
  updatedAt: Date
}): Member => ({ projectId: row.projectId, userId: row.userId, role: row.role, user: presentPerson(row.user), ...stamps(row) })

export const memberReading = readable({
  columns: ['projectId', 'userId', 'role', 'version', 'createdAt', 'updatedAt'],
  people: { user: 'userId' },
  texts: [],
  present: presentMember,
})
