import type { Problem, Project, ProjectEventName, RoomEvent } from '@cutroom/contract'
import { createEmitter } from './emitter.ts'
import type { CutroomSocket, PassingEvent } from './frames.ts'
import type { FetchPage } from './load.ts'
import type { Mutations } from './mutations.ts'
import type { Pacer } from './pacer.ts'
import { problemOf } from './problem.ts'
import type { Room, RoomEvents, RoomOptions } from './room.ts'
import { createRoomContent } from './room-content.ts'
import type { FetchEvents } from './room-history.ts'
import { createRoomPresence } from './room-presence.ts'
import { createRoomRequests } from './room-requests.ts'
import { createRoomStatus } from './room-status.ts'
import { createRoomTyping } from './room-typing.ts'
import { createSelections } from './select.ts'

export interface RoomDeps {
  /** The socket while it is connected. */
  socket(): CutroomSocket | undefined
  pacer: Pacer
  fetchPage: FetchPage
  userId(): string | undefined
  onError(error: unknown): void
  /** The problem with which the server refuses further rooms on this connection. */
  fullProblem(): Problem | undefined
  /** The server refused this room for that; it waits until another one is left. */
  full(problem: Problem): void
  /** The room has ended. */
  forget(): void
  /** The person may not be in the room: it waits until they are added. */
  barred(): void
  live(): void
  /** One of those who had asked for it has left it. */
  release(): void
  fetchEvents: FetchEvents
  mutations: Mutations
  onProject(project: Project | null, projectId: string): void
  ackTimeoutMs: number
}

/** The parts of a room, which do not depend on each other. */
export function createRoomParts(projectId: string, options: RoomOptions, deps: RoomDeps, join: () => void, room: () => Room) {
  const { on, emit: send } = createEmitter<RoomEvents>(deps.onError)
  const selections = createSelections(room, deps.onError)
  /** What is shown may be another now. */
  const emit: typeof send = (...args) => {
    selections.changed()
    send(...args)
  }
  const status = createRoomStatus({ onChange: (next) => emit('status', next), onError: deps.onError, ask: join })
  const presence = createRoomPresence({ projectId, ...deps, onChange: (people) => emit('presence', people) })
  const drawings = () => deps.mutations.drawingsOf(projectId)
  return {
    on,
    emit,
    status,
    presence,
    selections,
    requests: createRoomRequests({ projectId, activity: options.activity ?? true, ...deps }),
    content: createRoomContent({
      options,
      drawings,
      fetchPage: deps.fetchPage,
      emit,
      replaced: (start) => deps.mutations.reached(projectId, start),
      started: status.shown,
    }),
    typing: createRoomTyping({
      send(targetId, isTyping) {
        if (presence.isInside() && deps.pacer.mayPass()) deps.socket()?.emit('typing', { projectId, targetId, isTyping })
      },
      onChange: selections.changed,
    }),
  }
}
export type RoomParts = ReturnType<typeof createRoomParts>

/** Applies the next event of the log, and shows it. @returns false when it cannot follow on the state */
export function applyToRoom(
  { content, presence, status, emit }: RoomParts,
  { userId, onError, mutations, onProject }: RoomDeps,
  projectId: string,
  event: RoomEvent<ProjectEventName>,
): boolean {
  try {
    content.apply(event)
  } catch (error) {
    onError(error)
    return false
  }
  if (event.name === 'member:updated' && event.payload.userId === userId()) content.setRole(event.payload.role)
  if (event.name === 'person:updated') presence.redraw(event.payload)
  if (event.name === 'project:updated') onProject(event.payload, projectId)
  mutations.applied(projectId, event.meta, event.payload)
  emit('event', event)
  // name and payload belong together, which the compiler forgets for a union
  emit(event.name, event.payload as never, event.meta)
  if (content.hasState()) emit('change')
  status.reached(event.meta.seq)
  return true
}

/** Shows an event that is not in the log. @param revoked the person may not see the room any more; for good where it `isGone` */
export function showPassing(
  { presence, typing, emit }: RoomParts,
  event: PassingEvent,
  revoked: (problem: Problem, isGone: boolean) => void,
): void {
  if (event.name === 'activity:new') emit('activity', event.payload)
  else if (event.name === 'typing') {
    typing.received(event.payload)
    emit('typing', event.payload)
  } else if (event.name === 'presence:changed') {
    presence.changed(event.payload)
    typing.left(event.payload.left)
  } else if (event.name === 'access:revoked') {
    const { reason } = event.payload
    const isGone = reason === 'deleted'
    revoked(problemOf('not-found', isGone ? 'The project was deleted' : `No longer a member (${reason})`), isGone)
    emit('revoked', reason)
  }
}
