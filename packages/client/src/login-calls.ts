import { type Call, type CallRest, type Credentials, type LooseArgs, randomKey, retrying, send, type Target } from './call.ts'
import type { Answer, Endpoint } from './endpoint.ts'
import { auth, me } from './generated/contract.ts'
import { type Login, loginChanged } from './login.ts'
import { CutroomError, problemOf } from './problem.ts'
import type { Session } from './session.ts'
import { abortWith, deadline } from './timing.ts'

/** Retries that are under way, each with the login in which it was made. */
export function createRetries(closing: AbortSignal) {
  // Node takes a dozen listeners on one signal for a leak, and says so: each retried call has a controller of its own.
  const running = new Map<AbortController, Login>()
  closing.addEventListener(
    'abort',
    () => {
      for (const end of running.keys()) end.abort()
    },
    { once: true },
  )
  return {
    async run<T>(login: Login, signal: AbortSignal | undefined, retry: (signal: AbortSignal) => Promise<T>): Promise<T> {
      const end = new AbortController()
      if (closing.aborted) end.abort()
      running.set(end, login)
      const limit = deadline(undefined, signal, end.signal)
      return retry(limit.signal).finally(() => {
        limit.done()
        running.delete(end)
      })
    },
    /** Ends those of a login that has ended. */
    end(login: Login): void {
      for (const [end, owner] of running) if (owner === login) abortWith(end, loginChanged())
    },
  }
}

/** For one attempt, ms. */
const TIMEOUT_MS = 30_000

/** @throws CutroomError unavailable when it takes too long */
async function inTime<T>(args: LooseArgs, run: (args: LooseArgs) => Promise<T>): Promise<T> {
  const ms = args.timeoutMs ?? TIMEOUT_MS
  const limit = deadline(ms, args.signal)
  try {
    return await run({ ...args, signal: limit.signal })
  } catch (error) {
    if (limit.signal.aborted && !args.signal?.aborted)
      throw new CutroomError(problemOf('unavailable', `No answer within ${ms} ms`))
    throw error
  } finally {
    limit.done()
  }
}

export interface LoginCallsDeps {
  target: Target
  session: Session
  retries: ReturnType<typeof createRetries>
  /** By cookie, the person whose cookie it must be. */
  asPerson(login: Login): Credentials
  /** Of calls that name none. */
  retryForMs: number
}

/** Calls that run in the login in which they were made, with its newest token, or fail. */
export function createLoginCalls({ target, session, retries, asPerson, retryForMs }: LoginCallsDeps): Call {
  const { cookies } = target
  const credentials = (login: Login): Credentials => (cookies ? asPerson(login) : { token: login.tokens?.accessToken })

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
      return send(target, endpoint, args, endpoint.url === auth.refresh.url ? asPerson(login) : {})
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

  return async <E extends Endpoint>(endpoint: E, ...rest: CallRest<E>) => {
    const args = { ...rest[0] } as LooseArgs
    const login = session.current()
    const forMs = args.retryForMs ?? retryForMs
    // a login is not repeated: after a lost answer there would be two sessions
    const repeatable = endpoint.method === 'GET' || endpoint.access !== 'public'
    if (forMs > 0 && repeatable && endpoint.method !== 'GET') args.idempotencyKey ??= randomKey()
    const once = () => inTime(args, (timed) => attempt(endpoint, timed, login)) as Promise<Answer<E>>
    if (forMs <= 0 || !repeatable) return once()
    const run = async () => {
      if (endpoint.access !== 'public') await identify(login)
      return once()
    }
    return retries.run(login, args.signal, (signal) => retrying(run, forMs, signal))
  }
}
