import { reasonOf, timeout } from './timing.ts'

interface Waiter {
  seq: number
  /** Joins that had been sent when the wait began. */
  joins: number
  resolve(): void
  reject(error: unknown): void
}

/** How long a position is waited for before the server is asked whether there is one, ms. */
const CHECK_MS = 3_000

/**
 * Promises that resolve when a room has reached a position.
 * @param ask joins again, if the room is live: the answer says where its log ends
 */
export function createWaiters(ask: () => void) {
  const waiting = new Set<Waiter>()
  let timer: ReturnType<typeof setTimeout> | undefined

  function pause(): void {
    clearTimeout(timer)
    timer = undefined
  }
  function check(): void {
    timer ??= timeout(() => {
      timer = undefined
      ask()
    }, CHECK_MS)
  }

  return {
    /** The room is not live: the server is not asked until it is. */
    pause,
    wait(seq: number, joins: number, signal: AbortSignal): Promise<void> {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(reasonOf(signal))
        const remove = () => {
          waiting.delete(waiter)
          if (waiting.size === 0) pause()
          signal.removeEventListener('abort', stop)
        }
        const waiter: Waiter = {
          seq,
          joins,
          resolve() {
            remove()
            resolve()
          },
          reject(error) {
            remove()
            reject(error)
          },
        }
        const stop = () => waiter.reject(reasonOf(signal))
        signal.addEventListener('abort', stop, { once: true })
        waiting.add(waiter)
        check()
      })
    },
    reached(seq: number): void {
      for (const waiter of [...waiting]) if (waiter.seq <= seq) waiter.resolve()
    },
    /** The log ended at `seq` when the last of `joins` was answered: before that join there was no position beyond it. */
    ended(seq: number, joins: number): void {
      if (waiting.size > 0) check()
      for (const waiter of [...waiting])
        if (waiter.joins < joins)
          waiter.reject(new RangeError(`${waiter.seq} is not in the log of this room, which ends at ${seq}`))
    },
    fail(error: unknown): void {
      for (const waiter of [...waiting]) waiter.reject(error)
    },
  }
}
