import { builtServer } from '../../support/build.ts'
import { SECRET, seedRows } from '../../support/cutroom-rows.ts'
import { speakCutroom, startNodes } from '../../support/running.ts'
import type { Subject } from '../../support/subject.ts'

/**
 * A build of Cutroom. Every write carries an Idempotency-Key: it is answered again when it is sent again.
 * @param entry its server.js
 */
const cutroom = (name: string, title: string, entry: () => Promise<string>): Subject => ({
  name,
  title,
  missing: async () => null,
  async start({ postgres, databaseUrl, env = {}, nodes = 1 }) {
    const database = databaseUrl ?? (await postgres.empty())
    const programs = await startNodes(await entry(), nodes, {
      DATABASE_URL: database,
      JWT_SECRET: SECRET,
      RATE_LIMIT: 'off',
      LOG_LEVEL: 'warn',
      ...(process.env.DATABASE_POOL !== undefined && { DATABASE_POOL: process.env.DATABASE_POOL }),
      ...env,
    })
    return {
      ...speakCutroom('cutroom', programs, {
        write: ({ cutId }) => `/api/cuts/${cutId}/comments`,
        list: ({ cutId }) => `/api/cuts/${cutId}/comments?limit=50`,
        headers: (n) => ({ 'idempotency-key': `bench-${n}` }),
      }),
      databaseUrl: database,
      seed: (plan) => seedRows(database, plan),
    }
  },
})

/** Cutroom as it ships. */
export const subject = cutroom('cutroom', 'Cutroom', () => builtServer())

/** Cutroom without the part that WITHOUT names. */
export const ablated = cutroom('ablated', 'Cutroom, one part out', () => builtServer('bench/subjects/cutroom/ablated.ts'))

/** Cutroom with the consumer that CONSUMER names. */
export const consuming = cutroom('consuming', 'Cutroom, a consumer', () => builtServer('bench/subjects/cutroom/consuming.ts'))

/** Another build, of BENCH_BESIDE, to be compared with. */
export const beside = (entry: string): Subject => cutroom('beside', 'Cutroom, the other build', async () => entry)
