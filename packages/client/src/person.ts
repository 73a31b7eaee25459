import type { Problem, Project, RoomEvent, User, UserEventName } from '@cutroom/contract'
import type { Call } from './call.ts'
import type { ClientEvents } from './client.ts'
import type { LinkStatus } from './connection.ts'
import type { Emitter } from './emitter.ts'
import { type CutroomSocket, type Passing, readFrame } from './frames.ts'
import { projects as endpoints, roomPrefix } from './generated/contract.ts'
import { LIST_RETRY_MS } from './list-loading.ts'
import type { MutationStore } from './mutation.ts'
import { createMutations } from './mutations.ts'
import { createPacer } from './pacer.ts'
import { pagesOf } from './pages.ts'
import { createPersonalParts, type Select } from './personal-parts.ts'
import { createRooms } from './rooms.ts'
import type { UploadStore } from './upload.ts'
import type { UploadsDeps } from './upload-engine.ts'
import { createUploads } from './uploads.ts'
import { createUserProjects } from './user-projects.ts'
import { createUserRoom } from './user-room.ts'

export interface PersonDeps extends Pick<UploadsDeps, 'target' | 'isOwnFetch' | 'inLogin'> {
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
  select: Select
  /** How long a room stays after its last release, ms. */
  keepRoomsMs: number
  mutationStore: MutationStore | undefined
  uploadStore: UploadStore | undefined
}

/** Who is logged in, as far as it is known. */
interface Who {
  userId: string | undefined
  sessionId: string | undefined
  user: User | null
}

/** What belongs to one person: their projects, rooms and writes. */
function createParts({ call, socket, onError, ackTimeoutMs, changed, select, ...deps }: PersonDeps, who: Who) {
  const pacer = createPacer()
  const userId = () => who.userId
  const projects = createUserProjects({
    pages: () => pagesOf<Project>(call, endpoints.list, { query: { limit: 200 }, retryForMs: LIST_RETRY_MS }),
    userId,
    changed,
    onError,
  })
  const personal = createPersonalParts({ call, socket, userId, changed, onError }, select)
  const mutations = createMutations({
    call,
    socket,
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
    userId,
    onError,
    ackTimeoutMs,
    keepMs: deps.keepRoomsMs,
    mutations,
    onProject: projects.changed,
    onLive: personal.roomLive,
  })
  const { target, isOwnFetch, inLogin, uploadStore: store } = deps
  const uploads = createUploads({ call, inLogin, target, isOwnFetch, store, changed, onError })
  /** What is there may be old. */
  const reload = (): void => {
    projects.reload()
    personal.reload()
  }
  /** What could not be loaded may be had now. */
  const retry = (): void => {
    projects.retry()
    personal.retry()
  }
  return { pacer, projects, personal, mutations, rooms, uploads, reload, retry }
}

/** The person's own room, whose events keep their projects and end their session. */
function userRoomOf(deps: PersonDeps, parts: ReturnType<typeof createParts>, who: Who) {
  const { pacer, projects, personal, rooms, reload, retry } = parts
  const { socket, ackTimeoutMs, emit, onError, onRevoked } = deps
  return createUserRoom({
    socket,
    pacer,
    ackTimeoutMs,
    onError,
    live: retry,
    reset() {
      reload()
      rooms.admitted()
      emit('reset')
    },
    apply(event) {
      projects.applied(event)
      personal.applied(event)
      // the server reads and delivers again
      retry()
      if (event.name === 'project:joined') rooms.admitted(event.payload.id)
      // name and payload belong together, which the compiler forgets for a union
      emit(event.name, event.payload as never, event.meta)
      if (event.name === 'session:revoked' && event.payload.sessionId === who.sessionId) onRevoked()
    },
  })
}

/** Passes on what the socket brought. */
function receiveFrame(
  frame: ReturnType<typeof readFrame>,
  emit: PersonDeps['emit'],
  { rooms, personal }: Pick<ReturnType<typeof createParts>, 'rooms' | 'personal'>,
  userRoom: () => ReturnType<typeof userRoomOf>,
): void {
  if ('passing' in frame) {
    const { passing } = frame
    personal.passing(passing)
    if (passing.name === 'chat:presence') emit('chat:presence', passing.payload)
    else if ('projectId' in passing.payload) rooms.passing(passing.payload.projectId, passing)
    else personal.passing(passing)
    return
  }
  const { event } = frame
  if (!rooms.receive(event) && event.meta.room.startsWith(roomPrefix.user)) userRoom().receive(event as RoomEvent<UserEventName>)
}

/** What a client shows of the person who is logged in: the rooms of projects, their own room, and who is online. */
export function createPerson(deps: PersonDeps) {
  const { emit, onError, changed } = deps
  const who: Who = { userId: undefined, sessionId: undefined, user: null }
  const parts = createParts(deps, who)
  const { pacer, projects, personal, mutations, rooms, uploads } = parts
  const openUserRoom = () => userRoomOf(deps, parts, who)
  let userRoom = openUserRoom()
  // nothing is known of the time before the connection
  let isFresh = true

  /** Nothing of another person is shown any more. */
  function clear(problem?: Problem): void {
    rooms.end(problem)
    mutations.clear()
    uploads.clear()
    projects.clear()
    personal.clear()
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
    uploads.began(id)
    parts.reload()
    changed()
  }

  return {
    rooms,
    mutations,
    projects,
    parts: personal.facades,
    uploads,
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
      if (isFresh) parts.reload()
      isFresh = false
    },
    /** The connection has another status. */
    status(next: LinkStatus, problem: Problem | undefined): void {
      if (next !== 'online') {
        pacer.close()
        userRoom.disconnected()
      }
      if (next === 'online') uploads.nudge()
      if (next === 'online') rooms.connected()
      else if (next === 'offline') rooms.suspended(problem)
      else rooms.disconnected()
    },
    frame: (name: string, args: unknown[]): void => receiveFrame(readFrame(name, args), emit, parts, () => userRoom),
    /** Makes sure that nothing is missing. */
    check(): void {
      userRoom.check()
      rooms.check()
      uploads.nudge()
    },
    stop(): void {
      mutations.close()
      uploads.close()
      rooms.end()
      userRoom.stop()
    },
  }
}
