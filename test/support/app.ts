import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { buildApp, type Seams } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { createDatabase } from './database.ts'
import { direct } from './hostile.ts'

export const testConfig = (env: Record<string, string> = {}): Config =>
  readConfig({
    NODE_ENV: 'test',
    JWT_SECRET: 'a secret of the tests, thirty-two or more',
    LOG_LEVEL: 'silent',
    RATE_LIMIT: 'off',
    ...env,
  })

export interface TestApp {
  app: FastifyInstance
  config: Config
  /** http://127.0.0.1:port */
  url: string
  databaseUrl: string
  /** Straight to the rows. */
  db: pg.Pool
  close(): Promise<void>
}

/** A server on a port of its own and a database of its own (or the one given). */
export async function startApp(
  options: { env?: Record<string, string>; databaseUrl?: string; seams?: Seams } = {},
): Promise<TestApp> {
  const own = options.databaseUrl === undefined ? await createDatabase() : null
  const databaseUrl = options.databaseUrl ?? own?.url ?? ''
  const config = testConfig(options.env)
  // Without the page, however this folder was built before.
  const app = await buildApp(config, databaseUrl, { consoleFolder: '', ...options.seams })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const db = new pg.Pool({ connectionString: direct(databaseUrl), max: 4 })
  // The database is dropped a moment after the pool was ended, when its connections may still be on their way out.
  db.on('connect', (client) => client.on('error', () => {}))
  const address = app.server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the server has no port')
  return {
    app,
    config,
    url: `http://127.0.0.1:${address.port}`,
    databaseUrl,
    db,
    async close() {
      await app.close()
      await db.end()
      await own?.drop()
    },
  }
}

/** The server of a test file: started before its tests, closed after them. */
export function useApp(options: Parameters<typeof startApp>[0] = {}): () => TestApp {
  let started: TestApp | undefined
  beforeAll(async () => {
    started = await startApp(options)
  })
  afterAll(() => started?.close())
  return () => {
    if (!started) throw new Error('the server is there only inside tests')
    return started
  }
}
