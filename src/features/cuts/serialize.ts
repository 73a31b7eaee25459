import type { Cut, Lyrics } from '@cutroom/contract'
import type { Prisma } from '../../db/client.ts'
import { readable } from '../shared/reading.ts'
import { iso, person, presentPerson, type Shown, stamps } from '../shared/serialize.ts'

/** Prisma's `include` of the people that a cut shows. */
export const withPeople = { author: person, approvedBy: person } as const

/** What a cut has of its columns when it is shown. */
type ShownCut = Omit<Shown<'Cut', 'author' | 'approvedBy'>, 'lastTake'>

export const presentCut = (row: ShownCut): Cut => ({
  id: row.id,
  projectId: row.projectId,
  vibeId: row.vibeId,
  name: row.name,
  bpm: row.bpm,
  timeSignature: row.timeSignature,
  rank: row.rank,
  state: row.state,
  approvedFileId: row.approvedFileId,
  approvedTake: row.approvedTake,
  approvedAt: iso(row.approvedAt),
  approvedBy: row.approvedBy && presentPerson(row.approvedBy),
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
  columns: [
    'id',
    'projectId',
    'vibeId',
    'name',
    'bpm',
    'timeSignature',
    'rank',
    'state',
    'approvedFileId',
    'approvedTake',
    'approvedAt',
    'version',
    'createdAt',
    'updatedAt',
  ],
  people: { author: 'authorId', approvedBy: 'approvedById' },
  texts: ['name', 'rank'],
  present: presentCut,
})

export const lyricsReading = readable({
  columns: ['cutId', 'lines', 'version', 'updatedAt'],
  people: {},
  texts: ['lines'],
  present: presentLyrics,
})
