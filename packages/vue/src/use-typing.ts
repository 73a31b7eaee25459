import type { Presence, Room } from '@cutroom/client'
import { type ComputedRef, computed, type MaybeRefOrGetter, onScopeDispose, toValue, watch } from 'vue'
import { useSelect } from './use-select.ts'

const none: readonly string[] = []

/**
 * Who types on one target, a cut for example: ids of people. Call `setTyping(true)` with each key, and `setTyping(false)` when the
 * text is sent; it stops by itself after four seconds, and when the component that began it unmounts.
 */
export function useTyping<P extends Presence['state']>(
  room: MaybeRefOrGetter<Room<P> | null | undefined>,
  targetId: MaybeRefOrGetter<string>,
): { typing: ComputedRef<readonly string[]>; setTyping: (isTyping: boolean) => void } {
  const known = useSelect(room, (room: Room<P>) => room.typing.get(toValue(targetId)))
  // where this component has begun
  let begun: { room: Room<P>; id: string } | undefined
  function stop(): void {
    begun?.room.setTyping(begun.id, false)
    begun = undefined
  }
  function setTyping(isTyping: boolean): void {
    const [to, id] = [toValue(room), toValue(targetId)]
    to?.setTyping(id, isTyping)
    begun = to && isTyping ? { room: to, id } : undefined
  }
  watch([() => toValue(room), () => toValue(targetId)], stop, { flush: 'sync' })
  onScopeDispose(stop)
  return { typing: computed(() => known.value ?? none), setTyping }
}
