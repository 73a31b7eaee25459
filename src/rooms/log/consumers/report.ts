import type { ConsumerMeasurements } from '../../measurements.ts'

/** What failed: an event by its room and seq, a row of `Due` by its key. */
export type FailedWork = { consumer: string } & ({ room: string; seq: number } | { key: string })

/** What the leader tells of. None of it throws. */
export interface ConsumerReport extends ConsumerMeasurements {
  /** Tried again after so many seconds; null: given up. */
  failed(work: FailedWork, attempt: number, error: unknown, delay: number | null): void
  /** Retention took events that a consumer had not read. */
  lost(consumer: string, room: string, count: number): void
  /** This node leads from now on, or no more. */
  leads(isLeader: boolean): void
  /** The database, mostly: the next look tries again. */
  error(error: unknown): void
}
