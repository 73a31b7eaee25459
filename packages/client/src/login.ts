import type { Problem } from '@cutroom/contract'
import { CutroomError, problemOf } from './problem.ts'

/** What an app may store to come back later. `expiresAt`: RFC 3339. Without a `refreshToken` the session ends with its access token. */
export interface Tokens {
  accessToken: string
  expiresAt?: string
  refreshToken?: string | undefined
}

/** `bearer`: tokens in memory, for Node and mobile. `cookie`: the browser keeps them, scripts see none. */
export type SessionMode = 'bearer' | 'cookie'

/** One login, or none. Requests keep the login in which they were made, and fail when another has replaced it. */
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

/** What a call fails with whose login is not the current one any more. */
export const loginChanged = (): CutroomError =>
  new CutroomError(problemOf('session-revoked', 'The login has changed since this was asked'))

/** Milliseconds since 1970 by the clock of the server; Infinity when not known. */
export const endOf = ({ tokens }: Login): number =>
  tokens?.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(tokens.expiresAt)
