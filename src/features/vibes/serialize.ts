import type { Person, Vibe } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { presentPerson, stamps } from '../shared/serialize.ts'

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

export const vibeReading = readable({
  columns: ['id', 'projectId', 'name', 'theme', 'notes', 'rank', 'version', 'createdAt', 'updatedAt'],
  people: { author: 'authorId' },
  texts: ['name', 'theme', 'notes', 'rank'],
  present: presentVibe,
})
