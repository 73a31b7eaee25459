import type { Role, RoomId } from '@cutroom/contract'
import { cappedRole } from '../../access/roles.ts'
import type { Position } from '../../access/sessions.ts'
import { problem } from '../../errors.ts'
import { dialectRoom } from '../dialect.ts'
import { sendTranslated } from '../dialects/speech.ts'
import { accessEventOf } from '../kinds.ts'
import type { LogEntry } from '../log/log.ts'
import { isOpen, sendFrames, whenDrained } from '../sockets/engine-io.ts'
import type { RoomSocket, Subscription } from '../types.ts'
import type { Feed } from './feed.ts'
import type { Feeds } from './feeds.ts'
import { JoinQueue, supersedeJoin } from './join-queue.ts'
import type { ReplayBlock } from './replay-block.ts'

/** The Socket.IO room of sockets that also receive `activity:new`. */
export const activityRoom = (room: RoomId): string => `activity:${room}`
/** The Socket.IO room of sockets that receive nothing of a room until they read again. */
export const pausedRoom = (room: RoomId): string => `paused:${room}`

/** The Socket.IO rooms in which a live socket receives what is in a room, in the words that it knows. */
function receivingRooms({ data: { dialect } }: RoomSocket, room: RoomId, activity: boolean): string[] {
  if (dialect?.translate) return [dialectRoom(dialect.name, room)]
  const native = activity ? [room, activityRoom(room)] : [room]
  return dialect?.adds ? [...native, dialectRoom(dialect.name, room)] : native
}

/** The position that a client names when it joins; without one it asks for live events only. */
export interface JoinFrom {
  after?: number | undefined
  epoch?: string | undefined
}

/** How a join is answered. `reset`: the position is of another history, or of a part that retention has taken. */
export type JoinPlan = { mode: 'live' } | { mode: 'resumed'; after: number } | { mode: 'reset' }

/** @param at the position of the room in the snapshot in which the caller was let in */
export function planJoin({ after, epoch }: JoinFrom, at: Position, currentEpoch: string): JoinPlan {
  if (after === undefined) return { mode: 'live' }
  const isKnown = (epoch === undefined || epoch === currentEpoch) && after >= at.floor && after <= at.head
  return isKnown ? { mode: 'resumed', after } : { mode: 'reset' }
}

/** Whether the socket was let in: it receives events at once or, while it is paused, later. */
export const isSubscribed = ({ state }: Subscription): boolean => state.status === 'live' || state.status === 'paused'

function end(subscription: Subscription): void {
  const { state } = subscription
  subscription.state = { status: 'ended' }
  if (state.status === 'live' || state.status === 'paused') state.feed.release()
}

/** Takes a socket out of a room, or stops its joining. */
export function leave(socket: RoomSocket, room: RoomId): void {
  supersedeJoin(socket, room)
  const subscription = socket.data.rooms.get(room)
  if (!subscription) return
  socket.data.rooms.delete(room)
  end(subscription)
  for (const each of [...receivingRooms(socket, room, true), pausedRoom(room)]) void socket.leave(each)
}

/** Ends a subscription that came to nothing, and leaves alone a later one that took its place. */
function abandonJoin(socket: RoomSocket, room: RoomId, subscription: Subscription): void {
  if (socket.data.rooms.get(room) === subscription) leave(socket, room)
  else end(subscription)
}

/** @throws problem superseded where a later join, a leave, an eviction or a disconnect took the subscription's place */
function assertActive(socket: RoomSocket, { state }: Subscription): void {
  if (state.status === 'ended' || !isOpen(socket)) throw problem('superseded')
}

/**
 * Applies a change of access that happened after the socket's person was let in.
 * @throws problem not-found | session-revoked where it ends the access: the replay stops there
 */
function applyAccessChange({ data }: RoomSocket, subscription: Subscription, entry: LogEntry): void {
  const { person, sessionId } = data
  const event = accessEventOf(entry)
  if (event?.type === 'role-changed' && event.userId === person.id) subscription.role = cappedRole(event.role, data.maxRole)
  if (event?.type === 'revoked' && (event.userId ?? person.id) === person.id) throw problem('not-found')
  if (event?.type === 'session-ended' && event.sessionId === sessionId) throw problem('session-revoked')
}

interface Replay {
  socket: RoomSocket
  room: RoomId
  subscription: Subscription
  feed: Feed
  /** The position to begin behind. */
  after: number
  /** Called with each entry that changes access. What it throws ends the replay in front of the entry. */
  onAccessEntry: (entry: LogEntry) => void
  /** Behind each page, send what is in it as `activity:new`, too. */
  activity?: boolean
}

/** Sends the events of a block behind a position. @returns seq of the last one */
function sendBlock({ socket, subscription, onAccessEntry }: Replay, block: ReplayBlock, after: number): number {
  const { last } = block
  let upTo = last
  try {
    for (const entry of block.accessEntries) {
      if (entry.meta.seq <= after) continue
      upTo = entry.meta.seq - 1
      onAccessEntry(entry)
    }
    upTo = last
  } finally {
    // Events before the loss of access are still sent.
    if (upTo > after && !subscription.silent) {
      const { dialect } = socket.data
      if (!dialect?.translate) sendFrames(socket, block.joined(after, upTo), () => block.frames(after, upTo))
      if (dialect) sendTranslated(socket, dialect, block.frames(after, upTo))
    }
  }
  return last
}

/** Sends what a block has as activities between two positions. @returns the position up to which it did */
function sendActivities(socket: RoomSocket, block: ReplayBlock, after: number, upTo: number): number {
  const last = Math.min(block.last, upTo)
  const joined = block.joined(after, last)
  if (joined.length > 0) sendFrames(socket, joined, () => block.frames(after, last).filter(({ length }) => length > 0))
  return last
}

/**
 * Sends the events between a position and the feed, each page when the one before has left, and makes the subscription live in the tick
 * in which there are no more.
 * @returns the position at which it went live
 */
async function catchUp(replay: Replay): Promise<number> {
  const { socket, room, subscription, feed } = replay
  let cursor = replay.after
  /** Up to where activities were sent. */
  let told = replay.activity ? cursor : Number.POSITIVE_INFINITY
  const step = async () => {
    assertActive(socket, subscription)
    await whenDrained(socket)
    assertActive(socket, subscription)
    const isBehind = told < cursor
    await feed.page(isBehind ? told : cursor, isBehind ? 'activity' : 'socket', (block) => {
      assertActive(socket, subscription)
      if (isBehind) told = sendActivities(socket, block, told, cursor)
      else cursor = sendBlock(replay, block, cursor)
    })
  }
  assertActive(socket, subscription)
  while (Math.min(cursor, told) < feed.delivered()) await JoinQueue.of(socket).replay(step)
  assertActive(socket, subscription)
  // From here to the end within one tick: the next event that is delivered is the next one for this socket.
  void socket.leave(pausedRoom(room))
  if (!subscription.silent) void socket.join(receivingRooms(socket, room, subscription.activity))
  subscription.state = { status: 'live', feed }
  return cursor
}

/**
 * Takes a live socket that reads too slowly out of a room: nothing more is queued for it. When its queue is empty, it catches up from
 * the log like a socket that joins.
 * @returns resolves when it is live again, or has left the room
 * @throws problem unavailable where it cannot catch up, and is out of the room
 */
export async function pause(socket: RoomSocket, room: RoomId): Promise<void> {
  const subscription = socket.data.rooms.get(room)
  if (subscription?.state.status !== 'live') return
  const { feed } = subscription.state
  const after = feed.delivered()
  for (const each of receivingRooms(socket, room, true)) void socket.leave(each)
  // Delivery finds the socket in this room, and applies changes of its access, before the replay could.
  void socket.join(pausedRoom(room))
  const activity = subscription.activity && !subscription.silent && !socket.data.dialect?.translate
  const replay: Replay = { socket, room, subscription, feed, after, onAccessEntry: () => {}, activity }
  const resumed = whenDrained(socket).then(async () => void (await catchUp(replay)))
  subscription.state = { status: 'paused', feed, resumed }
  try {
    await resumed
  } catch (error) {
    if (!isSubscribed(subscription) || !isOpen(socket)) return
    abandonJoin(socket, room, subscription)
    throw error
  }
}

export interface JoinOptions {
  plan: JoinPlan
  role: Role | null
  /** Also receive `activity:new`; without it, as before. */
  activity?: boolean | undefined
  /** Follow the room's changes of access, and send nothing of it. */
  silent?: boolean
}

/** A join without a position of a socket that is in the room: it stays where it is, and its role is kept up to date by events. */
async function rejoin(socket: RoomSocket, room: RoomId, subscription: Subscription, { activity }: JoinOptions): Promise<number> {
  subscription.activity = activity ?? subscription.activity
  while (subscription.state.status === 'paused') await subscription.state.resumed
  if (subscription.state.status !== 'live') throw problem('superseded')
  if (!subscription.activity) void socket.leave(activityRoom(room))
  if (!subscription.silent) void socket.join(receivingRooms(socket, room, subscription.activity))
  return subscription.state.feed.delivered()
}

/**
 * Brings a socket into a room. Everything after the position asked for is sent first, and the socket joins in the very
 * tick in which what it was sent equals what the room's feed has delivered: no gap, no repeat, no buffer.
 * @param at the room's position when the person was let in; a removal after it is found in the log
 * @returns the position at which the socket went live
 * @throws problem superseded | not-found (removed during the join) | session-revoked | unavailable
 */
export async function joinRoom(
  socket: RoomSocket,
  room: RoomId,
  options: JoinOptions,
  at: Position,
  feeds: Feeds,
): Promise<number> {
  const { plan, role, activity = false, silent = false } = options
  const current = socket.data.rooms.get(room)
  if (current && isSubscribed(current) && plan.mode === 'live') return rejoin(socket, room, current, options)
  leave(socket, room)

  const subscription: Subscription = { role, activity, silent, state: { status: 'joining' } }
  socket.data.rooms.set(room, subscription)
  let feed: Feed | undefined
  try {
    feed = await feeds.acquire(room)
    assertActive(socket, subscription)
    await feed.waitFor(at.head)
    const after = plan.mode === 'resumed' ? plan.after : at.head
    const onAccessEntry = (entry: LogEntry) => {
      if (entry.meta.seq > at.head) applyAccessChange(socket, subscription, entry)
    }
    return await catchUp({ socket, room, subscription, feed, after, onAccessEntry })
  } catch (error) {
    abandonJoin(socket, room, subscription)
    feed?.release()
    throw error
  }
}
