import { projectRoom, type Requests, type RoomId, requests, userRoom } from '@cutroom/contract'
import { atLeast } from '../../access/roles.ts'
import type { Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Typed } from '../cluster/cluster.ts'
import type { Feeds } from '../delivery/feeds.ts'
import { JoinQueue } from '../delivery/join-queue.ts'
import { isSubscribed, type JoinFrom, type JoinPlan, joinRoom, leave, planJoin } from '../delivery/subscription.ts'
import type { AutomaticRooms } from '../dialects/automatic.ts'
import { kinds, parseRoom, type RoomAccess } from '../kinds.ts'
import type { Log } from '../log/log.ts'
import type { Measurements } from '../measurements.ts'
import type { PresenceTable } from '../presence/presence.ts'
import { sameProfile } from '../presence/presence-record.ts'
import type { Typing } from '../presence/typing.ts'
import type { RoomSocket, Subscription } from '../types.ts'
import type { Admission } from './connection-limits.ts'
import type { CustomRooms } from './custom-rooms.ts'
import type { Handler, Handlers } from './handlers.ts'
import type { Sessions } from './session.ts'

/** Requests of the contract that the engine itself serves; features bring handlers of the others. */
type RoomRequest =
  | 'join:project'
  | 'leave:project'
  | 'join:user'
  | 'session:refresh'
  | 'presence:set'
  | 'typing'
  | 'join'
  | 'leave'
type RoomHandlers = { [N in RoomRequest]: Handler<Requests[N]> }

export interface RoomHandlersOptions {
  handlers: Handlers
  admission: Admission
  log: Log
  feeds: Feeds
  presence: PresenceTable
  typing: Typing
  customRooms: CustomRooms
  query: Query
  sessions: Sessions
  automatic: AutomaticRooms
  /** Counts the joins that are answered. */
  onJoined: Measurements['joined']
  /** Sends typing to the other nodes. */
  publishTyping: (typed: Typed) => void
}

/** What a second replay of a room to one socket costs on top, in requests: one for so many events, up to a maximum. */
const REPLAY_EVENTS = 50
const MAX_REPLAY_COST = 9

/**
 * The subscription of a socket that was let into a room, receiving or paused.
 * @throws problem forbidden
 */
export function subscriptionIn(socket: RoomSocket, room: RoomId): Subscription {
  const subscription = socket.data.rooms.get(room)
  if (!subscription || !isSubscribed(subscription)) throw problem('forbidden', 'Join the project first')
  return subscription
}

/** @throws problem forbidden for the socket of an API token */
function assertLogin({ data }: RoomSocket): void {
  if (data.maxRole !== null) throw problem('forbidden', 'API tokens may not do this')
}

type JoinOptions = Pick<RoomHandlersOptions, 'handlers' | 'log' | 'feeds' | 'query' | 'onJoined'>

interface Joined {
  head: number
  mode: JoinPlan['mode']
  access: RoomAccess
}

/** Joins rooms for sockets that ask for it: looks up whether they may, then catches up. */
function createJoin({ handlers, log, feeds, query, onJoined }: JoinOptions) {
  /** Rooms that were replayed to a socket, to the end or not. */
  const replayed = new WeakMap<RoomSocket, Set<RoomId>>()
  /** The first replay of a room is free: every reconnect needs one. */
  function chargeReplay(socket: RoomSocket, room: RoomId, events: number): void {
    const rooms = replayed.get(socket) ?? new Set()
    if (rooms.has(room)) handlers.charge(socket, Math.min(events / REPLAY_EVENTS, MAX_REPLAY_COST))
    replayed.set(socket, rooms.add(room))
  }

  return async function join(socket: RoomSocket, room: RoomId, from: JoinFrom & { activity?: boolean }): Promise<Joined> {
    const { kind, id } = parseRoom(room)
    const { person, sessionId } = socket.data
    const access = await JoinQueue.of(socket).join(room, () => kinds[kind].admit(query, { userId: person.id, sessionId }, id))
    // A profile that was delivered during the lookup is newer. One that did not change is held once, here and by presence.
    if (socket.data.person === person && !sameProfile(person, access.person)) socket.data.person = access.person
    const plan = planJoin(from, access, log.epoch())
    if (plan.mode === 'resumed' && plan.after < access.head) chargeReplay(socket, room, access.head - plan.after)
    const { role } = access
    const head = await joinRoom(socket, room, { plan, role, activity: from.activity }, access, feeds)
    onJoined(kind, plan.mode)
    return { head, mode: plan.mode, access }
  }
}

/** Registers the handlers of the engine: joins, presence, typing, renewal of tokens. */
export function registerRoomHandlers(registered: RoomHandlersOptions): void {
  const { handlers, admission, presence, typing, sessions, customRooms, automatic, ...options } = registered
  const { log } = options
  const join = createJoin({ handlers, ...options })

  const own: RoomHandlers = {
    async 'join:project'(socket, { projectId, ...from }) {
      const room = projectRoom(projectId)
      admission.admitRoom(socket, room)
      try {
        const { head, mode, access } = await join(socket, room, from)
        if (socket.data.maxRole === null) presence.enter(room, socket.data.person, socket.id)
        const { people, total } = presence.listBounded(room)
        const role = socket.data.rooms.get(room)?.role ?? access.role ?? 'viewer'
        return { room, epoch: log.epoch(), head, mode, role, presence: people, presenceTotal: total }
      } catch (error) {
        // A socket that was in the room before it asked again, and is not any more, loses its presence too.
        if (!socket.data.rooms.has(room)) presence.exit(room, socket.data.person.id, socket.id, false)
        throw error
      }
    },
    'leave:project'(socket, { projectId }) {
      const room = projectRoom(projectId)
      leave(socket, room)
      presence.exit(room, socket.data.person.id, socket.id, false)
      return {}
    },
    async 'join:user'(socket, from) {
      const room = userRoom(socket.data.person.id)
      // Nothing of it is for an API token, which stays in it silently.
      if (socket.data.maxRole !== null) {
        const { mode } = planJoin(from, { head: 0, floor: 0 }, log.epoch())
        return { room, epoch: log.epoch(), head: 0, mode }
      }
      try {
        const { head, mode } = await join(socket, room, from)
        // Projects that came while it was out of the user room.
        if (socket.data.dialect) await automatic.joinAll(socket)
        return { room, epoch: log.epoch(), head, mode }
      } catch (error) {
        sessions.onUserRoomLost(socket, error)
        throw error
      }
    },
    async 'session:refresh'(socket, { token }) {
      assertLogin(socket)
      const expiresAt = await JoinQueue.of(socket).lookup(() => sessions.refresh(socket, token))
      return { expiresAt: new Date(expiresAt).toISOString() }
    },
    'presence:set'(socket, { projectId, state }) {
      assertLogin(socket)
      const room = projectRoom(projectId)
      subscriptionIn(socket, room)
      presence.set(room, socket.data.person.id, state)
      return {}
    },
    typing(socket, { projectId, targetId, isTyping }) {
      const room = projectRoom(projectId)
      if (!atLeast(subscriptionIn(socket, room).role ?? 'viewer', 'commenter')) throw problem('forbidden')
      const relay = (now: boolean) => {
        const typed = { projectId, targetId, userId: socket.data.person.id, isTyping: now }
        socket.local.to(room).volatile.emit('typing', typed)
        options.publishTyping(typed)
      }
      typing.set(`${socket.id} ${projectId} ${targetId}`, isTyping, () => relay(false))
      relay(isTyping)
      return {}
    },
    async join(socket, { room }) {
      assertLogin(socket)
      await customRooms.join(socket, room)
      return {}
    },
    leave(socket, { room }) {
      customRooms.leave(socket, room)
      return {}
    },
  }
  for (const [name, handler] of Object.entries(own))
    handlers.handle(name, requests[name as RoomRequest], handler as Handler<Requests[RoomRequest]>)
}
