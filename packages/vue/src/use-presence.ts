import type { Presence, Room } from '@cutroom/client'
import { type ComputedRef, computed, type MaybeRefOrGetter, toValue } from 'vue'
import { useSelect } from './use-select.ts'

type People<P extends Presence['state']> = ReadonlyMap<string, Presence & { state: P | null }>

const none = new Map<string, never>()

/**
 * Who is in a room, by user id, with what each shows; and `show`, which says what this person shows to the others: a small object,
 * sent again after each reconnect. It stays until something else is shown, also when the component unmounts.
 */
export function usePresence<P extends Presence['state']>(
  room: MaybeRefOrGetter<Room<P> | null | undefined>,
): { people: ComputedRef<People<P>>; show: (state: P) => void } {
  const known = useSelect(room, (room: Room<P>) => room.presence)
  return { people: computed(() => known.value ?? none), show: (state) => toValue(room)?.setPresence(state) }
}
