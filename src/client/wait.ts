/** Milliseconds before attempt `tries` (0, 1, …): exponential between `min` and `max`, half of it random so that crowds spread. */
export const backoff = (tries: number, min = 500, max = 10_000): number =>
  Math.min(min * 2 ** Math.min(tries, 20), max) * (0.5 + Math.random() / 2)

/** Resolves after `ms`; rejects with the reason of the signal that aborts first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const stop = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

export interface Deadline {
  signal: AbortSignal
  /** Lets go of the timer and the signals. */
  done(): void
}

/**
 * Aborts with the first of `signals`, or after `ms` (undefined: never). By hand, because in some Node versions the
 * result of AbortSignal.any over a timeout is collected before it fires.
 */
export function deadline(ms: number | undefined, ...signals: (AbortSignal | undefined)[]): Deadline {
  const controller = new AbortController()
  const releases: (() => void)[] = []
  const done = () => {
    for (const release of releases.splice(0)) release()
  }
  const abort = (reason: unknown) => {
    done()
    controller.abort(reason)
  }
  if (ms !== undefined) {
    const timer = setTimeout(() => abort(new DOMException(`Not done within ${ms} ms`, 'TimeoutError')), ms)
    releases.push(() => clearTimeout(timer))
  }
  for (const signal of signals) {
    if (!signal) continue
    if (signal.aborted) {
      abort(signal.reason)
      break
    }
    const stop = () => abort(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
    releases.push(() => signal.removeEventListener('abort', stop))
  }
  return { signal: controller.signal, done }
}
