import { type RoomId, userRoom } from '@cutroom/contract'
import { ProblemError, problem } from '../../errors.ts'
import { leave } from '../delivery/subscription.ts'
import type { Dialect } from '../dialect.ts'
import type { RoomsOptions } from '../options.ts'
import type { PresenceTable } from '../presence/presence.ts'
import type { Principal, RoomSocket } from '../types.ts'
import type { CustomRooms } from './custom-rooms.ts'
import { isOpen } from './engine-io.ts'
import { warnAt } from './token-expiry.ts'

export interface SessionOptions extends Pick<RoomsOptions, 'verify' | 'principalOf'> {
  presence: PresenceTable
  customRooms: Pick<CustomRooms, 'leaveAll'>
  /** Called with the error that kept a socket out of its user room. */
  onError: (error: unknown, room: RoomId) => void
}

/** How long an expired socket may take to read that it is, ms. */
const CLOSE_TIMEOUT_MS = 1_000

/**
 * When a socket ends: with its token. Clients of a dialect know no renewal of tokens, so theirs end with the session.
 * @returns ms since the epoch
 */
export const endOf = (dialect: Dialect | null, { token, expiresAt, sessionEndsAt }: Principal): number =>
  dialect && !token ? sessionEndsAt : expiresAt

export type Sessions = ReturnType<typeof createSessions>

/** How the session behind a socket is renewed, and how it ends. */
export function createSessions({ presence, customRooms, verify, principalOf, onError }: SessionOptions) {
  /** Leaves all rooms within this tick, so that no later event reaches the socket. */
  function leaveAll(socket: RoomSocket): void {
    for (const room of [...socket.data.rooms.keys()]) {
      leave(socket, room)
      presence.exit(room, socket.data.person.id, socket.id, true)
    }
    customRooms.leaveAll(socket)
  }

  /** An ordered disconnect, after which a stock client does not come back by itself. */
  function endSession(socket: RoomSocket): void {
    leaveAll(socket)
    socket.emit('session:expired', { reason: 'revoked' })
    socket.disconnect(true)
  }

  return {
    leaveAll,
    endSession,

    /** A closed connection, after which a stock client comes back with the token that it has by then. */
    expireSession(socket: RoomSocket): void {
      if (!isOpen(socket)) {
        // It was sent the notice before, and does not read.
        socket.conn.close(true)
        return
      }
      leaveAll(socket)
      socket.emit('session:expired', { reason: 'expired' })
      socket.data.expiresAt = Date.now() + CLOSE_TIMEOUT_MS
      socket.conn.close()
    },

    /** Outside its user room a socket misses the end of its session: it is closed, for good or to come again. */
    onUserRoomLost(socket: RoomSocket, error: unknown): void {
      const room = userRoom(socket.data.person.id)
      if (!socket.connected) return
      if (error instanceof ProblemError && error.code === 'session-revoked') endSession(socket)
      else if (!socket.data.rooms.has(room)) {
        onError(error, room)
        socket.conn.close()
      }
    },

    /**
     * Replaces a live socket's token.
     * @returns its expiry, ms since the epoch
     * @throws problem token-invalid | token-expired | session-revoked
     */
    async refresh(socket: RoomSocket, token: string): Promise<number> {
      const claims = verify(token)
      if (claims.userId !== socket.data.person.id || claims.sessionId !== socket.data.sessionId)
        throw problem('token-invalid', 'The token is of another session')
      const principal = await principalOf(claims)
      const expiresAt = endOf(socket.data.dialect, principal)
      socket.data.expiresAt = expiresAt
      socket.data.warnAt = warnAt(expiresAt)
      return expiresAt
    },
  }
}
