import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { BESIDES, openDatabase } from '../../src/db/client.ts'
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'

/** A process that owns an embedded Postgres holds this many connections for as long as it runs. */
const CLAIM = 1
const REQUESTS = 4

it('the largest DATABASE_POOL that the start accepts with the embedded Postgres fits beside the connection that claims it', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'cutroom-connections-'))
  chmodSync(dataDir, 0o755)
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
  const settings = { max_connections: String(REQUESTS + BESIDES + CLAIM) }
  const { url, stop } = await startEmbeddedPostgres({ dataDir, log: () => {}, settings })
  onTestFinished(() => stop())
  await expect(migrate(url, { connections: REQUESTS + 1 })).rejects.toThrow(
    `DATABASE_POOL: ${REQUESTS + 1} connections and ${BESIDES} more are needed, and the server gives this role ${REQUESTS + BESIDES}: lower it`,
  )
  await migrate(url, { connections: REQUESTS })

  const database = openDatabase(url, { connections: REQUESTS, onError: () => {} })
  const held: pg.PoolClient[] = []
  try {
    const { pool, readers, pages, jobs, probe } = database
    for (const each of [pool, readers, pages.pool, jobs.pool, probe])
      for (let n = 0; n < (each.options.max ?? 0); n++) held.push(await each.connect())
    expect(held).toHaveLength(REQUESTS + BESIDES)
  } finally {
    for (const client of held) client.release()
    await database.close()
  }
})
