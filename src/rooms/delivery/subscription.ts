import type { Role, RoomId } from '@cutroom/contract'
import type { Position } from '../../access/authorize.ts'
import { problem } from '../../errors.ts'
import { accessEventOf } from '../kinds.ts'
import type { Log, LogEntry } from '../log/log.ts'
import { isOpen, whenDrained, write } from '../sockets/engine-io.ts'
import type { RoomSocket, Subscription } from '../types.ts'
import type { Feed, Feeds } from './feed.ts'
import { JoinQueue, supersedeJoin } from './join-queue.ts'
import type { Page } from './replay-cache.ts'

/** Sends one log entry. The typed maps cannot follow a name known only at run time; the contract checked it at commit. */
export function send(target: { emit: (...args: never[]) => unknown }, entry: LogEntry, replayed: boolean): void {
  const emit = target.emit.bind(target) as (name: string, payload: unknown, meta: unknown) => unknown
  emit(entry.name, entry.payload, replayed ? { ...entry.meta, replayed: true } : entry.meta)
}

/** The Socket.IO room of those who also want `activity:new`. */
export const activityRoom = (room: RoomId): string => `activity:${room}`
/** The Socket.IO room of sockets that receive nothing of a room until they read again. */
export const pausedRoom = (room: RoomId): string => `paused:${room}`

/** Takes a socket out of a room, or stops its joining. */
export function leave(socket: RoomSocket, room: RoomId): void {
  supersedeJoin(socket, room)
  const standing = socket.data.rooms.get(room)
  if (!standing) return
  socket.data.rooms.delete(room)
  standing.cancelled = true
  standing.feed?.release()
  for (const each of [room, activityRoom(room), pausedRoom(room)]) void socket.leave(each)
}

/** What happened to this person's access after they were let in: a catch-up stops where it was lost. */
function applyAccessChange(socket: RoomSocket, standing: Subscription, entry: LogEntry): void {
  const { person, sessionId } = socket.data
  const event = accessEventOf(entry)
  if (event?.type === 'role-changed' && event.userId === person.id) standing.role = event.role
  if (event?.type === 'revoked' && (event.userId ?? person.id) === person.id) throw problem('not-found')
  if (event?.type === 'session-ended' && event.sessionId === sessionId) throw problem('session-revoked')
}

/** Sends what lies between a position and the feed, each page when the one before has left, and joins when nothing does. */
async function catchUp(
  socket: RoomSocket,
  room: RoomId,
  standing: Subscription,
  feed: Feed,
  from: { after: number; floor: number; applyAccessChange: (entry: LogEntry) => void },
): Promise<number> {
  let cursor = from.after
  const assertActive = () => {
    if (standing.cancelled || !isOpen(socket)) throw problem('superseded')
  }
  const tell = ({ events, frames }: Page) => {
    assertActive()
    let sent = 0
    try {
      for (const { seq, access } of events) {
        if (seq !== cursor + 1) throw problem('unavailable', 'The log moved under the reader', { retryAfter: 1 })
        if (access) from.applyAccessChange(access)
        cursor = seq
        sent++
      }
    } finally {
      // Events before the loss of access are still delivered.
      if (sent > 0) write(socket, events.slice(0, sent), sent === events.length ? frames : undefined)
    }
  }
  const step = async () => {
    assertActive()
    await whenDrained(socket)
    assertActive()
    await feed.page(cursor, from.floor, tell)
  }
  assertActive()
  while (cursor < feed.delivered()) await JoinQueue.of(socket).replay(step)
  assertActive()
  // In this very tick: what comes next is news to it.
  void socket.leave(pausedRoom(room))
  void socket.join(standing.activity ? [room, activityRoom(room)] : room)
  standing.live = true
  standing.paused = null
  return cursor
}

/** A join: from a position, or live events only. */
export interface From {
  after?: number | undefined
  epoch?: string | undefined
}

export type Mode = 'live' | 'resumed' | 'reset'

/** How a join is answered: a position of another history, or of what is gone, leads nowhere. */
export function modeOf({ after, epoch }: From, at: Position, now: string): Mode {
  if (after === undefined) return 'live'
  return (epoch === undefined || epoch === now) && after >= at.floor && after <= at.head ? 'resumed' : 'reset'
}

/** Gives a standing up that came to nothing. */
function abandonJoin(socket: RoomSocket, room: RoomId, standing: Subscription): void {
  if (socket.data.rooms.get(room) === standing) leave(socket, room)
  standing.cancelled = true
  standing.feed?.release()
}

/**
 * Takes a socket that reads too slowly out of a room it stands in: nothing more is kept for it, and when it has read what
 * waits for it, it catches up from the log like one that joins.
 * @returns settles when it is back; resolves also when it has left the room by then
 * @throws problem unavailable where it cannot catch up, and is out of the room
 */
export async function pause(socket: RoomSocket, room: RoomId): Promise<void> {
  const standing = socket.data.rooms.get(room)
  if (!standing?.live || standing.paused || !standing.feed) return
  const { feed } = standing
  const after = feed.delivered()
  for (const each of [room, activityRoom(room)]) void socket.leave(each)
  void socket.join(pausedRoom(room))
  // Delivery finds it in the room of the paused, so what changes its rights is heeded before it can be read here.
  const back = whenDrained(socket).then(() =>
    catchUp(socket, room, standing, feed, { after, floor: after, applyAccessChange: () => {} }),
  )
  standing.paused = back.then(() => {})
  try {
    await standing.paused
  } catch (error) {
    if (standing.cancelled || !isOpen(socket)) return
    abandonJoin(socket, room, standing)
    throw error
  }
}

/**
 * Brings a socket into a room. Everything after the position asked for is sent first, and the socket joins in the very
 * tick in which what it was sent equals what the room's feed has delivered: no gap, no repeat, no buffer.
 * @param at where the room stood when the person was seen to be allowed in; a removal after it is found in the log
 * @returns the head at which the socket went live
 * @throws problem superseded | not-found (removed during the join) | session-revoked | unavailable
 */
export async function joinRoom(
  socket: RoomSocket,
  room: RoomId,
  ask: From & { activity?: boolean; role: Role | null },
  at: Position,
  { log, feeds }: { log: Log; feeds: Feeds },
): Promise<{ head: number; mode: Mode }> {
  const before = socket.data.rooms.get(room)
  if (before?.live && ask.after === undefined) {
    // Asking again without a position moves nothing: the socket misses nothing where it stands.
    // Its role is kept by the events; the one that was read with the question may be older.
    before.activity = ask.activity ?? before.activity
    while (before.paused) await before.paused
    if (before.cancelled) throw problem('superseded')
    void (before.activity ? socket.join(activityRoom(room)) : socket.leave(activityRoom(room)))
    const feed = await feeds.hold(room)
    feed.release()
    if (before.cancelled) throw problem('superseded')
    return { head: feed.delivered(), mode: 'live' }
  }
  leave(socket, room)

  const mode = modeOf(ask, at, log.epoch())
  const after = mode === 'resumed' && ask.after !== undefined ? ask.after : at.head

  const activity = ask.activity ?? false
  const standing: Subscription = { role: ask.role, live: false, paused: null, cancelled: false, activity, feed: null }
  socket.data.rooms.set(room, standing)
  try {
    const feed = await feeds.hold(room)
    standing.feed = feed
    if (standing.cancelled) throw problem('superseded')
    await feed.reach(at.head)
    const { floor } = at
    const head = await catchUp(socket, room, standing, feed, {
      after,
      floor,
      applyAccessChange: (entry) => entry.meta.seq > at.head && applyAccessChange(socket, standing, entry),
    })
    return { head, mode }
  } catch (error) {
    abandonJoin(socket, room, standing)
    throw error
  }
}
