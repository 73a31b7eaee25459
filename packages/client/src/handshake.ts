import type { Problem } from '@cutroom/contract'
import type { Login } from './login.ts'
import { CutroomError } from './problem.ts'
import type { Session } from './session.ts'

export interface HandshakeHooks {
  isWanted(): boolean
  /** Connects now. */
  open(): void
  /** Connects later, not before the server asked. */
  waitAfter(error: unknown): void
  /** Gives up. */
  stop(problem: Problem): void
  /** The server does not know this session any more. */
  lost(problem: Problem): void
}

/** A token that ends sooner than this is not worth a handshake. */
const TOO_SHORT_MS = 5_000
/** Handshakes refused as `token-expired` right after a refresh: then no refresh will help. */
const RENEWALS = 2

/** Who a handshake is made as, and what follows when it is refused. */
export function createHandshake(session: Session, cookies: boolean, hooks: HandshakeHooks) {
  let renewals = 0
  let used: { login: Login; token: string | undefined } | undefined

  function renew(problem: Problem): void {
    if (renewals >= RENEWALS) {
      hooks.stop(problem)
      return
    }
    session.renew(session.current(), used?.token).then(
      () => {
        renewals++
        if (hooks.isWanted()) hooks.open()
      },
      (error) => {
        // 401: the session has ended, which its hooks have reported
        if (hooks.isWanted() && !(error instanceof CutroomError && error.status === 401)) hooks.waitAfter(error)
      },
    )
  }

  return {
    /**
     * What to authenticate with; undefined when the connection is not wanted any more. Each handshake, also of stock reconnection,
     * carries the newest token.
     */
    async credentials(isWanted: () => boolean): Promise<{ token?: string; userId?: string } | undefined> {
      await session.loading()
      if (session.canRefresh() && session.endsAt() - session.now() < TOO_SHORT_MS)
        // when the network fails, the old token is refused, which starts the next attempt
        await session.refresh().catch(() => {})
      if (!isWanted()) return undefined
      const login = session.current()
      const token = session.token()
      used = { login, token }
      // by cookie: with the name of the person, since another tab may have logged in as another
      if (cookies) return login.userId === undefined ? {} : { userId: login.userId }
      return token === undefined ? {} : { token }
    },
    /** Was the last one made as the login that is current? */
    isCurrent: (): boolean => used?.login === session.current(),
    refused(problem: Problem): void {
      // of a login that has ended
      if (used && used.login !== session.current()) hooks.open()
      else if (session.isRenewable(problem.code)) renew(problem)
      else if (problem.status === 401) hooks.lost(problem)
      else if (problem.status === 429 || problem.status >= 500) hooks.waitAfter(new CutroomError(problem))
      else hooks.stop(problem)
    },
    succeeded(): void {
      renewals = 0
    },
  }
}
