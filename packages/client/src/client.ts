import type { Meta, Payload, Presence, Problem, Project, User, UserEventName } from '@cutroom/contract'
import type { Entered } from './account-requests.ts'
import type { Activities } from './activity.ts'
import type { Call, CallRest } from './call.ts'
import type { LinkStatus, SocketSettings } from './connection.ts'
import type { Conversations } from './conversations.ts'
import type { Emitter } from './emitter.ts'
import type { Answer, Endpoint, Input } from './endpoint.ts'
import type { Passing } from './frames.ts'
import type { auth } from './generated/contract.ts'
import type { SessionMode, Tokens } from './login.ts'
import type { Mutation, MutationRest, MutationStore } from './mutation.ts'
import type { Notifications } from './notifications.ts'
import type { Api } from './nouns.ts'
import type { RowsOf } from './pages.ts'
import type { Room, RoomOptions } from './room.ts'
import type { Selected } from './select.ts'
import type { StoredTokens } from './token-store.ts'
import type { Upload, UploadArgs, UploadStore, Uploads } from './upload.ts'

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
  /** How long a room that was left by all who had asked for it stays joined, ms. Default 30 s; 0: it is left at once. */
  keepRoomsMs?: number
  /**
   * Where mutations survive a reload. With it they wait until a login, `restore()` or the connection says whose they are. Default:
   * nowhere.
   */
  mutationStore?: MutationStore
  /** Where unfinished uploads are noted over a reload, as for mutations: `client.uploads.interrupted`. Default: nowhere. */
  uploadStore?: UploadStore
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

/** What a client knows of the person who is logged in. */
export interface UserState {
  /** Their projects, by id: loaded when they are first read, then kept by events. Null until then. */
  readonly projects: ReadonlyMap<string, Project> | null
  select<T>(pick: (user: UserState) => T, same?: (a: T, b: T) => boolean): Selected<T>
}

export interface CutroomClient {
  /**
   * Calls an endpoint of the contract: `client.call(tasks.create, { params: { projectId }, body: { title } })`. Throws `CutroomError`
   * for a problem; what `fetch` throws stays as it is. An expired token is renewed once on the way. A call belongs to the login in
   * which it was made: when that has ended, what is still to be sent fails with `session-revoked`. Works after `close()` too.
   */
  call: Call
  /** The same as functions: `client.api.tasks.create({ projectId, title })`, with parameters, query and body in one object. */
  readonly api: Api
  /** All pages of a list: `for await (const tasks of client.pages(endpoints.tasks.list, { params: { projectId } }))`. */
  pages<E extends Endpoint>(endpoint: E, ...rest: CallRest<E>): AsyncGenerator<RowsOf<E>[], void>
  /**
   * A write that is drawn at once, waits while offline, and is sent once, in order for each project; with a `mutationStore` it
   * survives a reload. Resolves with the answer. Throws `CutroomError` when it is refused, or its login ends: then what it drew is
   * taken back, unless `keep` leaves it in `mutations`. What is drawn goes when its event comes.
   */
  mutate<E extends Endpoint>(endpoint: E, ...rest: MutationRest<E>): Promise<Answer<E>>
  /** The writes of `mutate` that are not confirmed yet, oldest first. */
  readonly mutations: readonly Mutation[]
  /**
   * Sends a file to a cut, in parts of 5 MiB: it waits while offline, and goes on where the server stands. Three are sent at a time.
   * It belongs to the login in which it was made. Where an interrupted upload of the same file is known, it goes on with that: a file
   * is the same by name, size, type and time, and by `cutId`, `name` and `kind`.
   */
  upload(args: UploadArgs): Upload
  readonly uploads: Uploads
  /**
   * Finds out who is logged in, at the start of a page or with stored tokens; null: no one. Never ends a login. Throws what `fetch`
   * throws where the server cannot be reached.
   */
  restore(): Promise<User | null>
  /**
   * The account that is logged in, once `login`, `register` or `restore` has said so; follows `PATCH /api/me` of this client. Null when
   * the login has ended, also without being asked to.
   */
  readonly me: User | null
  /** A value of the client that components draw: `client.select((client) => client.me)`. See `room.select`. */
  select<T>(pick: (client: CutroomClient) => T, same?: (a: T, b: T) => boolean): Selected<T>
  readonly user: UserState
  /** Their notifications: `client.notifications.state`, and what can be done with them. */
  readonly notifications: Notifications
  /** What happened in their projects: `client.activity.state`, and what can be done with it. */
  readonly activity: Activities
  /** Their conversations: `client.conversations.state`, and what can be done with them. */
  readonly conversations: Conversations
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
  /** Closes the socket until `connect()`: rooms, also new ones, are `offline`, keep what they show, and resume from there. */
  disconnect(): void
  /**
   * The room of a project, which joins by itself. Asked for again, it is the same one; it stays until each who asked for it has
   * called its `leave()`. `P`: what its people show beside their names.
   */
  room<P extends Presence['state'] = Presence['state']>(projectId: string, options?: RoomOptions): Room<P>
  /** Ends everything that runs: socket, rooms, timers, retries. */
  close(): void
}
