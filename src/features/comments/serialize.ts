import type { Comment } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { iso, person, presentPerson, type Shown, stamps } from '../shared/serialize.ts'

export const withPeople = { author: person, resolvedBy: person } as const

export const presentComment = (row: Shown<'Comment', 'author' | 'resolvedBy'>): Comment => ({
  id: row.id,
  projectId: row.projectId,
  cutId: row.cutId,
  taskId: row.taskId,
  parentId: row.parentId,
  body: row.body,
  atMs: row.atMs,
  endMs: row.endMs,
  fileId: row.fileId,
  carriedFrom: row.carriedFrom,
  author: presentPerson(row.author),
  resolvedAt: iso(row.resolvedAt),
  resolvedBy: row.resolvedBy && presentPerson(row.resolvedBy),
  editedAt: iso(row.editedAt),
  ...stamps(row),
})

export const commentReading = readable({
  columns: [
    'id',
    'projectId',
    'cutId',
    'taskId',
    'parentId',
    'body',
    'atMs',
    'endMs',
    'fileId',
    'carriedFrom',
    'resolvedAt',
    'editedAt',
    'version',
    'createdAt',
    'updatedAt',
  ],
  people: { author: 'authorId', resolvedBy: 'resolvedById' },
  texts: ['body'],
  join: { alias: 'own', sql: 'CROSS JOIN LATERAL (SELECT * FROM "Comment" WHERE id = t.id LIMIT 1) own' },
  present: presentComment,
})
