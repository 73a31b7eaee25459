import { reasonOf } from './timing.ts'

/** Uploads that are sent at the same time; the rest waits. */
const AT_ONCE = 3

/** Lets so many be sent at a time, in the order in which they asked. */
export function createUploadTurns() {
  let free = AT_ONCE
  const waiting = new Set<() => void>()

  function release(): void {
    const [next] = waiting
    if (next) {
      waiting.delete(next)
      next()
    } else free++
  }

  return {
    /** @returns gives the turn back */
    async take(signal: AbortSignal): Promise<() => void> {
      if (signal.aborted) throw reasonOf(signal)
      if (free > 0) free--
      else
        await new Promise<void>((resolve, reject) => {
          const end = () => {
            waiting.delete(start)
            reject(reasonOf(signal))
          }
          const start = () => {
            signal.removeEventListener('abort', end)
            resolve()
          }
          waiting.add(start)
          signal.addEventListener('abort', end, { once: true })
        })
      return release
    },
  }
}
