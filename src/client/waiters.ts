interface Waiter {
  seq: number
  resolve(): void
  reject(error: unknown): void
}

/** Those who wait until a room has come to some position. */
export function createWaiters() {
  const waiting = new Set<Waiter>()
  return {
    wait(seq: number, signal: AbortSignal): Promise<void> {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const settle = () => {
          waiting.delete(waiter)
          signal.removeEventListener('abort', stop)
        }
        const waiter: Waiter = {
          seq,
          resolve() {
            settle()
            resolve()
          },
          reject(error) {
            settle()
            reject(error)
          },
        }
        const stop = () => waiter.reject(signal.reason)
        signal.addEventListener('abort', stop, { once: true })
        waiting.add(waiter)
      })
    },
    reached(seq: number): void {
      for (const waiter of [...waiting]) if (waiter.seq <= seq) waiter.resolve()
    },
    fail(error: unknown): void {
      for (const waiter of [...waiting]) waiter.reject(error)
    },
  }
}
