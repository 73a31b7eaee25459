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
