import type { Selected } from '@cutroom/client'
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react'

/** A room, a client, or its `user`. */
export interface Source {
  select<T>(pick: (source: unknown) => T): Selected<T>
}

interface Picked<T> {
  source: unknown
  value: T
}

const constant: Selected<null> = { value: null, subscribe: () => () => {} }

/**
 * A value of a room, of the client or of `client.user`, drawn again when it changes: `useSelect(room, (room) =>
 * room.state?.tasksIn('todo'))`. `pick` may be written in place, and use props; it must not change anything.
 *
 * @param same values that count as one: the earlier one stays, and nothing is drawn. Default `Object.is`
 * @returns undefined while there is no source
 */
export function useSelect<S extends Source, T>(source: S, pick: (source: S) => T, same?: (a: T, b: T) => boolean): T
export function useSelect<S extends Source, T>(
  source: S | null | undefined,
  pick: (source: S) => T,
  same?: (a: T, b: T) => boolean,
): T | undefined
export function useSelect<S extends Source, T>(
  source: S | null | undefined,
  pick: (source: S) => T,
  same: (a: T, b: T) => boolean = Object.is,
): T | undefined {
  // another value with each change of the source: one subscription, whatever is picked
  const changes: Selected<unknown> = useMemo(() => source?.select(() => ({})) ?? constant, [source])
  const drawn = useRef<Picked<T> | null>(null)
  const read = useMemo(() => {
    let last: (Picked<T> & { at: unknown }) | undefined
    return (): T | undefined => {
      if (!source) return undefined
      const at = changes.value
      if (last && last.at === at) return last.value
      const before = last ?? (drawn.current?.source === source ? drawn.current : undefined)
      const value = pick(source)
      last = { source, at, value: before && same(before.value, value) ? before.value : value }
      return last.value
    }
  }, [source, changes, pick, same])
  const value = useSyncExternalStore(changes.subscribe, read, read)
  useEffect(() => {
    drawn.current = source ? { source, value: value as T } : null
  }, [source, value])
  return value
}
