import { io, type ManagerOptions, type SocketOptions } from 'socket.io-client'
import type { Problem } from '../contract/index.ts'
import { CutroomError, isProblem, problemOf } from './problem.ts'
import type { Session } from './session.ts'
import { backoff, sleep } from './wait.ts'
import type { CutroomSocket, Passing } from './wire.ts'

/** `idle`: not asked to connect yet. `connecting`: (again) under way. `offline`: given up, closed, or nobody is logged in. */
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
  frame(name: string, args: unknown[]): void
  /** The server does not know this session any more. */
  lost(problem: Problem): void
  onError(error: unknown): void
}

export type Link = ReturnType<typeof createLink>

/** A token that ends sooner than this is not worth a handshake. */
const TOO_SHORT_MS = 5_000
/** Handshakes refused as `token-expired` right after a refresh: then no refresh will help. */
const RENEWALS = 2
/** A warning that comes this soon after a refresh asks for no other at once. */
const JUST_RENEWED_MS = 10_000

/** The one socket of a client, and everything that brings it back. Stock reconnection is used where Socket.IO has it. */
export function createLink(url: string, settings: SocketSettings, cookies: boolean, session: Session, hooks: LinkHooks) {
  const closing = new AbortController()
  let socket: CutroomSocket | undefined
  let wanted = false
  let tries = 0
  let renewals = 0
  let used: string | undefined
  let expired: Passing<'session:expired'>['reason'] | undefined
  let timer: { id: ReturnType<typeof setTimeout>; draining: boolean } | undefined

  function make(): CutroomSocket {
    // Socket.IO takes a path in the url for a namespace; '' is the page's own origin
    const made: CutroomSocket = io(url === '' ? undefined : new URL(url).origin, {
      transports: ['websocket'],
      ...settings,
      withCredentials: cookies,
      autoConnect: false,
      multiplex: false,
      auth: (answer: (data: object) => void) => void authenticate(made, answer),
    })
    made.on('connect', () => {
      tries = 0
      renewals = 0
      expired = undefined
      hooks.status('online')
    })
    made.on('disconnect', disconnected)
    made.on('connect_error', refused)
    made.on('session:expiring', ({ expiresAt }) => void extend(made, expiresAt))
    made.on('session:expired', ({ reason }) => {
      expired = reason
    })
    made.on('server:draining', ({ reconnectInMs }) => wait(reconnectInMs, true))
    made.onAny((name: string, ...args: unknown[]) => hooks.frame(name, args))
    return made
  }

  /** Each handshake, also of stock reconnection, carries the newest token. */
  async function authenticate(made: CutroomSocket, answer: (data: object) => void): Promise<void> {
    const { engine } = made.io
    if (session.canRefresh() && session.endsAt() - Date.now() < TOO_SHORT_MS) {
      // when the network fails, the old token gets us the refusal that starts the next try
      await session.refresh().catch(() => {})
      if (!wanted || made.io.engine !== engine) return
    }
    used = session.token()
    answer(cookies || used === undefined ? {} : { token: used })
  }

  function disconnected(reason: string): void {
    if (!wanted) return
    hooks.status('connecting')
    // a listener may have closed us
    if (!wanted) return
    // without this, stock reconnection would come back sooner than the server asked for
    if (timer?.draining) socket?.disconnect()
    else if (reason === 'io server disconnect') {
      if (expired === 'revoked') hooks.lost(problemOf('session-revoked'))
      else if (expired) open()
      else wait(backoff(tries++, 1_000))
    }
  }

  function refused(error: Error): void {
    // active: the transport failed, and stock reconnection goes on
    if (!wanted || socket?.active) return
    const problem = 'data' in error && isProblem(error.data) ? error.data : problemOf('unavailable')
    if (session.isRenewable(problem.code)) renew(problem)
    else if (problem.status === 401) hooks.lost(problem)
    else if (problem.status === 429 || problem.status >= 500) wait(Math.max((problem.retryAfter ?? 0) * 1000, backoff(tries++)))
    else stop(problem)
  }

  function renew(problem: Problem): void {
    if (renewals >= RENEWALS) {
      stop(problem)
      return
    }
    session.renew(used).then(
      () => {
        renewals++
        if (wanted) open()
      },
      (error) => {
        // 401: the session has told everybody
        if (wanted && !(error instanceof CutroomError && error.status === 401)) wait(backoff(tries++))
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
    for (let n = 0; made.connected && session.canRefresh() && !isNewer(); n++) {
      const left = until - Date.now()
      if (left <= 0) return
      try {
        if (n > 0 || early) await sleep(n > 0 ? backoff(n - 1) : Math.min(left / 2, 30_000), closing.signal)
        if (made.connected && !isNewer()) await session.refresh()
      } catch (error) {
        if (closing.signal.aborted || (error instanceof CutroomError && error.status === 401)) return
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

  function wait(ms: number, draining = false): void {
    clear()
    timer = { id: setTimeout(open, ms), draining }
  }

  /** Connects now; a socket that is up, or half up, starts over. */
  function open(): void {
    clear()
    hooks.status('connecting')
    if (!wanted) return
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
      if (wanted && !socket?.connected && !timer?.draining) open()
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
