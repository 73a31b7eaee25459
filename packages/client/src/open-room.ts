import type { Problem, Project, ProjectEventName, RoomEvent } from '@cutroom/contract'
import { createEmitter } from './emitter.ts'
import type { CutroomSocket, PassingEvent } from './frames.ts'
import type { FetchPage } from './load.ts'
import type { Mutations } from './mutations.ts'
import type { Pacer } from './pacer.ts'
import { problemOf } from './problem.ts'
import { createResume } from './resume.ts'
import type { Room, RoomEvents, RoomOptions } from './room.ts'
import { createRoomContent } from './room-content.ts'
import { type FetchEvents, readHistory } from './room-history.ts'
import { createRoomPresence } from './room-presence.ts'
import { createRoomRequests, type RoomJoined } from './room-requests.ts'
import { createRoomStatus } from './room-status.ts'
import { createRoomTyping } from './room-typing.ts'
import { createSelections } from './select.ts'
import { deadline } from './timing.ts'

/** An open room as the client drives it. */
export interface RoomControl {
  room: Room
  connected(): void
  disconnected(): void
  /** Without a login: waits for one. */
  suspended(problem: Problem | undefined): void
  receive(event: RoomEvent<ProjectEventName>): void
  passing(event: PassingEvent): void
  /** Makes sure that nothing is missing. */
  check(): void
  /** Something else is drawn over the state. */
  redraw(): void
  /** Leaves it now. */
  leave(): void
  end(problem?: Problem): void
}

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
  /** One of those who had asked for it has left it. */
  release(): void
  fetchEvents: FetchEvents
  mutations: Mutations
  onProject(project: Project | null, projectId: string): void
  ackTimeoutMs: number
}

/** The parts of a room, which do not depend on each other. */
function createParts(projectId: string, options: RoomOptions, deps: RoomDeps, join: () => void, room: () => Room) {
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
    content: createRoomContent({ options, drawings, fetchPage: deps.fetchPage, emit, started: status.shown }),
    typing: createRoomTyping({
      send(targetId, isTyping) {
        if (presence.isInside() && deps.pacer.mayPass()) deps.socket()?.emit('typing', { projectId, targetId, isTyping })
      },
      onChange: selections.changed,
    }),
  }
}
type Parts = ReturnType<typeof createParts>

/** Applies the next event of the log, and shows it. @returns false when it cannot follow on the state */
function apply(
  { content, presence, status, emit }: Parts,
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

type Resume = ReturnType<typeof createResume<RoomEvent<ProjectEventName>, RoomJoined>>

/** How long a position is waited for, ms. */
const WAIT_MS = 60_000

/** The room as the app sees it. */
function roomOf(projectId: string, parts: Parts, deps: RoomDeps, resume: Resume): Room {
  const { content, presence, requests, selections, status, typing } = parts
  async function caughtUp(
    seq: number,
    { signal, timeoutMs = WAIT_MS }: { signal?: AbortSignal; timeoutMs?: number } = {},
  ): Promise<void> {
    if (!Number.isSafeInteger(seq) || seq < 0) throw new RangeError(`${seq} is no position in a log`)
    status.assertOnline()
    if ((resume.position?.seq ?? -1) >= seq) return
    const limit = deadline(timeoutMs, signal)
    await status.wait(seq, requests.joins(), limit.signal).finally(limit.done)
  }
  return {
    projectId,
    get status() {
      return status.get()
    },
    get problem() {
      return status.problem()
    },
    get position() {
      return resume.position
    },
    get state() {
      return content.state()
    },
    get pending() {
      return content.pending()
    },
    get role() {
      return content.role()
    },
    get presence() {
      return presence.people()
    },
    get typing() {
      return typing.shown()
    },
    on: parts.on,
    select: selections.select,
    setPresence: presence.show,
    setTyping: typing.set,
    history: ({ last }) => readHistory(deps.fetchEvents, last),
    // any position will do
    ready: (options) => caughtUp(0, options),
    caughtUp,
    leave: deps.release,
  }
}

/** Shows an event that is not in the log. @param end ends the room, which the person may not see any more */
function show({ presence, typing, emit }: Parts, event: PassingEvent, end: (problem: Problem) => void): void {
  if (event.name === 'activity:new') emit('activity', event.payload)
  else if (event.name === 'typing') {
    typing.received(event.payload)
    emit('typing', event.payload)
  } else if (event.name === 'presence:changed') {
    presence.changed(event.payload)
    typing.left(event.payload.left)
  } else if (event.name === 'access:revoked') {
    const { reason } = event.payload
    end(problemOf('not-found', reason === 'deleted' ? 'The project was deleted' : `No longer a member (${reason})`))
    emit('revoked', reason)
  }
}

/** Opens a room; it joins when it is told that the socket is connected. */
export function openRoom(projectId: string, options: RoomOptions, deps: RoomDeps): RoomControl {
  const parts = createParts(
    projectId,
    options,
    deps,
    () => resume.join(),
    () => room,
  )
  const { content, presence, requests, status, typing } = parts
  let ended = false

  const resume: Resume = createResume<RoomEvent<ProjectEventName>, RoomJoined>(
    {
      ...requests,
      joined(answer) {
        content.setRole(answer.role)
        presence.entered(answer.presence)
      },
      async load(answer, signal) {
        const start = await content.load(answer, signal)
        if (!signal.aborted) deps.mutations.reached(projectId, start.seq)
        return start
      },
      apply(event) {
        if (!apply(parts, deps, projectId, event)) resume.restart()
      },
      syncing: status.syncing,
      live: () => status.live(resume.position?.seq ?? 0, requests.joins()),
      refused(why) {
        if (why.code !== 'rate-limited') return end(why)
        pause(why, 'The room is full')
        deps.full(why)
      },
      failing: status.failing,
    },
    options.from ?? null,
    deps.ackTimeoutMs,
  )

  function disconnected(): void {
    status.pauseChecks()
    requests.disconnected()
    presence.left()
    typing.clear()
    resume.disconnected()
  }

  /** Neither in the room nor joining, until `connected` begins again. */
  function pause(why: Problem | undefined, words: string): void {
    disconnected()
    status.offline(why, words)
  }

  /** For good. Nothing is kept, since the person may have lost the right to see it. */
  function end(why?: Problem): void {
    if (ended) return
    ended = true
    presence.left()
    typing.clear()
    resume.stop()
    content.clear()
    presence.clear()
    deps.mutations.reached(projectId, Number.POSITIVE_INFINITY)
    deps.forget()
    status.offline(why, 'The room was left')
  }

  function leave(): void {
    if (!ended) requests.leave()
    end()
  }

  const room = roomOf(projectId, parts, deps, resume)
  return {
    room,
    leave,
    redraw() {
      content.redraw()
      if (content.hasState()) parts.emit('change')
    },
    connected: resume.connected,
    disconnected() {
      disconnected()
      status.interrupted()
    },
    suspended: (why) => pause(why, 'The connection was closed'),
    receive: resume.receive,
    passing: (event) => show(parts, event, end),
    check: resume.join,
    end,
  }
}
