import type { Problem, User } from '@cutroom/contract'
import { createAccount } from './account.ts'
import { type ApiOptions, createApi } from './api.ts'
import { parseBaseUrl } from './base-url.ts'
import type { Call } from './call.ts'
import type { ClientEvents, ClientOptions, CutroomClient } from './client.ts'
import { createConnection, type LinkStatus } from './connection.ts'
import { createEmitter } from './emitter.ts'
import { me } from './generated/contract.ts'
import { createLoginChanges } from './login-changes.ts'
import { createPerson } from './person.ts'
import { problemOf } from './problem.ts'
import { createSelections } from './select.ts'
import { claimsOf } from './token.ts'

type ApiSettings = Omit<ApiOptions, 'onRenewed' | 'onLost' | 'onReplaced'>

const apiSettings = (
  options: ClientOptions,
  base: string,
  onError: (error: unknown) => void,
  closing: AbortSignal,
): ApiSettings => ({
  base,
  fetch: options.fetch ?? ((...args) => fetch(...args)),
  // without a fetch of their own all clients of a page share its cookies
  jar: options.fetch ?? globalThis,
  mode: options.mode ?? 'bearer',
  stored: options.tokens ?? null,
  onTokens: (tokens) => options.onTokens?.(tokens),
  onError,
  retryForMs: options.retryForMs ?? 0,
  closing,
})

/**
 * The parts of a client and how they act on each other: calls, account, connection, and what is shown of the person.
 * @throws RangeError for a `url` that is none
 */
export function compose(options: ClientOptions) {
  const base = parseBaseUrl(options.url)
  const cookies = options.mode === 'cookie'
  const onError = options.onError ?? ((error) => console.error(error))
  const emitter = createEmitter<ClientEvents>(onError)
  const closing = new AbortController()
  let status: LinkStatus = 'idle'
  const lost = (problem: Problem) => login.lost(problem)

  const api = createApi({
    ...apiSettings(options, base.rest, onError, closing.signal),
    onRenewed: () => login.renewed(),
    onLost: lost,
    onReplaced: (replaced) => account.closeReplaced(replaced),
  })
  const { session } = api
  /** What is answered about the account is kept. */
  const call: Call = async (endpoint, ...rest) => {
    const login = session.current()
    const answer = await api.call(endpoint, ...rest)
    if (endpoint.url === me.get.url && login === session.current()) person.setUser(answer as User)
    return answer
  }
  const connection = createConnection({
    base,
    settings: options.socket ?? {},
    cookies,
    session,
    hooks: {
      status(next, problem) {
        if (status === next) return
        status = next
        person.status(next, problem)
        selections.changed()
        emitter.emit('status', next, problem)
      },
      connected: (who) => login.connected(who),
      frame: (name, args) => person.frame(name, args),
      lost,
      onError,
    },
  })
  const { socket } = connection
  const selections = createSelections<CutroomClient>(() => self.client as CutroomClient, onError)
  const self: { client?: CutroomClient } = {}
  const ackTimeoutMs = options.ackTimeoutMs ?? 20_000
  const onRevoked = () => lost(problemOf('session-revoked'))
  const person = createPerson({
    call,
    socket,
    emit: emitter.emit,
    onError,
    ackTimeoutMs,
    onRevoked,
    changed: selections.changed,
    select: selections.select,
    keepRoomsMs: options.keepRoomsMs ?? 30_000,
    mutationStore: options.mutationStore,
    uploadStore: options.uploadStore,
    target: api.target,
    isOwnFetch: options.fetch !== undefined,
    inLogin: api.inLogin,
  })
  const login = createLoginChanges({
    session,
    connection,
    person,
    cookies,
    closeReplaced: (replaced) => account.closeReplaced(replaced),
    onSignedOut: (problem) => options.onSignedOut?.(problem),
    onError,
  })
  /** Stored tokens name the person whose mutations are stored. */
  function recognise(): void {
    const userId = claimsOf(session.tokens()?.accessToken ?? '').sub
    if (userId !== undefined && !cookies) person.loggedIn(userId)
  }
  recognise()
  void session.loading()?.then(recognise)
  const account = createAccount({
    api,
    cookies,
    retryForMs: options.retryForMs ?? 0,
    closing: closing.signal,
    onEntered: login.entered,
    onLeft: login.left,
  })
  return { account, api, call, closing, connection, cookies, emitter, login, person, selections, self, status: () => status }
}
