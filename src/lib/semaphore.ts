/** Runs at most `width` pieces of work at a time; the others wait, first come first served. */
export interface Semaphore {
  /**
   * @param patience the longest wait, ms, and the error after it; without it the wait has no end
   */
  run<T>(work: () => Promise<T>, patience?: { ms: number; error: () => Error }): Promise<T>
  /** Nothing runs or waits. */
  isEmpty(): boolean
}

export function createSemaphore(width: number): Semaphore {
  let running = 0
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
      if (running < width) running++
      else await wait(patience)
      try {
        return await work()
      } finally {
        // The place is handed over, so that no later work takes it in between.
        const [next] = waiting
        if (next) {
          waiting.delete(next)
          next()
        } else running--
      }
    },
    isEmpty: () => running === 0,
  }
}
