import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import pg from 'pg'
import { afterAll, beforeAll } from 'vitest'
import { buildApp, type Seams } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config.ts'
import { createDatabase } from './database.ts'
import { direct } from './hostile.ts'
import { surviveDrop } from './pool.ts'

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

/** Two thousand accounts of a run need no strong hash; the tests of logins say `hashCost: undefined`, which is what ships. */
const WEAK = { memoryCost: 256, timeCost: 1 }

/** A server on a port of its own and a database of its own (or the one given). */
export async function startApp(
  options: { env?: Record<string, string>; databaseUrl?: string; seams?: Seams } = {},
): Promise<TestApp> {
  const own = options.databaseUrl === undefined ? await createDatabase() : null
  const databaseUrl = options.databaseUrl ?? own?.url ?? ''
  const dataDir = await mkdtemp(join(tmpdir(), 'cutroom-test-'))
  const config = testConfig({ DATA_DIR: dataDir, ...options.env })
  // Without the page, however this folder was built before.
  const app = await buildApp(config, databaseUrl, { consoleFolder: '', hashCost: WEAK, ...options.seams })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const db = new pg.Pool({ connectionString: direct(databaseUrl), max: 4 })
  surviveDrop(db)
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
      await rm(dataDir, { recursive: true, force: true })
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
