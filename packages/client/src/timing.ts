/** Milliseconds before attempt `tries` (0, 1, …): exponential between `min` and `max`, half of it random so that crowds spread. */
export const backoff = (tries: number, min = 500, max = 10_000): number =>
  Math.min(min * 2 ** Math.min(tries, 20), max) * (0.5 + Math.random() / 2)

/** The longest time that timers take, ms; a longer one would be over at once. */
const LONGEST_MS = 2 ** 31 - 1

/** `setTimeout` for any time. */
export const timeout = (run: () => void, ms: number): ReturnType<typeof setTimeout> => setTimeout(run, Math.min(ms, LONGEST_MS))

/** An error with the name of a DOMException, which not every engine has. */
function named(name: 'AbortError' | 'TimeoutError', message: string): Error {
  const error = new Error(message)
  error.name = name
  return error
}

// Some engines do not store the reason of a signal.
const reasons = new WeakMap<AbortSignal, unknown>()

/** Aborts with a reason that `reasonOf` finds again in every engine. */
export function abortWith(controller: AbortController, reason: unknown): void {
  reasons.set(controller.signal, reason)
  controller.abort(reason)
}

/** Why a signal was aborted. */
export const reasonOf = (signal: AbortSignal): unknown =>
  reasons.get(signal) ?? signal.reason ?? named('AbortError', 'This was aborted')

/** Resolves after `ms`; rejects with the reason of the signal that aborts first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(reasonOf(signal))
    const stop = () => {
      clearTimeout(timer)
      if (signal) reject(reasonOf(signal))
    }
    const timer = timeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
  })
}

export interface Deadline {
  signal: AbortSignal
  /** Removes the timer and the listeners. */
  done(): void
}

/**
 * Aborts with the first of `signals`, or after `ms` (undefined: never). By hand, because in some Node versions the
 * result of AbortSignal.any over a timeout is collected before it fires, and other engines have neither.
 */
export function deadline(ms: number | undefined, ...signals: (AbortSignal | undefined)[]): Deadline {
  const controller = new AbortController()
  const releases: (() => void)[] = []
  const done = () => {
    for (const release of releases.splice(0)) release()
  }
  const abort = (reason: unknown) => {
    done()
    abortWith(controller, reason)
  }
  if (ms !== undefined) {
    const timer = timeout(() => abort(named('TimeoutError', `Not done within ${ms} ms`)), ms)
    releases.push(() => clearTimeout(timer))
  }
  for (const signal of signals) {
    if (!signal) continue
    if (signal.aborted) {
      abort(reasonOf(signal))
      break
    }
    const stop = () => abort(reasonOf(signal))
    signal.addEventListener('abort', stop, { once: true })
    releases.push(() => signal.removeEventListener('abort', stop))
  }
  return { signal: controller.signal, done }
}
