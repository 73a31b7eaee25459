import type { Problem, ProblemCode } from '@cutroom/contract'
import { endOf, type Login, loginChanged, type Tokens } from './login.ts'
import { createRenewal } from './renewal.ts'
import { createServerClock } from './server-clock.ts'
import type { SessionHooks } from './session-hooks.ts'
import { claimsOf } from './token.ts'
import { createTokenStore } from './token-store.ts'

export type Session = ReturnType<typeof createSession>

/** The current login, its tokens, and the one refresh that all who need it share. */
export function createSession(hooks: SessionHooks) {
  const store = createTokenStore(hooks)
  const clock = createServerClock()
  const cookies = hooks.mode === 'cookie'
  let current: Login = { tokens: cookies ? null : store.initial, userId: undefined, out: false }
  let renewedAt = 0
  const beginning = current
  let loading: Promise<void> | undefined = store.loading?.then((tokens) => {
    beginning.tokens = tokens
    loading = undefined
  })
  const isCurrent = (login: Login) => login === current
  const refresh = createRenewal({ hooks, store, clock, cookies, loading: () => loading, isCurrent, use })

  function use(login: Login, tokens: Tokens): void {
    login.tokens = tokens
    login.userId ??= claimsOf(tokens.accessToken).sub
    login.pause = undefined
    if (login !== current) return
    renewedAt = Date.now()
    hooks.onRenewed()
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
    endsAt: (): number => endOf(current),
    now: clock.now,
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
      clock.read(tokens)
      return replace({ tokens, userId, out: false })
    },
    /** Ends the current login here. @param out by order of the app: until the next login nothing is sent with a cookie */
    end(out: boolean): Login {
      const before = replace({ tokens: null, userId: out ? undefined : current.userId, out })
      if (!cookies) void store.clear(before.tokens)
      return before
    },
    /** Would a refresh help against this? A browser drops the cookie of an expired token, so there it is missing. */
    isRenewable: (code: ProblemCode): boolean => code === 'token-expired' || (cookies && code === 'token-missing'),
    canRefresh: (): boolean => !current.out && (cookies || current.tokens?.refreshToken !== undefined),
    refresh: (login = current): Promise<void> => refresh(login),
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
