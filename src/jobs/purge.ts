import type { Database } from '../db/client.ts'
import { type ProjectTable, purgeRows, STEP, statements } from './retention.ts'
import { createSweep, type Sweep, type SweepWork } from './sweep.ts'

/** Returns how many projects are gone for good. */
export type Purge = Sweep<number>

export interface PurgeOptions {
  pool: Database['pool']
  /** The tables with rows of projects, what others refer to first. */
  tables: readonly ProjectTable[]
  onPurged: (projects: number) => void
  onError: (error: unknown) => void
  /** Milliseconds between rounds that nothing asked for, which find what a crash left; varies by half. */
  everyMs?: number
  /** Milliseconds before a round that was asked for. */
  soonMs?: number
}

const EVERY_MS = 300_000
const SOON_MS = 1_000
const LOCK = '7310301140218675559'

/**
 * Removes the rows of deleted projects little by little: a project of any size is deleted at once for those who see it, and costs
 * others little. What a crash leaves is found by the next round.
 */
export function createPurge({ pool, tables, onPurged, onError, everyMs = EVERY_MS, soonMs = SOON_MS }: PurgeOptions): Purge {
  // What refers to others goes first: then nothing takes others along. The project itself goes last.
  const rowsOfProject = tables
    .filter(({ name }) => name !== 'Project')
    .reverse()
    .map(purgeRows)

  async function work({ query, step }: SweepWork): Promise<number> {
    let gone = 0
    for (;;) {
      const { rows } = await query<{ id: string }>(statements.deletedProjects)
      for (const { id } of rows) {
        for (const text of rowsOfProject) for (let count = STEP; count === STEP; ) ({ count } = await step(text, [id]))
        gone += (await step(statements.project, [id])).count
      }
      if (rows.length > 0) continue
      if (gone > 0) onPurged(gone)
      return gone
    }
  }
  return createSweep({ pool, lock: LOCK, work, onError, firstMs: everyMs, everyMs, soonMs })
}
