import type { Caller } from '../access/sessions.ts'
import { ProblemError, problem } from '../errors.ts'
import { remember } from '../lib/bounded-map.ts'

/** Ended sessions that are remembered, a hundred bytes each. */
const CAPACITY = 10_000
/** How long, ms: one may stand again in a database that was restored. */
const KEPT_MS = 60_000

/** Sessions that the database has called ended: their tokens stay well signed, and must not use up what their person may ask. */
export interface EndedSessions {
  /** @throws problem session-revoked */
  assertNotEnded<C extends Caller>(claims: C): C
  /** Runs what asks the database for the session of these claims, and remembers it where it has ended. */
  noteEnd<T>(claims: Caller | null, work: () => Promise<T>): Promise<T>
}

export function createEndedSessions(): EndedSessions {
  /** Until when, ms since the epoch. */
  const ended = new Map<string, number>()
  // A token that names another person's session says nothing of that session.
  const keyOf = ({ sessionId, userId }: Caller) => `${sessionId} ${userId}`
  return {
    assertNotEnded(claims) {
      if ((ended.get(keyOf(claims)) ?? 0) > Date.now()) throw problem('session-revoked')
      return claims
    },
    async noteEnd(claims, work) {
      try {
        return await work()
      } catch (error) {
        if (claims && error instanceof ProblemError && error.code === 'session-revoked')
          remember(ended, CAPACITY, keyOf(claims), Date.now() + KEPT_MS)
        throw error
      }
    },
  }
}
