export interface Emitter<M extends { [K in keyof M]: unknown[] }> {
  /** Calls `listener` from now on. @returns removes it */
  on<K extends keyof M>(name: K, listener: (...args: M[K]) => unknown): () => void
  emit<K extends keyof M>(name: K, ...args: M[K]): void
  clear(): void
}

/** Listeners by name. One that throws or rejects is reported and disturbs neither the others nor the caller. */
export function createEmitter<M extends { [K in keyof M]: unknown[] }>(onError: (error: unknown) => void): Emitter<M> {
  let listeners: { [K in keyof M]?: Set<(...args: M[K]) => unknown> } = {}
  return {
    on(name, listener) {
      // wrapped, so that a function added twice is called twice and each can be removed
      const entry: typeof listener = (...args) => listener(...args)
      const set = listeners[name] ?? new Set()
      listeners[name] = set
      set.add(entry)
      return () => set.delete(entry)
    },
    emit(name, ...args) {
      for (const listener of [...(listeners[name] ?? [])]) {
        try {
          const result = listener(...args)
          if (result instanceof Promise) result.catch(onError)
        } catch (error) {
          onError(error)
        }
      }
    },
    clear() {
      listeners = {}
    },
  }
}
