import type { EventEmitter } from 'node:events'
import type { Socket } from 'socket.io'
import type { ClientToServer, Person, Role, RoomId, ServerToClient } from '../contract/index.ts'
import { problem } from '../errors.ts'
import { changesRole, endsSession, revokes } from './eviction.ts'
import type { Feeds } from './feed.ts'
import type { Log, LogEntry, Position } from './log.ts'
import type { NodeToNode } from './nodes.ts'

/** A socket's place in one room. */
export interface Standing {
  /** null in one's own room. */
  role: Role | null
  live: boolean
  /** Set when a later join, a leave, an eviction or a disconnect took its place. */
  cancelled: boolean
  activity: boolean
  release: () => void
}

export interface SocketData {
  person: Person
  sessionId: string
  /** Milliseconds since the epoch. */
  expiresAt: number
  rooms: Map<RoomId, Standing>
  /** The last question to join a room, while the right to it is looked up. */
  turns: Map<RoomId, symbol>
}
export type RoomSocket = Socket<ClientToServer, ServerToClient, NodeToNode, SocketData>

/** Sends one log entry. The typed maps cannot follow a name known only at run time; the contract checked it at commit. */
export function send(target: { emit: (...args: never[]) => unknown }, entry: LogEntry, replayed: boolean): void {
  const emit = target.emit.bind(target) as (name: string, payload: unknown, meta: unknown) => unknown
  emit(entry.name, entry.payload, replayed ? { ...entry.meta, replayed: true } : entry.meta)
}

/** The Socket.IO room of those who also want `activity:new`. */
export const activityRoom = (room: RoomId): string => `activity:${room}`

/** Resolves when what was written to the socket has left for the network, or the socket is gone. */
function drained(socket: RoomSocket): Promise<void> {
  // Engine.IO keeps the buffer private in its types; there is no other way to see that a reader lags.
  const conn = socket.conn as unknown as EventEmitter & { writeBuffer: unknown[]; readyState: string }
  if (conn.writeBuffer.length === 0 || conn.readyState !== 'open') return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      conn.off('drain', done)
      conn.off('close', done)
      resolve()
    }
    conn.on('drain', done)
    conn.on('close', done)
  })
}

/**
 * Waits for the look at a person's right to a room. Rights are read side by side, and may be answered in another order.
 * @throws problem superseded when a later join or leave was asked meanwhile
 */
export async function inTurn<T>(socket: RoomSocket, room: RoomId, look: Promise<T>): Promise<T> {
  const turn = Symbol(room)
  socket.data.turns.set(room, turn)
  try {
    const at = await look
    if (socket.data.turns.get(room) !== turn) throw problem('superseded')
    return at
  } finally {
    if (socket.data.turns.get(room) === turn) socket.data.turns.delete(room)
  }
}

/** Takes a socket out of a room, or stops its joining. */
export function leave(socket: RoomSocket, room: RoomId): void {
  socket.data.turns.delete(room)
  const standing = socket.data.rooms.get(room)
  if (!standing) return
  socket.data.rooms.delete(room)
  standing.cancelled = true
  standing.release()
  void socket.leave(room)
  void socket.leave(activityRoom(room))
}

/** What happened to this person's access after they were let in: a catch-up stops where it was lost. */
function heed(socket: RoomSocket, standing: Standing, entry: LogEntry): void {
  const { person, sessionId } = socket.data
  const change = changesRole(entry)
  if (change?.userId === person.id) standing.role = change.role
  const revoked = revokes(entry)
  if (revoked && (revoked.userId ?? person.id) === person.id) throw problem('not-found')
  if (endsSession(entry) === sessionId) throw problem('session-revoked')
}

const PAGE = 500

/**
 * Brings a socket into a room. Everything after the position asked for is sent first, and the socket joins in the very
 * tick in which what it was sent equals what the room's feed has delivered: no gap, no repeat, no buffer.
 * @param at where the room stood when the person was seen to be allowed in; a removal after it is found in the log
 * @returns the head at which the socket went live
 * @throws problem superseded | not-found (removed meanwhile) | session-revoked | unavailable
 */
export async function stand(
  socket: RoomSocket,
  room: RoomId,
  ask: { after?: number | undefined; epoch?: string | undefined; activity?: boolean; role: Role | null },
  at: Position,
  { log, feeds }: { log: Log; feeds: Feeds },
): Promise<{ head: number; mode: 'live' | 'resumed' | 'reset' }> {
  const before = socket.data.rooms.get(room)
  if (before?.live && ask.after === undefined) {
    // Asking again without a position moves nothing: the socket misses nothing where it stands.
    // Its role is kept by the events; the one that was read with the question may be older.
    before.activity = ask.activity ?? before.activity
    void (before.activity ? socket.join(activityRoom(room)) : socket.leave(activityRoom(room)))
    const feed = await feeds.hold(room)
    feed.release()
    return { head: feed.delivered(), mode: 'live' }
  }
  leave(socket, room)

  const known = ask.epoch === undefined || ask.epoch === log.epoch()
  const mode = ask.after === undefined ? 'live' : known && ask.after >= at.floor && ask.after <= at.head ? 'resumed' : 'reset'
  let cursor = mode === 'resumed' && ask.after !== undefined ? ask.after : at.head

  const standing: Standing = { role: ask.role, live: false, cancelled: false, activity: ask.activity ?? false, release: () => {} }
  socket.data.rooms.set(room, standing)
  const goOn = () => {
    if (standing.cancelled || !socket.connected) throw problem('superseded')
  }
  try {
    const feed = await feeds.hold(room)
    standing.release = feed.release
    goOn()
    await feed.reach(at.head)
    goOn()
    while (cursor < feed.delivered()) {
      const page = await log.read(room, cursor, feed.delivered(), PAGE)
      goOn()
      if (page.length === 0) throw problem('unavailable', 'The log moved under the reader', { retryAfter: 1 })
      for (const entry of page) {
        if (entry.meta.seq > at.head) heed(socket, standing, entry)
        send(socket, entry, true)
        cursor = entry.meta.seq
      }
      await drained(socket)
      goOn()
    }
    void socket.join(standing.activity ? [room, activityRoom(room)] : room)
    standing.live = true
    return { head: cursor, mode }
  } catch (error) {
    if (socket.data.rooms.get(room) === standing) socket.data.rooms.delete(room)
    standing.cancelled = true
    standing.release()
    throw error
  }
}
