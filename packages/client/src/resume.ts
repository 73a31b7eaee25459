import type { Problem } from '@cutroom/contract'
import { createEventBuffer } from './event-buffer.ts'
import type { Refused } from './frames.ts'
import { createJoinFailures } from './join-failures.ts'
import { CutroomError, problemOf } from './problem.ts'
import type { Event, Joined, Position, ResumeHooks } from './resume-hooks.ts'
import { timeout } from './timing.ts'

type Phase = 'away' | 'joining' | 'loading' | 'waiting' | 'live' | 'ended'

/** How far one room has come, and what it is doing. */
interface Resume<E extends Event, J extends Joined> {
  readonly hooks: ResumeHooks<E, J>
  readonly ackTimeoutMs: number
  readonly buffer: ReturnType<typeof createEventBuffer<E>>
  readonly failures: ReturnType<typeof createJoinFailures>
  phase: Phase
  position: Position | null
  connected: boolean
  /** Number of the newest join: answers to others (timed out, or of a lost connection) are void. */
  attempt: number
  /** The server has been asked, not only queued for. */
  asked: boolean
  timer: ReturnType<typeof setTimeout> | undefined
  loading: AbortController
}

// asked through a function, because hooks change it behind the compiler's back
const is = (resume: { phase: Phase }, phase: Phase): boolean => resume.phase === phase

function schedule(resume: { timer: ReturnType<typeof setTimeout> | undefined }, run: () => void, ms: number): void {
  clearTimeout(resume.timer)
  resume.timer = timeout(run, ms)
}

/** Joins again after a while, not before `retryAfter` seconds. */
function joinLater<E extends Event, J extends Joined>(resume: Resume<E, J>, retryAfter = 0): void {
  resume.hooks.done?.()
  if (!resume.connected) {
    resume.phase = 'away'
    return
  }
  resume.phase = 'waiting'
  const again = () => {
    resume.phase = 'away'
    join(resume)
  }
  schedule(resume, again, resume.failures.pause(retryAfter))
}

/** Joins after the position that has been reached. One join at a time. */
function join<E extends Event, J extends Joined>(resume: Resume<E, J>): void {
  const { hooks } = resume
  if (!resume.connected || !(is(resume, 'away') || is(resume, 'live'))) return
  resume.phase = 'joining'
  resume.buffer.clear()
  resume.asked = false
  clearTimeout(resume.timer)
  const mine = ++resume.attempt
  const isMine = () => mine === resume.attempt && is(resume, 'joining')
  function ask(): void {
    if (isMine()) hooks.syncing()
    if (!isMine()) return
    resume.asked = true
    // each replayed event sets it back: a long replay is no reason to give up
    schedule(resume, () => joinLater(resume), resume.ackTimeoutMs)
    hooks.send(resume.position, (answer) => {
      if (isMine()) answered(resume, answer)
    })
  }
  if (hooks.queue) hooks.queue(ask)
  else ask()
}

function answered<E extends Event, J extends Joined>(resume: Resume<E, J>, answer: J | Refused): void {
  clearTimeout(resume.timer)
  if (!answer.ok) {
    failed(resume, answer.error)
    return
  }
  resume.hooks.joined(answer)
  if (!is(resume, 'joining')) return
  const { position } = resume
  if (answer.mode !== 'resumed' || !position) void load(resume, answer)
  else if (answer.epoch === position.epoch && answer.head <= position.seq) arrive(resume)
  else {
    // not all of the replay reached us
    if (resume.failures.missed()) resume.position = null
    joinLater(resume)
  }
}

function failed<E extends Event, J extends Joined>(resume: Resume<E, J>, problem: Problem, isLoad = false): void {
  const { hooks, failures } = resume
  const { status, retryAfter } = problem
  // 401 is for the connection to sort out, 409 means that a later join took over, 410 that the log was cut
  const isPassing = [401, 408, 409, 410, 429].includes(status) || status >= 500
  // a limit that time does not lift: of the rooms of a socket
  const isFull = status === 429 && retryAfter === undefined
  // what else a proxy answers to a load it may not answer again: only these say that a right is missing
  if (isLoad ? status === 403 || status === 404 : isFull || !isPassing) {
    hooks.done?.()
    hooks.refused(problem)
    return
  }
  failures.refused(status === 500 || !isPassing)
  if (failures.isFailing()) hooks.failing?.(problem)
  if (is(resume, 'joining') || is(resume, 'loading')) joinLater(resume, retryAfter)
}

function arrive<E extends Event, J extends Joined>(resume: Resume<E, J>): void {
  resume.phase = 'live'
  resume.failures.clear()
  resume.hooks.done?.()
  resume.hooks.live()
}

async function load<E extends Event, J extends Joined>(resume: Resume<E, J>, answer: J): Promise<void> {
  resume.phase = 'loading'
  resume.position = null
  resume.loading = new AbortController()
  const { signal } = resume.loading
  try {
    const start = await resume.hooks.load(answer, signal)
    if (!signal.aborted) beginAt(resume, start, answer)
  } catch (error) {
    if (!signal.aborted) failed(resume, error instanceof CutroomError ? error.problem : problemOf('unavailable'), true)
  }
}

/** Goes on from a start that was fetched after a join. */
function beginAt<E extends Event, J extends Joined>(resume: Resume<E, J>, start: Position, answer: J): void {
  resume.phase = 'live'
  if (start.epoch !== answer.epoch) {
    joinLater(resume)
    return
  }
  resume.position = start
  // older than our place in the room: the buffer does not reach back to it
  if (start.seq < answer.head || resume.buffer.isOverflown()) join(resume)
  for (const event of resume.buffer.drain()) receive(resume, event)
  if (is(resume, 'live')) arrive(resume)
}

/** An event of this room as it came in. */
function receive<E extends Event, J extends Joined>(resume: Resume<E, J>, event: E): void {
  if (is(resume, 'ended')) return
  const { epoch, seq } = event.meta
  const last = resume.position?.epoch === epoch ? resume.position.seq : undefined
  if (last !== undefined && seq <= last) return
  if (last === undefined || seq > last + 1) {
    // until there is a start, what comes may be needed after it; else a join brings it again
    if (is(resume, 'joining') || is(resume, 'loading')) resume.buffer.add(event)
    else join(resume)
    return
  }
  resume.position = { epoch, seq }
  if (is(resume, 'joining') && resume.asked) schedule(resume, () => joinLater(resume), resume.ackTimeoutMs)
  resume.hooks.apply(event)
}

/** Gives up what is under way: its answer is void. */
function abandon<E extends Event, J extends Joined>(resume: Resume<E, J>): void {
  resume.attempt++
  clearTimeout(resume.timer)
  resume.loading.abort()
  resume.hooks.done?.()
}

/** Keeps the position in one room's log and brings it to the head again after any interruption. Knows no sockets and no state. */
export function createResume<E extends Event, J extends Joined>(
  hooks: ResumeHooks<E, J>,
  from: Position | null,
  ackTimeoutMs: number,
) {
  const resume: Resume<E, J> = {
    hooks,
    ackTimeoutMs,
    buffer: createEventBuffer<E>(),
    failures: createJoinFailures(),
    phase: 'away',
    position: from,
    connected: false,
    attempt: 0,
    asked: false,
    timer: undefined,
    loading: new AbortController(),
  }
  return {
    get position(): Position | null {
      return resume.position
    },
    receive: (event: E): void => receive(resume, event),
    /** Makes sure that nothing is missing. */
    join: (): void => join(resume),
    connected(): void {
      resume.connected = true
      join(resume)
    },
    disconnected(): void {
      resume.connected = false
      abandon(resume)
      if (!is(resume, 'ended')) resume.phase = 'away'
    },
    /** The server said, without being asked, that the connection is live at `start`. */
    begin(start: Position): void {
      resume.connected = true
      resume.position = start
      arrive(resume)
    },
    /** What was made of the events cannot be trusted: gets a new start. */
    restart(): void {
      resume.position = null
      join(resume)
    },
    /** Not allowed in any more: nothing is kept, and `connected` begins anew. */
    barred(): void {
      resume.connected = false
      abandon(resume)
      resume.phase = 'away'
      resume.position = null
    },
    stop(): void {
      abandon(resume)
      resume.phase = 'ended'
    },
  }
}
