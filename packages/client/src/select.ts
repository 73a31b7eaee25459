/** A value that changes, as React's useSyncExternalStore, Preact, Vue and Svelte take it. */
export interface Selected<T> {
  readonly value: T
  /** Calls `listener` after each change of the value, in a microtask. @returns ends it */
  subscribe(listener: () => void): () => void
}

/** Picks values out of `source`; `changed` says that they may be others now. */
export function createSelections<S>(source: () => S, onError: (error: unknown) => void) {
  const listeners = new Set<() => void>()
  let version = 0
  let isScheduled = false

  function notify(): void {
    isScheduled = false
    for (const listener of [...listeners]) {
      try {
        listener()
      } catch (error) {
        onError(error)
      }
    }
  }

  return {
    changed(): void {
      version++
      if (isScheduled || listeners.size === 0) return
      isScheduled = true
      void Promise.resolve().then(notify)
    },
    /** @param same values that count as one; the earlier one stays */
    select<T>(pick: (source: S) => T, same: (a: T, b: T) => boolean = Object.is): Selected<T> {
      let picked: { value: T; version: number } | undefined
      function read(): T {
        if (picked?.version === version) return picked.value
        const value = pick(source())
        picked = { value: picked && same(picked.value, value) ? picked.value : value, version }
        return picked.value
      }
      return {
        get value() {
          return read()
        },
        subscribe(listener) {
          let last = read()
          const check = () => {
            const value = read()
            if (Object.is(value, last)) return
            last = value
            listener()
          }
          listeners.add(check)
          return () => listeners.delete(check)
        },
      }
    },
  }
}
