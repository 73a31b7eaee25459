import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, QueryResultRow } from '../db/client.ts'

/** Runs one statement of a sweep. */
export type SweepQuery = <R extends QueryResultRow>(text: string, values?: unknown[]) => Promise<{ rows: R[]; count: number }>

export interface SweepWork {
  query: SweepQuery
  /** The same, then a pause of twice the time it took: others have two thirds of what it uses. */
  step: SweepQuery
}

export interface SweepOptions<T> {
  pool: Database['pool']
  /** The advisory lock that lets one node at a time sweep. */
  lock: string
  /** One round, in small statements, each its own transaction. A crash may take back the last ones: the next round does them again. */
  work: (work: SweepWork) => Promise<T>
  onError: (error: unknown) => void
  /** Milliseconds to the first round and between rounds; each varies by half, so that nodes do not march in step. */
  firstMs: number
  everyMs: number
  /** Milliseconds to a round that was asked for. */
  soonMs?: number
}

export interface Sweep<T> {
  /** One round, now. Null when another node is at it. */
  run(): Promise<T | null>
  /** Begins a round after `soonMs`. */
  soon(): void
  /** Ends it after the statement under way. */
  close(): Promise<void>
}

const PAUSE_MS = 5

/** Runs a job again and again, on one node at a time. */
export function createSweep<T>({ pool, lock, work, onError, firstMs, everyMs, soonMs = everyMs }: SweepOptions<T>): Sweep<T> {
  const stop = new AbortController()
  let timer: NodeJS.Timeout | undefined
  /** A round was asked for since the last one began here. */
  let wanted = false
  let running: Promise<unknown> = Promise.resolve()

  async function round(): Promise<T | null> {
    const client = await pool.connect()
    const query: SweepQuery = async <R extends QueryResultRow>(text: string, values: unknown[] = []) => {
      const { rows, rowCount } = await client.query<R>(text, values)
      return { rows, count: rowCount ?? 0 }
    }
    const step: SweepQuery = async <R extends QueryResultRow>(text: string, values?: unknown[]) => {
      const from = performance.now()
      const answer = await query<R>(text, values)
      const ms = Math.max(PAUSE_MS, 2 * (performance.now() - from))
      await sleep(ms, undefined, { signal: stop.signal, ref: false })
      return answer
    }
    try {
      const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1::bigint) AS mine', [lock])
      if (!rows[0]?.mine) return null
      // What a crash takes back is done again: no need to wait for the disk, least of all with a row locked.
      await client.query('SET synchronous_commit = off')
      return await work({ query, step })
    } finally {
      // With the connection go the lock and the setting.
      client.release(true)
    }
  }

  function run(): Promise<T | null> {
    const next = running.then(() => {
      stop.signal.throwIfAborted()
      return round()
    })
    running = next.catch(() => {})
    return next
  }

  async function scheduled(): Promise<void> {
    const asked = wanted
    wanted = false
    try {
      // Another node may have begun its round before this one was asked for.
      if ((await run()) === null) wanted ||= asked
    } catch (error) {
      if (!stop.signal.aborted) onError(error)
    }
    schedule(everyMs)
  }
  function schedule(ms: number): void {
    if (stop.signal.aborted) return
    clearTimeout(timer)
    timer = setTimeout(scheduled, wanted ? soonMs : ms * (0.5 + Math.random()))
    timer.unref()
  }
  schedule(firstMs)

  return {
    run,
    soon() {
      // The time stays as it was set: requests that go on and on would put it off for ever.
      if (wanted) return
      wanted = true
      schedule(everyMs)
    },
    async close() {
      stop.abort()
      clearTimeout(timer)
      await running
    },
  }
}
