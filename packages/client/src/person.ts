import type { Problem, Project, RoomEvent, User, UserEventName } from '@cutroom/contract'
import type { Call } from './call.ts'
import type { ClientEvents } from './client.ts'
import type { LinkStatus } from './connection.ts'
import type { Emitter } from './emitter.ts'
import { type CutroomSocket, type Passing, readFrame } from './frames.ts'
import { projects as endpoints, roomPrefix } from './generated/contract.ts'
import type { MutationStore } from './mutation.ts'
import { createMutations } from './mutations.ts'
import { createPacer, type Pacer } from './pacer.ts'
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

/** Who is logged in, as far as it is known. */
interface Who {
  userId: string | undefined
  sessionId: string | undefined
  user: User | null
}

/** What belongs to one person: their projects, rooms and writes. */
function createParts({ call, socket, onError, ackTimeoutMs, changed, ...deps }: PersonDeps, who: Who) {
  const pacer = createPacer()
  const projects = createUserProjects({
    pages: () => pagesOf<Project>(call, endpoints.list, { query: { limit: 200 } }),
    canLoad: () => who.userId !== undefined,
    onChange: changed,
    onError,
  })
  const mutations = createMutations({
    call,
    store: deps.mutationStore,
    me: () => ({ id: who.userId ?? '', name: who.user?.name ?? '', avatarUrl: who.user?.avatarUrl ?? null }),
    reached: (projectId) => rooms.reached(projectId),
    redraw: (projectId) => rooms.redraw(projectId),
    changed,
    onError,
  })
  const rooms = createRooms({
    call,
    socket,
    pacer,
    userId: () => who.userId,
    onError,
    ackTimeoutMs,
    keepMs: deps.keepRoomsMs,
    mutations,
    onProject: projects.changed,
  })
  return { pacer, projects, mutations, rooms }
}

/** The person's own room, whose events keep their projects and end their session. */
function userRoomOf(deps: PersonDeps, pacer: Pacer, projects: ReturnType<typeof createUserProjects>, who: Who) {
  const { socket, ackTimeoutMs, emit, onError, onRevoked } = deps
  return createUserRoom({
    socket,
    pacer,
    ackTimeoutMs,
    onError,
    reset() {
      projects.reload()
      emit('reset')
    },
    apply(event) {
      projects.applied(event)
      // name and payload belong together, which the compiler forgets for a union
      emit(event.name, event.payload as never, event.meta)
      if (event.name === 'session:revoked' && event.payload.sessionId === who.sessionId) onRevoked()
    },
  })
}

/** What a client shows of the person who is logged in: the rooms of projects, their own room, and who is online. */
export function createPerson(deps: PersonDeps) {
  const { emit, onError, changed } = deps
  const who: Who = { userId: undefined, sessionId: undefined, user: null }
  const { pacer, projects, mutations, rooms } = createParts(deps, who)
  const openUserRoom = () => userRoomOf(deps, pacer, projects, who)
  let userRoom = openUserRoom()
  // nothing is known of the time before the connection
  let isFresh = true

  /** Nothing of another person is shown any more. */
  function clear(problem?: Problem): void {
    rooms.end(problem)
    mutations.clear()
    projects.clear()
    who.user = null
    userRoom.stop()
    userRoom = openUserRoom()
    isFresh = true
    changed()
  }

  function belongTo(id: string): void {
    if (who.userId === id) return
    if (who.userId !== undefined) clear()
    who.userId = id
    void mutations.began(id).catch(onError)
    projects.reload()
    changed()
  }

  return {
    rooms,
    mutations,
    projects,
    userId: () => who.userId,
    user: () => who.user,
    /** The account of the person who is logged in, as it is now; null: the login has ended, and their rooms wait. */
    setUser(next: User | null): void {
      who.user = next
      changed()
    },
    clear,
    /** The app has logged out: nothing of the person is shown or sent any more. */
    leave(): void {
      clear()
      who.userId = undefined
    },
    /** A login has begun. */
    loggedIn(id: string): void {
      belongTo(id)
      who.sessionId = undefined
    },
    connected(connection: Passing<'connected'>): void {
      who.sessionId = connection.sessionId
      belongTo(connection.userId)
      pacer.open()
      userRoom.connected(connection)
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
        const { passing } = frame
        if (passing.name === 'chat:presence') emit('chat:presence', passing.payload)
        else if ('projectId' in passing.payload) rooms.passing(passing.payload.projectId, passing)
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
      mutations.close()
      rooms.end()
      userRoom.stop()
    },
  }
}
