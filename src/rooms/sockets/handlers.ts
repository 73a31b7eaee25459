import { isBounded, MAX_LEVELS, MAX_VALUES, projectRoom, type Requests, type RoomId, requests, userRoom } from '@cutroom/contract'
import type { z } from 'zod'
import { admit, admitSession, atLeast, type Position } from '../../access/authorize.ts'
import type { Query } from '../../db/client.ts'
import { issuesOf, problem, toProblem, toWire } from '../../errors.ts'
import { guarded } from '../../lib/guarded.ts'
import { createSemaphore, type Semaphore } from '../../lib/semaphore.ts'
import type { Typed } from '../cluster/cluster.ts'
import type { Feeds } from '../delivery/feed.ts'
import { type From, inTurn, joinRoom, leave, modeOf, type RoomSocket } from '../delivery/subscription.ts'
import type { Log } from '../log/log.ts'
import type { Measurements } from '../measurements.ts'
import type { PresenceTable } from '../presence/presence.ts'
import type { Typing } from '../presence/typing.ts'
import { type Admission, Bucket } from './connection-limits.ts'

type Name = keyof Requests
type Parsed<N extends Name> = z.output<Requests[N]['payload']>
type Success<N extends Name> = Omit<Extract<z.output<Requests[N]['ack']>, { ok: true }>, 'ok'>
type Handlers = { [N in Name]: (socket: RoomSocket, payload: Parsed<N>) => Success<N> | Promise<Success<N>> }

export interface RequestOptions {
  admission: Admission
  log: Log
  feeds: Feeds
  presence: PresenceTable
  typing: Typing
  query: Query
  /** Verifies a token for a live socket and returns its expiry, ms since the epoch. */
  refresh: (socket: RoomSocket, token: string) => Promise<number>
  /** Told when a socket could not come into its own room. */
  onUserRoomLost: (socket: RoomSocket, error: unknown) => void
  /** Counts the joins that are answered. */
  onJoined: Measurements['joined']
  /** Tells the other nodes who types. */
  tellNodes: (typed: Typed) => void
  onError: (error: unknown) => void
}

/** Steady requests per second of one socket, and how many may come at once. */
const RATE = 20
const BURST = 100
/** How many more are answered with a refusal; a peer that still goes on is no client. */
const REFUSAL_BURST = 400
/** What another replay of a room costs on top, at most, and how many events cost one. */
const REPLAY = 9
const REPLAY_EVENTS = 50
/** Looks of one socket into the database at a time: the others are for other people. */
const MAX_CONCURRENT_LOOKUPS = 4

/** Handles what a socket asks: parse, handle, acknowledge. Every answer, good or bad, fits the contract. */
export function createRequests({
  admission,
  log,
  feeds,
  presence,
  typing,
  query,
  refresh,
  onUserRoomLost,
  onJoined,
  tellNodes,
  onError,
}: RequestOptions) {
  const standingIn = (socket: RoomSocket, projectId: string) => {
    const standing = socket.data.rooms.get(projectRoom(projectId))
    if (!standing?.live) throw problem('forbidden', 'Join the project first')
    return standing
  }

  const buckets = new WeakMap<RoomSocket, Bucket>()
  /** Of which rooms a socket was told what it had missed, to the end or not. */
  const replays = new WeakMap<RoomSocket, Set<RoomId>>()
  /** One is what a reconnect needs. */
  function chargeReplay(socket: RoomSocket, room: RoomId, events: number): void {
    const had = replays.get(socket) ?? new Set()
    if (had.has(room)) buckets.get(socket)?.charge(Math.min(events / REPLAY_EVENTS, REPLAY))
    replays.set(socket, had.add(room))
  }

  /** Of the sockets that have a look under way. */
  const semaphores = new Map<RoomSocket, Semaphore>()
  async function look<T>(socket: RoomSocket, work: () => Promise<T>): Promise<T> {
    const semaphore = semaphores.get(socket) ?? createSemaphore(MAX_CONCURRENT_LOOKUPS)
    semaphores.set(socket, semaphore)
    try {
      return await semaphore.run(work)
    } finally {
      if (semaphore.isEmpty()) semaphores.delete(socket)
    }
  }

  /** Repeated joins of one room that wait for the same lookup share it. */
  async function lookInTurn<T extends Position>(
    socket: RoomSocket,
    room: RoomId,
    from: From,
    work: () => Promise<T>,
  ): Promise<T> {
    const at = await inTurn(socket, room, (insist) =>
      look(socket, async () => {
        insist()
        return work()
      }),
    )
    const { after = at.head } = from
    if (after < at.head && modeOf(from, at, log.epoch()) === 'resumed') chargeReplay(socket, room, at.head - after)
    return at
  }

  const handlers: Handlers = {
    async 'join:project'(socket, { projectId, after, epoch, activity }) {
      const room = projectRoom(projectId)
      admission.admitRoom(socket, room)
      const { person } = socket.data
      const at = await lookInTurn(socket, room, { after, epoch }, () => admit(query, person.id, projectId))
      // A change of name that was delivered while this was looked up is newer.
      if (socket.data.person === person) socket.data.person = at.person
      try {
        const { head, mode } = await joinRoom(socket, room, { after, epoch, activity, role: at.role }, at, { log, feeds })
        onJoined('project', mode)
        presence.enter(room, socket.data.person, socket.id)
        const { people, total } = presence.listBounded(room)
        return {
          room,
          epoch: log.epoch(),
          head,
          mode,
          role: socket.data.rooms.get(room)?.role ?? at.role,
          presence: people,
          presenceTotal: total,
        }
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
    async 'join:user'(socket, { after, epoch }) {
      const room = userRoom(socket.data.person.id)
      try {
        const { person, sessionId } = socket.data
        const at = await lookInTurn(socket, room, { after, epoch }, () => admitSession(query, { userId: person.id, sessionId }))
        const { head, mode } = await joinRoom(socket, room, { after, epoch, role: null }, at, { log, feeds })
        onJoined('user', mode)
        return { room, epoch: log.epoch(), head, mode }
      } catch (error) {
        onUserRoomLost(socket, error)
        throw error
      }
    },
    async 'session:refresh'(socket, { token }) {
      return { expiresAt: new Date(await look(socket, () => refresh(socket, token))).toISOString() }
    },
    'presence:set'(socket, { projectId, state }) {
      standingIn(socket, projectId)
      presence.set(projectRoom(projectId), socket.data.person.id, state)
      return {}
    },
    typing(socket, { projectId, targetId, isTyping }) {
      if (!atLeast(standingIn(socket, projectId).role ?? 'viewer', 'commenter')) throw problem('forbidden')
      const room = projectRoom(projectId)
      const tell = (now: boolean) => {
        const typed = { projectId, targetId, userId: socket.data.person.id, isTyping: now }
        socket.local.to(room).volatile.emit('typing', typed)
        tellNodes(typed)
      }
      typing.set(`${socket.id} ${projectId} ${targetId}`, isTyping, () => tell(false))
      tell(isTyping)
      return {}
    },
  }

  async function answer<N extends Name>(socket: RoomSocket, name: N, payload: unknown): Promise<unknown> {
    if (!isBounded(payload, MAX_LEVELS, MAX_VALUES)) throw problem('bad-request', 'Nested too deeply, or too many values')
    const parsed = requests[name].payload.safeParse(payload)
    if (!parsed.success) throw problem('validation', undefined, { errors: issuesOf(parsed.error.issues) })
    return handlers[name](socket, parsed.data as Parsed<N>)
  }

  /** Listens on one socket. */
  return function listen(socket: RoomSocket): void {
    const questions = new Bucket(RATE, BURST)
    buckets.set(socket, questions)
    const refusals = new Bucket(RATE, REFUSAL_BURST)
    const hear = async (name: string, ...args: unknown[]): Promise<void> => {
      const last = args.at(-1)
      const ack = typeof last === 'function' ? (last as (value: unknown) => void) : () => {}
      try {
        if (!questions.spend()) {
          if (!refusals.spend()) return admission.banBriefly(socket)
          throw problem('rate-limited', undefined, { retryAfter: questions.wait() })
        }
        if (!Object.hasOwn(requests, name)) throw problem('bad-request', 'There is no such request')
        ack({
          ok: true,
          ...((await answer(socket, name as Name, typeof args[0] === 'function' ? undefined : args[0])) as object),
        })
      } catch (error) {
        const failed = toProblem(error)
        if (failed.status >= 500) onError(error)
        ack({ ok: false, error: toWire(failed) })
      }
    }
    // What fails in the answer itself reaches no one by an answer.
    socket.onAny(guarded(onError, hear))
  }
}
