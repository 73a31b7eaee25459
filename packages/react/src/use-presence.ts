import type { Presence, Room } from '@cutroom/client'
import { useCallback } from 'react'
import { useSelect } from './use-select.ts'

const none = new Map<string, never>()

/**
 * Who is in a room, by user id, with what each shows; and `show`, which says what this person shows to the others: a small object,
 * sent again after each reconnect. It stays until something else is shown, also when the component unmounts.
 */
export function usePresence<P extends Presence['state']>(
  room: Room<P> | null | undefined,
): { people: ReadonlyMap<string, Presence & { state: P | null }>; show: (state: P) => void } {
  const people: ReadonlyMap<string, Presence & { state: P | null }> = useSelect(room, (room) => room.presence) ?? none
  const show = useCallback((state: P) => room?.setPresence(state), [room])
  return { people, show }
}
