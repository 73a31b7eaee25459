import type { Share } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { iso, presentPerson, type Shown, stamps } from '../shared/serialize.ts'

type ShownShare = Omit<Shown<'Share', 'author'>, 'tokenHash'>

/** Of the password it says only that there is one. */
export const presentShare = (row: ShownShare): Share => ({
  id: row.id,
  projectId: row.projectId,
  fileId: row.fileId,
  cutId: row.cutId,
  allows: row.allows,
  hasPassword: row.passwordHash !== null,
  expiresAt: iso(row.expiresAt),
  plays: row.plays,
  author: presentPerson(row.author),
  ...stamps(row),
})

export const shareReading = readable({
  columns: [
    'id',
    'projectId',
    'fileId',
    'cutId',
    'allows',
    'passwordHash',
    'expiresAt',
    'plays',
    'version',
    'createdAt',
    'updatedAt',
  ],
  people: { author: 'authorId' },
  texts: [],
  present: presentShare,
})
