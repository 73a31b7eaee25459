import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import type { MigrationList } from '@prisma/schema-engine-wasm'
import pg from 'pg'
import { checkServer, checkTables, checkVersion, foreign, prepareSchema, UnfitDatabaseError } from './preflight.ts'
import { openSchemaEngine, prismaFolder } from './schema-engine.ts'
import { prepareConnection, schemaOf } from './session-settings.ts'

/** One node migrates at a time. Not Prisma's own number: its engine takes that one in a session of its own. */
const LOCK = '5231948270126693117'

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

export interface MigrateOptions {
  log?: (line: string) => void
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
    const applied = await bringUp(client, { databaseUrl, schema, migrations, migrationsDir, log }).catch(async (error) => {
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

interface Work {
  databaseUrl: string
  schema: string
  migrations: Migration[]
  migrationsDir: string
  log: (line: string) => void
}

async function bringUp(client: pg.Client, work: Work): Promise<string[]> {
  const { migrations, schema, log } = work
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
  const locked = await readRows(client)
  const [stranger] = locked
  if (stranger && !locked.some((row) => migrations.some(({ name }) => name === row.migration_name)))
    throw foreign(client.escapeIdentifier(schema), stranger.migration_name)
  warn(locked, migrations, log)
  if (isCurrent(locked, migrations)) return []
  await prepareSchema(client, schema)
  return apply(client, work)
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
function warn(rows: Row[], migrations: Migration[], log: (line: string) => void): void {
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
  return [sql, unix, unix.replaceAll('\n', '\r\n')].map((text) => createHash('sha256').update(text).digest('hex'))
}

async function apply(client: pg.Client, { databaseUrl, schema, migrations, migrationsDir, log }: Work): Promise<string[]> {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'cutroom migrate',
    max: 1,
    idleTimeoutMillis: 0,
    onConnect: (connection) => prepareConnection(connection, schema),
  })
  const adapter = new PrismaPg(pool, { schema, onPoolError: (error) => log(error.message) })
  const connect = adapter.connect.bind(adapter)
  adapter.connect = async () => {
    const connection = await connect()
    // The adapter's own splits at every semicolon, which cuts functions in pieces. Postgres takes a script whole, and in one transaction.
    connection.executeScript = async (sql) => {
      await connection.executeRaw({ sql, args: [], argTypes: [] })
    }
    return connection
  }
  const migrationsList: MigrationList = {
    baseDir: migrationsDir,
    lockfile: { path: 'migration_lock.toml', content: null },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
    })),
  }
  try {
    const engine = await openSchemaEngine(adapter, log)
    try {
      const { appliedMigrationNames } = await engine.applyMigrations({
        migrationsList,
        filters: { externalTables: [], externalEnums: [] },
      })
      for (const name of appliedMigrationNames) log(`applied the migration "${name}"`)
      return appliedMigrationNames
    } finally {
      engine.free()
    }
  } catch (error) {
    const rows = await readRows(client).catch(() => []) // without a connection, the first error is the one that tells
    const failed = rows.find((row) => !row.finished_at)
    throw failed ? new Error(adviceOn(failed), { cause: error }) : withoutTrace(error)
  } finally {
    await pool.end()
  }
}

/** The schema engine adds a back trace of its own program to what Postgres said. */
function withoutTrace(cause: unknown): Error {
  const text = cause instanceof Error ? cause.message : String(cause)
  return new UnfitDatabaseError(`DATABASE_URL: the migrations cannot be applied: ${firstLines(text)}`, { cause })
}

const firstLines = (text: string): string =>
  text
    .replace(/^(external connector error|Error querying the database:)\s*/i, '')
    .split(/\n\s+0: /)[0]
    ?.replace(/\s+/g, ' ')
    .trim() ?? text

function adviceOn({ migration_name: name, started_at, logs }: Row): string {
  const reason = logs?.replace(/^external connector error\s*/, '').split(/\n\s+0: /)[0] || 'its process was stopped'
  return [
    `The migration "${name}" failed (${started_at.toISOString()}): ${reason}`,
    'Nothing after it was applied. What it did was rolled back, unless its file says COMMIT: look first. Then correct the file, mark the attempt with',
    `  UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '${name}' AND finished_at IS NULL;`,
    `(what "prisma migrate resolve --rolled-back ${name}" does) and start again.`,
  ].join('\n')
}
