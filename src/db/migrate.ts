import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { checkServer, checkTables, checkVersion, foreign, prepareSchema, UnfitDatabaseError } from './preflight.ts'
import { prepareConnection, schemaOf } from './session-settings.ts'

/** One node migrates at a time. Not Prisma's own number, which older builds take in a second session. */
const LOCK = '5231948270126693117'

/** The lock of `prisma migrate deploy`. */
const PRISMA_LOCK = '72707369'

/** As Prisma makes it. */
const HISTORY = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL,
  logs TEXT, rolled_back_at TIMESTAMPTZ, started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`

/** The row is there already where the file says COMMIT before it fails. */
const FAILED = `INSERT INTO _prisma_migrations (id, checksum, migration_name, logs) VALUES ($1, $2, $3, $4)
  ON CONFLICT (id) DO UPDATE SET logs = excluded.logs`

/** Postgres: insufficient_privilege. */
const NO_RIGHT = '42501'

interface Migration {
  name: string
  sql: string
}

interface Row {
  migration_name: string
  checksum: string
  started_at: Date
  finished_at: Date | null
  rolled_back_at: Date | null
  logs: string | null
}

type Log = (line: string) => void

export interface MigrateOptions {
  log?: Log
  /** Default: prisma/migrations of this package. */
  migrationsDir?: string
  /** Connections that will be opened for requests; none by default. */
  connections?: number
}

/**
 * Looks whether the database will do, applies what prisma/migrations has and the database lacks, and leaves `_prisma_migrations`
 * as `prisma migrate deploy` does. Several nodes may call it at once; when nothing is pending it costs a few small queries.
 * @returns the names applied
 * @throws when the database does not exist or will not do, or a migration fails now or failed before: the message says what to do
 */
export async function migrate(databaseUrl: string, options: MigrateOptions = {}): Promise<string[]> {
  const { log = () => {}, migrationsDir = join(prismaFolder(), 'migrations'), connections = 0 } = options
  const migrations = await readMigrations(migrationsDir)
  const schema = schemaOf(databaseUrl)
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'cutroom migrate',
    connectionTimeoutMillis: 10_000,
  })
  client.on('error', (error) => log(error.message)) // the query under way fails by itself
  try {
    await connect(client)
    await checkVersion(client)
    await prepareConnection(client, schema)
    await checkServer(client, connections)
    const applied = await bringUp(client, schema, migrations, log).catch(async (error) => {
      if ((error as { code?: string }).code === NO_RIGHT) await checkTables(client, schema)
      throw error
    })
    await checkTables(client, schema)
    return applied
  } finally {
    await client.end() // and with the session goes the lock
  }
}

/** How many migrations of this package the database lacks. */
export async function migrationsPending(client: pg.Client): Promise<number> {
  const [rows, migrations] = await Promise.all([readRows(client), readMigrations(join(prismaFolder(), 'migrations'))])
  return migrations.filter(({ name }) => !rows.some((row) => row.migration_name === name && row.finished_at)).length
}

async function bringUp(client: pg.Client, schema: string, migrations: Migration[], log: Log): Promise<string[]> {
  const before = await readRows(client)
  if (isCurrent(before, migrations)) {
    warn(before, migrations, log)
    return []
  }
  const { rows } = await client.query(`SELECT pg_try_advisory_lock(${LOCK}) AS got`)
  if (!rows[0].got) {
    log('another node migrates the database: waiting for it')
    await client.query(`SELECT pg_advisory_lock(${LOCK})`)
  }
  await client.query(`SELECT pg_advisory_lock(${PRISMA_LOCK})`)
  const locked = await readRows(client)
  const [stranger] = locked
  if (stranger && !locked.some((row) => migrations.some(({ name }) => name === row.migration_name)))
    throw foreign(client.escapeIdentifier(schema), stranger.migration_name)
  warn(locked, migrations, log)
  if (isCurrent(locked, migrations)) return []
  const failed = locked.find((row) => !row.finished_at)
  if (failed) throw new Error(adviceOn(failed))
  await prepareSchema(client, schema)
  const missing = migrations.filter(({ name }) => !locked.some((row) => row.migration_name === name))
  await apply(client, missing, log)
  return missing.map(({ name }) => name)
}

async function connect(client: pg.Client): Promise<void> {
  try {
    await client.connect()
  } catch (cause) {
    const { message, code } = cause as Error & { code?: string } // a refused localhost has no message
    const advice = code === '3D000' ? ': create it, or name another one' : ''
    throw new Error(`DATABASE_URL: cannot connect: ${message || code}${advice}`, { cause })
  }
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.sort().map(async (name) => ({ name, sql: await readFile(join(folder, name, 'migration.sql'), 'utf8') })),
  )
}

async function readRows(client: pg.Client): Promise<Row[]> {
  const { rows } = await client.query(`SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there`)
  if (!rows[0].there) return []
  return (await client.query('SELECT * FROM _prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at')).rows
}

/** A row without an end is a migration that failed, or that another node is at. */
function isCurrent(rows: Row[], migrations: Migration[]): boolean {
  return rows.every((row) => row.finished_at) && migrations.every(({ name }) => rows.some((row) => row.migration_name === name))
}

/** Like `migrate deploy`, goes on when the past was edited or is from a newer build; unlike it, says so. */
function warn(rows: Row[], migrations: Migration[], log: Log): void {
  for (const { migration_name: name, checksum } of rows) {
    const sql = migrations.find((migration) => migration.name === name)?.sql
    if (sql === undefined) log(`the database has the migration "${name}", which this build does not know`)
    else if (!checksums(sql).includes(checksum))
      log(`the migration "${name}" was edited after it was applied: this database does not have the edits`)
  }
}

/** Prisma forgives line endings, which git may change at checkout. */
function checksums(sql: string): string[] {
  const unix = sql.replaceAll('\r\n', '\n')
  return [sql, unix, unix.replaceAll('\n', '\r\n')].map(checksumOf)
}

const checksumOf = (sql: string): string => createHash('sha256').update(sql).digest('hex')

async function apply(client: pg.Client, migrations: Migration[], log: Log): Promise<void> {
  try {
    await client.query(HISTORY)
    for (const migration of migrations) {
      await applyOne(client, migration)
      log(`applied the migration "${migration.name}"`)
    }
  } catch (cause) {
    // Without a connection, the first error is the one that tells.
    const failed = (await readRows(client).catch(() => [])).find((row) => !row.finished_at)
    if (failed) throw new Error(adviceOn(failed), { cause })
    throw new UnfitDatabaseError(`DATABASE_URL: the migrations cannot be applied: ${(cause as Error).message}`, { cause })
  }
}

/** A migration and its row of the history in one message, which Postgres runs in one transaction, unless the file says COMMIT. */
async function applyOne(client: pg.Client, { name, sql }: Migration): Promise<void> {
  const id = randomUUID()
  const begin = `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at)
    VALUES ('${id}', '${checksumOf(sql)}', ${client.escapeLiteral(name)}, clock_timestamp())`
  const end = `UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = '${id}'`
  try {
    await client.query([begin, sql, end].join('\n;\n'))
  } catch (error) {
    const { message } = error as Error
    // Where the connection broke, this fails too, and the first error is the one that tells.
    await client
      .query('ROLLBACK')
      .then(() => client.query(FAILED, [id, checksumOf(sql), name, message]))
      .catch(() => {})
    throw error
  }
}

function adviceOn({ migration_name: name, started_at, logs }: Row): string {
  // Prisma's engine adds a back trace of its own program to what Postgres said.
  const reason = logs?.replace(/^external connector error\s*/, '').split(/\n\s+0: /)[0] || 'its process was stopped'
  return [
    `The migration "${name}" failed (${started_at.toISOString()}): ${reason}`,
    'Nothing after it was applied. What it did was rolled back, unless its file says COMMIT: look first. Then correct the file, mark the attempt with',
    `  UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '${name}' AND finished_at IS NULL;`,
    `(what "prisma migrate resolve --rolled-back ${name}" does) and start again.`,
  ].join('\n')
}

/** The folder prisma/ of this package, from src/ as from dist/. */
export function prismaFolder(): string {
  for (let folder = import.meta.dirname; folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return join(folder, 'prisma')
  }
  throw new Error(`no package.json above ${import.meta.dirname}`)
}
