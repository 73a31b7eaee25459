import type { Problem, ProjectEventName, RoomEvent } from '@cutroom/contract'
import { createEmitter } from './emitter.ts'
import type { CutroomSocket, PassingEvent } from './frames.ts'
import type { FetchPage } from './load.ts'
import type { Pacer } from './pacer.ts'
import { problemOf } from './problem.ts'
import { createResume } from './resume.ts'
import type { Room, RoomEvents, RoomOptions } from './room.ts'
import { createRoomContent } from './room-content.ts'
import { createRoomPresence } from './room-presence.ts'
import { createRoomRequests, type RoomJoined } from './room-requests.ts'
import { createRoomStatus } from './room-status.ts'
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
  ackTimeoutMs: number
}

/** The parts of a room, which do not depend on each other. */
function createParts(projectId: string, options: RoomOptions, deps: RoomDeps, join: () => void) {
  const { on, emit } = createEmitter<RoomEvents>(deps.onError)
  const status = createRoomStatus({ onChange: (next) => emit('status', next), onError: deps.onError, ask: join })
  return {
    on,
    emit,
    status,
    requests: createRoomRequests({ projectId, activity: options.activity ?? true, ...deps }),
    presence: createRoomPresence({ projectId, ...deps, onChange: (people) => emit('presence', people) }),
    content: createRoomContent({ options, fetchPage: deps.fetchPage, emit, started: status.shown }),
  }
}
type Parts = ReturnType<typeof createParts>

/** Applies the next event of the log, and shows it. @returns false when it cannot follow on the state */
function apply(
  { content, presence, status, emit }: Parts,
  { userId, onError }: RoomDeps,
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
  emit('event', event)
  // name and payload belong together, which the compiler forgets for a union
  emit(event.name, event.payload as never, event.meta)
  if (content.state()) emit('change')
  status.reached(event.meta.seq)
  return true
}

type Resume = ReturnType<typeof createResume<RoomEvent<ProjectEventName>, RoomJoined>>

/** The room as the app sees it. */
function roomOf(projectId: string, parts: Parts, { socket, pacer }: RoomDeps, resume: Resume, leave: () => void): Room {
  const { content, presence, requests, status } = parts
  async function caughtUp(seq: number, { signal, timeoutMs }: { signal?: AbortSignal; timeoutMs?: number } = {}): Promise<void> {
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
    get role() {
      return content.role()
    },
    presence: presence.people,
    on: parts.on,
    setPresence: presence.show,
    typing(targetId, isTyping) {
      if (presence.isInside() && pacer.mayPass()) socket()?.emit('typing', { projectId, targetId, isTyping })
    },
    // any position will do
    ready: (options) => caughtUp(0, options),
    caughtUp,
    leave,
  }
}

/** Shows an event that is not in the log. @param end ends the room, which the person may not see any more */
function show({ presence, emit }: Parts, event: PassingEvent, end: (problem: Problem) => void): void {
  if (event.name === 'activity:new') emit('activity', event.payload)
  else if (event.name === 'typing') emit('typing', event.payload)
  else if (event.name === 'presence:changed') presence.changed(event.payload)
  else if (event.name === 'access:revoked') {
    const { reason } = event.payload
    end(problemOf('not-found', reason === 'deleted' ? 'The project was deleted' : `No longer a member (${reason})`))
    emit('revoked', reason)
  }
}

/** Opens a room; it joins when it is told that the socket is connected. */
export function openRoom(projectId: string, options: RoomOptions, deps: RoomDeps): RoomControl {
  const parts = createParts(projectId, options, deps, () => resume.join())
  const { content, presence, requests, status } = parts
  let ended = false

  const resume: Resume = createResume<RoomEvent<ProjectEventName>, RoomJoined>(
    {
      ...requests,
      joined(answer) {
        content.setRole(answer.role)
        presence.entered(answer.presence)
      },
      load: content.load,
      apply(event) {
        if (!apply(parts, deps, event)) resume.restart()
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
    resume.stop()
    content.clear()
    presence.clear()
    deps.forget()
    status.offline(why, 'The room was left')
  }

  function leave(): void {
    if (!ended) requests.leave()
    end()
  }

  return {
    room: roomOf(projectId, parts, deps, resume, leave),
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
