import type { RoomId } from '@cutroom/contract'
import { guarded } from '../../lib/guarded.ts'
import { projectIdOf } from '../kinds.ts'
import type { PresenceTable } from '../presence/presence.ts'
import { bounded, differ } from '../presence/presence-record.ts'
import { type Backlog, backlogOf, closeForReconnect, waits } from '../sockets/engine-io.ts'
import type { RoomServer, RoomSocket } from '../types.ts'
import { pause } from './subscription.ts'

export interface SlowOptions {
  io: RoomServer
  presence: PresenceTable
  /** A parked socket could not catch up, and is out of the room. */
  onLost: (socket: RoomSocket, error: unknown) => void
  /** A socket did not read for too long, or let too much pile up, and is closed. */
  onClosed: (socket: RoomSocket, backlog: Backlog) => void
  onError: (error: unknown) => void
  /** Milliseconds between looks at the sockets. */
  lookMs: number
  /** How long nothing may leave before a socket is parked, ms. */
  stuckMs: number
  /** How long nothing may leave before it is closed, ms. */
  closeMs: number
}

/** More than this waiting for one socket parks it. */
const PARK_BYTES = 256 * 1024
/** What may come on top of it: answers to what the socket itself asks. */
const ANSWER_BYTES = 1024 * 1024

interface State {
  batch: object | null
  since: number
  /** Closed when more than this waits for it; infinite until it is parked. */
  cap: number
  /** It is told, and gone in a moment. */
  closed: boolean
}

/**
 * Looks after sockets that do not read what they are sent. Such a socket is parked: the log keeps for it what the server
 * need not, its neighbours never notice, and it gets all of it when it reads again.
 */
export function createSlowWatch({ io, presence, onLost, onClosed, onError, lookMs, stuckMs, closeMs }: SlowOptions) {
  const states = new WeakMap<RoomSocket, State>()
  const counts = { paused: 0, parkings: 0, closed: 0 }

  async function parkIn(socket: RoomSocket, room: RoomId): Promise<void> {
    const before = new Map(presence.list(room).map((one) => [one.user.id, one]))
    counts.paused++
    counts.parkings++
    try {
      await pause(socket, room)
      const projectId = projectIdOf(room)
      if (projectId === null || !socket.rooms.has(room)) return
      const after = new Map(presence.list(room).map((one) => [one.user.id, one]))
      const left = [...before.keys()].filter((id) => !after.has(id))
      const changed = [...after].flatMap(([id, one]) => (differ(one, before.get(id) ?? null) ? [one] : []))
      // In one word, which must not park it again.
      const present = bounded(changed)
      socket.emit('presence:changed', { projectId, present, left })
    } catch (error) {
      onLost(socket, error)
    } finally {
      counts.paused--
    }
  }

  function look(socket: RoomSocket, now: number): void {
    // Nearly all of them, each time.
    if (!waits(socket)) {
      states.delete(socket)
      return
    }
    const backlog = backlogOf(socket)
    const state = states.get(socket) ?? { batch: null, since: now, cap: Number.POSITIVE_INFINITY, closed: false }
    states.set(socket, state)
    if (state.closed) return
    if (backlog.batch === null || backlog.batch !== state.batch) state.since = now
    state.batch = backlog.batch
    const stuck = now - state.since
    if (stuck >= closeMs || backlog.bytes > state.cap) {
      state.closed = true
      counts.closed++
      onClosed(socket, backlog)
      closeForReconnect(socket, 'too slow')
    } else if (stuck >= stuckMs || backlog.bytes > PARK_BYTES) {
      state.cap = Math.min(state.cap, backlog.bytes + ANSWER_BYTES)
      for (const [room, { live, paused }] of socket.data.rooms) if (live && !paused) parkIn(socket, room).catch(onError)
    }
  }

  const lookAt = guarded(onError, look)
  const timer = setInterval(() => {
    const now = performance.now()
    for (const socket of io.of('/').sockets.values()) lookAt(socket, now)
  }, lookMs)
  timer.unref()

  return {
    /** How many stand parked, how often that happened, and how many were closed. */
    counts: () => ({ ...counts }),
    close: () => clearInterval(timer),
  }
}
