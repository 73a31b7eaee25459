import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, QueryResultRow } from '../db/client.ts'

/** Runs one statement of a round. */
export type StepQuery = <R extends QueryResultRow>(text: string, values?: unknown[]) => Promise<{ rows: R[]; count: number }>

export interface Steps {
  query: StepQuery
  /** The same, then a pause of twice the time it took: others have two thirds of what it uses. */
  step: StepQuery
}

const PAUSE_MS = 5

/**
 * Runs a round of work in small statements, each its own transaction. A crash may take back the last ones: the next round does them
 * again. Ends with `signal`, after the statement under way.
 * @throws the reason of the signal, and what the work throws
 */
export async function inSteps<T>(pool: Database['pool'], signal: AbortSignal, work: (steps: Steps) => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const client = await pool.connect()
  const query: StepQuery = async <R extends QueryResultRow>(text: string, values: unknown[] = []) => {
    const { rows, rowCount } = await client.query<R>(text, values)
    return { rows, count: rowCount ?? 0 }
  }
  const step: StepQuery = async <R extends QueryResultRow>(text: string, values?: unknown[]) => {
    const from = performance.now()
    const answer = await query<R>(text, values)
    const ms = Math.max(PAUSE_MS, 2 * (performance.now() - from))
    await sleep(ms, undefined, { signal, ref: false })
    return answer
  }
  try {
    // What a crash takes back is done again: no need to wait for the disk, least of all with a row locked.
    await client.query('SET synchronous_commit = off')
    return await work({ query, step })
  } finally {
    // With the connection goes the setting.
    client.release(true)
  }
}
