import type { RoomId } from '@cutroom/contract'
import { guarded } from '../../lib/guarded.ts'
import { kinds, parseRoom } from '../kinds.ts'
import { bounded } from '../presence/message-size.ts'
import type { PresenceTable } from '../presence/presence.ts'
import { differ } from '../presence/presence-record.ts'
import { type Backlog, backlogOf, closeForReconnect, hasBacklog } from '../sockets/engine-io.ts'
import type { RoomServer, RoomSocket } from '../types.ts'
import { pause } from './subscription.ts'

export interface SlowConsumersOptions {
  io: RoomServer
  presence: PresenceTable
  /** Called with a paused socket that could not catch up, and is out of the room. */
  onLost: (socket: RoomSocket, error: unknown) => void
  /** Called with a socket that is closed: it did not read for too long, or has too large a backlog. */
  onClosed: (socket: RoomSocket, backlog: Backlog) => void
  onError: (error: unknown) => void
  /** Milliseconds between checks of the sockets. */
  checkMs: number
  /** How long nothing may leave before a socket is paused, ms. */
  stuckMs: number
  /** How long nothing may leave before it is closed, ms. */
  closeMs: number
}

/** A larger backlog pauses the socket. */
const PAUSE_BYTES = 256 * 1024
/** Bytes that may be queued on top of it: answers to the socket's own requests. */
const ANSWER_BYTES = 1024 * 1024

/** A socket with a backlog. */
type SlowState =
  /** The transport has taken nothing of `batch` since then, ms on the clock of `performance.now`. */
  | { status: 'watched'; batch: object | null; since: number }
  /** Was paused in its rooms; a backlog above `maxBytes` closes it. */
  | { status: 'paused'; batch: object | null; since: number; maxBytes: number }
  /** Waits for the end of its connection. */
  | { status: 'closed' }

/**
 * Pauses sockets that do not read: their events stay in the log, and not in the server's memory. Other sockets are not delayed, and a
 * paused one catches up from the log when it reads again.
 */
export function watchSlowConsumers(options: SlowConsumersOptions) {
  const { io, presence, onLost, onClosed, onError, checkMs, stuckMs, closeMs } = options
  const states = new WeakMap<RoomSocket, SlowState>()
  const counts = { paused: 0, pauses: 0, closed: 0 }

  async function pauseIn(socket: RoomSocket, room: RoomId): Promise<void> {
    const isTold = kinds[parseRoom(room).kind].presence === 'room'
    const before = isTold ? presence.told(room) : new Map<string, null>()
    counts.paused++
    counts.pauses++
    try {
      await pause(socket, room)
      if (isTold && socket.rooms.has(room)) sendMissedPresence(socket, room, presence, before)
    } catch (error) {
      // The end of its connection finds it out of this room.
      presence.exit(room, socket.data.person.id, socket.id, true)
      onLost(socket, error)
    } finally {
      counts.paused--
    }
  }

  function check(socket: RoomSocket, now: number): void {
    // Nearly all sockets, each time.
    if (!hasBacklog(socket)) {
      states.delete(socket)
      return
    }
    const state = states.get(socket)
    if (state?.status === 'closed') return
    const backlog = backlogOf(socket)
    const { batch } = backlog
    const since = state && batch !== null && batch === state.batch ? state.since : now
    const stuckFor = now - since
    if (stuckFor >= closeMs || (state?.status === 'paused' && backlog.bytes > state.maxBytes)) {
      states.set(socket, { status: 'closed' })
      counts.closed++
      onClosed(socket, backlog)
      closeForReconnect(socket, 'too slow')
    } else if (stuckFor >= stuckMs || backlog.bytes > PAUSE_BYTES) {
      const bytes = backlog.bytes + ANSWER_BYTES
      const maxBytes = state?.status === 'paused' ? Math.min(state.maxBytes, bytes) : bytes
      states.set(socket, { status: 'paused', batch, since, maxBytes })
      for (const [room, subscription] of socket.data.rooms)
        if (subscription.state.status === 'live') pauseIn(socket, room).catch(onError)
    } else states.set(socket, state?.status === 'paused' ? { ...state, batch, since } : { status: 'watched', batch, since })
  }

  const checkSocket = guarded(onError, check)
  const timer = setInterval(() => {
    const now = performance.now()
    for (const socket of io.of('/').sockets.values()) checkSocket(socket, now)
  }, checkMs)
  timer.unref()

  return {
    /** Subscriptions that are paused, how often one was, and how many sockets were closed. */
    counts: () => ({ ...counts }),
    close: () => clearInterval(timer),
  }
}

/** Sends what changed in a room's presence while the socket was paused, in one message, which must not pause it again. */
function sendMissedPresence(
  socket: RoomSocket,
  room: RoomId,
  presence: PresenceTable,
  before: ReturnType<PresenceTable['told']>,
): void {
  const after = new Map(presence.list(room).map((one) => [one.user.id, one]))
  const left = [...before.keys()].filter((userId) => !after.has(userId))
  const changed = [...after].flatMap(([userId, one]) => (differ(one, before.get(userId) ?? null) ? [one] : []))
  socket.emit('presence:changed', { projectId: parseRoom(room).id, present: bounded(changed), left })
}
