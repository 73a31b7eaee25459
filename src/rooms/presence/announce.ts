import { type Person, type RoomId, userRoom } from '@cutroom/contract'
import type { Database } from '../../db/client.ts'
import { concatenate } from '../../lib/buffers.ts'
import { type Dialect, dialectRoom } from '../dialect.ts'
import { parseRoom } from '../kinds.ts'
import { createFrames, isOpen, sendFrames } from '../sockets/engine-io.ts'
import type { RoomServer } from '../types.ts'
import { createOnlineStatus, type OnlineChange, type OnlineStatus } from './online-status.ts'
import { type PresenceOptions, PresenceTable } from './presence.ts'
import { ONLINE } from './tables.ts'

export interface OpenPresenceOptions extends Pick<PresenceOptions, 'publish' | 'onError' | 'graceMs'> {
  io: RoomServer
  readers: Database['readers']
  dialects: readonly Dialect[]
}

/** What is asked without joining a room. */
export interface PresenceQueries {
  /** At most `most` of the people in a room besides one who asks, and how many there are. */
  presentIn(room: RoomId, most: number, asker: string): { people: Person[]; total: number }
  /** Whether a person is connected, here or on another node, or was a moment ago. */
  isOnline(userId: string): boolean
}

interface OpenPresence {
  presence: PresenceTable
  online: OnlineStatus
  queries: PresenceQueries
}

/** Changes within this time are announced together, ms. */
const COALESCE_MS = 50

/** The same in the words of each dialect that has some for it and a socket of this person. */
function tellDialects(io: RoomServer, dialects: readonly Dialect[], peerId: string, changes: readonly OnlineChange[]): void {
  for (const { name, online } of dialects) {
    const to = dialectRoom(name, userRoom(peerId))
    if (!online || !io.of('/').adapter.rooms.has(to)) continue
    const target: { emit(name: string, ...args: unknown[]): unknown } = io.local.to(to)
    for (const { userId, isOnline, at } of changes) target.emit(...online({ userId, isOnline, at }))
  }
}

/** The presence of all rooms of this node, announced to its sockets: as its kind says, to the room, or as online status to peers. */
export function openPresence({ io, readers, dialects, publish, onError, graceMs }: OpenPresenceOptions): OpenPresence {
  const frame = createFrames(io)
  const online = createOnlineStatus({
    readers,
    *connected() {
      for (const { data } of io.of('/').sockets.values()) yield data.person.id
    },
    encode: (change) => ({ ...change, at: new Date().toISOString(), frame: frame('chat:presence', change) }),
    send(peerId, changes) {
      tellDialects(io, dialects, peerId, changes)
      const frames = changes.map((change) => change.frame)
      const joined = concatenate(frames)
      for (const id of io.of('/').adapter.rooms.get(userRoom(peerId)) ?? []) {
        const socket = io.of('/').sockets.get(id)
        if (socket && isOpen(socket)) sendFrames(socket, joined, () => frames)
      }
    },
    onError,
    coalesceMs: COALESCE_MS,
  })
  const presence = new PresenceTable({
    announce(table, { present, left }) {
      if (table !== ONLINE) {
        io.local.to(table).emit('presence:changed', { projectId: parseRoom(table).id, present, left })
        return
      }
      // A person is online while a socket of theirs is in their user room.
      for (const { user } of present) online.changed(user.id, true)
      for (const userId of left) online.changed(userId, false)
    },
    publish,
    onError,
    graceMs,
    coalesceMs: COALESCE_MS,
  })
  const queries: PresenceQueries = {
    presentIn: (room, most, asker) => presence.glimpse(room, most, asker),
    isOnline: (userId) => presence.glimpse(userRoom(userId), 0, '').total > 0,
  }
  return { presence, online, queries }
}
