import type { Problem, ProblemCode } from '@cutroom/contract'
import { askedToWait, isPassing } from './call.ts'
import type { Answer } from './endpoint.ts'
import type { auth } from './generated/contract.ts'
import { CutroomError, problemOf } from './problem.ts'
import { backoff, sleep } from './timing.ts'
import { claimsOf, isOlder, isOtherSession } from './token.ts'
import { createTokenStore, type StoreOptions } from './token-store.ts'

/** What an app may store to come back later. `expiresAt`: RFC 3339. Without a `refreshToken` the session ends with its access token. */
export interface Tokens {
  accessToken: string
  expiresAt?: string
  refreshToken?: string | undefined
}

/** `bearer`: tokens in memory, for Node and mobile. `cookie`: the browser keeps them, scripts see none. */
export type SessionMode = 'bearer' | 'cookie'

/** One login, or the absence of one. What is done in its name holds on to it, and ends when another takes its place. */
export interface Login {
  tokens: Tokens | null
  /** The person, where it is known. */
  userId: string | undefined
  /** No login: in cookie mode the cookie may already be that of another person, so nothing is sent with it. */
  readonly out: boolean
  refreshing?: Promise<void> | undefined
  /** The server asked for a pause until then (ms since 1970), with this. */
  pause?: { until: number; problem: Problem } | undefined
}

export interface SessionHooks extends StoreOptions {
  mode: SessionMode
  /** POST /api/auth/refresh in the name of a login. */
  exchange(login: Login): Promise<Answer<typeof auth.refresh>>
  /** Runs a refresh alone among all that share the cookies or the stored tokens. */
  inOrder<T>(run: () => Promise<T>): Promise<T>
  /** A refresh succeeded. */
  onRenewed(): void
  /** The server does not know this session any more. */
  onLost(problem: Problem): void
  /** The store, or the cookie, is of another session by now: only this client has the tokens of this one. */
  onReplaced(login: Login): void
  /** Another login, or none, took the place of this one. */
  onEnded(login: Login): void
  /** Aborts: no more attempts. */
  closing: AbortSignal
}

export type Session = ReturnType<typeof createSession>

/** Attempts of one refresh while the network fails; its callers go on where it ends. */
const ATTEMPTS = 3
const ATTEMPTS_MS = 5_000
/** A difference between the clocks that counts, ms: times in tokens are whole seconds, and an answer takes a while. */
const SKEW_MS = 2_000

/** What a call fails with whose login is not the current one any more. */
export const loginChanged = (): CutroomError =>
  new CutroomError(problemOf('session-revoked', 'The login has changed since this was asked'))

/** The current login, its tokens, and the one refresh that all who need it share. */
export function createSession(hooks: SessionHooks) {
  const store = createTokenStore(hooks)
  const cookies = hooks.mode === 'cookie'
  let current: Login = { tokens: cookies ? null : store.initial, userId: undefined, out: false }
  let renewedAt = 0
  // server time minus ours, ms
  let skew = 0

  const beginning = current
  let loading: Promise<void> | undefined = store.loading?.then((tokens) => {
    beginning.tokens = tokens
    loading = undefined
  })

  const now = () => Date.now() + skew
  const endsAt = ({ tokens }: Login): number =>
    tokens?.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(tokens.expiresAt)

  /** Reads the clock of the server off tokens that have just been given. */
  function readClock({ accessToken }: Tokens): void {
    const { iat } = claimsOf(accessToken)
    const difference = iat === undefined ? skew : iat * 1000 - Date.now()
    skew = Math.abs(difference) > SKEW_MS ? difference : 0
  }

  /** A login has new tokens, which the app has stored. */
  function use(login: Login, tokens: Tokens): void {
    login.tokens = tokens
    login.userId ??= claimsOf(tokens.accessToken).sub
    login.pause = undefined
    if (login !== current) return
    renewedAt = Date.now()
    hooks.onRenewed()
  }

  /**
   * Takes tokens that another window has stored since.
   * @returns whether there is no need to refresh any more
   * @throws CutroomError session-revoked when they are of another session
   */
  async function adopt(login: Login): Promise<boolean> {
    const stored = cookies || login !== current ? null : await store.ask()
    const { tokens } = login
    if (!tokens || !stored || login !== current) return false
    if (stored.accessToken === tokens.accessToken || isOlder(stored, tokens)) return false
    if (isOtherSession(stored, tokens)) {
      hooks.onReplaced(login)
      throw new CutroomError(problemOf('session-revoked', 'Another login has taken its place in the store'))
    }
    use(login, stored)
    return endsAt(login) > now()
  }

  /** Gets the next pair for a login, also for one that has ended and is about to be closed on the server. */
  async function exchange(login: Login): Promise<void> {
    const wasCurrent = login === current
    const began = Date.now()
    for (let tries = 1; ; tries++) {
      if (await adopt(login)) return
      const used = login.tokens?.refreshToken
      if (!cookies && used === undefined) throw new CutroomError(problemOf(login.tokens ? 'token-expired' : 'token-missing'))
      try {
        const answer = await hooks.exchange(login)
        const next = { ...answer, refreshToken: answer.refreshToken ?? used }
        readClock(next)
        if (login === current && !cookies) await store.put(next)
        // the cookie was of another session of the same person
        if (cookies && login.tokens && isOtherSession(next, login.tokens)) hooks.onReplaced({ ...login })
        return use(login, next)
      } catch (error) {
        const isOver = wasCurrent && login !== current
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

  async function renewInOrder(login: Login): Promise<void> {
    await loading
    const left = login.pause ? login.pause.until - Date.now() : 0
    if (login.pause && left > 0) throw new CutroomError({ ...login.pause.problem, retryAfter: Math.ceil(left / 1000) })
    try {
      await hooks.inOrder(async () => {
        if (login === current) await exchange(login)
      })
    } catch (error) {
      const asked = askedToWait(error)
      if (asked > 0 && error instanceof CutroomError) login.pause = { until: Date.now() + asked, problem: error.problem }
      if (login === current && error instanceof CutroomError && error.status === 401) hooks.onLost(error.problem)
      throw error
    }
  }

  function refresh(login = current): Promise<void> {
    login.refreshing ??= renewInOrder(login).finally(() => {
      login.refreshing = undefined
    })
    return login.refreshing
  }

  function replace(next: Login): Login {
    const before = current
    current = next
    hooks.onEnded(before)
    return before
  }

  return {
    current: (): Login => current,
    /** Resolves when the stored tokens are known; undefined: they are. */
    loading: (): Promise<void> | undefined => loading,
    /** @throws CutroomError session-revoked when another login has taken the place of this one */
    assertCurrent(login: Login): void {
      if (login !== current) throw loginChanged()
    },
    /** The newest access token; in cookie mode known only after a login or refresh in this page. */
    token: (): string | undefined => current.tokens?.accessToken,
    tokens: (): Tokens | null => current.tokens,
    /** Milliseconds since 1970 by the clock of the server; Infinity when not known. */
    endsAt: (): number => endsAt(current),
    /** What the clock of the server shows, as far as its tokens tell. */
    now,
    /** When the last refresh succeeded, milliseconds since 1970. */
    renewedAt: (): number => renewedAt,
    /**
     * Takes a login's place once the app has stored the tokens, unless something else was asked for until then.
     * @returns the login before, or null when this one came too late
     */
    async begin(tokens: Tokens, userId: string, isWanted: () => boolean): Promise<Login | null> {
      if (!cookies) await store.put(tokens)
      if (!isWanted()) {
        if (!cookies) await store.put(current.tokens)
        return null
      }
      readClock(tokens)
      return replace({ tokens, userId, out: false })
    },
    /**
     * Ends the current login here.
     * @param out by order of the app: until the next login nothing is sent with a cookie
     */
    end(out: boolean): Login {
      const before = replace({ tokens: null, userId: out ? undefined : current.userId, out })
      if (!cookies) void store.clear(before.tokens)
      return before
    },
    /** Would a refresh help against this? A browser drops the cookie of an expired token, so there it is missing. */
    isRenewable: (code: ProblemCode): boolean => code === 'token-expired' || (cookies && code === 'token-missing'),
    canRefresh: (): boolean => !current.out && (cookies || current.tokens?.refreshToken !== undefined),
    exchange,
    refresh,
    /** The server refused `used`: is the session over? (`bad-credentials`, for one, says nothing about it.) */
    refused(login: Login, problem: Problem, used: string | undefined): void {
      const over = problem.code === 'session-revoked' || problem.code === 'token-invalid'
      if (over && login === current && login.tokens?.accessToken === used) hooks.onLost(problem)
    },
    /** Refreshes unless that was done since `used` was the token. */
    renew: async (login: Login, used: string | undefined): Promise<void> => {
      if (login.tokens?.accessToken === used) await refresh(login)
    },
  }
}
