import type { Selected } from '@cutroom/client'
import { type ComputedRef, computed, type MaybeRefOrGetter, shallowRef, toValue, watch } from 'vue'

/** A room, a client, or its `user`. */
export interface Source {
  select<T>(pick: (source: unknown) => T): Selected<T>
}

/**
 * A value of a room, of the client or of `client.user`, which follows its changes: `useSelect(room, (room) =>
 * room.state?.tasksIn(props.status))`. `pick` may use refs and props, which are followed, too; it must not change anything.
 *
 * @param same values that count as one: the earlier one stays. Default `Object.is`
 * @returns undefined while there is no source
 */
export function useSelect<S extends Source, T>(
  source: S | (() => S),
  pick: (source: S) => T,
  same?: (a: T, b: T) => boolean,
): ComputedRef<T>
export function useSelect<S extends Source, T>(
  source: MaybeRefOrGetter<S | null | undefined>,
  pick: (source: S) => T,
  same?: (a: T, b: T) => boolean,
): ComputedRef<T | undefined>
export function useSelect<S extends Source, T>(
  source: MaybeRefOrGetter<S | null | undefined>,
  pick: (source: S) => T,
  same: (a: T, b: T) => boolean = Object.is,
): ComputedRef<T | undefined> {
  const changes = shallowRef(0)
  watch(
    () => toValue(source),
    (from, _, onCleanup) => {
      // another value with each change of the source: one subscription, whatever is picked
      if (from)
        onCleanup(
          from
            .select(() => ({}))
            .subscribe(() => {
              changes.value++
            }),
        )
      changes.value++
    },
    { immediate: true, flush: 'sync' },
  )
  let last: { from: S; value: T } | undefined
  return computed(() => {
    const from = toValue(source)
    void changes.value
    if (!from) return undefined
    const value = pick(from)
    last = { from, value: last?.from === from && same(last.value, value) ? last.value : value }
    return last.value
  })
}
