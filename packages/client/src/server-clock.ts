import type { Tokens } from './login.ts'
import { claimsOf } from './token.ts'

/** A difference between the clocks that counts, ms: times in tokens are whole seconds, and an answer takes a while. */
const SKEW_MS = 2_000

/** The clock of the server, estimated from the tokens it gives. */
export function createServerClock() {
  // server time minus ours, ms
  let skew = 0
  return {
    now: () => Date.now() + skew,
    /** Reads it from tokens that have just been given. */
    read({ accessToken }: Tokens): void {
      const { iat } = claimsOf(accessToken)
      const difference = iat === undefined ? skew : iat * 1000 - Date.now()
      skew = Math.abs(difference) > SKEW_MS ? difference : 0
    },
  }
}
