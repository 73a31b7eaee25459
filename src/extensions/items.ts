import { type EventName, type Notification, userRoom } from '@cutroom/contract'
import type { LogEntry } from '../rooms/log/log.ts'

/** What extensions can be told of: collections of items. */
export const collections = [
  'projects',
  'members',
  'invitations',
  'tasks',
  'vibes',
  'cuts',
  'lyrics',
  'files',
  'shares',
  'comments',
  'messages',
  'notifications',
] as const
export type CollectionName = (typeof collections)[number]

/** When extensions are told: after the commit, never before it. */
export const actions = ['items.create.after', 'items.update.after', 'items.delete.after'] as const
export type Action = (typeof actions)[number]

/** What an event does to the item of a collection. */
interface Change {
  collection: CollectionName
  action: Action
  /** The field of the payload that names the item; absent: the payload has no single one. */
  id?: string
}
const change =
  (action: Action) =>
  (collection: CollectionName, id?: string): Change => ({ collection, action, ...(id !== undefined && { id }) })
const [create, update, remove] = [change('items.create.after'), change('items.update.after'), change('items.delete.after')]

/** Events that make, change or remove an item. What the server itself renumbers (`…:reranked`) is no change of an item. */
const changes = {
  'project:created': create('projects', 'id'),
  'project:updated': update('projects', 'id'),
  'project:deleted': remove('projects', 'projectId'),
  'member:joined': create('members', 'userId'),
  'member:updated': update('members', 'userId'),
  'member:left': remove('members', 'userId'),
  'invitation:created': create('invitations', 'id'),
  'invitation:updated': update('invitations', 'id'),
  'invitation:revoked': remove('invitations', 'invitationId'),
  'invitation:accepted': remove('invitations', 'invitationId'),
  'invitation:expired': remove('invitations', 'invitationId'),
  'task:created': create('tasks', 'id'),
  'task:updated': update('tasks', 'id'),
  'task:moved': update('tasks', 'taskId'),
  'task:deleted': remove('tasks', 'taskId'),
  'vibe:created': create('vibes', 'id'),
  'vibe:updated': update('vibes', 'id'),
  'vibe:moved': update('vibes', 'vibeId'),
  'vibe:deleted': remove('vibes', 'vibeId'),
  'cut:created': create('cuts', 'id'),
  'cut:updated': update('cuts', 'id'),
  'cut:moved': update('cuts', 'cutId'),
  'cut:drafted': update('cuts', 'id'),
  'cut:submitted': update('cuts', 'id'),
  'cut:approved': update('cuts', 'id'),
  'cut:deleted': remove('cuts', 'cutId'),
  'lyrics:updated': update('lyrics', 'cutId'),
  'file:uploaded': create('files', 'id'),
  'file:updated': update('files', 'id'),
  'file:processed': update('files', 'id'),
  'file:failed': update('files', 'id'),
  'file:deleted': remove('files', 'fileId'),
  'share:created': create('shares', 'id'),
  'share:updated': update('shares', 'id'),
  'share:revoked': remove('shares', 'shareId'),
  'comment:created': create('comments', 'id'),
  'comment:reply': create('comments', 'id'),
  'comment:updated': update('comments', 'id'),
  'comment:resolved': update('comments', 'id'),
  'comment:reopened': update('comments', 'id'),
  'comment:deleted': remove('comments', 'commentId'),
  'chat:message': create('messages', 'id'),
  'chat:message-updated': update('messages', 'id'),
  'chat:message-deleted': remove('messages', 'messageId'),
  'notification:new': create('notifications', 'id'),
  'notification:updated': update('notifications', 'id'),
  'notification:seen': update('notifications'),
  'notification:deleted': remove('notifications'),
} satisfies { [N in EventName]?: Change }

const changeOf = new Map<string, Change>(Object.entries(changes))

/** Names of the events that do this to items of the collection. */
export const eventsOf = (collection: CollectionName, action: Action): EventName[] =>
  [...changeOf].flatMap(([name, each]) => (each.collection === collection && each.action === action ? [name as EventName] : []))

/** Whose item it is: who gets a notification, who is the member; else its author, or who changed it. */
function userIdOf({ collection }: Change, { payload, meta }: LogEntry): string | null {
  if (collection === 'notifications') return meta.room.slice(userRoom('').length)
  if (collection === 'members') return String(payload.userId)
  return (payload.author as { id: string } | undefined)?.id ?? meta.actor?.id ?? null
}

/** Further names of fields, as clients of BAASIX know them. */
function aliasesOf({ collection, action }: Change, payload: LogEntry['payload']): Record<string, unknown> {
  if (action === 'items.delete.after') return {}
  if (collection === 'comments' || collection === 'messages') return { text: payload.body, user: payload.author }
  if (collection !== 'notifications' || payload.kind === undefined) return {}
  const { kind, text, target, seenAt } = payload as unknown as Notification
  return { type: kind, title: target.name, message: text ?? target.name, seen: seenAt !== null }
}

/** The item of an event, as handlers get it: the payload, with `id` and `user_id`. */
export interface Item {
  collection: CollectionName
  action: Action
  data: Record<string, unknown>
}

/** What an event did to an item; null where there is none, or another room has the event for extensions. */
export function itemOf(entry: LogEntry): Item | null {
  const { name, payload, meta } = entry
  const found = changeOf.get(name)
  if (!found) return null
  // Each participant has a message in their own room: that of its author counts.
  if (found.collection === 'messages' && (meta.actor === null || meta.room !== userRoom(meta.actor.id))) return null
  const id = found.id === undefined ? {} : { id: payload[found.id] }
  const data = { ...payload, ...aliasesOf(found, payload), ...id, user_id: userIdOf(found, entry) }
  return { collection: found.collection, action: found.action, data }
}
