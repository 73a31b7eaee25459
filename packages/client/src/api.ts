import { createAccountRequests } from './account-requests.ts'
import { alone, aloneAmongTabs } from './browser.ts'
import type { Credentials, Target } from './call.ts'
import type { Login } from './login.ts'
import { createLoginCalls, createRetries } from './login-calls.ts'
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
  return { session, call, inOrder, close, enter }
}
