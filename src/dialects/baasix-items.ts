import { collections as projectCollections, type StateChange, stateChanges } from '@cutroom/contract'
import type { ToldEntry } from '../rooms/dialect.ts'

/** What an entry does to one item of a collection. */
export interface ItemChange {
  collection: string
  happened: 'created' | 'updated' | 'deleted'
  item: Record<string, unknown>
}

/** The collection in which BAASIX has notifications: the one of its own that it sends to sockets. */
export const NOTIFICATIONS = 'baasix_Notification'

/** Collections are our nouns: those of a project, the projects themselves, and messages; and notifications by their name there. */
export const collections: ReadonlySet<string> = new Set([
  ...Object.keys(projectCollections),
  'projects',
  'messages',
  NOTIFICATIONS,
])

type Payload = Record<string, unknown>

/** Events after which there is a row that was not there before. */
const CREATED = /:(created|joined|uploaded|reply)$/

/** What people said: the examples of the document read `text` and `user`. */
function said(item: Payload): Payload {
  const { body, author } = item as { body?: string; author?: { name: string } }
  return { ...item, text: body, user: author?.name }
}

/** A row as an item: by `id`, also where its key has another name. */
function itemOf(collection: string, row: Payload): Payload {
  const { key } = (projectCollections as Record<string, { key: string }>)[collection] ?? { key: 'id' }
  const item = key === 'id' ? row : { id: row[key], ...row }
  return collection === 'comments' ? said(item) : item
}

/** What an event changes of a row, in the words of the row. */
function patchOf({ id, fields }: StateChange & { kind: 'patch' }, told: Payload, stamps: Payload): Payload {
  const { version = stamps.version, updatedAt = stamps.updatedAt } = told
  const changed = Object.fromEntries(Object.entries(fields).map(([field, from]) => [field, told[from]]))
  return { id: told[id], ...changed, version, updatedAt }
}

/** What an entry of a project's room does to items. */
export function changeOf({ name, payload }: ToldEntry): ItemChange[] {
  const change = (stateChanges as Record<string, StateChange | undefined>)[name]
  switch (change?.kind) {
    case 'put': {
      const { collection } = change
      return [{ collection, happened: CREATED.test(name) ? 'created' : 'updated', item: itemOf(collection, payload) }]
    }
    case 'patch': {
      const { collection, list } = change
      const each = list === undefined ? [payload] : (payload[list] as Payload[])
      return each.map((told) => ({ collection, happened: 'updated', item: patchOf(change, told, payload) }))
    }
    case 'remove':
      return [{ collection: change.collection, happened: 'deleted', item: { id: payload[change.id] } }]
    case 'project':
      return [{ collection: 'projects', happened: 'updated', item: payload }]
    case 'end':
      return [{ collection: 'projects', happened: 'deleted', item: { id: payload.projectId } }]
    default:
      // A person's new name is no item; what is no event of a project has none.
      return []
  }
}

/** What an entry of a person's own room does to items. */
export function userChangeOf({ name, payload }: ToldEntry): ItemChange[] {
  switch (name) {
    case 'project:created':
    case 'project:joined':
      return [{ collection: 'projects', happened: 'created', item: payload }]
    case 'project:left':
      // Of a deletion they hear in the project.
      return payload.reason === 'deleted'
        ? []
        : [{ collection: 'projects', happened: 'deleted', item: { id: payload.projectId } }]
    case 'chat:message':
      return [{ collection: 'messages', happened: 'created', item: said(payload) }]
    case 'chat:message-updated':
      return [{ collection: 'messages', happened: 'updated', item: said(payload) }]
    case 'chat:message-deleted':
      return [
        { collection: 'messages', happened: 'deleted', item: { id: payload.messageId, conversationId: payload.conversationId } },
      ]
    default:
      return []
  }
}
