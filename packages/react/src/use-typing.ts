import type { Presence, Room } from '@cutroom/client'
import { useEffect, useMemo } from 'react'
import { useSelect } from './use-select.ts'

const none: readonly string[] = []

/**
 * Who types on one target, a cut for example: ids of people. Call `setTyping(true)` with each key, and `setTyping(false)` when the
 * text is sent; it stops by itself after four seconds, and when the component that began it unmounts.
 */
export function useTyping<P extends Presence['state']>(
  room: Room<P> | null | undefined,
  targetId: string,
): { typing: readonly string[]; setTyping: (isTyping: boolean) => void } {
  const typing = useSelect(room, (room) => room.typing.get(targetId)) ?? none
  const { setTyping, stop } = useMemo(() => {
    let hasBegun = false
    function setTyping(isTyping: boolean): void {
      hasBegun = isTyping
      room?.setTyping(targetId, isTyping)
    }
    return { setTyping, stop: () => hasBegun && setTyping(false) }
  }, [room, targetId])
  useEffect(() => () => void stop(), [stop])
  return { typing, setTyping }
}
