import { existsSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { builtServer } from '../../support/build.ts'
import { SECRET, seedRows } from '../../support/cutroom-rows.ts'
import { speakCutroom, startNodes } from '../../support/running.ts'
import type { Subject } from '../../support/subject.ts'

/** Express, Prisma and Socket.IO as articles teach them: insert, then emit. No log, so no client can catch up. */
export const subject: Subject = {
  name: 'article',
  title: 'Article (Express 5, Prisma, Socket.IO)',
  missing: async () =>
    existsSync(new URL('../../node_modules/express/package.json', import.meta.url))
      ? null
      : 'run `npm ci --prefix bench` to measure it',
  async start({ postgres, databaseUrl, env = {}, nodes = 1 }) {
    if (nodes !== 1) throw new Error('the article knows one process')
    const database = databaseUrl ?? (await postgres.migrated())
    const generated = await builtServer('src/db/generated/client.ts')
    const programs = await startNodes(new URL('server.js', import.meta.url), 1, {
      DATABASE_URL: database,
      JWT_SECRET: SECRET,
      PRISMA_CLIENT: pathToFileURL(generated).href,
      ...env,
    })
    return {
      ...speakCutroom('article', programs, {
        write: ({ cutId }) => `/cuts/${cutId}/comments`,
        list: ({ cutId }) => `/cuts/${cutId}/comments`,
      }),
      databaseUrl: database,
      seed: (plan) => seedRows(database, plan),
    }
  },
}
