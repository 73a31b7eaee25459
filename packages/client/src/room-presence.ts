import type { Person, Presence } from '@cutroom/contract'
import type { CutroomSocket, Passing } from './frames.ts'
import { type Pacer, ranks } from './pacer.ts'
import { CutroomError } from './problem.ts'

export interface RoomPresenceDeps {
  projectId: string
  socket(): CutroomSocket | undefined
  pacer: Pacer
  onChange(presence: ReadonlyMap<string, Presence>): void
  onError(error: unknown): void
}

/** Presence in a room: who is there, and the state that this client shows. */
export function createRoomPresence({ projectId, socket, pacer, onChange, onError }: RoomPresenceDeps) {
  let people: ReadonlyMap<string, Presence> = new Map()
  let shown: Presence['state'] | undefined
  // this connection is in the room
  let inside = false
  let unqueue: (() => void) | undefined

  /** At most one request is queued; it sends the state that is newest by then. */
  function send(): void {
    if (!inside || shown === undefined || unqueue) return
    unqueue = pacer.add(ranks.presence, () => {
      unqueue = undefined
      socket()?.emit('presence:set', { projectId, state: shown ?? null }, (answer) => {
        if (!answer.ok) onError(new CutroomError(answer.error))
      })
    })
  }

  function change(run: (next: Map<string, Presence>) => void): void {
    const next = new Map(people)
    run(next)
    people = next
    onChange(people)
  }

  return {
    people: () => people,
    isInside: () => inside,
    entered(present: Presence[]): void {
      inside = true
      change((next) => {
        next.clear()
        for (const one of present) next.set(one.user.id, one)
      })
      send()
    },
    left(): void {
      inside = false
      unqueue?.()
      unqueue = undefined
    },
    show(state: Presence['state']): void {
      shown = state
      send()
    },
    changed({ present, left }: Passing<'presence:changed'>): void {
      change((next) => {
        for (const one of present) next.set(one.user.id, one)
        for (const userId of left) next.delete(userId)
      })
    },
    redraw(user: Person): void {
      const here = people.get(user.id)
      if (here) change((next) => next.set(user.id, { ...here, user }))
    },
    clear(): void {
      people = new Map()
    },
  }
}
