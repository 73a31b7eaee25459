import type { Meta, Problem } from '../contract/index.ts'
import { CutroomError, problemOf } from './problem.ts'
import { backoff } from './wait.ts'
import type { AckOf, Refused } from './wire.ts'

/** A place in one history of a room's log: all up to `seq` has been applied. */
export interface Position {
  epoch: string
  seq: number
}
export type Joined = Extract<AckOf<'join:user'>, { ok: true }>

export interface FollowHooks<E extends { meta: Meta }, J extends Joined> {
  /** Asks the server to join after `position`, or live without one. `ack` must be called in the tick the answer comes in. */
  send(position: Position | null, ack: (answer: J | Refused) => void): void
  /** The next event. */
  apply(event: E): void
  /** The server let us in. */
  joined(answer: J): void
  /** There is nothing to resume from: gets a new start, and says where it stands. Aborted when the connection is lost. */
  load(answer: J, signal: AbortSignal): Promise<Position>
  syncing(): void
  live(): void
  /** Not allowed here (any more). */
  refused(problem: Problem): void
}

type Phase = 'away' | 'joining' | 'loading' | 'waiting' | 'live' | 'ended'

/** Wrong `resumed` answers in a row before we stop trusting our position. */
const MISSES = 4

/**
 * Keeps the position in one room's log and brings it to the head again after whatever happened. Knows no sockets and no
 * state. One join at a time; the answers to joins of an older `turn` (timed out, or of a lost connection) are void.
 */
export function createFollow<E extends { meta: Meta }, J extends Joined>(
  hooks: FollowHooks<E, J>,
  from: Position | null,
  ackTimeoutMs: number,
) {
  let phase: Phase = 'away'
  let position = from
  let connected = false
  let turn = 0
  let tries = 0
  let misses = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let buffer: E[] = []
  let loading = new AbortController()
  // asked through a function, because hooks change it behind the compiler's back
  const is = (value: Phase): boolean => phase === value

  function schedule(run: () => void, ms: number): void {
    clearTimeout(timer)
    timer = setTimeout(run, ms)
  }

  /** Joins again after a while: `retryAfter` seconds, or longer the more often it failed. */
  function later(retryAfter = 0): void {
    if (!connected) {
      phase = 'away'
      return
    }
    phase = 'waiting'
    schedule(
      () => {
        phase = 'away'
        join()
      },
      Math.max(retryAfter * 1000, backoff(tries++)),
    )
  }

  function join(): void {
    if (!connected || !(is('away') || is('live'))) return
    phase = 'joining'
    buffer = []
    const mine = ++turn
    hooks.syncing()
    if (mine !== turn || !is('joining')) return
    // each replayed event sets it back: a long replay is no reason to give up
    schedule(later, ackTimeoutMs)
    hooks.send(position, (answer) => {
      if (mine === turn && is('joining')) answered(answer)
    })
  }

  function answered(answer: J | Refused): void {
    clearTimeout(timer)
    if (!answer.ok) {
      failed(answer.error)
      return
    }
    hooks.joined(answer)
    if (!is('joining')) return
    if (answer.mode !== 'resumed' || !position) void load(answer)
    else if (answer.epoch === position.epoch && answer.head <= position.seq) arrive()
    else {
      // not all of the replay reached us
      if (++misses > MISSES) position = null
      later()
    }
  }

  function failed(problem: Problem): void {
    // 401 is for the connection to sort out, 409 means that a later join took over
    const passing = [401, 409, 429].includes(problem.status) || problem.status >= 500
    if (passing) later(problem.retryAfter)
    else hooks.refused(problem)
  }

  function arrive(): void {
    phase = 'live'
    tries = 0
    misses = 0
    hooks.live()
  }

  async function load(answer: J): Promise<void> {
    phase = 'loading'
    position = null
    loading = new AbortController()
    const { signal } = loading
    try {
      const start = await hooks.load(answer, signal)
      if (!signal.aborted) settle(start, answer)
    } catch (error) {
      if (!signal.aborted) failed(error instanceof CutroomError ? error.problem : problemOf('unavailable'))
    }
  }

  function settle(start: Position, answer: J): void {
    phase = 'live'
    if (start.epoch !== answer.epoch) {
      later()
      return
    }
    position = start
    // older than our place in the room: the buffer does not reach back to it
    if (start.seq < answer.head) join()
    for (const event of buffer.splice(0)) take(event)
    if (is('live')) arrive()
  }

  /** An event of this room as it came in. */
  function take(event: E): void {
    if (is('ended')) return
    const { epoch, seq } = event.meta
    const last = position?.epoch === epoch ? position.seq : undefined
    if (last !== undefined && seq <= last) return
    if (last === undefined || seq > last + 1) {
      // until there is a start, what comes may be needed after it; else a join brings it again
      if (is('joining') || is('loading')) buffer.push(event)
      else join()
      return
    }
    position = { epoch, seq }
    if (is('joining')) schedule(later, ackTimeoutMs)
    hooks.apply(event)
  }

  return {
    get position(): Position | null {
      return position
    },
    take,
    /** Makes sure that nothing is missing. */
    join,
    connected(): void {
      connected = true
      join()
    },
    disconnected(): void {
      connected = false
      turn++
      clearTimeout(timer)
      loading.abort()
      if (!is('ended')) phase = 'away'
    },
    /** Stands at `start` and is live there, because the server said so without being asked. */
    begin(start: Position): void {
      connected = true
      position = start
      arrive()
    },
    /** What was made of the events cannot be trusted: gets a new start. */
    restart(): void {
      position = null
      join()
    },
    stop(): void {
      turn++
      clearTimeout(timer)
      loading.abort()
      phase = 'ended'
    },
  }
}
