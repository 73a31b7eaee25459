import { alone, aloneAmongTabs } from './browser.ts'
import { type Call, type CallRest, type Credentials, type LooseArgs, retrying, send, type Target } from './call.ts'
import type { Answer, Endpoint } from './endpoint.ts'
import { auth, me } from './generated/contract.ts'
import { CutroomError, problemOf } from './problem.ts'
import { createSession, type Login, loginChanged, type SessionHooks } from './session.ts'
import { abortWith, deadline } from './timing.ts'

/** The answer to a login or registration. */
export type Entered = Answer<typeof auth.login>

export interface ApiOptions extends Omit<SessionHooks, 'exchange' | 'inOrder' | 'onEnded'> {
  /** Without a slash at its end. */
  base: string
  fetch: typeof fetch
  /** The cookies that are shared by all clients with the same jar. */
  jar: object
  /** For calls that name none. */
  retryForMs: number
}

/** Refreshes and logouts that are not answered are soon tried again; a login waits for the hash of its password. */
const EXCHANGE_TIMEOUT_MS = 10_000
const ENTER_TIMEOUT_MS = 30_000

/** REST as one person: calls run in the login in which they were made, with its newest token, or fail. */
export function createApi(options: ApiOptions) {
  const { closing } = options
  const cookies = options.mode === 'cookie'
  const target: Target = { base: options.base, fetch: options.fetch, cookies }

  // Node takes a dozen listeners on one signal for a leak, and says so: each retried call has a controller of its own.
  const retries = new Map<AbortController, Login>()
  closing.addEventListener(
    'abort',
    () => {
      for (const end of retries.keys()) end.abort()
    },
    { once: true },
  )

  const shared = cookies ? options.jar : typeof options.stored === 'function' ? options.stored : null
  /** One at a time among all that share the cookies or the stored tokens, in this page and in other tabs. */
  const inOrder = <T>(run: () => Promise<T>): Promise<T> =>
    shared ? alone(shared, () => aloneAmongTabs(`cutroom ${options.base}`, run)) : run()

  /** By cookie, with the name of the person: another tab may have logged in as another. */
  const byCookie = (login: Login): Credentials => (cookies ? { userId: login.userId } : {})
  const credentials = (login: Login): Credentials => (cookies ? byCookie(login) : { token: login.tokens?.accessToken })

  /** One account action; not ended by `close()`, since what it changes on the server must reach the app. */
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

  const session = createSession({
    ...options,
    inOrder,
    async exchange(login) {
      const refreshToken = login.tokens?.refreshToken
      const body = cookies || refreshToken === undefined ? undefined : { refreshToken }
      return (await ask(auth.refresh, body, byCookie(login))) as Answer<typeof auth.refresh>
    },
    onEnded(login) {
      for (const [end, owner] of retries) if (owner === login) abortWith(end, loginChanged())
    },
  })

  async function sendAs(login: Login, endpoint: Endpoint, args: LooseArgs): Promise<unknown> {
    session.assertCurrent(login)
    const used = login.tokens?.accessToken
    try {
      return await send(target, endpoint, args, credentials(login))
    } catch (error) {
      if (error instanceof CutroomError) session.refused(login, error.problem, used)
      throw error
    }
  }

  async function attempt(endpoint: Endpoint, args: LooseArgs, login: Login): Promise<unknown> {
    await session.loading()
    session.assertCurrent(login)
    // a login names another person than the cookie does, and is right
    if (endpoint.access === 'public')
      return send(target, endpoint, args, endpoint.url === auth.refresh.url ? byCookie(login) : {})
    if (cookies && login.out) throw new CutroomError(problemOf('token-missing'))
    const used = login.tokens?.accessToken
    try {
      return await sendAs(login, endpoint, args)
    } catch (error) {
      if (!(error instanceof CutroomError && session.isRenewable(error.code))) throw error
    }
    try {
      await session.renew(login, used)
    } catch (error) {
      // a refresh that was refused may itself have ended the login: then its own words say more
      if (!(error instanceof CutroomError && error.status === 401)) session.assertCurrent(login)
      throw error
    }
    return sendAs(login, endpoint, args)
  }

  /** A cookie may be of another person at the next attempt: whose it was at the first must be known before. */
  async function identify(login: Login): Promise<void> {
    if (!cookies || login.userId !== undefined || login.out) return
    const { id } = (await attempt(me.get, {}, login)) as Answer<typeof me.get>
    login.userId ??= id
  }

  const call: Call = async <E extends Endpoint>(endpoint: E, ...rest: CallRest<E>) => {
    const args = (rest[0] ?? {}) as LooseArgs
    const login = session.current()
    const forMs = args.retryForMs ?? options.retryForMs
    const repeatable = endpoint.method === 'GET' || args.idempotencyKey !== undefined
    const once = () => attempt(endpoint, args, login) as Promise<Answer<E>>
    if (forMs <= 0 || !repeatable) return once()
    const run = async () => {
      if (endpoint.access !== 'public') await identify(login)
      return once()
    }
    const end = new AbortController()
    if (closing.aborted) end.abort()
    retries.set(end, login)
    const limit = deadline(undefined, args.signal, end.signal)
    return retrying(run, forMs, limit.signal).finally(() => {
      limit.done()
      retries.delete(end)
    })
  }

  /** Closes the session of a token on the server: the refresh token is enough, and does not expire before it. */
  async function closeByToken({ tokens }: Login): Promise<void> {
    const refreshToken = tokens?.refreshToken
    const body = refreshToken === undefined ? undefined : { refreshToken }
    await ask(auth.logout, body, { token: tokens?.accessToken }, EXCHANGE_TIMEOUT_MS, { ...target, cookies: false })
  }

  /** A session that is over already is as good as closed. */
  const unlessOver = (error: unknown): void => {
    if (!(error instanceof CutroomError && error.status === 401)) throw error
  }

  /**
   * Closes a login's session on the server. Resolves when it is closed, or was before.
   * @param replaced the cookies are of its successor
   */
  async function close(login: Login, replaced = false): Promise<void> {
    if (cookies && !replaced) await ask(auth.logout, undefined, byCookie(login)).catch(unlessOver)
    // by token, too: the cookie may have been of another session by now
    if (login.tokens) await closeByToken(login).catch(unlessOver)
  }

  return {
    session,
    call,
    inOrder,
    close,
    /** Logs in or registers; the caller begins the session with the tokens that come back. */
    enter: async (endpoint: Endpoint, body: object): Promise<Entered> =>
      (await ask(endpoint, { ...body, delivery: cookies ? 'cookie' : 'body' }, {}, ENTER_TIMEOUT_MS)) as Entered,
  }
}
