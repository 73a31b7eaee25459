import { type Activity, type ClientToServer, type Person, type RoomId, type ServerToClient, userRoom } from '@cutroom/contract'
import type { Server } from 'socket.io'
import type { NodeToNode } from '../cluster/cluster.ts'
import type { LogEntry } from '../log/log.ts'
import type { PresenceTable } from '../presence/presence.ts'
import { changesRole, endsSession, type Revocation, redraws, revokes } from './access-events.ts'
import { activityRoom, leave, parkedRoom, type RoomSocket, type SocketData, send } from './subscription.ts'

export type RoomServer = Server<ClientToServer, ServerToClient, NodeToNode, SocketData>

export interface DeliveryOptions {
  io: RoomServer
  presence: PresenceTable
  /** A log entry as people read it in a feed; null where there is nothing to tell. */
  activityOf: (entry: LogEntry) => Activity | null
  endSession: (socket: RoomSocket) => void
}

/**
 * Emits one log entry to the local sockets of its room. All of it happens in one tick: a person who loses access by
 * this entry is out of the room before it is emitted.
 */
export function createDelivery({ io, presence, activityOf, endSession }: DeliveryOptions) {
  /**
   * One person's sockets (null: all) in a room on this node, paused ones included: what they were not told yet
   * is nothing to them any more. Those on their way in meet the entry in the log.
   */
  function socketsIn(room: RoomId, userId: string | null): RoomSocket[] {
    const { adapter, sockets } = io.of('/')
    return [room, parkedRoom(room)]
      .flatMap((each) => [...(adapter.rooms.get(each) ?? [])])
      .flatMap((id) => {
        const socket = sockets.get(id)
        return socket && (userId === null || socket.data.person.id === userId) ? [socket] : []
      })
  }

  function evict(room: RoomId, { userId, reason }: Revocation): void {
    for (const socket of socketsIn(room, userId)) {
      leave(socket, room)
      presence.exit(room, socket.data.person.id, socket.id, false)
      socket.emit('access:revoked', { projectId: room.slice('project:'.length), reason })
    }
  }

  /** A renamed person is drawn so wherever they are here, in every room that tells of it, and in rooms they join from now on. */
  function redraw(room: RoomId, person: Person): void {
    const { adapter, sockets } = io.of('/')
    for (const id of adapter.rooms.get(userRoom(person.id)) ?? []) {
      const socket = sockets.get(id)
      if (socket) socket.data.person = person
    }
    presence.redraw(room, person)
  }

  return function deliver(room: RoomId, entry: LogEntry): void {
    const ended = endsSession(entry)
    // Also those that are just reading their own log again: they stand in other rooms.
    if (ended !== null) for (const socket of io.of('/').sockets.values()) if (socket.data.sessionId === ended) endSession(socket)
    const revoked = revokes(entry)
    if (revoked?.order === 'before') evict(room, revoked)
    const change = changesRole(entry)
    if (change) {
      for (const socket of socketsIn(room, change.userId)) {
        const standing = socket.data.rooms.get(room)
        if (standing) standing.role = change.role
      }
    }
    const drawn = redraws(entry)
    if (drawn) redraw(room, drawn)
    send(io.local.to(room), entry, false)
    const activity = activityOf(entry)
    if (activity) io.local.to(activityRoom(room)).emit('activity:new', activity)
    if (revoked?.order === 'after') evict(room, revoked)
  }
}
