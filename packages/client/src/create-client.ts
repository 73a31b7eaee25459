import type { Problem, RoomEvent, UserEventName } from '@cutroom/contract'
import { createAccount } from './account.ts'
import { createApi } from './api.ts'
import { parseBaseUrl } from './base-url.ts'
import { onWake } from './browser.ts'
import type { ClientEvents, ClientOptions, CutroomClient } from './client.ts'
import { createConnection, type LinkStatus } from './connection.ts'
import { createEmitter } from './emitter.ts'
import { type Passing, type PassingEvent, readFrame } from './frames.ts'
import { roomPrefix } from './generated/contract.ts'
import { createPacer } from './pacer.ts'
import { CutroomError, problemOf } from './problem.ts'
import { createRooms } from './rooms.ts'
import { createOwn } from './user-room.ts'

/**
 * A client of one Cutroom server, for one person at a time. Runs in browsers, in React Native and in Node 20.19 or later; stores
 * nothing.
 * @throws RangeError for a `url` that is none
 */
export function createClient(options: ClientOptions): CutroomClient {
  const base = parseBaseUrl(options.url)
  const cookies = options.mode === 'cookie'
  const ackTimeoutMs = options.ackTimeoutMs ?? 20_000
  const onError = options.onError ?? ((error) => console.error(error))
  const emitter = createEmitter<ClientEvents>(onError)
  const closing = new AbortController()
  const pacer = createPacer()
  let status: LinkStatus = 'idle'
  let userId: string | undefined
  let sessionId: string | undefined
  // the socket was asked for, so a login brings it (back)
  let wanted = false
  let signedOut = false

  const api = createApi({
    base: base.rest,
    fetch: options.fetch ?? ((...args) => fetch(...args)),
    // without a fetch of their own all clients of a page share its cookies
    jar: options.fetch ?? globalThis,
    mode: options.mode ?? 'bearer',
    stored: options.tokens ?? null,
    onTokens: (tokens) => options.onTokens?.(tokens),
    onError,
    retryForMs: options.retryForMs ?? 0,
    closing: closing.signal,
    onRenewed() {
      signedOut = false
      link.pushToken()
    },
    onLost: lost,
    onReplaced: (login) => account.closeReplaced(login),
  })
  const { call, session } = api

  const link = createConnection(base, options.socket ?? {}, cookies, session, {
    status(next, problem) {
      if (status === next) return
      status = next
      if (next !== 'online') {
        pacer.close()
        own.disconnected()
      }
      if (next === 'online') rooms.connected()
      else if (next === 'offline') rooms.suspended(problem)
      else rooms.disconnected()
      emitter.emit('status', next, problem)
    },
    connected,
    frame(name, args) {
      const frame = readFrame(name, args)
      if ('passing' in frame) return passing(frame.passing)
      const { event } = frame
      if (!rooms.take(event) && event.meta.room.startsWith(roomPrefix.user)) own.take(event as RoomEvent<UserEventName>)
    },
    lost,
    onError,
  })
  const rooms = createRooms({ call, socket: link.socket, pacer, userId: () => userId, onError, ackTimeoutMs })

  let own = makeOwn()
  function makeOwn() {
    return createOwn({
      socket: link.socket,
      pacer,
      ackTimeoutMs,
      reset: () => emitter.emit('reset'),
      onError,
      apply(event) {
        // name and payload belong together, which the compiler forgets for a union
        emitter.emit(event.name, event.payload as never, event.meta)
        if (event.name === 'session:revoked' && event.payload.sessionId === sessionId) lost(problemOf('session-revoked'))
      },
    })
  }

  /** What was shown of another person goes. */
  function belongTo(id: string, problem?: Problem): void {
    if (userId !== undefined && userId !== id) {
      rooms.end(problem)
      own.stop()
      own = makeOwn()
    }
    userId = id
  }

  function connected(who: Passing<'connected'>): boolean {
    const login = session.current()
    if (login.userId !== undefined && login.userId !== who.userId) {
      const problem = problemOf('session-revoked', 'Another person has logged in')
      rooms.end(problem)
      own.stop()
      own = makeOwn()
      lost(problem)
      return false
    }
    login.userId = who.userId
    signedOut = false
    sessionId = who.sessionId
    belongTo(who.userId)
    pacer.open()
    own.connected(who)
    return true
  }

  function passing(event: PassingEvent): void {
    if (event.name === 'chat:presence') emitter.emit('chat:presence', event.payload)
    else if ('projectId' in event.payload) rooms.passing(event.payload.projectId, event)
  }

  /** The session has ended without being asked to. */
  function lost(problem: Problem): void {
    const ended = session.end(false)
    // where only the cookie is gone, or of another by now, the session is still open
    if (cookies) account.closeReplaced(ended)
    link.stop(problem)
    const isNews = !signedOut
    signedOut = true
    if (!isNews) return
    try {
      options.onSignedOut?.(problem)
    } catch (error) {
      onError(error)
    }
  }

  const account = createAccount({
    api,
    cookies,
    retryForMs: options.retryForMs ?? 0,
    closing: closing.signal,
    onEntered(id) {
      belongTo(id)
      sessionId = undefined
      signedOut = false
      if (!wanted) return
      link.restart()
      link.connect()
    },
    onLeft() {
      wanted = false
      signedOut = true
      rooms.end()
      link.stop()
    },
  })

  const unwatch = onWake(() => {
    link.nudge()
    own.check()
    rooms.check()
  })

  function connect(): Promise<void> {
    if (closing.signal.aborted) return Promise.reject(new Error('The client is closed'))
    wanted = true
    // the cookie may be there, but it is not of a login that was made here
    if (cookies && session.current().out) link.stop(problemOf('token-missing'))
    else link.connect()
    const up = new Promise<void>((resolve, reject) => {
      if (status === 'online') return resolve()
      if (status === 'offline') return reject(new CutroomError(problemOf('token-missing')))
      const off = emitter.on('status', (next, problem) => {
        if (next !== 'online' && next !== 'offline') return
        off()
        if (next === 'online') resolve()
        else reject(problem ? new CutroomError(problem) : new Error('The client was closed'))
      })
    })
    // where it is not awaited, status and onSignedOut tell of trouble
    up.catch(() => {})
    return up
  }

  return {
    call,
    connect,
    login: account.login,
    register: account.register,
    logout: account.logout,
    async refresh() {
      const login = session.current()
      await session.refresh(login)
      session.assertCurrent(login)
    },
    on: emitter.on,
    get tokens() {
      return cookies ? null : session.tokens()
    },
    get status() {
      return status
    },
    get userId() {
      return userId
    },
    room(projectId, roomOptions = {}) {
      if (closing.signal.aborted) throw new Error('The client is closed')
      const { room, inlet, isNew } = rooms.get(projectId, roomOptions)
      if (!isNew) return room
      void connect()
      if (status === 'online') inlet.connected()
      else if (status === 'offline') inlet.suspended(problemOf('token-missing'))
      return room
    },
    close() {
      closing.abort()
      wanted = false
      rooms.end()
      own.stop()
      link.close()
      unwatch()
      emitter.clear()
    },
  }
}
