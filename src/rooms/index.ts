import { type Activity, type Person, projectRoom, type RoomId, userRoom } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import fastifySocketIO from 'fastify-socket.io'
import type { Caller, Position } from '../access/authorize.ts'
import type { Database, Query } from '../db/client.ts'
import { ProblemError, problem, toProblem, toWire } from '../errors.ts'
import { guarded } from '../lib/guarded.ts'
import type { SharedRedis } from '../redis.ts'
import { type Cluster, createCluster, type Typed } from './cluster/cluster.ts'
import { createDelivery, type RoomServer } from './delivery/deliver.ts'
import { createFeeds } from './delivery/feed.ts'
import { createSlowWatch } from './delivery/slow-consumers.ts'
import { joinRoom, leave, type RoomSocket } from './delivery/subscription.ts'
import { type Commit, type CommitOptions, createCommit } from './log/commit.ts'
import { type Log, type LogEntry, openLog } from './log/log.ts'
import { type Measurements, measureCommit } from './measurements.ts'
import { createOnline } from './presence/online-status.ts'
import { createPresence } from './presence/presence.ts'
import { createTyping } from './presence/typing.ts'
import { createAdmission, type LIMITS } from './sockets/connection-limits.ts'
import { createDrain } from './sockets/drain.ts'
import { createEncoder, createFrames, forgetHandshake, isOpen, write } from './sockets/engine-io.ts'
import { createRequests } from './sockets/handlers.ts'
import { refuse } from './sockets/handshake.ts'
import { createClock } from './sockets/token-expiry.ts'

declare module 'fastify' {
  interface FastifyInstance {
    io: RoomServer
    rooms: Rooms
  }
}

/** Who a token speaks for, that their session stands, and where their own room stood in the snapshot in which that was seen. */
export interface Principal extends Caller, Position {
  person: Person
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** What a verified access token says. */
export interface TokenClaims extends Caller {
  /** Milliseconds since the epoch. */
  expiresAt: number
  /** Of the refresh token that was given out with it. */
  generation: number
  /** The database knows that a token of this generation was used. */
  confirmed: boolean
}

export interface Rooms {
  commit: Commit
  log: Log
  /** For gauges and leak checks. */
  counts(): { sockets: number; feeds: number; slow: ReturnType<ReturnType<typeof createSlowWatch>['counts']> }
}

export interface RoomsOptions {
  database: Database
  query: Query
  /** How nodes reach each other; undefined: this is the only one, or news come by the sweep. */
  redis: SharedRedis | undefined
  path: string
  corsOrigins: string[]
  /** What an access token says. @throws problem token-invalid | token-expired */
  verify: (token: string) => TokenClaims
  /** The same of a handshake: of `auth.token`, else header, else cookie. @throws also problem token-missing | session-revoked */
  handshakeCaller: (handshake: RoomSocket['handshake']) => TokenClaims
  /** @throws problem session-revoked */
  principalOf: (claims: TokenClaims) => Promise<Principal>
  /** May a page of this origin use the cookies of this handshake? */
  mayConnect: (headers: Record<string, string | string[] | undefined>) => boolean
  /** Told the headers of each handshake, for the log of origins that are not let in. */
  noteOrigin: (headers: { origin?: string | undefined; host?: string | undefined }) => void
  /** The address of a visitor is the last of X-Forwarded-For. */
  behindProxy: boolean
  /** How much one address and one person may hold; null: as much as they like. */
  limits: typeof LIMITS | null
  activityOf: (entry: LogEntry) => Activity | null
  measurements: Measurements
  beforeCommit?: CommitOptions['beforeCommit']
  /** For tests: shorter than TIMINGS. */
  timings?: Partial<typeof TIMINGS>
}

const TIMINGS = {
  /** Between looks at the heads. */
  sweepMs: 1_000,
  /** The same while Redis, which carries the hints, is away. */
  sweepAloneMs: 250,
  /** How long what was read for those who come back is kept when no more of them come. */
  unreadMs: 60_000,
  /** How long a lost connection goes unmentioned. */
  graceMs: 4_000,
  /** Between a node's signs of life, and how long one without them counts as alive. A dead node's people vanish within 15 s. */
  beatMs: 2_500,
  deadMs: 12_000,
  /** How long "is typing" lasts without a renewal. */
  typingMs: 6_000,
  /** Between looks at what waits for each socket; how long it may be stuck before it is parked, and before it is closed. */
  lookMs: 250,
  stuckMs: 2_000,
  closeMs: 30_000,
}

/** How long an expired socket may take to read that it is, ms. */
const CLOSE_TIMEOUT_MS = 1_000

/** The rooms on a Fastify server: the Socket.IO server, the feeds behind it, and `app.rooms.commit`. */
export async function registerRooms(app: FastifyInstance, options: RoomsOptions): Promise<void> {
  const { database, query, redis, measurements } = options
  const { sweepMs, sweepAloneMs, unreadMs, graceMs, beatMs, deadMs, typingMs, lookMs, stuckMs, closeMs } = {
    ...TIMINGS,
    ...options.timings,
  }
  const onHintError = (error: unknown) =>
    app.log.error({ err: error }, 'rooms: a timer or a notification failed, the next one goes on')
  const admission = createAdmission({ ...options, onError: onHintError })
  let draining = false
  let nodes: Cluster | undefined

  const streams = redis && (await import('@socket.io/redis-streams-adapter'))
  await app.register(fastifySocketIO.default, {
    path: options.path,
    cors: { origin: options.corsOrigins, credentials: true },
    serveClient: false,
    maxHttpBufferSize: 64 * 1024,
    connectTimeout: 5_000,
    pingInterval: 10_000,
    pingTimeout: 8_000,
    ...(redis && { adapter: streams?.createAdapter(redis.client, { streamName: redis.name, channelPrefix: redis.name }) }),
    // CORS does not guard WebSockets: an upgrade with cookies from a strange page is refused before a socket exists.
    allowRequest: (request, decide) => {
      options.noteOrigin(request.headers)
      const refused = draining
        ? problem('unavailable', 'The server is stopping', { retryAfter: 1 })
        : options.mayConnect(request.headers)
          ? admission.refusal(request)
          : problem('origin-refused')
      if (refused) refuse(request, refused)
      else decide(null, true)
    },
    preClose: (done) => {
      draining = true
      presence.silence()
      nodes?.silence()
      closeForReconnect().then(
        () => done(),
        (error: unknown) => done(error),
      )
    },
  })
  const io = app.io
  admission.watch(io, app.server)
  const closeForReconnect = createDrain(io)
  const onError = (error: unknown, room?: RoomId) =>
    app.log.error({ err: error, room }, 'delivery: failed, the sweep tries again')

  const log = await openLog(database.readers, database.pages.query)
  const frame = createFrames(io)
  const online = createOnline({
    readers: database.readers,
    *connected() {
      for (const { data } of io.of('/').sockets.values()) yield data.person.id
    },
    encode: (change) => frame('chat:presence', change),
    tell(peerId, frames) {
      for (const id of io.of('/').adapter.rooms.get(userRoom(peerId)) ?? []) {
        const socket = io.of('/').sockets.get(id)
        if (socket && isOpen(socket)) write(socket, frames)
      }
    },
    onError: onHintError,
    coalesceMs: 50,
  })
  const presence = createPresence({
    announce(room, { present, left }) {
      if (room.startsWith('project:')) {
        io.local.to(room).emit('presence:changed', { projectId: room.slice('project:'.length), present, left })
        return
      }
      // A person is online while a socket of theirs is in their user room.
      for (const { user } of present) online.changed(user.id, true)
      for (const userId of left) online.changed(userId, false)
    },
    publish: (sights) => nodes?.changed(sights),
    onError: onHintError,
    graceMs,
    coalesceMs: 50,
  })
  const typing = createTyping(typingMs, onHintError)
  const onTyping = ({ projectId, targetId, userId, isTyping }: Typed) =>
    io.local.to(projectRoom(projectId)).volatile.emit('typing', { projectId, targetId, userId, isTyping })
  const deliver = createDelivery({ io, presence, activityOf: options.activityOf, endSession: revoke })
  const feeds = createFeeds({
    log,
    encode: createEncoder(io),
    deliver(room, entry) {
      deliver(room, entry)
      measurements.delivered(entry.meta.at)
    },
    onReplayed: measurements.replayed,
    // Every client comes back, names a position of the old history and is told `reset`.
    onLost: () => {
      app.log.warn({ epoch: log.epoch() }, 'log: epoch changed or log cut, disconnecting all sockets')
      for (const socket of io.of('/').sockets.values()) socket.conn.close()
    },
    onError,
    sweepMs: () => (redis && !redis.healthy() ? sweepAloneMs : sweepMs),
    unreadMs,
  })
  if (redis)
    nodes = createCluster({
      io,
      presence,
      poke: feeds.poke,
      onTyping,
      onRefused: (count) => app.log.warn({ count }, 'cluster: messages of other nodes were refused'),
      onError: onHintError,
      beatMs,
      deadMs,
    })
  const slow = createSlowWatch({
    io,
    presence,
    onLost(socket, error) {
      onError(error)
      socket.conn.close()
    },
    onClosed: (socket, { bytes }) =>
      app.log.warn({ userId: socket.data.person.id, bytes }, 'sockets: closed one that does not read'),
    onError: onHintError,
    lookMs,
    stuckMs,
    closeMs,
  })
  const clock = createClock({ io, onExpired: expire, onError: onHintError, lookMs })
  const listen = createRequests({
    admission,
    log,
    feeds,
    presence,
    typing,
    query,
    refresh,
    onUserRoomLost,
    onJoined: measurements.joined,
    tellNodes: (typed) => nodes?.typing(typed),
    onError,
  })

  /** In this very tick: nothing that comes later reaches the socket. */
  function leaveAll(socket: RoomSocket): void {
    for (const room of [...socket.data.rooms.keys()]) {
      leave(socket, room)
      presence.exit(room, socket.data.person.id, socket.id, true)
    }
  }

  /** An ordered disconnect, after which a stock client does not come back by itself. */
  function revoke(socket: RoomSocket): void {
    leaveAll(socket)
    socket.emit('session:expired', { reason: 'revoked' })
    socket.disconnect(true)
  }

  /** A closed connection, after which a stock client comes back with whatever token it then has. */
  function expire(socket: RoomSocket): void {
    if (!isOpen(socket)) {
      // It was told so before, and takes nothing of it.
      socket.conn.close(true)
      return
    }
    leaveAll(socket)
    socket.emit('session:expired', { reason: 'expired' })
    socket.data.expiresAt = Date.now() + CLOSE_TIMEOUT_MS
    socket.conn.close()
  }

  /** Outside its own room a socket would not hear that its session is closed: it ends, or has to come again. */
  function onUserRoomLost(socket: RoomSocket, error: unknown): void {
    const own = userRoom(socket.data.person.id)
    if (!socket.connected) return
    if (error instanceof ProblemError && error.code === 'session-revoked') revoke(socket)
    else if (!socket.data.rooms.has(own)) {
      onError(error, own)
      socket.conn.close()
    }
  }

  async function refresh(socket: RoomSocket, token: string): Promise<number> {
    const claims = options.verify(token)
    if (claims.userId !== socket.data.person.id || claims.sessionId !== socket.data.sessionId)
      throw problem('token-invalid', 'The token is of another session')
    const { expiresAt } = await options.principalOf(claims)
    socket.data.expiresAt = expiresAt
    socket.data.warnAt = clock.warnAt(expiresAt)
    return expiresAt
  }

  /** Into their own room, and then a word of where it stands. */
  async function joinUserRoom(socket: RoomSocket, at: Position): Promise<void> {
    const { person, sessionId } = socket.data
    const own = userRoom(person.id)
    let { head } = at
    try {
      ;({ head } = await joinRoom(socket, own, { role: null }, at, { log, feeds }))
    } catch (error) {
      onUserRoomLost(socket, error)
      // The client may have joined its user room itself by now.
      if (!socket.data.rooms.has(own)) return
    }
    socket.emit('connected', { userId: person.id, sessionId, epoch: log.epoch(), head })
  }

  /** From the handshake to the connection. */
  const heads = new WeakMap<RoomSocket, Position>()
  io.use((socket, next) => {
    Promise.resolve()
      .then(() => {
        const claims = options.handshakeCaller(socket.handshake)
        admission.countHandshake(claims.userId)
        return options.principalOf(claims)
      })
      .then((principal) => {
        const { person, sessionId, expiresAt } = principal
        admission.admit(socket.conn, person.id)
        socket.data = { person, sessionId, expiresAt, warnAt: clock.warnAt(expiresAt), rooms: new Map() }
        heads.set(socket, principal)
        next()
      })
      .catch((error: unknown) => {
        const failed = toProblem(error)
        if (failed.status >= 500) onError(error)
        next(Object.assign(new Error(failed.message), { data: toWire(failed) }))
      })
  })

  function disconnected(socket: RoomSocket): void {
    const { person } = socket.data
    admission.release(socket.conn)
    typing.clear(socket.id)
    leaveAll(socket)
    presence.exit(userRoom(person.id), person.id, socket.id, true)
  }

  function connected(socket: RoomSocket): Promise<void> {
    const { person } = socket.data
    socket.on(
      'disconnect',
      guarded(onHintError, () => disconnected(socket)),
    )
    presence.enter(userRoom(person.id), person, socket.id)
    listen(socket)
    forgetHandshake(socket)
    const at = heads.get(socket) ?? { head: 0, floor: 0 }
    heads.delete(socket)
    return joinUserRoom(socket, at)
  }
  io.on('connection', guarded(onHintError, connected))

  app.addHook('onClose', async () => {
    slow.close()
    clock.close()
    await feeds.close()
    nodes?.close()
    presence.close()
    online.close()
    typing.close()
  })

  app.decorate('rooms', {
    commit: measureCommit(
      createCommit({
        begin: database.begin,
        poke(rooms) {
          feeds.poke(rooms)
          nodes?.news(rooms)
        },
        beforeCommit: options.beforeCommit,
        onCommitted: measurements.committed,
      }),
      measurements,
    ),
    log,
    counts: () => ({ sockets: io.of('/').sockets.size, feeds: feeds.size(), slow: slow.counts() }),
  })
}
