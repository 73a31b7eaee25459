import { askedToWait, isPassing } from './call.ts'
import { endOf, type Login, type Tokens } from './login.ts'
import { CutroomError, problemOf } from './problem.ts'
import type { createServerClock } from './server-clock.ts'
import type { SessionHooks } from './session-hooks.ts'
import { backoff, sleep } from './timing.ts'
import { isOlder, isOtherSession } from './token.ts'
import type { createTokenStore } from './token-store.ts'

export interface RenewalDeps {
  hooks: SessionHooks
  store: ReturnType<typeof createTokenStore>
  clock: ReturnType<typeof createServerClock>
  cookies: boolean
  /** Resolves when the stored tokens are known; undefined: they are. */
  loading(): Promise<void> | undefined
  isCurrent(login: Login): boolean
  /** A login has new tokens, which the app has stored. */
  use(login: Login, tokens: Tokens): void
}

/** Attempts of one refresh while the network fails; its callers go on where it ends. */
const ATTEMPTS = 3
const ATTEMPTS_MS = 5_000

/** Renews a login: gets its next tokens from the server, or from another window that was first. All who ask at once share one request. */
export function createRenewal({ hooks, store, clock, cookies, loading, isCurrent, use }: RenewalDeps) {
  /**
   * Takes tokens that another window has stored since.
   * @returns whether there is no need to refresh any more
   * @throws CutroomError session-revoked when they are of another session
   */
  async function adopt(login: Login): Promise<boolean> {
    const stored = cookies || !isCurrent(login) ? null : await store.ask()
    const { tokens } = login
    if (!tokens || !stored || !isCurrent(login)) return false
    if (stored.accessToken === tokens.accessToken || isOlder(stored, tokens)) return false
    if (isOtherSession(stored, tokens)) {
      hooks.onReplaced(login)
      throw new CutroomError(problemOf('session-revoked', 'Another login has taken its place in the store'))
    }
    use(login, stored)
    return endOf(login) > clock.now()
  }

  async function exchangeOnce(login: Login, used: string | undefined): Promise<void> {
    const answer = await hooks.exchange(login)
    const next = { ...answer, refreshToken: answer.refreshToken ?? used }
    clock.read(next)
    if (isCurrent(login) && !cookies) await store.put(next)
    // the cookie was of another session of the same person
    if (cookies && login.tokens && isOtherSession(next, login.tokens)) hooks.onReplaced({ ...login })
    use(login, next)
  }

  /** Gets the next pair for a login, also for one that has ended and is about to be closed on the server. */
  async function exchange(login: Login): Promise<void> {
    const wasCurrent = isCurrent(login)
    const began = Date.now()
    for (let tries = 1; ; tries++) {
      if (await adopt(login)) return
      const used = login.tokens?.refreshToken
      if (!cookies && used === undefined) throw new CutroomError(problemOf(login.tokens ? 'token-expired' : 'token-missing'))
      try {
        return await exchangeOnce(login, used)
      } catch (error) {
        const isOver = wasCurrent && !isCurrent(login)
        if (error instanceof CutroomError && error.status === 401) {
          if (await adopt(login)) return
          if (login.tokens?.refreshToken === used || tries >= ATTEMPTS) throw error
          continue
        }
        const isTimely = tries < ATTEMPTS && Date.now() - began < ATTEMPTS_MS
        if (isOver || !isTimely || !isPassing(error) || askedToWait(error) > 0) throw error
        // the answer may have been lost after the server gave it: the same token gets the same answer again
        await sleep(backoff(tries - 1, 250), hooks.closing).catch(() => Promise.reject(error))
      }
    }
  }

  /** Refreshes a login, in turn with all that share its cookies or tokens. */
  async function renew(login: Login): Promise<void> {
    await loading()
    const left = login.pause ? login.pause.until - Date.now() : 0
    if (login.pause && left > 0) throw new CutroomError({ ...login.pause.problem, retryAfter: Math.ceil(left / 1000) })
    try {
      await hooks.inOrder(async () => {
        if (isCurrent(login)) await exchange(login)
      })
    } catch (error) {
      const asked = askedToWait(error)
      if (asked > 0 && error instanceof CutroomError) login.pause = { until: Date.now() + asked, problem: error.problem }
      if (isCurrent(login) && error instanceof CutroomError && error.status === 401) hooks.onLost(error.problem)
      throw error
    }
  }

  function refresh(login: Login): Promise<void> {
    login.refreshing ??= renew(login).finally(() => {
      login.refreshing = undefined
    })
    return login.refreshing
  }

  return refresh
}
