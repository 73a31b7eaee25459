import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, PoolClient } from '../db/client.ts'
import { STEP, statements } from './retention.ts'

export interface Purge {
  /** Begins a round in a moment, for a project that was just deleted. */
  soon(): void
  /** One round, now. @returns how many projects are gone for good; null when another node is at it */
  run(): Promise<number | null>
  /** Ends it after the statement under way. */
  close(): Promise<void>
}

export interface PurgeOptions {
  pool: Database['pool']
  onPurged: (projects: number) => void
  onError: (error: unknown) => void
  /** Milliseconds between rounds that nothing asked for, which find what a crash left; varies by half. */
  everyMs?: number
  /** Milliseconds before a round that was asked for. */
  soonMs?: number
}

const EVERY_MS = 300_000
const SOON_MS = 1_000
const REST_MS = 5
const LOCK = '7310301140218675559'

/**
 * Takes away the rows of deleted projects in small statements, each its own transaction, with a rest of twice its time after each:
 * a project of any size is deleted at once for those who see it, and costs others little. A crash loses nothing of it: what is
 * left is found by the next round.
 */
export function createPurge({ pool, onPurged, onError, everyMs = EVERY_MS, soonMs = SOON_MS }: PurgeOptions): Purge {
  const stop = new AbortController()
  let timer: NodeJS.Timeout | undefined
  /** A project was deleted since the last round began here. */
  let wanted = false
  let running: Promise<unknown> = Promise.resolve()

  async function step(client: PoolClient, text: string, id: string): Promise<number> {
    const from = performance.now()
    const { rowCount } = await client.query(text, [id])
    const ms = Math.max(REST_MS, 2 * (performance.now() - from))
    await sleep(ms, undefined, { signal: stop.signal, ref: false })
    return rowCount ?? 0
  }

  async function takeAway(client: PoolClient): Promise<number> {
    let gone = 0
    for (;;) {
      const { rows } = await client.query<{ id: string }>(statements.deletedProjects)
      for (const { id } of rows) {
        for (const text of statements.projectRows) for (let count = STEP; count === STEP; ) count = await step(client, text, id)
        gone += await step(client, statements.project, id)
      }
      if (rows.length === 0) return gone
    }
  }

  async function round(): Promise<number | null> {
    const client = await pool.connect()
    try {
      const { rows } = await client.query<{ mine: boolean }>(`SELECT pg_try_advisory_lock(${LOCK}) AS mine`)
      if (!rows[0]?.mine) return null
      // A crash may take back what was done: the next round does it again.
      await client.query('SET synchronous_commit = off')
      const gone = await takeAway(client)
      if (gone > 0) onPurged(gone)
      return gone
    } finally {
      // With the connection go the lock and the setting.
      client.release(true)
    }
  }

  function run(): Promise<number | null> {
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
      // Another node may have looked before the deletion.
      if ((await run()) === null) wanted ||= asked
    } catch (error) {
      if (!stop.signal.aborted) onError(error)
    }
    schedule()
  }
  function schedule(): void {
    if (stop.signal.aborted) return
    clearTimeout(timer)
    timer = setTimeout(scheduled, wanted ? soonMs : everyMs * (0.5 + Math.random()))
    timer.unref()
  }
  schedule()

  return {
    soon() {
      // Its time stays as it was set: deletions that go on and on would put it off for ever.
      if (wanted) return
      wanted = true
      schedule()
    },
    run,
    async close() {
      stop.abort()
      clearTimeout(timer)
      await running
    },
  }
}
