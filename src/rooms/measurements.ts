import type { EventName } from '@cutroom/contract'
import { toProblem } from '../errors.ts'
import type { Commit } from './log/commit.ts'

/** How a write ended: in the log, refused by a rule (4xx), given up because the database was away or too contended, failed. */
export type CommitOutcome = 'committed' | 'refused' | 'unavailable' | 'failed'

/** What a write is for: a request, or a consumer or job. */
export type CommitOrigin = 'request' | 'job'

/** What the rooms count and time for the metrics. None of it throws. */
export interface Measurements {
  /** One write ended, all its attempts together. */
  commit(by: CommitOrigin, outcome: CommitOutcome, seconds: number): void
  /** Events of one name that a commit of this node brought into the log. */
  committed(name: EventName, count: number): void
  /** An event was emitted here that the database stamped at this time, ISO 8601. */
  delivered(at: string): void
  /** A join that a client asked for was answered. */
  joined(room: 'project' | 'user', mode: 'live' | 'resumed' | 'reset'): void
  /** Events were sent to one socket that catches up. */
  replayed(count: number): void
}

/** How an event, or a row of `Due`, ended: done; failed, and tried again; given up; taken by retention before it was read. */
export type ConsumerOutcome = 'handled' | 'failed' | 'given-up' | 'lost'

/** What consumers and jobs count for the metrics. None of it throws. */
export interface ConsumerMeasurements {
  /** Events of a consumer, or rows of a job, ended on this node. */
  consumed(name: string, outcome: ConsumerOutcome, count: number): void
}

const outcomeOf = (error: unknown): CommitOutcome => {
  const { status } = toProblem(error)
  if (status < 500) return 'refused'
  return status === 503 ? 'unavailable' : 'failed'
}

/** The same commit, timed from the call to its end: waiting for a connection and repeated attempts count. */
export function measureCommit(commit: Commit, measurements: Measurements, by: CommitOrigin): Commit {
  return async (actor, write) => {
    const start = performance.now()
    let outcome: CommitOutcome = 'committed'
    try {
      return await commit(actor, write)
    } catch (error) {
      outcome = outcomeOf(error)
      throw error
    } finally {
      measurements.commit(by, outcome, (performance.now() - start) / 1000)
    }
  }
}
