import type { Selected } from '@cutroom/client'
import { useSelected } from './use-selected.ts'

/** A value of the page itself, which components draw like those of the client. */
export interface Cell<T> extends Selected<T> {
  value: T
}

export function createCell<T>(first: T): Cell<T> {
  const listeners = new Set<() => void>()
  let current = first
  return {
    get value() {
      return current
    },
    set value(next) {
      if (Object.is(next, current)) return
      current = next
      for (const listener of [...listeners]) listener()
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

/** The value of a cell, drawn again when it changes. */
export const useCell = <T>(cell: Cell<T>): T => useSelected(() => cell, [cell])
