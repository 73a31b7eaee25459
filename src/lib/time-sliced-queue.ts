/** How long a slice may block the event loop, ms. */
const SLICE_MS = 5

/** Runs synchronous work in order, a slice of it in each tick, so that a thousand pieces at once do not block the event loop. */
export function createTimeSlicedQueue(): <T>(work: () => T) => Promise<T> {
  const waiting: (() => void)[] = []
  const run = () => {
    const end = performance.now() + SLICE_MS
    do waiting.shift()?.()
    while (waiting.length > 0 && performance.now() < end)
    if (waiting.length > 0) setImmediate(run)
  }
  return (work) =>
    new Promise((resolve, reject) => {
      const attempt = () => {
        try {
          resolve(work())
        } catch (error) {
          reject(error)
        }
      }
      if (waiting.push(attempt) === 1) setImmediate(run)
    })
}
