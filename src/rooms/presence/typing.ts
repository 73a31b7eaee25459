import { guarded } from '../../lib/guarded.ts'

/** Timeouts of "is typing": it is relayed and never stored, and ends by itself where "stopped" was lost. */
export interface Typing {
  set(key: string, isTyping: boolean, stop: () => void): void
  /** Ends all typing whose key begins so. */
  clear(prefix: string): void
  close(): void
}

export function createTyping(ttlMs: number, onError: (error: unknown) => void): Typing {
  const active = new Map<string, { timer: NodeJS.Timeout; stop: () => void }>()
  const drop = (key: string) => {
    const entry = active.get(key)
    if (entry) clearTimeout(entry.timer)
    active.delete(key)
    return entry
  }
  return {
    set(key, isTyping, stop) {
      drop(key)
      if (!isTyping) return
      const expire = () => {
        active.delete(key)
        stop()
      }
      active.set(key, { timer: setTimeout(guarded(onError, expire), ttlMs), stop })
    },
    clear(prefix) {
      for (const key of [...active.keys()]) if (key.startsWith(prefix)) drop(key)?.stop()
    },
    close() {
      for (const key of [...active.keys()]) drop(key)
    },
  }
}
