import type { Problem, RoomEvent, UserEventName } from '@cutroom/contract'
import type { Call } from './call.ts'
import type { ClientEvents } from './client.ts'
import type { LinkStatus } from './connection.ts'
import type { Emitter } from './emitter.ts'
import { type CutroomSocket, type Passing, type PassingEvent, readFrame } from './frames.ts'
import { roomPrefix } from './generated/contract.ts'
import { createPacer } from './pacer.ts'
import { createRooms } from './rooms.ts'
import { createUserRoom } from './user-room.ts'

export interface PersonDeps {
  call: Call
  /** The socket while it is connected. */
  socket(): CutroomSocket | undefined
  emit: Emitter<ClientEvents>['emit']
  onError(error: unknown): void
  ackTimeoutMs: number
  /** The session of this connection was closed. */
  onRevoked(): void
}

/** What a client shows of the person who is logged in: the rooms of projects, their own room, and who is online. */
export function createPerson({ call, socket, emit, onError, ackTimeoutMs, onRevoked }: PersonDeps) {
  const pacer = createPacer()
  let userId: string | undefined
  let sessionId: string | undefined
  const rooms = createRooms({ call, socket, pacer, userId: () => userId, onError, ackTimeoutMs })
  let userRoom = makeUserRoom()

  function makeUserRoom() {
    return createUserRoom({ socket, pacer, ackTimeoutMs, reset: () => emit('reset'), onError, apply })
  }

  function apply(event: RoomEvent<UserEventName>): void {
    // name and payload belong together, which the compiler forgets for a union
    emit(event.name, event.payload as never, event.meta)
    if (event.name === 'session:revoked' && event.payload.sessionId === sessionId) onRevoked()
  }

  /** Nothing of another person is shown any more. */
  function clear(problem?: Problem): void {
    rooms.end(problem)
    userRoom.stop()
    userRoom = makeUserRoom()
  }

  function belongTo(id: string): void {
    if (userId !== undefined && userId !== id) clear()
    userId = id
  }

  function showPassing(event: PassingEvent): void {
    if (event.name === 'chat:presence') emit('chat:presence', event.payload)
    else if ('projectId' in event.payload) rooms.passing(event.payload.projectId, event)
  }

  return {
    rooms,
    userId: () => userId,
    clear,
    /** A login has begun. */
    loggedIn(id: string): void {
      belongTo(id)
      sessionId = undefined
    },
    connected(who: Passing<'connected'>): void {
      sessionId = who.sessionId
      belongTo(who.userId)
      pacer.open()
      userRoom.connected(who)
    },
    /** The connection has another status. */
    status(next: LinkStatus, problem: Problem | undefined): void {
      if (next !== 'online') {
        pacer.close()
        userRoom.disconnected()
      }
      if (next === 'online') rooms.connected()
      else if (next === 'offline') rooms.suspended(problem)
      else rooms.disconnected()
    },
    frame(name: string, args: unknown[]): void {
      const frame = readFrame(name, args)
      if ('passing' in frame) {
        showPassing(frame.passing)
        return
      }
      const { event } = frame
      if (!rooms.receive(event) && event.meta.room.startsWith(roomPrefix.user))
        userRoom.receive(event as RoomEvent<UserEventName>)
    },
    /** Makes sure that nothing is missing. */
    check(): void {
      userRoom.check()
      rooms.check()
    },
    stop(): void {
      rooms.end()
      userRoom.stop()
    },
  }
}
