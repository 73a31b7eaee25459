import { databaseFault } from '../../../errors.ts'
import type { Commit } from '../commit.ts'
import type { FinalWrite } from './consumer.ts'
import {
  countLost,
  dropRetries,
  endRetry,
  type FailedAttempt,
  moveCursor,
  type Place,
  repeatRetry,
  saveDeadLetter,
  saveRetry,
} from './statements.ts'

/** Whether a write failed because another leader, or an operator, was there before. */
export const isSuperseded = (error: unknown): boolean => databaseFault(error) === 'superseded'

/** What an error says, as far as it is kept. Handlers may throw anything, also what has no text. */
export function errorText(error: unknown): string {
  try {
    const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return text.replaceAll('\0', '').slice(0, 500)
  } catch {
    return 'an error without a text'
  }
}

/**
 * Records how events ended, each in one transaction that begins by comparing what the leader knows with what the database has: of two
 * leaders one gets through. `from`: the cursor in the database.
 * @throws what `isSuperseded` is true for, where another one did
 */
export interface Settlement {
  /** The event is done, and all before it, whose writes are these; `tried`: one of them had failed before. */
  done(place: Place, from: number, end: { tried: boolean; writes: readonly FinalWrite[] }): Promise<void>
  /** The room waits for the event, which is tried again. */
  hold(place: Place, from: number, failed: FailedAttempt): Promise<void>
  /** The event is tried again beside the others. */
  setAside(place: Place, from: number, failed: FailedAttempt): Promise<void>
  /** The event is given up. */
  giveUp(place: Place, from: number, failed: FailedAttempt, write: FinalWrite | undefined): Promise<void>
  /** Retention has taken all up to the event, and so many of them were never read. */
  overtaken(place: Place, from: number, lost: number): Promise<void>
  /** The same of an event that the cursor has passed; `attempt`: the last one. */
  doneBeside(place: Place, attempt: number, write: FinalWrite | undefined): Promise<void>
  failedBeside(place: Place, attempt: number, failed: FailedAttempt): Promise<void>
  givenUpBeside(place: Place, attempt: number, failed: FailedAttempt, write: FinalWrite | undefined): Promise<void>
  overtakenBeside(place: Place, attempt: number): Promise<void>
}

/** @param fingerprint of the history that the leader has read */
export function createSettlement(commit: Commit, fingerprint: string): Settlement {
  const move = (place: Place, from: number) => moveCursor(place, from, fingerprint)
  return {
    done: (place, from, { tried, writes }) =>
      commit(null, async (all) => {
        all.assert(move(place, from))
        if (tried) all.assert(dropRetries(place, from))
        for (const write of writes) await write(all)
      }),
    hold: (place, from, failed) =>
      commit(null, async ({ assert }) => {
        assert(move({ ...place, seq: place.seq - 1 }, from))
        assert(saveRetry(place, failed))
      }),
    setAside: (place, from, failed) =>
      commit(null, async ({ assert }) => {
        assert(move(place, from))
        assert(saveRetry(place, failed))
      }),
    giveUp: (place, from, failed, write) =>
      commit(null, async (all) => {
        all.assert(move(place, from))
        all.assert(dropRetries(place, from))
        all.assert(saveDeadLetter(place, failed))
        await write?.(all)
      }),
    overtaken: (place, from, lost) =>
      commit(null, async ({ assert }) => {
        assert(move(place, from))
        assert(dropRetries(place, from))
        assert(countLost(place.consumer, lost))
      }),
    doneBeside: (place, attempt, write) =>
      commit(null, async (all) => {
        all.assert(endRetry(place, attempt))
        await write?.(all)
      }),
    failedBeside: (place, attempt, failed) => commit(null, async ({ assert }) => assert(repeatRetry(place, attempt, failed))),
    givenUpBeside: (place, attempt, failed, write) =>
      commit(null, async (all) => {
        all.assert(endRetry(place, attempt))
        all.assert(saveDeadLetter(place, failed))
        await write?.(all)
      }),
    overtakenBeside: (place, attempt) =>
      commit(null, async ({ assert }) => {
        assert(endRetry(place, attempt))
        assert(countLost(place.consumer, 1))
      }),
  }
}
