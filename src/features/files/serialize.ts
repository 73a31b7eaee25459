import type { AudioInfo, File, FileFailure } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { presentPerson, type Shown, stamps } from '../shared/serialize.ts'

/** Columns that are not shown. */
type ShownFile = Omit<Shown<'File', 'author'>, 'objectKey'>

/** `failure`, `audio` and `image` were written by us, from the contract. */
export const presentFile = (row: ShownFile): File => ({
  id: row.id,
  projectId: row.projectId,
  cutId: row.cutId,
  kind: row.kind,
  take: row.take,
  name: row.name,
  type: row.type,
  // Postgres answers text, Prisma a bigint; no file is as large as a number can be.
  size: Number(row.size),
  sha256: row.sha256,
  status: row.status,
  failure: row.failure as FileFailure | null,
  audio: row.audio as AudioInfo | null,
  image: row.image as File['image'],
  author: presentPerson(row.author),
  ...stamps(row),
})

export const fileReading = readable({
  columns: [
    'id',
    'projectId',
    'cutId',
    'kind',
    'take',
    'name',
    'type',
    'size',
    'sha256',
    'status',
    'failure',
    'audio',
    'image',
    'version',
    'createdAt',
    'updatedAt',
  ],
  people: { author: 'authorId' },
  texts: ['name', 'type', 'sha256', 'audio'],
  present: presentFile,
})
