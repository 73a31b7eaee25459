import type { Problem } from '@cutroom/contract'
import { createWaiters } from './position-waiters.ts'
import { CutroomError } from './problem.ts'
import type { RoomStatus } from './room.ts'

export interface RoomStatusDeps {
  onChange(status: RoomStatus): void
  onError(error: unknown): void
  /** Joins again, if the room is live: the answer says where its log ends. */
  ask(): void
}

/** The status of a room, and the promises that wait for a position in its log. */
export function createRoomStatus({ onChange, onError, ask }: RoomStatusDeps) {
  const waiters = createWaiters(ask)
  let status: RoomStatus = 'connecting'
  let problem: Problem | undefined
  // something is shown that can become out of date
  let isShown = false
  // the server fails again and again: the room is offline until it is live
  let isFailing = false

  function set(next: RoomStatus, why?: Problem): void {
    problem = why
    if (status === next) return
    status = next
    onChange(next)
  }

  function offline(why: Problem | undefined, words: string): void {
    set('offline', why)
    waiters.fail(why ? new CutroomError(why) : new Error(words))
  }

  return {
    get: () => status,
    problem: () => problem,
    shown(): void {
      isShown = true
    },
    /** What was shown is gone. */
    cleared(): void {
      isShown = false
    },
    syncing(): void {
      if (!isFailing) set('syncing')
    },
    /** @param joins how many joins had been sent when the log ended at `seq` */
    live(seq: number, joins: number): void {
      isShown = true
      isFailing = false
      set('live')
      waiters.reached(seq)
      waiters.ended(seq, joins)
    },
    reached: waiters.reached,
    failing(why: Problem): void {
      isFailing = true
      onError(new CutroomError(why))
      offline(why, why.title)
    },
    /** Neither in the room nor joining. Without a problem, promises reject with `words`. */
    offline,
    pauseChecks: waiters.pause,
    /** The connection was lost, and is being made again. */
    interrupted(): void {
      if (!isFailing) set(isShown ? 'stale' : 'connecting')
    },
    /** Resolves when the room has reached `seq`. @param joins how many joins have been sent */
    async wait(seq: number, joins: number, signal: AbortSignal): Promise<void> {
      await waiters.wait(seq, joins, signal)
    },
    assertOnline(): void {
      if (status === 'offline') throw problem ? new CutroomError(problem) : new Error('The room is offline')
    },
  }
}
