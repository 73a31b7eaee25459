import { guarded } from '../../lib/guarded.ts'
import type { RoomServer, RoomSocket } from '../types.ts'

export interface TokenExpiryOptions {
  io: RoomServer
  /** Called in the tick in which a socket's token is found expired. */
  onExpired: (socket: RoomSocket) => void
  onError: (error: unknown) => void
  /** Milliseconds between checks of the sockets. */
  checkMs: number
}

/** Time between the warning and the expiry, ms. */
const WARNING_MS = 60_000

/** When the holder of a token with this expiry is warned: a minute before it, or half way if that is less; ms since the epoch. */
export function warnAt(expiresAt: number): number {
  const left = expiresAt - Date.now()
  return Date.now() + Math.max(left - WARNING_MS, left / 2)
}

/**
 * Warns sockets before their token expires, and reports those whose token has. One timer checks all: a timer for each would cost more
 * than the socket's subscriptions.
 */
export function watchTokenExpiry({ io, onExpired, onError, checkMs }: TokenExpiryOptions): { close(): void } {
  const check = guarded(onError, (socket: RoomSocket, now: number) => {
    const { data } = socket
    if (now >= data.expiresAt) onExpired(socket)
    else if (now >= data.warnAt) {
      data.warnAt = Number.POSITIVE_INFINITY
      socket.emit('session:expiring', { expiresAt: new Date(data.expiresAt).toISOString() })
    }
  })
  const timer = setInterval(() => {
    const now = Date.now()
    for (const socket of io.of('/').sockets.values()) check(socket, now)
  }, checkMs)
  timer.unref()
  return { close: () => clearInterval(timer) }
}
