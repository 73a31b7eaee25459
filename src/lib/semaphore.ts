/** Lets `width` through at a time; the others wait, first come first served. */
export interface Semaphore {
  /**
   * @param patience how long to wait, ms, and the error for one who waited that long; without it, for as long as it takes
   */
  run<T>(work: () => Promise<T>, patience?: { ms: number; error: () => Error }): Promise<T>
  /** None is inside, none waits. */
  isEmpty(): boolean
}

export function createSemaphore(width: number): Semaphore {
  let inside = 0
  const waiting = new Set<() => void>()

  const wait = (patience: { ms: number; error: () => Error } | undefined) =>
    new Promise<void>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined
      const enter = () => {
        clearTimeout(timer)
        resolve()
      }
      waiting.add(enter)
      if (patience)
        timer = setTimeout(() => {
          waiting.delete(enter)
          reject(patience.error())
        }, patience.ms)
    })

  return {
    async run(work, patience) {
      if (inside < width) inside++
      else await wait(patience)
      try {
        return await work()
      } finally {
        // The place is handed over: no later one slips in between.
        const [next] = waiting
        if (next) {
          waiting.delete(next)
          next()
        } else inside--
      }
    },
    isEmpty: () => inside === 0,
  }
}
