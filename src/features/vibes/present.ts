import type { Person, Vibe } from '../../contract/index.ts'
import { presentPerson, stamps } from '../present.ts'

export const presentVibe = (row: {
  id: string
  projectId: string
  name: string
  theme: string | null
  notes: string | null
  rank: string
  author: Person
  version: number
  createdAt: Date
  updatedAt: Date
}): Vibe => ({
  id: row.id,
  projectId: row.projectId,
  name: row.name,
  theme: row.theme,
  notes: row.notes,
  rank: row.rank,
  author: presentPerson(row.author),
  ...stamps(row),
})
