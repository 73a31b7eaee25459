import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'

export interface BenchPostgres {
  /** The server, with a database to administer from. */
  url: string
  /** Its postmaster, for CPU times; null where Postgres runs elsewhere. */
  pid: number | null
  /** The URL of a new, empty database. */
  empty(): Promise<string>
  /** The URL of a new database with Cutroom's schema. */
  migrated(): Promise<string>
  /** Drops the databases, and ends the server if it is ours. */
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
  const admin = new pg.Pool({ connectionString: server, max: 1 })
  // A connection that breaks while it is idle: the next query fails.
  admin.on('error', () => {})
  const { rows } = await admin.query<{ fsync: string; path: string }>(
    "SELECT current_setting('fsync') AS fsync, current_setting('data_directory') AS path",
  )
  if (rows[0]?.fsync !== 'on') throw new Error('fsync is off in this Postgres: its figures would mean nothing')

  async function empty(): Promise<string> {
    const name = `cutroom_bench_${randomBytes(4).toString('hex')}`
    await admin.query(`CREATE DATABASE "${name}"`)
    names.push(name)
    const url = new URL(server)
    url.pathname = `/${name}`
    return url.href
  }
  return {
    url: server,
    pid: await postmaster(rows[0].path),
    empty,
    async migrated() {
      const url = await empty()
      await migrate(url)
      return url
    },
    async close() {
      for (const name of names) await admin.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`)
      await admin.end()
      await embedded?.stop()
      if (dataDir !== null) await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function postmaster(path: string): Promise<number | null> {
  try {
    const pid = Number.parseInt(await readFile(join(path, 'postmaster.pid'), 'utf8'), 10)
    process.kill(pid, 0)
    return pid
  } catch {
    // Not on this machine, or not ours to see: the figures come without its CPU time.
    return null
  }
}
