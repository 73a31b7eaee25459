import type { Write } from '../write.ts'
import { makeDue, makeDueOnce } from './statements.ts'

/** Work for a job, as a row of `Due`. */
export interface Scheduled {
  /** Names it among the work of its job: a second one of that name takes its place. */
  key: string
  /** When it is due; default: now. */
  at?: Date
  payload?: unknown
}

/** Schedules work of a job in a write: it is due when, and only when, the write commits. */
export function schedule({ assert }: Pick<Write, 'assert'>, job: string, { key, at = new Date(), payload }: Scheduled): void {
  assert(makeDue(job, { key, at, payload }))
}

/**
 * The same, of work that is scheduled by each of several causes: one that waits keeps its time, one that was given up is taken up again.
 * @param again whether one that runs is run again, for a cause that it may not have seen
 */
export function scheduleOnce(
  { assert }: Pick<Write, 'assert'>,
  job: string,
  { key, at = new Date(), payload }: Scheduled,
  again: boolean,
): void {
  assert(makeDueOnce(job, { key, at, payload, again }))
}
