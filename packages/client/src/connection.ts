import type { Problem } from '@cutroom/contract'
import { io, type ManagerOptions, type SocketOptions } from 'socket.io-client'
import type { BaseUrl } from './base-url.ts'
import { askedToWait } from './call.ts'
import type { CutroomSocket, Passing } from './frames.ts'
import { CutroomError, isProblem, problemOf } from './problem.ts'
import type { Login, Session } from './session.ts'
import { backoff, sleep, timeout } from './timing.ts'

/** `idle`: not asked to connect yet. `connecting`: (again) under way. `offline`: given up, closed, or without a login. */
export type LinkStatus = 'idle' | 'connecting' | 'online' | 'offline'

/** Passed on to socket.io-client. */
export type SocketSettings = Partial<
  Pick<
    ManagerOptions & SocketOptions,
    'path' | 'transports' | 'extraHeaders' | 'reconnectionDelay' | 'reconnectionDelayMax' | 'randomizationFactor' | 'timeout'
  >
>

export interface LinkHooks {
  status(status: LinkStatus, problem?: Problem): void
  /** Whose the connection is; false: not of the person who is logged in here. */
  connected(who: Passing<'connected'>): boolean
  frame(name: string, args: unknown[]): void
  /** The server does not know this session any more. */
  lost(problem: Problem): void
  onError(error: unknown): void
}

export type Link = ReturnType<typeof createConnection>

/** A token that ends sooner than this is not worth a handshake. */
const TOO_SHORT_MS = 5_000
/** Handshakes refused as `token-expired` right after a refresh: then no refresh will help. */
const RENEWALS = 2
/** A warning that comes this soon after a refresh asks for no other at once. */
const JUST_RENEWED_MS = 10_000

/** The one socket of a client, and everything that brings it back. Stock reconnection is used where Socket.IO has it. */
export function createConnection(base: BaseUrl, settings: SocketSettings, cookies: boolean, session: Session, hooks: LinkHooks) {
  const closing = new AbortController()
  let socket: CutroomSocket | undefined
  let wanted = false
  let tries = 0
  let renewals = 0
  let used: { login: Login; token: string | undefined } | undefined
  let expired: Passing<'session:expired'>['reason'] | undefined
  // `asked`: by the server, so that nothing makes it shorter
  let timer: { id: ReturnType<typeof setTimeout>; asked: boolean } | undefined

  function make(): CutroomSocket {
    // Socket.IO takes a path in the url for a namespace; without a url it is the origin of the page
    const made: CutroomSocket = io(base.origin, {
      transports: ['websocket'],
      // never the root of another program on that host
      path: `${base.prefix}/socket.io`,
      ...settings,
      withCredentials: cookies,
      autoConnect: false,
      multiplex: false,
      auth: (answer: (data: object) => void) => void authenticate(made, answer),
    })
    made.on('connected', (who) => {
      tries = 0
      renewals = 0
      expired = undefined
      if (wanted && hooks.connected(who) && wanted) hooks.status('online')
    })
    made.on('disconnect', disconnected)
    made.on('connect_error', refused)
    made.on('session:expiring', ({ expiresAt }) => void extend(made, expiresAt))
    made.on('session:expired', ({ reason }) => {
      expired = reason
    })
    made.on('server:draining', ({ reconnectInMs }) => wait(reconnectInMs, true))
    made.onAny((name: string, ...args: unknown[]) => {
      if (name !== 'connected') hooks.frame(name, args)
    })
    return made
  }

  /** Each handshake, also of stock reconnection, carries the newest token. */
  async function authenticate(made: CutroomSocket, answer: (data: object) => void): Promise<void> {
    const { engine } = made.io
    await session.loading()
    if (session.canRefresh() && session.endsAt() - session.now() < TOO_SHORT_MS)
      // when the network fails, the old token gets us the refusal that starts the next try
      await session.refresh().catch(() => {})
    if (!wanted || made.io.engine !== engine) return
    const login = session.current()
    used = { login, token: session.token() }
    // by cookie: with the name of the person, since another tab may have logged in as another
    if (cookies) answer(login.userId === undefined ? {} : { userId: login.userId })
    else answer(used.token === undefined ? {} : { token: used.token })
  }

  function disconnected(reason: string): void {
    if (!wanted) return
    hooks.status('connecting')
    // a listener may have closed us
    if (!wanted) return
    if (expired === 'revoked' && used?.login === session.current()) hooks.lost(problemOf('session-revoked'))
    // without this, stock reconnection would come back sooner than the server asked for
    else if (timer?.asked) socket?.disconnect()
    else if (reason === 'io server disconnect') {
      if (expired) open()
      else wait(backoff(tries++, 1_000))
    }
  }

  function refused(error: Error): void {
    // active: the transport failed, and stock reconnection goes on
    if (!wanted || socket?.active) return
    const problem = 'data' in error && isProblem(error.data) ? error.data : problemOf('unavailable')
    // of a login that has ended
    if (used && used.login !== session.current()) open()
    else if (session.isRenewable(problem.code)) renew(problem)
    else if (problem.status === 401) hooks.lost(problem)
    else if (problem.status === 429 || problem.status >= 500) waitAfter(new CutroomError(problem))
    else stop(problem)
  }

  function renew(problem: Problem): void {
    if (renewals >= RENEWALS) {
      stop(problem)
      return
    }
    session.renew(session.current(), used?.token).then(
      () => {
        renewals++
        if (wanted) open()
      },
      (error) => {
        // 401: the session has told all who wait
        if (wanted && !(error instanceof CutroomError && error.status === 401)) waitAfter(error)
      },
    )
  }

  /** The socket's session ends soon: a refresh, which is passed on by `pushToken`, keeps it. */
  async function extend(made: CutroomSocket, expiresAt: string): Promise<void> {
    const until = Date.parse(expiresAt)
    const isNewer = () => session.endsAt() > until && session.endsAt() !== Number.POSITIVE_INFINITY
    if (isNewer()) pushToken()
    // tokens that live shorter than the server's warning time are renewed at half of their life, not without end
    const early = Date.now() - session.renewedAt() < JUST_RENEWED_MS
    let pause = early ? Math.min(Math.max((until - session.now()) / 2, 0), 30_000) : 0
    // not by our clock, which may be wrong: the server closes the connection when it is too late
    for (let n = 0; made.connected && session.canRefresh() && !isNewer(); n++) {
      try {
        if (pause > 0) await sleep(pause, closing.signal)
        if (made.connected && !isNewer()) return await session.refresh()
      } catch (error) {
        if (closing.signal.aborted || (error instanceof CutroomError && error.status === 401)) return
        pause = Math.max(askedToWait(error), backoff(n))
      }
    }
  }

  function pushToken(): void {
    const token = session.token()
    if (!socket?.connected || token === undefined) return
    socket.emit('session:refresh', { token }, (answer) => {
      if (!answer.ok) hooks.onError(new CutroomError(answer.error))
    })
  }

  function clear(): void {
    clearTimeout(timer?.id)
    timer = undefined
  }

  function wait(ms: number, asked = false): void {
    clear()
    timer = { id: timeout(open, ms), asked }
  }

  /** Tries again later, not before the server said. */
  function waitAfter(error: unknown): void {
    const asked = askedToWait(error)
    wait(Math.max(asked, backoff(tries++)), asked > 0)
  }

  /** Connects now; a socket that is up, or half up, starts over. */
  function open(): void {
    clear()
    hooks.status('connecting')
    if (!wanted) return
    expired = undefined
    if (socket) socket.disconnect()
    else socket = make()
    socket.connect()
  }

  function stop(problem?: Problem): void {
    wanted = false
    clear()
    socket?.disconnect()
    hooks.status('offline', problem)
  }

  return {
    /** The socket while it is connected. */
    socket: (): CutroomSocket | undefined => (socket?.connected ? socket : undefined),
    connect(): void {
      if (wanted) return
      wanted = true
      tries = 0
      renewals = 0
      open()
    },
    /** Another login: a socket that is wanted starts over with its token. */
    restart(): void {
      if (wanted) open()
    },
    /** A good moment to try at once what would be tried later. */
    nudge(): void {
      if (wanted && !socket?.connected && !timer?.asked) open()
    },
    pushToken,
    stop,
    close(): void {
      closing.abort()
      stop()
      socket?.offAny()
      socket?.off()
    },
  }
}
