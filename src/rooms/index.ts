import { type ExtensionMessage, type Person, projectRoom, type Role, type RoomId, requests } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import type { Caller } from '../access/sessions.ts'
import { Cluster, type Relayed } from './cluster/cluster.ts'
import { createDelivery } from './delivery/deliver.ts'
import { createFeeds } from './delivery/feeds.ts'
import { JoinQueue } from './delivery/join-queue.ts'
import { watchSlowConsumers } from './delivery/slow-consumers.ts'
import { createAutomaticRooms } from './dialects/automatic.ts'
import { openDialects } from './dialects/open.ts'
import { type Commit, createCommit } from './log/commit.ts'
import { type Log, openLog } from './log/log.ts'
import { measureCommit } from './measurements.ts'
import type { RoomsOptions } from './options.ts'
import { openPresence, type PresenceQueries } from './presence/announce.ts'
import { createChatTyping } from './presence/chat-typing.ts'
import { createTyping } from './presence/typing.ts'
import { createReporters } from './reporters.ts'
import { acceptSockets } from './sockets/connect.ts'
import { Admission } from './sockets/connection-limits.ts'
import { type CustomRooms, createCustomRooms } from './sockets/custom-rooms.ts'
import { createActivityEncoder, createEncoder } from './sockets/engine-io.ts'
import { createHandlers, type Handler, type Handlers, type RequestSchema } from './sockets/handlers.ts'
import { registerRoomHandlers, subscriptionIn } from './sockets/room-handlers.ts'
import { createSessions } from './sockets/session.ts'
import { openSocketServer } from './sockets/socket-server.ts'
import { watchTokenExpiry } from './sockets/token-expiry.ts'
import { createEventStreams, type EventStreams } from './streams/streams.ts'
import { TIMINGS } from './timings.ts'
import type { RoomServer, RoomSocket } from './types.ts'

export type { RoomsOptions } from './options.ts'
export type { Principal, TokenClaims } from './types.ts'

declare module 'fastify' {
  interface FastifyInstance {
    rooms: Rooms
  }
}

/** Who sends a request, to the handler of a feature. */
export interface SocketCaller extends Caller {
  person: Person
  /**
   * The caller's role in a room that the socket is in.
   * @throws problem forbidden where it is not
   */
  roleIn(room: RoomId): Role | null
  /** It is a program, with an API token. */
  isApiToken: boolean
  /** Tells people, wherever they are connected, that the caller types in a conversation, until they stop, are gone, or are not heard of. */
  chatTyping(conversationId: string, isTyping: boolean, receivers: readonly string[]): void
}

export interface Rooms extends PresenceQueries {
  commit: Commit
  /** The same for consumers and jobs, on connections of their own: they neither wait for requests, nor hold them up. */
  commitJob: Commit
  log: Log
  /** The listener is called with rooms that may have new events, of commits here and on other nodes. Not all are told of: a hint. */
  onNews(listener: (rooms: Iterable<RoomId>) => void): void
  /**
   * Handles a request of sockets. A few requests of one socket run at a time, so a handler may use the database.
   * @param name of a request of the contract
   * @param request its schemas
   */
  handle<R extends RequestSchema>(name: string, request: R, handler: Handler<R, SocketCaller>): void
  /** The same events for clients without sockets. */
  streams: Pick<EventStreams, 'open' | 'waitForNews' | 'counts'>
  /** Tells those who are in a room of an extension, on all nodes. */
  sendToCustomRoom(message: ExtensionMessage): void
  /** For gauges and leak checks. */
  counts(): { sockets: number; feeds: number; slow: ReturnType<ReturnType<typeof watchSlowConsumers>['counts']> }
}

const callerOf = (socket: RoomSocket, chatTyping: ReturnType<typeof createChatTyping>): SocketCaller => ({
  userId: socket.data.person.id,
  sessionId: socket.data.sessionId,
  person: socket.data.person,
  roleIn: (room) => subscriptionIn(socket, room).role,
  isApiToken: socket.data.maxRole !== null,
  chatTyping: (...typed) => chatTyping.relay(socket, ...typed),
})

async function openAdaptedLog({ database, adaptLog = (log) => log }: RoomsOptions): Promise<Log> {
  return adaptLog(await openLog(database.readers, database.pages.query))
}

/** The feeds of the rooms with local sockets. */
function openFeeds(
  { redis, measurements, activityOf, createReplayCaches }: RoomsOptions,
  {
    log,
    io,
    deliver,
    timings,
    onDeliveryError,
    onLogLost,
  }: {
    log: Log
    io: RoomServer
    deliver: ReturnType<typeof createDelivery>
    timings: typeof TIMINGS
    onDeliveryError: (error: unknown, room?: RoomId) => void
    onLogLost: (epoch: string) => void
  },
) {
  return createFeeds({
    log,
    encode: createEncoder(io),
    encodeActivity: createActivityEncoder(io, activityOf),
    createReplayCaches,
    deliver,
    onReplayed: measurements.replayed,
    // Clients reconnect, name a position of the old history and are answered `reset`.
    onLost: () => {
      onLogLost(log.epoch())
      for (const socket of io.of('/').sockets.values()) socket.conn.close()
    },
    onError: onDeliveryError,
    sweepMs: () => (redis && !redis.healthy() ? timings.sweepAloneMs : timings.sweepMs),
    unreadMs: timings.unreadMs,
  })
}

/** The one way to write, of requests and of consumers. `poke` is called with the rooms that a commit wrote to. */
function openCommits({ database, measurements, beforeCommit }: RoomsOptions, poke: (rooms: Iterable<RoomId>) => void) {
  const options = { poke, onCommitted: measurements.committed }
  const { begin, jobs } = database
  return {
    commit: measureCommit(createCommit({ ...options, begin, beforeCommit }), measurements, 'request'),
    commitJob: measureCommit(createCommit({ ...options, begin: jobs.begin }), measurements, 'job'),
  }
}

/** @throws Error where a request of the contract has no handler */
function assertAllHandled(handlers: Pick<Handlers, 'has'>): void {
  const forgotten = Object.keys(requests).filter((name) => !handlers.has(name))
  if (forgotten.length > 0) throw new Error(`Requests of the contract without a handler: ${forgotten.join(', ')}`)
}

/** Who is told of rooms that may have new events. */
function createNews(first: (rooms: Iterable<RoomId>) => void) {
  const listeners = [first]
  return {
    listen: (listener: (rooms: Iterable<RoomId>) => void) => void listeners.push(listener),
    tell(rooms: Iterable<RoomId>): void {
      for (const listener of listeners) listener(rooms)
    },
  }
}

/** Registers the engine of rooms on a Fastify server: the Socket.IO server, the feeds behind it, and `app.rooms`. */
export async function registerRooms(app: FastifyInstance, options: RoomsOptions): Promise<void> {
  const { database, query, redis, measurements } = options
  const timings = { ...TIMINGS, ...options.timings }
  const reporters = createReporters(app)
  const { onTimerError, onDeliveryError, onSocketError, onRefusedMessages, onSlowLost, onSlowClosed, onLogLost } = reporters
  const log = await openAdaptedLog(options)
  let cluster: Cluster | undefined
  const admission = new Admission({ ...options, onError: onTimerError })
  const onDrain = () => {
    presence.silence()
    cluster?.silence()
    streams.drain()
  }
  const io = await openSocketServer(app, { ...options, admission, onDrain })
  const base = { ...timings, io, onError: onTimerError }
  const { presence, online, queries } = openPresence({
    ...base,
    readers: database.readers,
    dialects: options.dialects,
    publish: (records) => cluster?.publish(records),
  })
  const typing = createTyping(timings.typingMs, onTimerError)
  const chatTyping = createChatTyping({ io, typing, publish: (typed) => cluster?.chatTyping(typed) })
  const customRooms: CustomRooms = createCustomRooms({ ...options, io, publish: (message) => cluster?.extension(message) })
  const publish = (relayed: Relayed) => cluster?.relay(relayed)
  const dialects = openDialects({ ...options, io, customRooms, server: app.server, publish, onError: onDeliveryError })
  const sessions = createSessions({ ...options, presence, customRooms, onError: onDeliveryError })
  const deliver = createDelivery({
    io,
    presence,
    speech: dialects.speech,
    joinOne: (socket, room) => void automatic.joinOne(socket, room),
    activityOf: options.activityOf,
    endSession: sessions.endSession,
    onDelivered: measurements.delivered,
  })
  const feeds = openFeeds(options, { log, io, deliver, timings, onDeliveryError, onLogLost })
  const streams = createEventStreams({ ...options, ...timings, ...reporters, feeds, log, admission })
  const automatic = createAutomaticRooms({ query, feeds, onError: onDeliveryError })
  const news = createNews(feeds.poke)
  if (redis)
    cluster = new Cluster({
      ...base,
      presence,
      poke: news.tell,
      onRefused: onRefusedMessages,
      onTyping: ({ projectId, targetId, userId, isTyping }) =>
        io.local.to(projectRoom(projectId)).volatile.emit('typing', { projectId, targetId, userId, isTyping }),
      onChatTyping: chatTyping.send,
      onExtension: customRooms.relay,
      onRelay: dialects.relay.send,
    })
  const slow = watchSlowConsumers({ ...base, presence, onLost: onSlowLost, onClosed: onSlowClosed })
  const expiry = watchTokenExpiry({ ...base, onExpired: sessions.expireSession })
  const handlers = createHandlers({ admission, ofDialect: dialects.ask, onError: onSocketError })
  const shared = { admission, log, feeds, presence, typing, sessions, automatic }
  registerRoomHandlers({
    ...shared,
    handlers,
    customRooms,
    query,
    onJoined: measurements.joined,
    publishTyping: (typed) => cluster?.typing(typed),
  })
  acceptSockets({ ...options, ...shared, io, dialectOf: dialects.dialectOf, listen: handlers.listen, onError: onSocketError })

  app.addHook('onReady', async () => assertAllHandled(handlers))
  app.addHook('onClose', async () => {
    for (const part of [slow, expiry, streams, dialects.speech]) part.close()
    await feeds.close()
    for (const part of [cluster, presence, online, typing]) part?.close()
  })
  const poke = (rooms: Iterable<RoomId>) => {
    news.tell(rooms)
    cluster?.poke(rooms)
  }
  app.decorate('rooms', {
    ...openCommits(options, poke),
    log,
    onNews: news.listen,
    handle: (name, request, handler) =>
      handlers.handle(name, request, (socket, payload) =>
        JoinQueue.of(socket).lookup(async () => handler(callerOf(socket, chatTyping), payload)),
      ),
    streams,
    sendToCustomRoom: (message) => customRooms.send(message),
    ...queries,
    counts: () => ({ sockets: io.of('/').sockets.size, feeds: feeds.size(), slow: slow.counts() }),
  })
}
