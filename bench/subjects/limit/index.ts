import { SECRET, seedRows } from '../../support/cutroom-rows.ts'
import { speakCutroom, startNodes } from '../../support/running.ts'
import type { Subject } from '../../support/subject.ts'

/** The least program that does the same durable work, on Cutroom's own schema. */
export const subject: Subject = {
  name: 'limit',
  title: 'Limit (node:http, pg, Socket.IO)',
  missing: async () => null,
  async start({ postgres, databaseUrl, env = {}, nodes = 1 }) {
    if (nodes !== 1) throw new Error('the limit knows one process')
    const database = databaseUrl ?? (await postgres.migrated())
    const programs = await startNodes(new URL('server.js', import.meta.url), 1, {
      DATABASE_URL: database,
      JWT_SECRET: SECRET,
      ...env,
    })
    return {
      ...speakCutroom('limit', programs, {
        write: ({ id, cutId }) => `/projects/${id}/cuts/${cutId}/comments`,
        list: ({ id, cutId }) => `/projects/${id}/cuts/${cutId}/comments`,
      }),
      databaseUrl: database,
      seed: (plan) => seedRows(database, plan),
    }
  },
}
