import type { Answer, auth, Problem, ProblemCode } from '../contract/index.ts'
import { aloneAmongTabs } from './page.ts'
import { CutroomError, problemOf } from './problem.ts'

/** What an app may store to come back later. `expiresAt`: RFC 3339. Without a `refreshToken` the session ends with its access token. */
export interface Tokens {
  accessToken: string
  expiresAt?: string
  refreshToken?: string | undefined
}

/** `bearer`: tokens in memory, for Node and mobile. `cookie`: the browser keeps them, scripts see none. */
export type SessionMode = 'bearer' | 'cookie'

export interface SessionHooks {
  mode: SessionMode
  /** POST /api/auth/refresh. */
  exchange(refreshToken: string | undefined): Promise<Answer<typeof auth.refresh>>
  /** The tokens to store now; null: none. Bearer only. */
  onTokens(tokens: Tokens | null): void
  /** A refresh succeeded. */
  onRenewed(): void
  /** The server does not know this session any more. */
  onLost(problem: Problem): void
}

export type Session = ReturnType<typeof createSession>

/** The tokens of one login, and the one refresh that all who need it share. */
export function createSession(initial: Tokens | null, hooks: SessionHooks) {
  let tokens = initial
  let generation = 0
  let running: Promise<void> | undefined
  let renewedAt = 0

  function put(next: Tokens | null): void {
    tokens = next
    if (hooks.mode === 'bearer') hooks.onTokens(next)
  }

  async function exchange(): Promise<void> {
    const mine = generation
    try {
      if (hooks.mode === 'bearer' && tokens?.refreshToken === undefined)
        throw new CutroomError(problemOf(tokens ? 'token-expired' : 'token-missing'))
      // tabs share the cookie: two that spend one refresh token at once would look like a thief
      const next = await (hooks.mode === 'cookie'
        ? aloneAmongTabs('cutroom-refresh', () => hooks.exchange(undefined))
        : hooks.exchange(tokens?.refreshToken))
      if (mine !== generation) return
      put({ ...next, refreshToken: next.refreshToken ?? tokens?.refreshToken })
      renewedAt = Date.now()
      hooks.onRenewed()
    } catch (error) {
      if (mine === generation && error instanceof CutroomError && error.status === 401) hooks.onLost(error.problem)
      throw error
    }
  }

  function refresh(): Promise<void> {
    if (running) return running
    const mine = exchange().finally(() => {
      if (running === mine) running = undefined
    })
    running = mine
    return mine
  }

  return {
    /** The newest access token; in cookie mode known only after a login or refresh in this page. */
    token: (): string | undefined => tokens?.accessToken,
    tokens: (): Tokens | null => tokens,
    /** Milliseconds since 1970; Infinity when not known. */
    endsAt: (): number => (tokens?.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(tokens.expiresAt)),
    /** When the last refresh succeeded, milliseconds since 1970. */
    renewedAt: (): number => renewedAt,
    /** A new login (or null: none) takes the place of the old one; a refresh under way is void. */
    start(next: Tokens | null): void {
      generation++
      running = undefined
      put(next)
    },
    /** Would a refresh help against this? A browser drops the cookie of an expired token, so there it is missing. */
    isRenewable: (code: ProblemCode): boolean =>
      code === 'token-expired' || (hooks.mode === 'cookie' && code === 'token-missing'),
    canRefresh: (): boolean => hooks.mode === 'cookie' || tokens?.refreshToken !== undefined,
    refresh,
    /** The server refused `used`: is the session over? (`bad-credentials`, for one, says nothing about it.) */
    refused(problem: Problem, used: string | undefined): void {
      const over = problem.code === 'session-revoked' || problem.code === 'token-invalid'
      if (over && tokens?.accessToken === used) hooks.onLost(problem)
    },
    /** Refreshes unless somebody did since `used` was the token. */
    renew: async (used: string | undefined): Promise<void> => {
      if (tokens?.accessToken === used) await refresh()
    },
  }
}
