import {
  auth,
  type Endpoint,
  type Problem,
  type ProjectEventName,
  projectRoom,
  type RoomEvent,
  rooms as roomEndpoints,
  type UserEventName,
} from '../contract/index.ts'
import { createApi, type Login } from './api.ts'
import type { ClientEvents, ClientOptions, CutroomClient } from './client.ts'
import { createEmitter } from './emitter.ts'
import { createLink, type LinkStatus } from './link.ts'
import { openRoom, type RoomInlet } from './open-room.ts'
import { createOwn } from './own.ts'
import { onWake } from './page.ts'
import { CutroomError, problemOf } from './problem.ts'
import { type PassingEvent, readFrame } from './wire.ts'

/** A client of one Cutroom server, for one person at a time. Runs in browsers and in Node 20.19 or later; stores nothing. */
export function createClient(options: ClientOptions): CutroomClient {
  const cookies = options.mode === 'cookie'
  const onError = options.onError ?? ((error) => console.error(error))
  const emitter = createEmitter<ClientEvents>(onError)
  const closing = new AbortController()
  const rooms = new Map<string, { inlet: RoomInlet; state: boolean }>()
  let status: LinkStatus = 'idle'
  let userId: string | undefined
  let sessionId: string | undefined
  // somebody asked for the socket, so a login brings it (back)
  let wanted = false
  let signedOut = false

  /** Calls the app; what it throws must not stop us halfway. */
  function tell(callback: () => void): void {
    try {
      callback()
    } catch (error) {
      onError(error)
    }
  }

  const api = createApi({
    base: options.url.replace(/\/+$/, ''),
    fetch: options.fetch ?? ((...args) => fetch(...args)),
    mode: options.mode ?? 'bearer',
    tokens: options.tokens ?? null,
    retryForMs: options.retryForMs ?? 0,
    closing: closing.signal,
    onTokens: (tokens) => tell(() => options.onTokens?.(tokens)),
    onRenewed() {
      signedOut = false
      link.pushToken()
    },
    onLost: lost,
  })
  const { call, session } = api

  const link = createLink(options.url, options.socket ?? {}, cookies, session, {
    status(next, problem) {
      if (status === next) return
      status = next
      if (next !== 'online') own.disconnected()
      for (const { inlet } of [...rooms.values()]) {
        if (next === 'online') inlet.connected()
        else if (next === 'offline') inlet.suspended(problem)
        else inlet.disconnected()
      }
      emitter.emit('status', next, problem)
    },
    frame(name, args) {
      const frame = readFrame(name, args)
      if ('passing' in frame) return passing(frame.passing)
      const { event } = frame
      const known = rooms.get(event.meta.room)
      // the room a name came from says which names it can be
      if (known) known.inlet.take(event as RoomEvent<ProjectEventName>)
      else if (event.meta.room.startsWith('user:')) own.take(event as RoomEvent<UserEventName>)
    },
    lost,
    onError,
  })

  let own = makeOwn()
  function makeOwn() {
    return createOwn({
      socket: link.socket,
      ackTimeoutMs: options.ackTimeoutMs ?? 20_000,
      reset: () => emitter.emit('reset'),
      onError,
      apply(event) {
        // name and payload belong together, which the compiler forgets for a union
        emitter.emit(event.name, event.payload as never, event.meta)
        if (event.name === 'session:revoked' && event.payload.sessionId === sessionId) lost(problemOf('session-revoked'))
      },
    })
  }

  function passing(event: PassingEvent): void {
    if (event.name === 'connected') {
      signedOut = false
      userId = event.payload.userId
      sessionId = event.payload.sessionId
      own.connected(event.payload)
    } else if (event.name === 'chat:presence') emitter.emit('chat:presence', event.payload)
    else if ('projectId' in event.payload) rooms.get(projectRoom(event.payload.projectId))?.inlet.passing(event)
  }

  function lost(problem: Problem): void {
    session.start(null)
    link.stop(problem)
    const isNews = !signedOut
    signedOut = true
    if (isNews) tell(() => options.onSignedOut?.(problem))
  }

  const unwatch = onWake(() => {
    link.nudge()
    own.check()
    for (const { inlet } of rooms.values()) inlet.check()
  })

  async function enter(endpoint: Endpoint, body: object): Promise<Login['user']> {
    const { user, ...tokens } = await api.enter(endpoint, body)
    if (userId !== undefined && userId !== user.id) {
      endRooms()
      own.stop()
      own = makeOwn()
    }
    userId = user.id
    signedOut = false
    session.start(tokens)
    if (wanted) {
      link.restart()
      link.connect()
    }
    return user
  }

  function endRooms(): void {
    for (const { inlet } of [...rooms.values()]) inlet.end()
  }

  function connect(): Promise<void> {
    if (closing.signal.aborted) return Promise.reject(new Error('The client is closed'))
    wanted = true
    link.connect()
    const up = new Promise<void>((resolve, reject) => {
      if (status === 'online') return resolve()
      const off = emitter.on('status', (next, problem) => {
        if (next !== 'online' && next !== 'offline') return
        off()
        if (next === 'online') resolve()
        else reject(problem ? new CutroomError(problem) : new Error('The client was closed'))
      })
    })
    // whoever does not await it learns of trouble by status and onSignedOut
    up.catch(() => {})
    return up
  }

  return {
    call,
    connect,
    refresh: session.refresh,
    login: (body) => enter(auth.login, body),
    register: (body) => enter(auth.register, body),
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
    async logout() {
      wanted = false
      signedOut = true
      endRooms()
      link.stop()
      try {
        await call(auth.logout)
      } catch (error) {
        // it was over already
        if (!(error instanceof CutroomError && error.status === 401)) throw error
      } finally {
        session.start(null)
      }
    },
    room(project, roomOptions = {}) {
      if (closing.signal.aborted) throw new Error('The client is closed')
      const projectId = project.toLowerCase()
      const id = projectRoom(projectId)
      const state = roomOptions.state ?? true
      const known = rooms.get(id)
      if (known?.state === state) return known.inlet.room
      if (known) throw new Error('This room is open with another choice of state; leave it first')
      void connect()
      const inlet = openRoom(projectId, roomOptions, {
        socket: link.socket,
        snapshot: (_, signal) => call(roomEndpoints.snapshot, { params: { projectId }, signal }),
        userId: () => userId,
        onError,
        forget: () => rooms.delete(id),
        ackTimeoutMs: options.ackTimeoutMs ?? 20_000,
      })
      rooms.set(id, { inlet, state })
      if (status === 'online') inlet.connected()
      return inlet.room
    },
    close() {
      closing.abort()
      wanted = false
      endRooms()
      own.stop()
      link.close()
      unwatch()
      emitter.clear()
    },
  }
}
