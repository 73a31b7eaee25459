import type { LogEntry } from '../entries.ts'
import type { Consumer, FinalWrite } from './consumer.ts'
import type { ConsumerReader } from './reader.ts'
import type { ConsumerReport } from './report.ts'
import { runLimited } from './run-limited.ts'
import { errorText, isSuperseded, type Settlement } from './settlement.ts'
import type { FailedAttempt, Place } from './statements.ts'
import type { ConsumerTimings } from './timings.ts'
import { createTurn, type Position, type Turn } from './turn.ts'

export interface HandlingContext {
  /** Ends with the term of the leader. */
  signal: AbortSignal
  reader: Pick<ConsumerReader, 'readRetry'>
  settlement: Settlement
  report: ConsumerReport
  timings: ConsumerTimings
}

/** Handles events of one consumer, each with its end in the database. */
export interface Handling {
  /** The next events of a room. */
  handle: Turn
  /** An event that the cursor has passed, once more. */
  retry(place: Place): Promise<void>
  /** Passes what retention has taken. */
  overtaken(place: Place, position: Position): Promise<void>
}

export function createHandling(consumer: Consumer, context: HandlingContext): Handling {
  const { signal: outer, reader, settlement, report, timings } = context
  const { name, retries = 'hold', timeoutMs: limitMs = timings.handlerMs } = consumer
  const limits = { outer, limitMs, closeMs: timings.closeMs }

  const run = (event: LogEntry, attempt: number): Promise<FinalWrite | undefined> =>
    runLimited((signal) => consumer.handle({ event, attempt, signal }), limits)
  const runAll =
    consumer.handleAll &&
    ((events: readonly LogEntry[]) => runLimited((signal) => consumer.handleAll?.(events, signal) ?? Promise.resolve(), limits))

  function failureOf(attempt: number, error: unknown): FailedAttempt & { isLast: boolean } {
    const delayMs = timings.retriesMs[attempt - 1]
    return { attempt, error: errorText(error), delay: (delayMs ?? 0) / 1000, isLast: delayMs === undefined }
  }
  function tell(place: Place, { attempt, delay, isLast }: ReturnType<typeof failureOf>, error: unknown): void {
    report.consumed(name, isLast ? 'given-up' : 'failed', 1)
    report.failed(place, attempt, error, isLast ? null : delay)
  }
  function tellLost({ room }: Place, count: number): void {
    report.consumed(name, 'lost', count)
    report.lost(name, room, count)
  }

  /** @param end saves the dead letter, with a write if there is one */
  async function giveUp(event: LogEntry, end: (write: FinalWrite | undefined) => Promise<void>): Promise<void> {
    const write = consumer.giveUp?.(event)
    try {
      await end(write)
    } catch (error) {
      if (!write || isSuperseded(error) || outer.aborted) throw error
      report.error(error)
      await end(undefined)
    }
  }

  /** @returns whether the room goes on */
  async function fail(event: LogEntry, place: Place, position: Position, attempt: number, error: unknown): Promise<boolean> {
    const failure = failureOf(attempt, error)
    const waits = !failure.isLast && retries === 'hold'
    if (failure.isLast) await giveUp(event, (write) => settlement.giveUp(place, position.saved, failure, write))
    else await (waits ? settlement.hold : settlement.setAside)(place, position.saved, failure)
    position.saved = position.done = waits ? place.seq - 1 : place.seq
    tell(place, failure, error)
    return !waits
  }

  return {
    handle: createTurn({ name, outer, shareMs: timings.shareMs, settlement, report, run, runAll, fail }),
    async retry(place) {
      const found = await reader.readRetry(place)
      if (!found) return
      const { attempt: was, event } = found
      if (!event) {
        await settlement.overtakenBeside(place, was)
        return tellLost(place, 1)
      }
      try {
        await settlement.doneBeside(place, was, await run(event, was + 1))
      } catch (error) {
        if (isSuperseded(error)) throw error
        if (outer.aborted) return
        const failure = failureOf(was + 1, error)
        if (failure.isLast) await giveUp(event, (write) => settlement.givenUpBeside(place, was, failure, write))
        else await settlement.failedBeside(place, was, failure)
        return tell(place, failure, error)
      }
      report.consumed(name, 'handled', 1)
    },
    async overtaken(place, position) {
      const lost = place.seq - position.done
      await settlement.overtaken(place, position.saved, lost)
      position.saved = position.done = place.seq
      tellLost(place, lost)
    },
  }
}
