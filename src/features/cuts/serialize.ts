import type { Cut, Lyrics } from '@cutroom/contract'
import type { Prisma } from '../../db/client.ts'
import { readable } from '../shared/reading.ts'
import { presentPerson, type Shown, stamps } from '../shared/serialize.ts'

export const presentCut = (row: Shown<'Cut', 'author'>): Cut => ({
  id: row.id,
  projectId: row.projectId,
  vibeId: row.vibeId,
  name: row.name,
  bpm: row.bpm,
  timeSignature: row.timeSignature,
  rank: row.rank,
  author: presentPerson(row.author),
  ...stamps(row),
})

/** `lines` was written by us, from the contract. */
export const presentLyrics = (row: { cutId: string; lines: Prisma.JsonValue; version: number; updatedAt: Date }): Lyrics => ({
  cutId: row.cutId,
  lyrics: row.lines as Lyrics['lyrics'],
  version: row.version,
  updatedAt: row.updatedAt.toISOString(),
})

export const cutReading = readable({
  columns: ['id', 'projectId', 'vibeId', 'name', 'bpm', 'timeSignature', 'rank', 'version', 'createdAt', 'updatedAt'],
  people: { author: 'authorId' },
  texts: ['name', 'rank'],
  present: presentCut,
})

export const lyricsReading = readable({
  columns: ['cutId', 'lines', 'version', 'updatedAt'],
  people: {},
  texts: ['lines'],
  present: presentLyrics,
})
