import { createAccountRequests } from './account-requests.ts'
import { alone, aloneAmongTabs } from './browser.ts'
import type { Credentials, Target } from './call.ts'
import { me } from './generated/contract.ts'
import { endOf, type Login } from './login.ts'
import { createLoginCalls, createRetries } from './login-calls.ts'
import { CutroomError, problemOf } from './problem.ts'
import { createSession } from './session.ts'
import type { SessionHooks } from './session-hooks.ts'

export interface ApiOptions extends Omit<SessionHooks, 'exchange' | 'inOrder' | 'onEnded'> {
  /** Without a slash at its end. */
  base: string
  fetch: typeof fetch
  /** The cookies that are shared by all clients with the same jar. */
  jar: object
  /** For calls that name none. */
  retryForMs: number
}

/** A token that ends within this time, ms, is renewed before it is used. */
const MARGIN_MS = 5_000

/** REST as one person: the session, and calls in its name. */
export function createApi(options: ApiOptions) {
  const cookies = options.mode === 'cookie'
  const target: Target = { base: options.base, fetch: options.fetch, cookies }
  const retries = createRetries(options.closing)
  const shared = cookies ? options.jar : typeof options.stored === 'function' ? options.stored : null

  /** One at a time among all that share the cookies or the stored tokens, in this page and in other tabs. */
  const inOrder = <T>(run: () => Promise<T>): Promise<T> =>
    shared ? alone(shared, () => aloneAmongTabs(`cutroom ${options.base}`, run)) : run()

  /** By cookie, with the name of the person: another tab may have logged in as another. */
  const asPerson = (login: Login): Credentials => (cookies ? { userId: login.userId } : {})

  const { enter, exchange, close } = createAccountRequests(target, asPerson)
  const session = createSession({ ...options, inOrder, exchange, onEnded: retries.end })
  const call = createLoginCalls({ target, session, retries, asPerson, retryForMs: options.retryForMs })

  /** With the newest token of a login, renewed if it has run out. @throws CutroomError session-revoked when the login has ended */
  async function credentialsOf(login: Login): Promise<Credentials> {
    await session.loading()
    session.assertCurrent(login)
    if (cookies && login.out) throw new CutroomError(problemOf('token-missing'))
    if (session.canRefresh() && endOf(login) - session.now() < MARGIN_MS) await session.refresh(login)
    // a cookie may be of another person at the next request: whose it was at the first must be known before
    if (cookies && login.userId === undefined) login.userId = (await call(me.get)).id
    session.assertCurrent(login)
    return cookies ? asPerson(login) : { token: login.tokens?.accessToken }
  }

  /** Runs in the login that is current now. The signal aborts with the given one, with the login, and with the client. */
  function inLogin<T>(
    signal: AbortSignal,
    run: (signal: AbortSignal, credentials: () => Promise<Credentials>) => Promise<T>,
  ): Promise<T> {
    const login = session.current()
    return retries.run(login, signal, (ended) => run(ended, () => credentialsOf(login)))
  }
  return { session, call, inOrder, inLogin, close, enter, target }
}
