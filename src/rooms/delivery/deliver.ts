import { type Activity, type Person, projectRoom, type RoomId, userRoom } from '@cutroom/contract'
import { cappedRole } from '../../access/roles.ts'
import type { Speech } from '../dialects/speech.ts'
import { accessEventOf, parseRoom } from '../kinds.ts'
import type { LogEntry } from '../log/log.ts'
import type { PresenceTable } from '../presence/presence.ts'
import type { RoomServer, RoomSocket } from '../types.ts'
import type { AccessEvent } from './access-events.ts'
import { activityRoom, leave, pausedRoom } from './subscription.ts'

export interface DeliveryOptions {
  io: RoomServer
  presence: PresenceTable
  speech: Speech
  /** Puts a socket of a dialect into a project, where its person may be in it. */
  joinOne: (socket: RoomSocket, room: RoomId) => void
  /** A log entry as an activity; null where it is none. */
  activityOf: (entry: LogEntry) => Activity | null
  endSession: (socket: RoomSocket) => void
  /** Called with the commit time of each entry, ISO 8601. */
  onDelivered: (at: string) => void
}

/**
 * Emits one log entry to the local sockets of its room. All of it happens in one tick: a person who loses access by
 * this entry is out of the room before it is emitted.
 */
export function createDelivery({ io, presence, speech, joinOne, activityOf, endSession, onDelivered }: DeliveryOptions) {
  /**
   * One person's sockets (null: all) in a room on this node, paused ones included: they receive nothing of the room after they lost
   * access. Sockets that are still joining find the entry in the log.
   */
  function socketsIn(room: RoomId, userId: string | null): RoomSocket[] {
    const { adapter, sockets } = io.of('/')
    const ids = [room, pausedRoom(room), ...speech.roomsOf(room)].flatMap((each) => [...(adapter.rooms.get(each) ?? [])])
    // A socket to which its dialect adds something is in two of them.
    return [...new Set(ids)].flatMap((id) => {
      const socket = sockets.get(id)
      return socket && (userId === null || socket.data.person.id === userId) ? [socket] : []
    })
  }

  function evict(room: RoomId, { userId, reason }: AccessEvent & { type: 'revoked' }): void {
    for (const socket of socketsIn(room, userId)) {
      leave(socket, room)
      presence.exit(room, socket.data.person.id, socket.id, false)
      socket.emit('access:revoked', { projectId: parseRoom(room).id, reason })
      // They may have been added again since: that is told in another room, and perhaps was before.
      if (reason !== 'deleted') joinOne(socket, room)
    }
  }

  /** Updates a person's profile on their sockets, for rooms that these join later, and in the presence of one room. */
  function updatePerson(room: RoomId, person: Person): void {
    for (const { data } of socketsIn(userRoom(person.id), null)) data.person = person
    presence.updatePerson(room, person)
  }

  /** Applies a change of access that precedes the delivery of its entry. */
  function applyBefore(room: RoomId, event: AccessEvent): void {
    switch (event.type) {
      case 'revoked':
        if (event.leave === 'before') evict(room, event)
        break
      case 'role-changed':
        for (const { data } of socketsIn(room, event.userId)) {
          const subscription = data.rooms.get(room)
          if (subscription) subscription.role = cappedRole(event.role, data.maxRole)
        }
        break
      case 'session-ended':
        // All sockets, also those that replay their user room again: they are in other rooms.
        for (const socket of io.of('/').sockets.values()) if (socket.data.sessionId === event.sessionId) endSession(socket)
        break
      case 'granted':
        // All sockets of the person: that of an API token is told nothing of its user room, and so stands in none.
        for (const socket of io.of('/').sockets.values())
          if (socket.data.person?.id === parseRoom(room).id) joinOne(socket, projectRoom(event.projectId))
        break
      case 'person-updated':
        updatePerson(room, event.person)
    }
  }

  return function deliver(room: RoomId, entry: LogEntry): void {
    const event = accessEventOf(entry)
    if (event) applyBefore(room, event)
    // The typed maps cannot follow a name known only at run time; the contract checked it at commit.
    const target: { emit(name: string, ...frame: unknown[]): unknown } = io.local.to(room)
    target.emit(entry.name, entry.payload, entry.meta)
    speech.deliver(room, entry)
    const activity = activityOf(entry)
    if (activity) io.local.to(activityRoom(room)).emit('activity:new', activity)
    if (event?.type === 'revoked' && event.leave === 'after') evict(room, event)
    onDelivered(entry.meta.at)
  }
}
