import type { Meta, Problem } from '@cutroom/contract'
import type { AckOf, Refused } from './frames.ts'
import { CutroomError, problemOf } from './problem.ts'
import { backoff, timeout } from './timing.ts'

/** A place in one history of a room's log: all up to `seq` has been applied. */
export interface Position {
  epoch: string
  seq: number
}
export type Joined = Extract<AckOf<'join:user'>, { ok: true }>

export interface ResumeHooks<E extends { meta: Meta }, J extends Joined> {
  /** Says when it is this room's turn to ask; without it the turn is at once. */
  queue?(go: () => void): void
  /** What was queued or asked has come to its end, one way or the other. */
  done?(): void
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
  /** Not allowed here (any more), or beyond the number of rooms that a socket may be in. */
  refused(problem: Problem): void
  /** The server failed several times in a row. It is asked again, less and less often. */
  failing?(problem: Problem): void
}

type Phase = 'away' | 'joining' | 'loading' | 'waiting' | 'live' | 'ended'

/** Wrong `resumed` answers in a row before we stop trusting our position. */
const MISSES = 4
/** Failures of the server in a row before it counts as failing, and the longest pause then, ms. */
const FAILURES = 3
const FAILING_MS = 300_000
/** Events that are kept while a start is fetched; beyond them a join brings them again. */
const BUFFER = 2_000

/**
 * Keeps the position in one room's log and brings it to the head again after whatever happened. Knows no sockets and no
 * state. One join at a time; the answers to joins of an older `turn` (timed out, or of a lost connection) are void.
 */
export function createResume<E extends { meta: Meta }, J extends Joined>(
  hooks: ResumeHooks<E, J>,
  from: Position | null,
  ackTimeoutMs: number,
) {
  let phase: Phase = 'away'
  let position = from
  let connected = false
  let turn = 0
  let tries = 0
  let misses = 0
  let failures = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let buffer: E[] = []
  let overflown = false
  // the server has been asked, not only queued for
  let asked = false
  let loading = new AbortController()
  // asked through a function, because hooks change it behind the compiler's back
  const is = (value: Phase): boolean => phase === value

  function schedule(run: () => void, ms: number): void {
    clearTimeout(timer)
    timer = timeout(run, ms)
  }

  /** Joins again after a while: `retryAfter` seconds, or longer the more often it failed. */
  function later(retryAfter = 0): void {
    hooks.done?.()
    if (!connected) {
      phase = 'away'
      return
    }
    phase = 'waiting'
    const longest = failures < FAILURES ? undefined : FAILING_MS
    schedule(
      () => {
        phase = 'away'
        join()
      },
      Math.max(retryAfter * 1000, backoff(tries++, undefined, longest)),
    )
  }

  function join(): void {
    if (!connected || !(is('away') || is('live'))) return
    phase = 'joining'
    buffer = []
    overflown = false
    asked = false
    clearTimeout(timer)
    const mine = ++turn
    const isMine = () => mine === turn && is('joining')
    function ask(): void {
      if (isMine()) hooks.syncing()
      if (!isMine()) return
      asked = true
      // each replayed event sets it back: a long replay is no reason to give up
      schedule(later, ackTimeoutMs)
      hooks.send(position, (answer) => {
        if (isMine()) answered(answer)
      })
    }
    if (hooks.queue) hooks.queue(ask)
    else ask()
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

  function failed(problem: Problem, isLoad = false): void {
    const { status, retryAfter } = problem
    // a limit that time does not lift: of the rooms of a socket
    const isFull = status === 429 && retryAfter === undefined && !isLoad
    // 401 is for the connection to sort out, 409 means that a later join took over, 410 that the log was cut
    const passing = [401, 409, 410, 429].includes(status) || status >= 500
    if (!passing || isFull) {
      hooks.done?.()
      hooks.refused(problem)
      return
    }
    failures = status === 500 ? failures + 1 : 0
    if (failures >= FAILURES) hooks.failing?.(problem)
    if (is('joining') || is('loading')) later(retryAfter)
  }

  function arrive(): void {
    phase = 'live'
    tries = 0
    misses = 0
    failures = 0
    hooks.done?.()
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
      if (!signal.aborted) failed(error instanceof CutroomError ? error.problem : problemOf('unavailable'), true)
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
    if (start.seq < answer.head || overflown) join()
    for (const event of buffer.splice(0)) receive(event)
    if (is('live')) arrive()
  }

  function keep(event: E): void {
    if (buffer.length >= BUFFER) overflown = true
    if (overflown) buffer = []
    else buffer.push(event)
  }

  /** An event of this room as it came in. */
  function receive(event: E): void {
    if (is('ended')) return
    const { epoch, seq } = event.meta
    const last = position?.epoch === epoch ? position.seq : undefined
    if (last !== undefined && seq <= last) return
    if (last === undefined || seq > last + 1) {
      // until there is a start, what comes may be needed after it; else a join brings it again
      if (is('joining') || is('loading')) keep(event)
      else join()
      return
    }
    position = { epoch, seq }
    if (is('joining') && asked) schedule(later, ackTimeoutMs)
    hooks.apply(event)
  }

  return {
    get position(): Position | null {
      return position
    },
    receive,
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
      hooks.done?.()
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
      hooks.done?.()
      phase = 'ended'
    },
  }
}
