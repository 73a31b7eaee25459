import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, PoolClient } from '../../../db/client.ts'
import { around } from './due.ts'

export interface LeadershipOptions {
  pool: Database['jobs']['pool']
  /** What a leader does, from its call to the end of the signal. Resolves when nothing of it runs any more. */
  lead: (signal: AbortSignal) => Promise<void>
  /** Told of a database that is away, once until it is back. */
  onError: (error: unknown) => void
  /** Between attempts, and between checks of the connection, ms. */
  lockMs: number
  /** For tests: leads without the lock. */
  alwaysLead: boolean
}

/** One lock for all nodes on the tables of this schema, free when the session of its owner ends. */
const LOCK = `SELECT pg_try_advisory_lock(hashtextextended('cutroom consumers in ' || current_schema(), 0)) AS mine`

/**
 * Makes one node of all the leader. The lock saves work only: what two leaders do at once is right, too.
 * @returns how to end it
 */
export function runForLeader({ pool, lead, onError, lockMs, alwaysLead }: LeadershipOptions): { close(): Promise<void> } {
  const closing = new AbortController()
  let isAway = false

  /** Leads while the connection with the lock is there. */
  async function leadOn(client: PoolClient): Promise<void> {
    const term = new AbortController()
    const end = () => term.abort(new Error('this node leads no more'))
    client.on('error', end)
    client.on('end', end)
    closing.signal.addEventListener('abort', end)
    let isChecked = true
    const check = setInterval(async () => {
      if (!isChecked) return
      isChecked = false
      await client.query('SELECT 1').catch(end)
      isChecked = true
    }, lockMs)
    check.unref()
    try {
      await lead(term.signal)
    } finally {
      clearInterval(check)
      closing.signal.removeEventListener('abort', end)
    }
  }

  async function attempt(): Promise<void> {
    const client = await pool.connect()
    let mine = alwaysLead
    try {
      if (!mine) mine = (await client.query<{ mine: boolean }>(LOCK)).rows[0]?.mine ?? false
      isAway = false
      if (mine && !closing.signal.aborted) await leadOn(client)
    } finally {
      // With the connection goes the lock.
      client.release(mine)
    }
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        await attempt()
      } catch (error) {
        if (!isAway) onError(error)
        isAway = true
      }
      await sleep(around(lockMs), undefined, { signal: closing.signal, ref: false }).catch(() => {})
    }
  }
  const running = run()

  return {
    async close() {
      closing.abort()
      await running
    },
  }
}
