import { userRoom } from '@cutroom/contract'
import type { Position } from '../../access/sessions.ts'
import { toProblem, toWire } from '../../errors.ts'
import { guarded, guardedFor } from '../../lib/guarded.ts'
import type { Feeds } from '../delivery/feeds.ts'
import { joinRoom } from '../delivery/subscription.ts'
import type { Dialect } from '../dialect.ts'
import type { AutomaticRooms } from '../dialects/automatic.ts'
import type { Log } from '../log/log.ts'
import type { RoomsOptions } from '../options.ts'
import type { PresenceTable } from '../presence/presence.ts'
import type { Typing } from '../presence/typing.ts'
import type { RoomServer, RoomSocket } from '../types.ts'
import type { Admission } from './connection-limits.ts'
import { forgetHandshake } from './engine-io.ts'
import { newRequestBucket } from './handlers.ts'
import { endOf, type Sessions } from './session.ts'
import { warnAt } from './token-expiry.ts'

export interface ConnectOptions extends Pick<RoomsOptions, 'handshakeCaller' | 'principalOf'> {
  io: RoomServer
  admission: Admission
  log: Log
  feeds: Feeds
  presence: PresenceTable
  typing: Typing
  sessions: Sessions
  /** The dialect of a socket; null: none. @throws problem bad-request */
  dialectOf: (socket: RoomSocket) => Dialect | null
  automatic: AutomaticRooms
  /** Handles the requests of a socket. */
  listen: (socket: RoomSocket) => void
  /** Called with failures of this server. */
  onError: (error: unknown) => void
}

/** Accepts sockets: checks who they are, brings them into their user room, and cleans up behind them. */
export function acceptSockets({ io, admission, log, feeds, presence, typing, sessions, ...options }: ConnectOptions): void {
  /** Positions of the user rooms, from the handshake to the connection. */
  const positions = new WeakMap<RoomSocket, Position>()

  async function authenticate(socket: RoomSocket): Promise<void> {
    const dialect = options.dialectOf(socket)
    const claims = options.handshakeCaller(socket.handshake, dialect !== null)
    admission.countHandshake(claims.userId)
    const principal = await options.principalOf(claims)
    const { person, sessionId, token, head, floor } = principal
    admission.admit(socket.conn, person.id)
    const maxRole = token?.role ?? null
    const expiresAt = endOf(dialect, principal)
    const expiry = { expiresAt, warnAt: warnAt(expiresAt) }
    socket.data = { person, sessionId, maxRole, dialect, ready: null, ...expiry, requests: newRequestBucket(), rooms: new Map() }
    positions.set(socket, { head, floor })
  }

  /**
   * Joins the user room, a socket of a dialect also its projects, then sends `connected` with the position of the user room. To an API token the room is empty: it is there only for the event
   * that ends the token.
   */
  async function joinUserRoom(socket: RoomSocket, at: Position): Promise<void> {
    const { person, sessionId, maxRole } = socket.data
    const silent = maxRole !== null
    const room = userRoom(person.id)
    let { head } = at
    try {
      head = await joinRoom(socket, room, { plan: { mode: 'live' }, role: null, silent }, at, feeds)
    } catch (error) {
      sessions.onUserRoomLost(socket, error)
      // The client may have joined its user room itself by now.
      if (!socket.data.rooms.has(room)) return
    }
    if (socket.data.dialect) await options.automatic.joinAll(socket)
    socket.emit('connected', { userId: person.id, sessionId, epoch: log.epoch(), head: silent ? 0 : head })
  }

  /** Of all sockets: one of its own for each would be 0.2 KB of an idle socket. */
  const onDisconnect = guardedFor(options.onError, (socket: RoomSocket) => {
    const { person } = socket.data
    admission.release(socket.conn)
    typing.clear(socket.id)
    sessions.leaveAll(socket)
    presence.exit(userRoom(person.id), person.id, socket.id, true)
  })

  function onConnection(socket: RoomSocket): Promise<void> {
    const { person } = socket.data
    socket.on('disconnect', onDisconnect)
    // A person is online, a bot of theirs is not.
    if (socket.data.maxRole === null) presence.enter(userRoom(person.id), person, socket.id)
    options.listen(socket)
    forgetHandshake(socket)
    const at = positions.get(socket) ?? { head: 0, floor: 0 }
    positions.delete(socket)
    const joined = joinUserRoom(socket, at)
    if (socket.data.dialect) socket.data.ready = joined.catch(() => {})
    return joined
  }

  io.use((socket, next) => {
    authenticate(socket).then(
      () => next(),
      (error: unknown) => {
        const failed = toProblem(error)
        if (failed.status >= 500) options.onError(error)
        next(Object.assign(new Error(failed.message), { data: toWire(failed) }))
      },
    )
  })
  io.on('connection', guarded(options.onError, onConnection))
}
