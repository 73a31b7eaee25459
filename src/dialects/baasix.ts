import type { ExtensionMessage, Payload } from '@cutroom/contract'
import { problem } from '../errors.ts'
import type { Dialect, DialectCaller, Frame, ToldEntry } from '../rooms/dialect.ts'
import { changeOf, collections, type ItemChange, NOTIFICATIONS, userChangeOf } from './baasix-items.ts'
import { createRooms } from './baasix-rooms.ts'
import type { DialectContext } from './context.ts'
import { titleOf } from './notifications.ts'

/** The words of its SDK for what happened to an item. */
const SDK = { created: 'create', updated: 'update', deleted: 'delete' } as const

/**
 * One change, for those who listen to all items and for those who subscribed to a collection. The latter is always sent: the SDK loses its
 * subscriptions with the connection, and asks for them on an event that no Socket.IO of today has.
 */
function itemFrames({ collection, happened, item }: ItemChange, { meta }: ToldEntry): Frame[] {
  const timestamp = meta.at
  const action = SDK[happened]
  return [
    [`item.${happened}`, { collection, item, userId: meta.actor?.id ?? null, timestamp }],
    [`${collection}:${action}`, { action, collection, data: item, timestamp }],
  ]
}

/** A notification, in the words of the document and, as a row of BAASIX's own collection, of the SDK, which knows no others. */
function notificationFrames({ name, payload, meta }: ToldEntry): Frame[] {
  const userId = meta.room.slice('user:'.length)
  const row = (action: string, data: object): Frame => [
    `${NOTIFICATIONS}:${action}`,
    { action, collection: NOTIFICATIONS, data, timestamp: meta.at },
  ]
  const told = (word: string, action: string, notification: object): Frame[] => [
    [`notification.${word}`, { notification }],
    row(action, notification),
  ]
  if (name === 'notification:new' || name === 'notification:updated') {
    const notification = payload as unknown as Payload<'notification:new'>
    const { id, text, link, seenAt, createdAt } = notification
    const shown = { id, type: 'info', title: titleOf(notification), message: text ?? '', data: { ...payload, link } }
    const full = { ...shown, seen: seenAt !== null, userId, createdAt }
    // The document has no word for one that changed.
    return name === 'notification:new' ? told('new', 'create', full) : [row('update', full)]
  }
  const ids = (payload.ids ?? []) as string[]
  if (name === 'notification:seen') return ids.flatMap((id) => told('seen', 'update', { id, seen: true, userId }))
  return ids.flatMap((id) => told('deleted', 'delete', { id, userId }))
}

/** A file that is deleted is known by its id alone. */
function fileFrame(action: 'uploaded' | 'deleted', { payload, meta }: ToldEntry): Frame {
  const { id, fileId, name = null, size = null, type = null } = payload
  const file = { id: fileId ?? id, filename: name, size, mimetype: type }
  return [`file.${action}`, { file, action, user: meta.actor?.id ?? null }]
}

/** Names that a Socket.IO client gives to what happens to itself. */
const reserved = new Set(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'])

/** What an extension says has the name that it gives. */
const said = ({ event, data }: Pick<ExtensionMessage, 'event' | 'data'>): Frame[] => (reserved.has(event) ? [] : [[event, data]])

function translate(entry: ToldEntry): Frame[] {
  const { name } = entry
  if (name === 'extension:event') return said(entry.payload as unknown as Payload<'extension:event'>)
  if (/^notification:(new|updated|seen|deleted)$/.test(name)) return notificationFrames(entry)
  const change = entry.meta.room.startsWith('user:') ? userChangeOf(entry) : changeOf(entry)
  const frames = change.flatMap((each) => itemFrames(each, entry))
  if (name === 'file:uploaded') frames.push(fileFrame('uploaded', entry))
  if (name === 'file:deleted') frames.push(fileFrame('deleted', entry))
  return frames
}

/** `subscribe` and `unsubscribe` of the SDK. All one may read comes in any case: the answer says whether the name is one of ours. */
function subscription(word: string) {
  return (_: DialectCaller, payload: unknown) => {
    const { collection } = (payload ?? {}) as { collection?: unknown }
    if (typeof collection !== 'string' || !collections.has(collection)) throw problem('not-found', 'There is no such collection')
    return { status: 'success', message: `${word}: ${collection}` }
  }
}

/** BAASIX: what happens to items, notifications and files, in the words of its document and of its SDK; rooms by `join`. */
export function baasix(context: DialectContext): Dialect {
  const join = createRooms(context)
  return {
    name: 'baasix',
    path: '/realtime',
    translate,
    extension: said,
    online: ({ userId, isOnline, at }) => [isOnline ? 'user.connected' : 'user.disconnected', { userId, timestamp: at }],
    requests: { join, subscribe: subscription('Subscribed'), unsubscribe: subscription('Unsubscribed') },
    refused: ({ detail, title }) => ({ status: 'error', success: false, message: detail ?? title }),
  }
}
