import type { RoomId } from '@cutroom/contract'
import type { LogEntry } from '../entries.ts'
import type { FinalWrite } from './consumer.ts'
import type { RoomPage } from './reader.ts'
import type { ConsumerReport } from './report.ts'
import { isSuperseded, type Settlement } from './settlement.ts'
import type { Place } from './statements.ts'

/**
 * Events of a room whose writes share a transaction, at most. Of a backlog of 330 events in each of 20 rooms, on two cores that were busy
 * with other work, 410 events a second were answered one by one, and 910 like this, with half of the CPU time for each, also of Postgres.
 */
const MAX_SHARED = 25

/** How far a room is done: in the database, and here. */
export interface Position {
  saved: number
  done: number
}

/** An event that was handled, and is not recorded yet. */
interface HandledEvent {
  event: LogEntry
  attempt: number
  /** It had failed before. */
  tried: boolean
  write: FinalWrite | undefined
}

export interface TurnOptions {
  /** Of the consumer. */
  name: string
  /** Ends with the term of the leader. */
  outer: AbortSignal
  /** How long a write waits for those behind it, ms. */
  shareMs: number
  settlement: Pick<Settlement, 'done'>
  report: Pick<ConsumerReport, 'consumed'>
  run(event: LogEntry, attempt: number): Promise<FinalWrite | undefined>
  /** Handles several at once; absent: the consumer takes them one by one. */
  runAll: ((events: readonly LogEntry[]) => Promise<void>) | undefined
  /** Records that an event has failed. @returns whether the room goes on */
  fail(event: LogEntry, place: Place, position: Position, attempt: number, error: unknown): Promise<boolean>
}

/** Why the turn of a room has ended: all was handled, its time was over, or it does not go on. */
export type TurnEnd = 'all' | 'late' | 'stopped'

/** Handles events of a room in order, as long as its turn lasts; `ends` is on the clock of `performance.now`. */
export type Turn = (
  events: readonly LogEntry[],
  page: Pick<RoomPage, 'room' | 'retry'>,
  position: Position,
  ends: number,
) => Promise<TurnEnd>

async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Turns of rooms. What was handled behind one another is recorded in one transaction, so that a room that is behind catches up. */
export function createTurn({ name, outer, shareMs, settlement, report, run, runAll, fail }: TurnOptions): Turn {
  /** Handles all at once. @returns whether that is done */
  async function handleAll(events: readonly LogEntry[], position: Position): Promise<boolean> {
    const last = events.at(-1)
    if (!runAll || !last || events.length === 1) return false
    try {
      await runAll(events)
    } catch {
      // Which of them it was, and what is to be said of it, comes out one by one.
      return false
    }
    position.done = last.meta.seq
    report.consumed(name, 'handled', events.length)
    return true
  }

  /** In one transaction, or one by one where that fails. @returns whether the room goes on */
  async function record(room: RoomId, group: readonly HandledEvent[], position: Position): Promise<boolean> {
    const last = group.at(-1)
    if (!last) return true
    const { event, attempt } = last
    const place = { consumer: name, room, seq: event.meta.seq }
    const writes = group.flatMap(({ write }) => write ?? [])
    try {
      await settlement.done(place, position.saved, { tried: group.some(({ tried }) => tried), writes })
      position.saved = position.done = place.seq
      report.consumed(name, 'handled', group.length)
      return true
    } catch (error) {
      if (isSuperseded(error)) throw error
      if (outer.aborted) return false
      // What could not be committed has failed.
      if (group.length === 1) return fail(event, place, position, attempt, error)
    }
    for (const each of group) if (!(await record(room, [each], position))) return false
    return true
  }

  return async (events, { room, retry }, position, ends) => {
    // One that had failed has an attempt of its own.
    if (!retry && (await handleAll(events, position))) return 'all'
    let group: HandledEvent[] = []
    const flush = () => {
      const whole = group
      group = []
      return record(room, whole, position)
    }
    for (const event of events) {
      const isLate = performance.now() > ends
      if (isLate || outer.aborted) return (await flush()) && isLate ? 'late' : 'stopped'
      const { seq } = event.meta
      const tried = retry?.seq === seq
      const attempt = tried ? retry.attempt + 1 : 1
      const outcome = run(event, attempt).then(
        (write) => ({ ok: true as const, write }),
        (error: unknown) => ({ ok: false as const, error }),
      )
      try {
        // A handler that takes its time holds up no write of those before it.
        if (group.length > 0 && !(await endsWithin(outcome, shareMs)) && !(await flush())) return 'stopped'
      } finally {
        await outcome
      }
      const found = await outcome
      if (!found.ok) {
        if (!(await flush())) return 'stopped'
        if (isSuperseded(found.error)) throw found.error
        // What was interrupted has not failed.
        if (outer.aborted || !(await fail(event, { consumer: name, room, seq }, position, attempt, found.error))) return 'stopped'
      } else if (group.length > 0 || found.write || tried) group.push({ event, attempt, tried, write: found.write })
      else {
        position.done = seq
        report.consumed(name, 'handled', 1)
      }
      if (group.length === MAX_SHARED && !(await flush())) return 'stopped'
    }
    return (await flush()) ? 'all' : 'stopped'
  }
}
