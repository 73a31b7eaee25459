import type { Person, Problem, Project, RoomEvent, User, UserEventName } from '@cutroom/contract'
import type { Call } from './call.ts'
import type { ClientEvents } from './client.ts'
import type { LinkStatus } from './connection.ts'
import type { Emitter } from './emitter.ts'
import { type CutroomSocket, type Passing, type PassingEvent, readFrame } from './frames.ts'
import { projects as endpoints, roomPrefix } from './generated/contract.ts'
import type { MutationStore } from './mutation.ts'
import { createMutations } from './mutations.ts'
import { createPacer } from './pacer.ts'
import { pagesOf } from './pages.ts'
import { createRooms } from './rooms.ts'
import { createUserProjects } from './user-projects.ts'
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
  /** What is selected of a client may be another now. */
  changed(): void
  /** How long a room stays after its last release, ms. */
  keepRoomsMs: number
  mutationStore: MutationStore | undefined
}

/** What a client shows of the person who is logged in: the rooms of projects, their own room, and who is online. */
export function createPerson(deps: PersonDeps) {
  const { call, socket, emit, onError, ackTimeoutMs, onRevoked, changed } = deps
  const pacer = createPacer()
  let userId: string | undefined
  let sessionId: string | undefined
  let user: User | null = null
  const me = (): Person => ({ id: userId ?? '', name: user?.name ?? '', avatarUrl: user?.avatarUrl ?? null })
  const projects = createUserProjects({
    pages: () => pagesOf<Project>(call, endpoints.list, { query: { limit: 200 } }),
    canLoad: () => userId !== undefined,
    onChange: changed,
    onError,
  })
  const mutations = createMutations({
    call,
    store: deps.mutationStore,
    me,
    reached: (projectId) => rooms.reached(projectId),
    redraw: (projectId) => rooms.redraw(projectId),
    changed,
    onError,
  })
  const rooms = createRooms({
    call,
    socket,
    pacer,
    userId: () => userId,
    onError,
    ackTimeoutMs,
    keepMs: deps.keepRoomsMs,
    mutations,
    onProject: projects.changed,
  })
  let userRoom = makeUserRoom()
  // nothing is known of the time before the connection
  let isFresh = true

  function makeUserRoom() {
    return createUserRoom({ socket, pacer, ackTimeoutMs, reset, onError, apply })
  }

  function reset(): void {
    projects.reload()
    emit('reset')
  }

  function apply(event: RoomEvent<UserEventName>): void {
    projects.applied(event)
    // name and payload belong together, which the compiler forgets for a union
    emit(event.name, event.payload as never, event.meta)
    if (event.name === 'session:revoked' && event.payload.sessionId === sessionId) onRevoked()
  }

  /** Nothing of another person is shown any more. */
  function clear(problem?: Problem): void {
    rooms.end(problem)
    mutations.clear()
    projects.clear()
    user = null
    userRoom.stop()
    userRoom = makeUserRoom()
    isFresh = true
    changed()
  }

  function belongTo(id: string): void {
    if (userId !== undefined && userId !== id) clear()
    if (userId !== id) void mutations.began(id).catch(onError)
    userId = id
    changed()
  }

  function showPassing(event: PassingEvent): void {
    if (event.name === 'chat:presence') emit('chat:presence', event.payload)
    else if ('projectId' in event.payload) rooms.passing(event.payload.projectId, event)
  }

  return {
    rooms,
    mutations,
    projects,
    userId: () => userId,
    user: () => user,
    /** The account of the person who is logged in, as it is now. */
    setUser(next: User): void {
      user = next
      changed()
    },
    clear,
    /** The app has logged out: nothing of the person is shown or sent any more. */
    leave(): void {
      clear()
      userId = undefined
    },
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
      if (isFresh) projects.reload()
      isFresh = false
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
