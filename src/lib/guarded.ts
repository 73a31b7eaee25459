/**
 * A callback for timers and events that cannot end the process: its error, thrown or of a rejected promise, goes to `onError`.
 */
export function guarded<A extends unknown[]>(
  onError: (error: unknown) => void,
  work: (...args: A) => unknown,
): (...args: A) => void {
  return (...args) => {
    try {
      const result = work(...args)
      if (result instanceof Promise) result.catch(onError)
    } catch (error) {
      onError(error)
    }
  }
}

/** The same for an event of many emitters: one callback serves them all, and is given the emitter. */
export function guardedFor<E, A extends unknown[]>(
  onError: (error: unknown) => void,
  work: (emitter: E, ...args: A) => unknown,
): (this: E, ...args: A) => void {
  const safe = guarded(onError, work)
  return function (...args) {
    safe(this, ...args)
  }
}
