import { type Credentials, send, type Target } from './call.ts'
import type { Answer, Endpoint } from './endpoint.ts'
import { auth } from './generated/contract.ts'
import type { Login } from './login.ts'
import { CutroomError, problemOf } from './problem.ts'
import { deadline } from './timing.ts'

/** The answer to a login or registration. */
export type Entered = Answer<typeof auth.login>

/** Refreshes and logouts that are not answered are soon tried again; a login waits for the hash of its password. */
const EXCHANGE_TIMEOUT_MS = 10_000
const ENTER_TIMEOUT_MS = 30_000

/** A session that is over already is as good as closed. */
const unlessOver = (error: unknown): void => {
  if (!(error instanceof CutroomError && error.status === 401)) throw error
}

/** The requests that begin, renew and close sessions. `close()` of a client does not end them: the app must learn what they changed. */
export function createAccountRequests(target: Target, asPerson: (login: Login) => Credentials) {
  const { cookies } = target

  async function ask(
    endpoint: Endpoint,
    body: object | undefined,
    as: Credentials,
    ms = EXCHANGE_TIMEOUT_MS,
    to = target,
  ): Promise<unknown> {
    const limit = deadline(ms)
    try {
      return await send(to, endpoint, { body, signal: limit.signal }, as)
    } catch (error) {
      throw limit.signal.aborted ? new CutroomError(problemOf('unavailable', `No answer within ${ms} ms`)) : error
    } finally {
      limit.done()
    }
  }

  /** Closes the session of a token on the server: the refresh token is enough, and does not expire before it. */
  async function closeByToken({ tokens }: Login): Promise<void> {
    const refreshToken = tokens?.refreshToken
    const body = refreshToken === undefined ? undefined : { refreshToken }
    await ask(auth.logout, body, { token: tokens?.accessToken }, EXCHANGE_TIMEOUT_MS, { ...target, cookies: false })
  }

  return {
    /** Logs in or registers; the caller begins the session with the tokens that come back. */
    enter: async (endpoint: Endpoint, body: object): Promise<Entered> =>
      (await ask(endpoint, { ...body, delivery: cookies ? 'cookie' : 'body' }, {}, ENTER_TIMEOUT_MS)) as Entered,

    /** Gets the next tokens of a login. */
    async exchange(login: Login): Promise<Answer<typeof auth.refresh>> {
      const refreshToken = login.tokens?.refreshToken
      const body = cookies || refreshToken === undefined ? undefined : { refreshToken }
      return (await ask(auth.refresh, body, asPerson(login))) as Answer<typeof auth.refresh>
    },

    /**
     * Closes a login's session on the server. Resolves when it is closed, or was before.
     * @param replaced the cookies are of its successor
     */
    async close(login: Login, replaced = false): Promise<void> {
      if (replaced || !cookies) {
        if (login.tokens) await closeByToken(login).catch(unlessOver)
        return
      }
      // one request with both: a second one would be answered 401, which browsers show as an error
      await ask(auth.logout, undefined, { ...asPerson(login), token: login.tokens?.accessToken }).catch(unlessOver)
    },
  }
}
