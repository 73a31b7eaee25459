import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'

export interface BenchPostgres {
  /** A migrated database of its own. */
  database(): Promise<string>
  close(): Promise<void>
}

/** A real Postgres with fsync on: BENCH_DATABASE_URL, else an embedded one in a folder that goes afterwards. */
export async function startPostgres(): Promise<BenchPostgres> {
  const given = process.env.BENCH_DATABASE_URL
  const dataDir = given === undefined ? await mkdtemp(join(tmpdir(), 'cutroom-bench-')) : null
  // Postgres will not run as root, and the user it runs as must be able to enter.
  if (dataDir !== null) await chmod(dataDir, 0o755)
  const embedded = dataDir === null ? null : await startEmbeddedPostgres({ dataDir, log: () => {} })
  const server = given ?? embedded?.url ?? ''
  const names: string[] = []
  const admin = new pg.Client({ connectionString: server })
  await admin.connect()
  return {
    async database() {
      const name = `cutroom_bench_${randomBytes(4).toString('hex')}`
      await admin.query(`CREATE DATABASE "${name}"`)
      names.push(name)
      const url = new URL(server)
      url.pathname = `/${name}`
      await migrate(url.href)
      return url.href
    },
    async close() {
      for (const name of names) await admin.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
      await admin.end()
      await embedded?.stop()
      if (dataDir !== null) await rm(dataDir, { recursive: true, force: true })
    },
  }
}
