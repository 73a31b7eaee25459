import { builtServer } from '../../support/build.ts'
import { SECRET, seedRows } from '../../support/cutroom-rows.ts'
import { speakCutroom, startNodes } from '../../support/running.ts'
import type { Subject } from '../../support/subject.ts'

/** Cutroom as it ships. Every write carries an Idempotency-Key: it is answered again when it is sent again. */
export const subject: Subject = {
  name: 'cutroom',
  title: 'Cutroom',
  missing: async () => null,
  async start({ postgres, databaseUrl, env = {}, nodes = 1 }) {
    const database = databaseUrl ?? (await postgres.empty())
    const programs = await startNodes(await builtServer(), nodes, {
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
}
