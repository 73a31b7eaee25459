import type { Person, Task } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { iso, person, presentPerson, stamps } from '../shared/serialize.ts'

export const withPeople = { author: person, assignee: person } as const

export const presentTask = (row: {
  id: string
  projectId: string
  title: string
  description: string | null
  status: Task['status']
  rank: string
  assignee: Person | null
  dueAt: Date | null
  labels: string[]
  author: Person
  version: number
  createdAt: Date
  updatedAt: Date
}): Task => ({
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
