import type { Problem, ProjectEventName, Role, RoomEvent } from '@cutroom/contract'
import { createEmitter } from './emitter.ts'
import type { CutroomSocket, PassingEvent } from './frames.ts'
import { type FetchPage, loadProject } from './load.ts'
import type { Pacer } from './pacer.ts'
import { isElsewhere } from './part.ts'
import { createWaiters } from './position-waiters.ts'
import { CutroomError, problemOf } from './problem.ts'
import { applyEvent, type ProjectState } from './reduce.ts'
import { createResume } from './resume.ts'
import type { Room, RoomEvents, RoomOptions, RoomStatus } from './room.ts'
import { createRoomDoor, type RoomJoined } from './room-door.ts'
import { createRoomPresence } from './room-presence.ts'
import { deadline } from './timing.ts'

/** What the client tells its rooms. */
export interface RoomInlet {
  room: Room
  connected(): void
  disconnected(): void
  /** Without a login: waits for one. */
  suspended(problem: Problem | undefined): void
  take(event: RoomEvent<ProjectEventName>): void
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

/** Opens the room; it joins when it is told that the socket is connected. */
export function openRoom(projectId: string, options: RoomOptions, deps: RoomDeps): RoomInlet {
  const emitter = createEmitter<RoomEvents>(deps.onError)
  const waiters = createWaiters(() => follow.join())
  const part = (options.comments ?? 'all').toLowerCase()
  const { socket, pacer, onError } = deps
  const door = createRoomDoor({ projectId, activity: options.activity ?? true, ...deps })
  const presence = createRoomPresence({
    projectId,
    socket,
    pacer,
    onChange: (people) => emitter.emit('presence', people),
    onError,
  })
  let status: RoomStatus = 'connecting'
  let problem: Problem | undefined
  let state: ProjectState | null = null
  let role: Role | undefined
  let ended = false
  // there is something on the screen that can grow old
  let drawn = false
  // a start was found before: the next one leaves a hole behind it
  let started = options.from !== undefined
  // the server fails again and again: the room is offline until it is live
  let failing = false

  function setStatus(next: RoomStatus, why?: Problem): void {
    problem = why
    if (status === next) return
    status = next
    emitter.emit('status', next)
  }

  const follow = createResume<RoomEvent<ProjectEventName>, RoomJoined>(
    {
      ...door,
      joined(answer) {
        role = answer.role
        presence.entered(answer.presence)
      },
      async load(answer, signal) {
        let start = { epoch: answer.epoch, seq: answer.head }
        if (options.state !== false) {
          const loaded = await loadProject(deps.fetchPage, signal)
          if (signal.aborted) return start
          start = loaded.start
          state = loaded.state
          emitter.emit('change')
        }
        if (started) emitter.emit('reset')
        started = true
        drawn = true
        return start
      },
      apply,
      syncing() {
        if (!failing) setStatus('syncing')
      },
      live() {
        drawn = true
        failing = false
        setStatus('live')
        const seq = follow.position?.seq ?? 0
        waiters.reached(seq)
        waiters.ended(seq, door.joins())
      },
      refused(why) {
        if (why.code !== 'rate-limited') return end(why)
        pause(why, 'The room is full')
        deps.full(why)
      },
      failing(why) {
        failing = true
        onError(new CutroomError(why))
        setStatus('offline', why)
        waiters.fail(new CutroomError(why))
      },
    },
    options.from ?? null,
    deps.ackTimeoutMs,
  )

  function apply(event: RoomEvent<ProjectEventName>): void {
    if (state && !isElsewhere(event, part)) {
      try {
        applyEvent(state, event)
      } catch (error) {
        onError(error)
        follow.restart()
        return
      }
    }
    if (event.name === 'member:updated' && event.payload.userId === deps.userId()) role = event.payload.role
    if (event.name === 'person:updated') presence.redraw(event.payload)
    emitter.emit('event', event)
    // name and payload belong together, which the compiler forgets for a union
    emitter.emit(event.name, event.payload as never, event.meta)
    if (state) emitter.emit('change')
    waiters.reached(event.meta.seq)
  }

  function passing(event: PassingEvent): void {
    if (event.name === 'activity:new') emitter.emit('activity', event.payload)
    else if (event.name === 'typing') emitter.emit('typing', event.payload)
    else if (event.name === 'presence:changed') presence.changed(event.payload)
    else if (event.name === 'access:revoked') {
      const { reason } = event.payload
      end(problemOf('not-found', reason === 'deleted' ? 'The project was deleted' : `No longer a member (${reason})`))
      emitter.emit('revoked', reason)
    }
  }

  function disconnected(): void {
    waiters.rest()
    door.disconnected()
    presence.left()
    follow.disconnected()
  }

  /** Not in the room, and not on the way; `connected` begins again. */
  function pause(why: Problem | undefined, words: string): void {
    disconnected()
    setStatus('offline', why)
    waiters.fail(why ? new CutroomError(why) : new Error(words))
  }

  /** For good. What others may not see any more is not kept either. */
  function end(why?: Problem): void {
    if (ended) return
    ended = true
    presence.left()
    follow.stop()
    state = null
    role = undefined
    presence.clear()
    deps.forget()
    setStatus('offline', why)
    waiters.fail(why ? new CutroomError(why) : new Error('The room was left'))
  }

  const room: Room = {
    projectId,
    get status() {
      return status
    },
    get problem() {
      return problem
    },
    get position() {
      return follow.position
    },
    get state() {
      return state
    },
    get role() {
      return role
    },
    presence: presence.people,
    on: emitter.on,
    setPresence: presence.show,
    typing(targetId, isTyping) {
      if (presence.isInside() && pacer.mayPass()) socket()?.emit('typing', { projectId, targetId, isTyping })
    },
    async caughtUp(seq, { signal, timeoutMs } = {}) {
      if (!Number.isSafeInteger(seq) || seq < 0) throw new RangeError(`${seq} is no position in a log`)
      if (status === 'offline') throw problem ? new CutroomError(problem) : new Error('The room is offline')
      if ((follow.position?.seq ?? -1) >= seq) return
      const limit = deadline(timeoutMs, signal)
      await waiters.wait(seq, door.joins(), limit.signal).finally(limit.done)
    },
    leave() {
      if (!ended) door.leave()
      end()
    },
  }
  return {
    room,
    connected: follow.connected,
    disconnected() {
      disconnected()
      if (!failing) setStatus(drawn ? 'stale' : 'connecting')
    },
    suspended: (why) => pause(why, 'The connection was closed'),
    take: follow.take,
    passing,
    check: follow.join,
    end,
  }
}
