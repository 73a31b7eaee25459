import type { Entered } from './account-requests.ts'
import type { createApi } from './api.ts'
import { askedToWait, retrying } from './call.ts'
import type { Endpoint } from './endpoint.ts'
import { auth } from './generated/contract.ts'
import type { Login } from './login.ts'
import { CutroomError, problemOf } from './problem.ts'
import { abortWith, deadline } from './timing.ts'

export interface AccountOptions {
  api: ReturnType<typeof createApi>
  cookies: boolean
  /** How long logouts and refused logins are tried again, ms. */
  retryForMs: number
  closing: AbortSignal
  /** A login has begun, which may be of another person than the one before. */
  onEntered(user: Entered['user']): void
  /** The app logs out: nothing of the person is shown any more. */
  onLeft(): void
}

/**
 * Login, registration and logout, in any overlap.
 *
 * By token they run at once, and the last one asked for decides: the session of a login that was overtaken is closed again. By
 * cookie they run one after the other, since a late answer would change the cookies of a later one.
 */
export function createAccount({ api, cookies, retryForMs, closing, onEntered, onLeft }: AccountOptions) {
  const { session } = api
  const inOrder = cookies ? api.inOrder : <T>(run: () => Promise<T>): Promise<T> => run()
  // aborts when something is asked for after it
  let latest = new AbortController()
  // logins whose logout failed: the next action tries them again
  const unclosed = new Set<Login>()

  const superseded = () => new CutroomError(problemOf('superseded', 'A later login or logout took its place'))
  /** An action of the app begins; what was asked for before it is overtaken. */
  function next(): AbortSignal {
    abortWith(latest, superseded())
    latest = new AbortController()
    return latest.signal
  }

  async function closeOnServer(login: Login, replaced = false): Promise<void> {
    unclosed.delete(login)
    try {
      await session.loading()
      await retrying(() => api.close(login, replaced), retryForMs, closing)
    } catch (error) {
      unclosed.add(login)
      throw error
    }
  }

  /** Closes sessions that were replaced here, without waiting. Only this client has their tokens. */
  function closeReplaced(...logins: Login[]): void {
    for (const login of logins) if (login.tokens) closeOnServer(login, true).catch(() => {})
  }

  /** Repeats only what the server refused unseen (429, 503 with a time): after a lost answer there would be two sessions. */
  async function send(endpoint: Endpoint, body: object, overtaken: AbortSignal): Promise<Entered> {
    const limit = deadline(undefined, closing, overtaken)
    const run = () => (overtaken.aborted ? Promise.reject(superseded()) : api.enter(endpoint, body))
    return retrying(run, retryForMs, limit.signal, (error) => askedToWait(error) > 0).finally(limit.done)
  }

  async function enter(endpoint: Endpoint, body: object): Promise<Entered['user']> {
    const overtaken = next()
    return inOrder(async () => {
      const { user, ...tokens } = await send(endpoint, body, overtaken)
      const isWanted = () => cookies || !overtaken.aborted
      const before = isWanted() ? await session.begin(tokens, user.id, isWanted) : null
      if (!before) {
        closeReplaced({ tokens, userId: user.id, out: false })
        throw superseded()
      }
      onEntered(user)
      closeReplaced(before, ...unclosed)
      return user
    })
  }

  async function logout(): Promise<void> {
    next()
    onLeft()
    const ended = [session.end(true)]
    await inOrder(async () => {
      // by cookie: a login that was asked for before and was answered since
      if (cookies && !session.current().out) ended.push(session.end(true))
      // by now those before have failed or not
      const all = [...unclosed, ...ended].filter(({ out }) => !out)
      // the cookie is of the last one
      await Promise.all(all.map((login, n) => closeOnServer(login, n < all.length - 1)))
    })
  }

  return {
    login: (body: object) => enter(auth.login, body),
    register: (body: object) => enter(auth.register, body),
    logout,
    closeReplaced,
  }
}
