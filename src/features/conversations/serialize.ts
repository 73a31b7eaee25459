import type { Message } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { iso, person, presentPerson, type Shown, stamps } from '../shared/serialize.ts'

export const withAuthor = { author: person } as const

export const presentMessage = (row: Shown<'Message', 'author'>): Message => ({
  id: row.id,
  conversationId: row.conversationId,
  author: presentPerson(row.author),
  body: row.body,
  editedAt: iso(row.editedAt),
  ...stamps(row),
})

export const messageReading = readable({
  columns: ['id', 'conversationId', 'body', 'editedAt', 'version', 'createdAt', 'updatedAt'],
  people: { author: 'authorId' },
  texts: ['body'],
  join: { alias: 'own', sql: 'CROSS JOIN LATERAL (SELECT * FROM "Message" WHERE id = t.id LIMIT 1) own' },
  present: presentMessage,
})
