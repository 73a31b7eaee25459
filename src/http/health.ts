import fp from 'fastify-plugin'
import type { Database } from '../db/client.ts'
import { problem } from '../errors.ts'

/** A probe wants to know now, not when a silent database is given up. */
const READY_MS = 2_000
const noAnswer = (ms: number) =>
  new Promise<never>((_, reject) => setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms).unref())

/** `/healthz`: the process lives. `/readyz`: it may be sent work. */
export const healthPlugin = fp<{ database: Database }>(
  async (app, { database }) => {
    const quiet = { logLevel: 'warn' as const, schema: { hide: true }, config: { rateLimit: false as const } }
    app.get('/healthz', quiet, async () => ({ status: 'ok' }))
    app.get('/readyz', quiet, async () => {
      try {
        // A standby can be read, and no more.
        const standby = 'SELECT WHERE pg_is_in_recovery()'
        const { rowCount } = await Promise.race([database.probe.query(standby), noAnswer(READY_MS)])
        if (rowCount !== 0) throw new Error('DATABASE_URL leads to a standby')
      } catch (cause) {
        throw problem('unavailable', 'The database cannot be reached', { retryAfter: 1 }, { cause })
      }
      return { status: 'ready' }
    })
  },
  { name: 'cutroom-health' },
)
