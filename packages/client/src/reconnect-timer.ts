import { askedToWait } from './call.ts'
import { backoff, timeout } from './timing.ts'

/** When to connect again. */
export function createReconnectTimer(connect: () => void) {
  let tries = 0
  // `asked`: by the server, so that nothing makes it shorter
  let timer: { id: ReturnType<typeof setTimeout>; asked: boolean } | undefined

  function clear(): void {
    clearTimeout(timer?.id)
    timer = undefined
  }

  function wait(ms: number, asked = false): void {
    clear()
    timer = { id: timeout(connect, ms), asked }
  }

  return {
    clear,
    wait,
    /** Longer from one time to the next. */
    waitLonger: () => wait(backoff(tries++, 1_000)),
    /** After a failure; not before the time that the server named. */
    waitAfter(error: unknown): void {
      const asked = askedToWait(error)
      wait(Math.max(asked, backoff(tries++)), asked > 0)
    },
    isAsked: (): boolean => timer?.asked === true,
    /** It worked: the next failure is the first again. */
    succeeded(): void {
      tries = 0
    },
  }
}
