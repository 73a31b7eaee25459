import type { ExtensionMessage } from '@cutroom/contract'
import { admitSession } from '../../access/sessions.ts'
import type { Query } from '../../db/client.ts'
import { type ProblemError, problem } from '../../errors.ts'
import { JoinQueue } from '../delivery/join-queue.ts'
import { type Dialect, dialectRoom } from '../dialect.ts'
import type { RoomServer, RoomSocket } from '../types.ts'
import { isOpen } from './engine-io.ts'

/** Rooms of extensions that one socket is in, at most. */
export const MAX_CUSTOM_ROOMS = 64

/** Its name in Socket.IO: apart from the rooms of the log, and from the room of its own that each socket has by its id. */
const PREFIX = 'custom:'
/** Sockets of a dialect with words for it stand apart. */
const inside = (dialect: Dialect | null, room: string): string =>
  dialect?.extension ? dialectRoom(dialect.name, PREFIX + room) : PREFIX + room

export interface CustomRoomsOptions {
  io: RoomServer
  query: Query
  dialects: readonly Dialect[]
  /** Whether a person may enter; does not throw. */
  mayEnter: (person: { id: string; name: string }, room: string) => Promise<boolean>
  /** Sends a message to the other nodes. */
  publish: (message: ExtensionMessage) => void
}

export type CustomRooms = ReturnType<typeof createCustomRooms>

/**
 * Rooms of extensions: their messages are passing, in no log. A socket is in such a room from a join that was allowed until it leaves, or
 * its session or connection ends.
 */
export function createCustomRooms({ io, query, dialects, mayEnter, publish }: CustomRoomsOptions) {
  /** The newest join of each room whose lookup is not answered yet. */
  const pending = new WeakMap<RoomSocket, Map<string, symbol>>()
  const roomsOf = (socket: RoomSocket): string[] =>
    [...socket.rooms].filter((room) => room.startsWith(inside(socket.data.dialect, '')))

  /** @throws problem rate-limited beyond the rooms that one socket may be in */
  function assertMayHave(socket: RoomSocket, room: string): void {
    const entered = roomsOf(socket)
    if (!entered.includes(inside(socket.data.dialect, room)) && entered.length >= MAX_CUSTOM_ROOMS)
      throw problem('rate-limited', `A socket stands in at most ${MAX_CUSTOM_ROOMS} rooms of extensions`)
  }

  /** The same for a room that is not there and for one that is closed to the person. */
  const refusal = (): ProblemError => problem('not-found')

  /** Sends a message to the sockets of this node. */
  function relay(message: ExtensionMessage): void {
    io.local.to(inside(null, message.room)).emit('extension:message', message)
    for (const dialect of dialects) {
      if (!dialect.extension) continue
      const target: { emit(name: string, ...args: unknown[]): unknown } = io.local.to(inside(dialect, message.room))
      for (const frame of dialect.extension(message)) target.emit(...frame)
    }
  }

  /** @param look runs the lookup, in its turn among the socket's others */
  async function enter(
    socket: RoomSocket,
    room: string,
    look: (work: () => Promise<boolean>) => Promise<boolean> = (work) => work(),
  ): Promise<void> {
    // Its person may enter; what a program may is not for the authoriser to tell apart.
    if (socket.data.maxRole !== null) throw refusal()
    assertMayHave(socket, room)
    const join = Symbol(room)
    const joins = pending.get(socket) ?? new Map<string, symbol>()
    pending.set(socket, joins.set(room, join))
    const isNewest = () => joins.get(room) === join
    try {
      const isAllowed = await look(async () => {
        if (!isNewest()) return false
        const { person, sessionId } = socket.data
        // As they are called now: the socket hears of a new name in rooms that it may not be in.
        const { id, name } = (await admitSession(query, { userId: person.id, sessionId })).person
        return (await mayEnter({ id, name }, room)) === true
      })
      if (!isNewest()) throw problem('superseded')
      if (!isAllowed) {
        // Who was let in before, and is not any more, is out.
        socket.leave(inside(socket.data.dialect, room))
        throw refusal()
      }
      assertMayHave(socket, room)
      if (!isOpen(socket)) throw problem('superseded')
      socket.join(inside(socket.data.dialect, room))
    } finally {
      if (isNewest()) joins.delete(room)
    }
  }

  return {
    /** For a request that has its turn. @throws problem not-found | superseded | rate-limited | session-revoked */
    enter: (socket: RoomSocket, room: string): Promise<void> => enter(socket, room),

    /** @throws as `enter` */
    join: (socket: RoomSocket, room: string): Promise<void> => enter(socket, room, (work) => JoinQueue.of(socket).lookup(work)),

    leave(socket: RoomSocket, room: string): void {
      pending.get(socket)?.delete(room)
      socket.leave(inside(socket.data.dialect, room))
    },

    /** With the session of a socket, or its connection. */
    leaveAll(socket: RoomSocket): void {
      pending.get(socket)?.clear()
      for (const room of roomsOf(socket)) socket.leave(room)
    },

    relay,

    /** Sends a message to all sockets in its room, on each node. */
    send(message: ExtensionMessage): void {
      relay(message)
      publish(message)
    },
  }
}
