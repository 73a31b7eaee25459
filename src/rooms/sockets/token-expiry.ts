import { guarded } from '../../lib/guarded.ts'
import type { RoomServer } from '../delivery/deliver.ts'
import type { RoomSocket } from '../delivery/subscription.ts'

export interface ClockOptions {
  io: RoomServer
  /** Told in the turn in which a socket's token has expired. */
  onExpired: (socket: RoomSocket) => void
  onError: (error: unknown) => void
  /** Milliseconds between looks at the sockets. */
  lookMs: number
}

/** How long before the end a socket is warned, ms. */
const EXPIRING_MS = 60_000

/**
 * Warns sockets a minute before their token expires (or half way, if that is less), and says when it has. One timer looks at all:
 * each would cost more than the socket's place in its rooms.
 */
export function createClock({ io, onExpired, onError, lookMs }: ClockOptions) {
  const look = guarded(onError, (socket: RoomSocket, now: number) => {
    const { data } = socket
    if (now >= data.expiresAt) onExpired(socket)
    else if (now >= data.warnAt) {
      data.warnAt = Number.POSITIVE_INFINITY
      socket.emit('session:expiring', { expiresAt: new Date(data.expiresAt).toISOString() })
    }
  })
  const timer = setInterval(() => {
    const now = Date.now()
    for (const socket of io.of('/').sockets.values()) look(socket, now)
  }, lookMs)
  timer.unref()

  return {
    /** When the holder of a token that expires then is warned, ms since the epoch. */
    warnAt(expiresAt: number): number {
      const left = expiresAt - Date.now()
      return Date.now() + Math.max(left - EXPIRING_MS, left / 2)
    },
    close: () => clearInterval(timer),
  }
}
