import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openSchemaEngine } from '../../src/db/schema-engine.ts'

const folder = mkdtempSync(join(tmpdir(), 'cutroom-migrate-'))
chmodSync(folder, 0o755) // Postgres's own user passes through
let server: EmbeddedPostgres
beforeAll(async () => {
  server = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: () => {}, settings: { fsync: 'off' } })
})
afterAll(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const FIRST = `CREATE TABLE "Song" (id int PRIMARY KEY, title text NOT NULL);
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  NEW.title = upper(NEW.title); -- a ; in a comment; and one in a string:
  IF NEW.title = ';' THEN RAISE EXCEPTION 'no; not that'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER shout BEFORE INSERT ON "Song" FOR EACH ROW EXECUTE FUNCTION shout();
`
const SECOND = 'ALTER TABLE "Song" ADD COLUMN tempo int;\n'

let count = 0
/** A new database and a folder with these migrations. */
async function setUp(migrations: Record<string, string>) {
  const name = `t${++count}`
  const migrationsDir = join(folder, name)
  const write = (files: Record<string, string>) => {
    for (const [migration, sql] of Object.entries(files)) {
      mkdirSync(join(migrationsDir, migration), { recursive: true })
      writeFileSync(join(migrationsDir, migration, 'migration.sql'), sql)
    }
  }
  write(migrations)
  await query(server.url, `CREATE DATABASE ${name}`)
  const url = server.url.replace(/cutroom$/, name)
  const lines: string[] = []
  return { url, lines, write, migrationsDir, run: () => migrate(url, { migrationsDir, log: (line) => lines.push(line) }) }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

describe('migrate', { timeout: 30_000 }, () => {
  it('applies what is missing, in order, functions whole, and then nothing', async () => {
    const { url, write, run, lines } = await setUp({ '2025_b': SECOND, '2024_a': FIRST })
    expect(await run()).toEqual(['2024_a', '2025_b'])
    expect(await query(url, `INSERT INTO "Song" VALUES (1, 'hey', 120) RETURNING title, tempo`)).toEqual([
      { title: 'HEY', tempo: 120 },
    ])
    expect(await run()).toEqual([])
    write({ '2026_c': 'DROP TABLE "Song";' })
    expect(await run()).toEqual(['2026_c'])
    expect(lines).toEqual(['applied the migration "2024_a"', 'applied the migration "2025_b"', 'applied the migration "2026_c"'])
  })

  it('leaves the history as Prisma does', async () => {
    const { url, run, migrationsDir } = await setUp({ '2024_a': FIRST, '2025_b': SECOND })
    await run()
    expect(
      await query(
        url,
        'SELECT migration_name, applied_steps_count, logs, rolled_back_at, finished_at >= started_at AS finished FROM _prisma_migrations ORDER BY 1',
      ),
    ).toEqual([
      { migration_name: '2024_a', applied_steps_count: 1, logs: null, rolled_back_at: null, finished: true },
      { migration_name: '2025_b', applied_steps_count: 1, logs: null, rolled_back_at: null, finished: true },
    ])
    const pool = new pg.Pool({ connectionString: url })
    const engine = await openSchemaEngine(new PrismaPg(pool), () => {})
    const file = (path: string, value: string) => ({
      path,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } },
    })
    const migrationsList = {
      baseDir: migrationsDir,
      lockfile: { path: 'migration_lock.toml', content: null },
      shadowDbInitScript: '',
      migrationDirectories: [file('2024_a', FIRST), file('2025_b', SECOND)],
    }
    const diagnosis = await engine.diagnoseMigrationHistory({
      migrationsList,
      optInToShadowDatabase: false,
      filters: { externalTables: [], externalEnums: [] },
    })
    expect(diagnosis).toEqual({ editedMigrationNames: [], failedMigrationNames: [], hasMigrationsTable: true, history: null })
    engine.free()
    await pool.end()
  })

  it('applies each migration once when several nodes start together', async () => {
    const { url, run } = await setUp({ '2024_a': FIRST, '2025_b': `SELECT pg_sleep(0.2);\n${SECOND}` })
    const results = await Promise.all([run(), run(), run()])
    expect(results.sort((a, b) => b.length - a.length)).toEqual([['2024_a', '2025_b'], [], []])
    expect(await query(url, 'SELECT count(*)::int AS n FROM _prisma_migrations')).toEqual([{ n: 2 }])
  })

  it('leaves no connection behind, whether it goes well or not', async () => {
    const { url, run, write } = await setUp({ '2024_a': FIRST })
    await run()
    write({ '2025_b': 'SELECT 1/0' })
    await expect(run()).rejects.toThrow('division by zero')
    const left = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`
    await vi.waitFor(async () => expect(await query(url, left)).toEqual([]), { timeout: 5_000 })
  })

  it('stops at a migration that fails, rolls it back, says what to do, and goes on when that was done', async () => {
    const broken = 'CREATE TABLE half (id int);\nSELECT no_such_function();\n'
    const { url, run, write } = await setUp({ '2024_a': FIRST, '2025_b': broken, '2026_c': SECOND })
    const error: Error = await run().catch((reason) => reason)
    expect(error.message).toMatch(/"2025_b" failed .*function no_such_function\(\) does not exist/)
    expect(error.message).not.toContain('sql_schema_connector')
    expect(await query(url, `SELECT to_regclass('half') AS half, to_regclass('"Song"')::text AS song`)).toEqual([
      { half: null, song: '"Song"' },
    ])
    expect(await query(url, 'SELECT migration_name, finished_at IS NULL AS open FROM _prisma_migrations ORDER BY 1')).toEqual([
      { migration_name: '2024_a', open: false },
      { migration_name: '2025_b', open: true },
    ])

    write({ '2025_b': 'CREATE TABLE whole (id int);' })
    await expect(run()).rejects.toThrow(error.message)
    await query(url, /UPDATE .*;/.exec(error.message)?.[0] as string)
    expect(await run()).toEqual(['2025_b', '2026_c'])
    expect(await run()).toEqual([])
  })

  it('names a migration whose process was killed half-way', async () => {
    const { url, run, write } = await setUp({ '2024_a': FIRST })
    await run()
    write({ '2025_b': SECOND })
    await query(url, `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('x', 'y', '2025_b')`)
    await expect(run()).rejects.toThrow(/"2025_b" failed .*its process was stopped/)
  })

  it('warns of a migration that was edited, but not of line endings, and applies neither again', async () => {
    const { run, write, lines } = await setUp({ '2024_a': FIRST, '2025_b': SECOND })
    await run()
    lines.length = 0
    write({ '2024_a': FIRST.replaceAll('\n', '\r\n') })
    expect(await run()).toEqual([])
    expect(lines).toEqual([])
    write({ '2025_b': `${SECOND}-- edited` })
    expect(await run()).toEqual([])
    expect(lines).toEqual([expect.stringMatching(/"2025_b" was edited/)])
  })

  it('runs an older build on a newer database, with a log line', async () => {
    const { run, migrationsDir, lines } = await setUp({ '2024_a': FIRST, '2025_b': SECOND })
    await run()
    lines.length = 0
    rmSync(join(migrationsDir, '2025_b'), { recursive: true })
    expect(await run()).toEqual([])
    expect(lines).toEqual([expect.stringMatching(/"2025_b", which this build does not know/)])
  })

  it('refuses a database that has tables but no history', async () => {
    const { url, run } = await setUp({ '2024_a': FIRST })
    await query(url, 'CREATE TABLE stranger (id int)')
    await expect(run()).rejects.toThrow('DATABASE_URL: the schema "public" holds what is not')
  })

  it('names a database that does not exist, and a migration without its file', async () => {
    const { url, run, migrationsDir } = await setUp({ '2024_a': FIRST })
    await expect(migrate(`${url}_nowhere`, { migrationsDir })).rejects.toThrow(
      /database "t\d+_nowhere" does not exist: create it/,
    )
    rmSync(join(migrationsDir, '2024_a', 'migration.sql'))
    await expect(run()).rejects.toThrow(join(migrationsDir, '2024_a', 'migration.sql'))
  })
})
