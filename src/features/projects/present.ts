import type { Person, Project } from '../../contract/index.ts'
import { presentPerson, stamps } from '../present.ts'

export const presentProject = (row: {
  id: string
  name: string
  description: string | null
  author: Person
  version: number
  createdAt: Date
  updatedAt: Date
}): Project => ({ id: row.id, name: row.name, description: row.description, author: presentPerson(row.author), ...stamps(row) })
