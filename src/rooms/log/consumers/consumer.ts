import type { EventName } from '@cutroom/contract'
import type { LogEntry } from '../entries.ts'
import type { Write } from '../write.ts'

/** Writes in the transaction that also records the work as done: both are in the database, or neither. May run more than once. */
export type FinalWrite = (write: Write) => Promise<void>

/** One event for a consumer. */
export interface Delivery {
  event: LogEntry
  /** 1, 2, … */
  attempt: number
  /** Ends when this node stops, or leads no more, or the time for one event is over. */
  signal: AbortSignal
}

/**
 * A named durable reader of the log. Every event that it wants, and that was committed after its enrolment, is handled at least once, in
 * the order of `seq` in its room, or ends as a dead letter.
 */
export interface Consumer {
  /** Its name in the database: it stays, whatever the code does. */
  name: string
  /** The events it wants. */
  events: readonly EventName[]
  /**
   * Handles an event, outside of any transaction, and perhaps more than once. What was returned for the events before it may not be
   * written yet: it is when what is returned here is.
   * @returns what to write, if anything; it is written exactly once, behind what was returned for the events before
   * @throws anything: then it is tried again later
   */
  handle(delivery: Delivery): Promise<FinalWrite | undefined>
  /**
   * Handles events of one room behind one another at once, in place of `handle` for each: for work that may be done again, with nothing
   * to write at its end. Where it fails, they are handled one by one.
   */
  handleAll?(events: readonly LogEntry[], signal: AbortSignal): Promise<void>
  /**
   * Of an event whose last attempt has failed, for whatever reason.
   * @returns what to write together with its dead letter; where that fails, the dead letter is written alone
   */
  giveUp?(event: LogEntry): FinalWrite
  /** Rooms that are handled at the same time; default 1. */
  parallel?: number
  /** Whether a failed event holds up the later ones of its room (the default), or is tried again beside them. */
  retries?: 'hold' | 'beside'
  /** Milliseconds for one event, after which it has failed; default a minute. */
  timeoutMs?: number
}

/** One due row for its job. */
export interface DueWork {
  /** Names the row among those of its job; '' is the recurring one. */
  key: string
  payload: unknown
  /** 1, 2, … */
  attempt: number
  /** Ends when this node stops, or leads no more. */
  signal: AbortSignal
}

/** Work at a time, not after an event: the rows of the table `Due` that name it, on one node. */
export interface Job {
  /** As in the column `consumer` of its rows. */
  name: string
  /**
   * Does the work of a row that is due, outside of any transaction, and perhaps more than once.
   * @returns what to write with the removal of the row, if anything; it is written exactly once
   * @throws anything: then it is tried again later
   */
  run(work: DueWork): Promise<FinalWrite | undefined>
  /** Rows that are worked on at the same time; default 1. */
  parallel?: number
  /** Waits after those that all jobs have (`retriesMs`), for work that is given up later than others. */
  laterRetriesMs?: readonly number[]
  /** Of a job that recurs by itself; each time varies by half, so that nothing marches in step. */
  every?: { firstMs: number; everyMs: number }
}
