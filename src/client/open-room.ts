import type { Person, Presence, Problem, ProjectEventName, Role, RoomEvent, Snapshot } from '../contract/index.ts'
import { createEmitter } from './emitter.ts'
import { fold, type ProjectState, stateOf } from './fold.ts'
import { createFollow, type Position } from './follow.ts'
import { CutroomError, problemOf } from './problem.ts'
import type { Room, RoomEvents, RoomOptions, RoomStatus } from './room.ts'
import { deadline } from './wait.ts'
import { createWaiters } from './waiters.ts'
import type { AckOf, CutroomSocket, PassingEvent } from './wire.ts'

/** What the client tells its rooms. */
export interface RoomInlet {
  room: Room
  connected(): void
  disconnected(): void
  /** Nobody is logged in: waits for a login. */
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
  snapshot(projectId: string, signal: AbortSignal): Promise<Snapshot>
  userId(): string | undefined
  onError(error: unknown): void
  /** The room has ended. */
  forget(): void
  ackTimeoutMs: number
}

type Joined = Extract<AckOf<'join:project'>, { ok: true }>
const SNAPSHOT_TIMEOUT_MS = 60_000

/** Opens the room; it joins when it is told that the socket is connected. */
export function openRoom(projectId: string, options: RoomOptions, deps: RoomDeps): RoomInlet {
  const emitter = createEmitter<RoomEvents>(deps.onError)
  const waiters = createWaiters()
  const presence = new Map<string, Presence>()
  let status: RoomStatus = 'connecting'
  let problem: Problem | undefined
  let state: ProjectState | null = null
  let role: Role | undefined
  let ended = false
  let shown: Presence['state'] | undefined
  // the server has us in the room on this connection
  let inside = false
  // there is something on the screen that can grow old
  let drawn = false
  // a start was found before: the next one leaves a hole behind it
  let started = options.from !== undefined

  function setStatus(next: RoomStatus, why?: Problem): void {
    problem = why
    if (status === next) return
    status = next
    emitter.emit('status', next)
  }

  const follow = createFollow<RoomEvent<ProjectEventName>, Joined>(
    {
      send(position, ack) {
        const after = position ? { after: position.seq, epoch: position.epoch } : {}
        deps.socket()?.emit('join:project', { projectId, activity: options.activity ?? true, ...after }, ack)
      },
      joined(answer) {
        inside = true
        role = answer.role
        presence.clear()
        for (const one of answer.presence) presence.set(one.user.id, one)
        emitter.emit('presence', presence)
        if (shown !== undefined) sendPresence()
      },
      async load(answer, signal) {
        let start: Position = { epoch: answer.epoch, seq: answer.head }
        if (options.state !== false) {
          const snapshot = await fetchSnapshot(signal)
          if (signal.aborted) return start
          start = { epoch: snapshot.epoch, seq: snapshot.seq }
          state = stateOf(snapshot)
          emitter.emit('change')
        }
        if (started) emitter.emit('reset')
        started = true
        drawn = true
        return start
      },
      apply,
      syncing: () => setStatus('syncing'),
      live() {
        drawn = true
        setStatus('live')
        waiters.reached(follow.position?.seq ?? 0)
      },
      refused: (why) => end(why),
    },
    options.from ?? null,
    deps.ackTimeoutMs,
  )

  async function fetchSnapshot(signal: AbortSignal): Promise<Snapshot> {
    const limit = deadline(SNAPSHOT_TIMEOUT_MS, signal)
    try {
      return await deps.snapshot(projectId, limit.signal)
    } catch (error) {
      if (!(error instanceof CutroomError || signal.aborted)) deps.onError(error)
      throw error
    } finally {
      limit.done()
    }
  }

  function apply(event: RoomEvent<ProjectEventName>): void {
    if (state) {
      try {
        fold(state, event)
      } catch (error) {
        deps.onError(error)
        follow.restart()
        return
      }
    }
    if (event.name === 'member:updated' && event.payload.userId === deps.userId()) role = event.payload.role
    if (event.name === 'person:updated') redrawPresence(event.payload)
    emitter.emit('event', event)
    // name and payload belong together, which the compiler forgets for a union
    emitter.emit(event.name, event.payload as never, event.meta)
    if (state) emitter.emit('change')
    waiters.reached(event.meta.seq)
  }

  function passing(event: PassingEvent): void {
    if (event.name === 'activity:new') emitter.emit('activity', event.payload)
    else if (event.name === 'typing') emitter.emit('typing', event.payload)
    else if (event.name === 'presence:changed') {
      for (const one of event.payload.present) presence.set(one.user.id, one)
      for (const userId of event.payload.left) presence.delete(userId)
      emitter.emit('presence', presence)
    } else if (event.name === 'access:revoked') {
      const { reason } = event.payload
      end(problemOf('not-found', reason === 'deleted' ? 'The project was deleted' : `No longer a member (${reason})`))
      emitter.emit('revoked', reason)
    }
  }

  function redrawPresence(user: Person): void {
    const here = presence.get(user.id)
    if (!here) return
    presence.set(user.id, { ...here, user })
    emitter.emit('presence', presence)
  }

  function sendPresence(): void {
    deps.socket()?.emit('presence:set', { projectId, state: shown ?? null }, (answer) => {
      if (!answer.ok) deps.onError(new CutroomError(answer.error))
    })
  }

  /** For good. What others may not see any more is not kept either. */
  function end(why?: Problem): void {
    if (ended) return
    ended = true
    inside = false
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
    presence,
    on: emitter.on,
    setPresence(next) {
      shown = next
      if (inside) sendPresence()
    },
    typing(targetId, isTyping) {
      if (inside) deps.socket()?.emit('typing', { projectId, targetId, isTyping })
    },
    async caughtUp(seq, { signal, timeoutMs } = {}) {
      if (status === 'offline') throw problem ? new CutroomError(problem) : new Error('The room is offline')
      if ((follow.position?.seq ?? -1) >= seq) return
      const limit = deadline(timeoutMs, signal)
      await waiters.wait(seq, limit.signal).finally(limit.done)
    },
    leave() {
      if (!ended) deps.socket()?.emit('leave:project', { projectId })
      end()
    },
  }
  return {
    room,
    connected: follow.connected,
    disconnected() {
      inside = false
      follow.disconnected()
      setStatus(drawn ? 'stale' : 'connecting')
    },
    suspended(why) {
      inside = false
      follow.disconnected()
      setStatus('offline', why)
      waiters.fail(why ? new CutroomError(why) : new Error('The connection was closed'))
    },
    take: follow.take,
    passing,
    check: follow.join,
    end,
  }
}
