import type { Problem } from '@cutroom/contract'
import type { io, ManagerOptions, SocketOptions } from 'socket.io-client'
import type { BaseUrl } from './base-url.ts'
import { extendSession, pushToken } from './extend-session.ts'
import type { CutroomSocket, Passing } from './frames.ts'
import { isProblem, problemOf } from './problem.ts'
import { createReconnect } from './reconnect.ts'
import type { Session } from './session.ts'

/** `idle`: not asked to connect yet. `connecting`: (again) under way. `offline`: given up, closed, or without a login. */
export type LinkStatus = 'idle' | 'connecting' | 'online' | 'offline'

/** Passed on to socket.io-client. */
export type SocketSettings = Partial<
  Pick<
    ManagerOptions & SocketOptions,
    'path' | 'transports' | 'extraHeaders' | 'reconnectionDelay' | 'reconnectionDelayMax' | 'randomizationFactor' | 'timeout'
  >
>

export interface ConnectionHooks {
  status(status: LinkStatus, problem?: Problem): void
  /** Whose the connection is; false: not of the person who is logged in here. */
  connected(who: Passing<'connected'>): boolean
  frame(name: string, args: unknown[]): void
  /** The server does not know this session any more. */
  lost(problem: Problem): void
  onError(error: unknown): void
}

export interface ConnectionOptions {
  base: BaseUrl
  settings: SocketSettings
  cookies: boolean
  session: Session
  hooks: ConnectionHooks
}

export type Connection = ReturnType<typeof createConnection>

interface SocketHandlers {
  /** What a handshake authenticates with; undefined: it is not wanted any more. */
  credentials(isWanted: () => boolean): Promise<object | undefined>
  connected(who: Passing<'connected'>): void
  disconnected(reason: string): void
  refused(problem: Problem): void
  expiring(made: CutroomSocket, expiresAt: string): void
  expired(reason: Passing<'session:expired'>['reason']): void
  draining(reconnectInMs: number): void
  frame(name: string, args: unknown[]): void
}

/** A socket that is not connected yet. */
function makeSocket(
  connect: typeof io,
  base: BaseUrl,
  settings: SocketSettings,
  cookies: boolean,
  on: SocketHandlers,
): CutroomSocket {
  // Socket.IO takes a path in the url for a namespace; without a url it is the origin of the page
  const made: CutroomSocket = connect(base.origin, {
    transports: ['websocket'],
    // never the root of another program on that host
    path: `${base.prefix}/socket.io`,
    ...settings,
    withCredentials: cookies,
    autoConnect: false,
    multiplex: false,
    async auth(answer: (data: object) => void) {
      const { engine } = made.io
      const credentials = await on.credentials(() => made.io.engine === engine)
      // Said in any case: the server may take others for older clients.
      if (credentials) answer({ ...credentials, dialect: 'native' })
    },
  })
  made.on('connected', on.connected)
  made.on('disconnect', on.disconnected)
  made.on('connect_error', (error) => {
    // active: the transport failed, and stock reconnection goes on
    if (!made.active) on.refused('data' in error && isProblem(error.data) ? error.data : problemOf('unavailable'))
  })
  made.on('session:expiring', ({ expiresAt }) => on.expiring(made, expiresAt))
  made.on('session:expired', ({ reason }) => on.expired(reason))
  made.on('server:draining', ({ reconnectInMs }) => on.draining(reconnectInMs))
  made.onAny((name: string, ...args: unknown[]) => {
    if (name !== 'connected') on.frame(name, args)
  })
  return made
}

/** The one socket of a client, and its reconnection. That of Socket.IO is used where there is one. */
export function createConnection({ base, settings, cookies, session, hooks }: ConnectionOptions) {
  const closing = new AbortController()
  let socket: CutroomSocket | undefined
  let wanted = false
  const disconnect = () => void socket?.disconnect()
  const again = createReconnect(session, cookies, { isWanted: () => wanted, open, disconnect, stop, lost: hooks.lost })
  const push = () => pushToken(socket, session, hooks.onError)

  const make = (connect: typeof io) =>
    makeSocket(connect, base, settings, cookies, {
      credentials: (isCurrent) => again.credentials(() => wanted && isCurrent()),
      connected(who) {
        again.reset()
        again.forgetExpiry()
        if (wanted && hooks.connected(who) && wanted) hooks.status('online')
      },
      disconnected(reason) {
        if (wanted) hooks.status('connecting')
        // a listener may have closed us
        if (wanted) again.disconnected(reason)
      },
      refused(problem) {
        if (wanted) again.refused(problem)
      },
      expiring: (made, expiresAt) => void extendSession(made, session, expiresAt, closing.signal, push),
      expired: again.expired,
      draining: again.draining,
      frame: hooks.frame,
    })

  /** Connects now; a socket that is up, or half up, starts over. */
  function open(): void {
    again.clear()
    hooks.status('connecting')
    if (!wanted) return
    again.forgetExpiry()
    socket?.disconnect()
    void load()
  }

  /** Connects; a page that has not come so far does not load Socket.IO, which is a third of the client. */
  async function load(): Promise<void> {
    if (!socket) {
      try {
        const { io } = await import('socket.io-client')
        socket ??= make(io)
      } catch (error) {
        hooks.onError(error)
        if (wanted) again.refused(problemOf('unavailable', 'Socket.IO could not be loaded'))
      }
    }
    if (wanted) socket?.connect()
  }

  function stop(problem?: Problem): void {
    wanted = false
    again.clear()
    disconnect()
    hooks.status('offline', problem)
  }

  return {
    /** The socket while it is connected. */
    socket: (): CutroomSocket | undefined => (socket?.connected ? socket : undefined),
    connect(): void {
      if (wanted) return
      wanted = true
      again.reset()
      open()
    },
    /** Another login: a socket that is wanted starts over with its token. */
    restart(): void {
      if (wanted) open()
    },
    /** The page is visible, or the network is back: connects now instead of later. */
    nudge(): void {
      if (wanted && !socket?.connected && !again.isAsked()) open()
    },
    pushToken: push,
    stop,
    close(): void {
      closing.abort()
      stop()
      socket?.offAny()
      socket?.off()
    },
  }
}
