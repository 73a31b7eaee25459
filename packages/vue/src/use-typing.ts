import type { Presence, Room } from '@cutroom/client'
import { type ComputedRef, computed, type MaybeRefOrGetter, toValue, watch } from 'vue'
import { useSelect } from './use-select.ts'

const none: readonly string[] = []

/**
 * Who types on one target, a cut for example: ids of people. Call `setTyping(true)` with each key, and `setTyping(false)` when the
 * text is sent; it stops by itself after four seconds, and when the component unmounts.
 */
export function useTyping<P extends Presence['state']>(
  room: MaybeRefOrGetter<Room<P> | null | undefined>,
  targetId: MaybeRefOrGetter<string>,
): { typing: ComputedRef<readonly string[]>; setTyping: (isTyping: boolean) => void } {
  const known = useSelect(room, (room: Room<P>) => room.typing.get(toValue(targetId)))
  watch(
    [() => toValue(room), () => toValue(targetId)] as const,
    ([room, targetId], _, onCleanup) => onCleanup(() => room?.setTyping(targetId, false)),
    { immediate: true },
  )
  return {
    typing: computed(() => known.value ?? none),
    setTyping: (isTyping) => toValue(room)?.setTyping(toValue(targetId), isTyping),
  }
}
