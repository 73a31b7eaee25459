import { backoff } from './timing.ts'

/** Wrong `resumed` answers in a row before we stop trusting our position. */
const MAX_MISSES = 4
/** Failures of the server in a row before it counts as failing, and the longest pause then, ms. */
const FAILURES = 3
const FAILING_MS = 300_000

/** What went wrong since a room was last live, and how long to wait after it. */
export function createJoinFailures() {
  let tries = 0
  let misses = 0
  let failures = 0
  const isFailing = () => failures >= FAILURES
  return {
    isFailing,
    /** The server refused a join, or a snapshot. @param isFault the next attempt may well find the same */
    refused(isFault: boolean): void {
      failures = isFault ? failures + 1 : 0
    },
    /** Not all of a replay came. @returns whether that has happened too often */
    missed: (): boolean => ++misses > MAX_MISSES,
    /** How long to wait before the next join, ms: `retryAfter` seconds, or longer the more often it failed. */
    pause: (retryAfter: number): number =>
      Math.max(retryAfter * 1000, backoff(tries++, undefined, isFailing() ? FAILING_MS : undefined)),
    clear(): void {
      tries = 0
      misses = 0
      failures = 0
    },
  }
}
