import type { Meta, Payload, Problem, UserEventName } from '@cutroom/contract'
import type { Entered } from './account-requests.ts'
import type { Call } from './call.ts'
import type { LinkStatus, SocketSettings } from './connection.ts'
import type { Emitter } from './emitter.ts'
import type { Input } from './endpoint.ts'
import type { Passing } from './frames.ts'
import type { auth } from './generated/contract.ts'
import type { SessionMode, Tokens } from './login.ts'
import type { Room, RoomOptions } from './room.ts'
import type { StoredTokens } from './token-store.ts'

export interface ClientOptions {
  /**
   * Where the server is, without `/api`: `https://host`, `https://host/studio` where a proxy has it under a path, `/studio` or ''
   * on the origin of the page. The socket is under the same path unless `socket.path` names another.
   */
  url: string
  /** Default `bearer`. */
  mode?: SessionMode
  /**
   * Bearer: what an earlier `onTokens` gave, to come back without a login. Where several windows share a store, a function that
   * reads it: it is asked again before each refresh, so that a window takes what another has got instead of spending it twice.
   */
  tokens?: StoredTokens
  /** Bearer: the tokens to store from now on; null: none. New ones are used when it has returned, or its promise has resolved. */
  onTokens?: (tokens: Tokens | null) => unknown
  /** The session has ended without being asked to: show the login. Rooms wait, and come back when the same person logs in. */
  onSignedOut?: (problem: Problem) => void
  /** Errors of listeners, and of work that no promise reports. Default `console.error`. */
  onError?: (error: unknown) => void
  /** `retryForMs` of calls that name none, of logouts, and of logins that the server asks to come later. Default 0: no retries. */
  retryForMs?: number
  /** How long a join may stay without any progress. Default 20 s. */
  ackTimeoutMs?: number
  socket?: SocketSettings
  fetch?: typeof fetch
}

export type ClientEvents = {
  status: [status: LinkStatus, problem: Problem | undefined]
  /** Events of one's own room were missed that cannot be had any more. */
  reset: []
  'chat:presence': [presence: Passing<'chat:presence'>]
} & { [N in UserEventName]: [payload: Payload<N>, meta: Meta] }

type Without<T> = Omit<T, 'delivery'>

export interface CutroomClient {
  /**
   * Calls an endpoint of the contract: `client.call(tasks.create, { params: { projectId }, body: { title } })`. Throws `CutroomError`
   * for a problem; what `fetch` throws stays as it is. An expired token is renewed once on the way. A call belongs to the login in
   * which it was made: when that has ended, what is still to be sent fails with `session-revoked`. Works after `close()` too.
   */
  call: Call
  /**
   * The last login or logout that was asked for decides: one that it overtakes rejects with `superseded`. A login that succeeds
   * closes the session before it.
   */
  login(body: Without<Input<typeof auth.login, 'body'>>): Promise<Entered['user']>
  register(body: Without<Input<typeof auth.register, 'body'>>): Promise<Entered['user']>
  /**
   * Leaves every room and forgets the login at once, and closes its session on the server. Rejects when that could not be done;
   * called again, it tries again. The client can log in again at any time.
   */
  logout(): Promise<void>
  /** Renews the tokens now; all who ask at once share one request. */
  refresh(): Promise<void>
  /** Bearer: the tokens as they are now. */
  readonly tokens: Tokens | null
  readonly status: LinkStatus
  /** Who the socket belongs to, once it was connected or a person logged in. */
  readonly userId: string | undefined
  /** Status, events of one's own room (`project:joined`, …): each exactly once, in order; and who is online. */
  on: Emitter<ClientEvents>['on']
  /** Opens the socket. Resolves when it is up, rejects when it is given up; may be left unawaited. */
  connect(): Promise<void>
  /** The room of a project, which joins by itself and stays until it is left. Asked for again, it is the same one. */
  room(projectId: string, options?: RoomOptions): Room
  /** Ends everything that runs: socket, rooms, timers, retries. */
  close(): void
}
