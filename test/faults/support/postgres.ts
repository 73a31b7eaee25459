import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { cleanEnv, ensureCluster } from '../../../src/db/embedded/cluster.ts'
import { clusterHome, locateBinaries, postgresUser } from '../../../src/db/embedded/host.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { direct } from '../../support/hostile.ts'
import { freePort } from '../../support/spawn-server.ts'
import { until } from '../../support/until.ts'

/** A title or a comment that begins with this is refused by the database, in its COMMIT, when all of the write has been done. */
export const UNDONE = 'undo '

/** @throws what `pg` throws; the database must be migrated */
export async function refuseUndone(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: direct(databaseUrl) })
  await client.connect()
  // A missing reference is a conflict to those who ask: nothing that is tried again.
  await client
    .query(`
      CREATE FUNCTION refuse_undone() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'marked' USING ERRCODE = 'foreign_key_violation'; END $$;
      -- By name behind the trigger that gives an event its number: what follows undoes that, too.
      CREATE CONSTRAINT TRIGGER refuse_undone AFTER INSERT ON "Event" DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.payload::text LIKE '%"${UNDONE}%') EXECUTE FUNCTION refuse_undone()`)
    .finally(() => client.end())
}

/** A real PostgreSQL of the harness's own, on one port and one folder through all its lives. */
export interface Postgres {
  port: number
  /** Of the database `cutroom`; others by `urlOf`. */
  url: string
  urlOf(database: string): string
  /** The folder of the cluster. */
  path: string
  password: string
  /** The server's log so far. */
  output(): string
  pid(): number
  /** Starts it where it is not up. Resolves when it answers. */
  start(): Promise<void>
  /** SIGQUIT: at once, no goodbye to clients, and the next start recovers from the log (`pg_ctl stop -m immediate`). */
  crash(): Promise<void>
  /** SIGINT: connections are ended, everything is written. */
  stop(): Promise<void>
  /** A new migrated database. */
  database(): Promise<string>
  /** Ends it and removes its folder. */
  close(): Promise<void>
}

export interface PostgresOptions {
  /** postgresql.conf settings. */
  settings?: Record<string, string>
  /** Another cluster's folder and password (a copy, a standby); it is not made then, and not removed. */
  cluster?: { path: string; password: string }
}

/** Starts a PostgreSQL (made by initdb where none is given), fsync on. */
export async function startPostgres({ settings = {}, cluster: given }: PostgresOptions = {}): Promise<Postgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cutroom-faults-'))
  // Postgres will not run as root, and the user it runs as must be able to enter.
  await chmod(dataDir, 0o755)
  const user = postgresUser()
  const silent = () => {}
  const home = clusterHome(dataDir, user, silent)
  const binaries = locateBinaries(user, home)
  const { path, password } = given ?? (await ensureCluster(dataDir, home, binaries, user, silent))
  const port = await freePort()
  const urlOf = (database: string) => `postgresql://cutroom:${password}@127.0.0.1:${port}/${database}`
  const all: Record<string, string> = {
    max_connections: '200',
    shared_buffers: '128MB',
    ...settings,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
  }
  const args = ['-D', path, '-p', String(port), ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])]
  let output = ''
  let running: { pid: number; alive: () => boolean; signal: (name: NodeJS.Signals) => void; exited: Promise<unknown> } | undefined

  async function answers(): Promise<boolean> {
    if (!running?.alive()) throw new Error(`Postgres ended:\n${output.slice(-2_000)}`)
    const client = new pg.Client({ connectionString: urlOf('postgres') })
    client.on('error', silent)
    return client.connect().then(
      () => client.end().then(() => true),
      () => false,
    )
  }
  async function start(): Promise<void> {
    if (running?.alive()) return
    const child = spawn(binaries.postgres, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: home, env: cleanEnv, ...user })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => {
        output = `${output}${chunk}`.slice(-1_000_000)
      })
    running = {
      pid: child.pid ?? 0,
      alive: () => child.exitCode === null && child.signalCode === null,
      signal: (name) => void child.kill(name),
      exited: once(child, 'exit'),
    }
    await until('Postgres answers', answers, 60_000)
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (!running?.alive()) return
    running.signal(signal)
    await running.exited
  }

  let template: Promise<string> | undefined
  async function run(sql: string): Promise<void> {
    const admin = new pg.Client({ connectionString: urlOf('postgres') })
    await admin.connect()
    await admin.query(sql).finally(() => admin.end())
  }
  async function makeTemplate(): Promise<string> {
    await run('CREATE DATABASE template_cutroom')
    await migrate(urlOf('template_cutroom'))
    await refuseUndone(urlOf('template_cutroom'))
    return 'template_cutroom'
  }

  await start()
  return {
    port,
    url: urlOf('cutroom'),
    urlOf,
    path,
    password,
    output: () => output,
    pid: () => running?.pid ?? 0,
    start,
    crash: () => end('SIGQUIT'),
    stop: () => end('SIGINT'),
    async database() {
      template ??= makeTemplate()
      const name = `faults_${randomBytes(4).toString('hex')}`
      await run(`CREATE DATABASE "${name}" TEMPLATE "${await template}"`)
      return urlOf(name)
    },
    async close() {
      await end('SIGINT')
      await rm(dataDir, { recursive: true, force: true })
      if (home !== dataDir && !given) await rm(home, { recursive: true, force: true })
    },
  }
}
