import type { Passing } from './frames.ts'

/** One's own typing stops by itself this long after the last key, ms. */
const STOP_MS = 4_000
/** While it goes on, the others are told this often, ms. */
const REPEAT_MS = 3_000
/** The typing of others is shown this long after the last word of it, ms. */
const SHOWN_MS = 6_000

export interface RoomTypingDeps {
  send(targetId: string, isTyping: boolean): void
  onChange(): void
}

interface Own {
  sentAt: number
  timer: ReturnType<typeof setTimeout>
}

/** Who types where, in one room. */
export function createRoomTyping({ send, onChange }: RoomTypingDeps) {
  const others = new Map<string, { targetId: string; userId: string; timer: ReturnType<typeof setTimeout> }>()
  const own = new Map<string, Own>()
  let shown: ReadonlyMap<string, readonly string[]> = new Map()

  function show(): void {
    const next = new Map<string, string[]>()
    for (const { targetId, userId } of others.values()) next.set(targetId, [...(next.get(targetId) ?? []), userId])
    shown = next
    onChange()
  }
  function remove(key: string): void {
    clearTimeout(others.get(key)?.timer)
    if (others.delete(key)) show()
  }
  function stop(targetId: string): void {
    clearTimeout(own.get(targetId)?.timer)
    if (own.delete(targetId)) send(targetId, false)
  }

  return {
    /** Ids of people by what they type on. */
    shown: () => shown,
    received({ targetId, userId, isTyping }: Omit<Passing<'typing'>, 'projectId'>): void {
      const key = `${targetId} ${userId}`
      if (!isTyping) {
        remove(key)
        return
      }
      const known = others.get(key)
      clearTimeout(known?.timer)
      others.set(key, { targetId, userId, timer: setTimeout(() => remove(key), SHOWN_MS) })
      if (!known) show()
    },
    /** This person types here, or has stopped. Call it with each key: what need not be sent is not. */
    set(targetId: string, isTyping: boolean): void {
      if (!isTyping) {
        stop(targetId)
        return
      }
      const known = own.get(targetId)
      clearTimeout(known?.timer)
      const isDue = !known || Date.now() - known.sentAt >= REPEAT_MS
      if (isDue) send(targetId, true)
      const sentAt = isDue ? Date.now() : known.sentAt
      own.set(targetId, { sentAt, timer: setTimeout(() => stop(targetId), STOP_MS) })
    },
    /** These people are not here any more. */
    left(userIds: readonly string[]): void {
      for (const [key, { userId }] of others) if (userIds.includes(userId)) remove(key)
    },
    /** The room was left, or the connection lost. */
    clear(): void {
      for (const { timer } of [...others.values(), ...own.values()]) clearTimeout(timer)
      own.clear()
      if (others.size === 0) return
      others.clear()
      show()
    },
  }
}
