import { askedToWait } from './call.ts'
import type { PartContext } from './part.ts'
import { CutroomError } from './problem.ts'

/** How long reads of the person's lists are tried again while the network or the server is away, ms. */
export const LIST_RETRY_MS = 60_000

/** Is it the server's last word, which asking again does not change? */
const isFinal = (error: unknown): boolean => error instanceof CutroomError && [400, 403, 404].includes(error.status)

/**
 * Loads what is shown of a list: one load at a time, another one after it where things have changed since it began, and again what has
 * failed.
 * @param load shows what it has loaded, unless `isVoid` says after an answer that it is not wanted any more
 */
export function createListLoading(
  load: (isVoid: () => boolean) => Promise<void>,
  { userId, onError }: Pick<PartContext, 'userId' | 'onError'>,
) {
  // what is there, or what is being loaded, is to be loaded again
  let isOld = false
  let running: Promise<void> | undefined
  // loads that were forgotten are void
  let generation = 0
  // as the server has asked
  let notBefore = 0

  async function run(mine: number): Promise<void> {
    const isVoid = () => mine !== generation
    do {
      isOld = false
      try {
        await load(isVoid)
      } catch (error) {
        if (!isVoid()) failed(error)
        throw error
      }
    } while (isOld && !isVoid())
  }

  /** What is there is loaded again on `retry`. */
  function failed(error: unknown): void {
    if (isFinal(error)) return
    isOld = true
    notBefore = Date.now() + askedToWait(error)
  }

  /** Calls while a load is under way share it, and the one after it. */
  function reload(): Promise<void> {
    isOld = true
    if (running) return running
    const mine: Promise<void> = run(generation).finally(() => {
      if (running === mine) running = undefined
    })
    running = mine
    return mine
  }

  /** Loads in the background. */
  function renew(): void {
    if (userId() === undefined) return
    const mine = generation
    reload().catch((error) => {
      if (mine === generation) onError(error)
    })
  }

  return {
    reload,
    renew,
    failed,
    /** The server may answer by now: what has failed is loaded in the background. */
    retry(): void {
      if (isOld && !running && Date.now() >= notBefore) renew()
    },
    /** Waits for what is being loaded. */
    async ready(): Promise<void> {
      while (running) await running
    },
    /** Another list is shown from now on. */
    forget(): void {
      generation++
      running = undefined
      isOld = false
    },
  }
}
