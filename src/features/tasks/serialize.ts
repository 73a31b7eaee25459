import type { Task } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { iso, person, presentPerson, type Shown, stamps } from '../shared/serialize.ts'

export const withPeople = { author: person, assignee: person } as const

export const presentTask = (row: Shown<'Task', 'author' | 'assignee'>): Task => ({
  id: row.id,
  projectId: row.projectId,
  title: row.title,
  description: row.description,
  status: row.status,
  rank: row.rank,
  assigneeId: row.assignee?.id ?? null,
  assignee: row.assignee && presentPerson(row.assignee),
  dueAt: iso(row.dueAt),
  labels: row.labels,
  author: presentPerson(row.author),
  ...stamps(row),
})

export const taskReading = readable({
  columns: ['id', 'projectId', 'title', 'description', 'status', 'rank', 'dueAt', 'labels', 'version', 'createdAt', 'updatedAt'],
  people: { author: 'authorId', assignee: 'assigneeId' },
  texts: ['title', 'description', 'rank', 'labels'],
  present: presentTask,
})
