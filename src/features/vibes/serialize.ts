import type { Vibe } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { presentPerson, type Shown, stamps } from '../shared/serialize.ts'

export const presentVibe = (row: Shown<'Vibe', 'author'>): Vibe => ({
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
