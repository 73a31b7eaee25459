import type { Problem } from '@cutroom/contract'
import type { Answer } from './endpoint.ts'
import type { auth } from './generated/contract.ts'
import type { Login, SessionMode } from './login.ts'
import type { StoreOptions } from './token-store.ts'

/** What a session is told, and what it asks of its client. */
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
