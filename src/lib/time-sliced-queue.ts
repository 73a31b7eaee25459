/** How long those who catch up may hold the event loop up, ms. */
const SLICE_MS = 5

/** Does one thing after the other, as many in a turn of the event loop as there is time for: a thousand may come at once. */
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
