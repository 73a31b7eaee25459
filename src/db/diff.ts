import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { SqlMigrationAwareDriverAdapterFactory, SqlResultSet } from '@prisma/driver-adapter-utils'
import { prismaFolder } from './migrate.ts'
import { openSchemaEngine } from './schema-engine.ts'

const EMPTY = 'datasource db {\n  provider = "postgresql"\n}\n'
const LOCK_FILE = '# Written for Prisma: which database these migrations are for.\nprovider = "postgresql"\n'

/** `diff` between two schema files asks its database for nothing but its version; the answer is the one that we run. */
const noDatabase: SqlMigrationAwareDriverAdapterFactory = {
  provider: 'postgres',
  adapterName: 'none',
  connect: async () => ({
    provider: 'postgres',
    adapterName: 'none',
    queryRaw: async (): Promise<SqlResultSet> => ({
      columnNames: ['exists', 'version', 'numeric_version'],
      columnTypes: [5, 7, 0],
      rows: [[true, 'PostgreSQL 18.4', 180_004]],
    }),
    executeRaw: refuse,
    executeScript: refuse,
    startTransaction: refuse,
    getConnectionInfo: () => ({ schemaName: 'public', supportsRelationJoins: true }),
    dispose: async () => {},
  }),
  connectToShadowDb: refuse,
}

async function refuse(): Promise<never> {
  throw new Error('db:diff has no database')
}

export interface DiffOptions {
  /** Default: prisma/ of this package. */
  prismaDir?: string
}

/**
 * The SQL that takes the schema as of the newest migration to prisma/schema.prisma; '' when they say the same.
 * @throws on an invalid schema, and when there are migrations without a copy of the schema after them
 */
export async function pendingDiff(options: DiffOptions = {}): Promise<string> {
  const { prismaDir = prismaFolder() } = options
  const newest = await newestMigration(prismaDir)
  const copy = newest && migratedSchema(prismaDir)
  if (copy && !existsSync(copy)) throw new Error(`${copy} is missing: put the schema there as it is after the newest migration`)
  const schema = async (path: string) => ({
    tag: 'schemaDatamodel' as const,
    files: [{ path, content: await readFile(path, 'utf8') }],
  })
  const engine = await openSchemaEngine(noDatabase, (line) => console.warn(line))
  try {
    const { exitCode, stdout } = await engine.diff({
      from: copy ? await schema(copy) : { tag: 'schemaDatamodel', files: [{ path: 'empty.prisma', content: EMPTY }] },
      to: await schema(join(prismaDir, 'schema.prisma')),
      script: true,
      exitCode: true, // 2 says that they differ
      filters: { externalTables: [], externalEnums: [] },
    })
    return exitCode === 0 ? '' : (stdout ?? '')
  } finally {
    engine.free()
  }
}

/**
 * Writes migrations/<time>_<name>/migration.sql with the pending change, and migrations/schema.prisma, the schema that it leads to.
 * @param options.byHand also when nothing changed in the schema: an empty migration.sql, for triggers and data
 * @returns its folder, undefined when nothing is to be written
 */
export async function writeMigration(
  name: string,
  options: DiffOptions & { byHand?: boolean } = {},
): Promise<string | undefined> {
  const { prismaDir = prismaFolder() } = options
  if (!/^[a-z][a-z0-9]*([_-][a-z0-9]+)*$/.test(name)) {
    throw new Error(`"${name}" is no name for a migration: use small letters, digits and - or _, as in add-due-date`)
  }
  const sql = await pendingDiff({ prismaDir })
  if (!sql && !options.byHand) return undefined
  // Migrations run in the order of their names: never before the newest, whatever this clock says.
  const now = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const newest = await newestMigration(prismaDir)
  const time = Math.max(Number(now), Number(newest?.slice(0, 14) ?? 0) + 1)
  const folder = join(prismaDir, 'migrations', `${time}_${name.replaceAll('-', '_')}`)
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'migration.sql'), sql)
  await writeFile(migratedSchema(prismaDir), await readFile(join(prismaDir, 'schema.prisma')))
  const lockFile = join(prismaDir, 'migrations', 'migration_lock.toml')
  if (!existsSync(lockFile)) await writeFile(lockFile, LOCK_FILE)
  return folder
}

/** The schema as of the newest migration. */
const migratedSchema = (prismaDir: string): string => join(prismaDir, 'migrations', 'schema.prisma')

async function newestMigration(prismaDir: string): Promise<string | undefined> {
  const folder = join(prismaDir, 'migrations')
  if (!existsSync(folder)) return undefined
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return names.sort().at(-1)
}

async function main(args: string[]): Promise<void> {
  const [name, flag] = args
  if (!name || (flag && flag !== '--by-hand')) throw new Error('usage: npm run db:diff -- <name> [--by-hand]')
  const folder = await writeMigration(name, { byHand: flag === '--by-hand' })
  if (!folder) {
    console.log('The schema has not changed: nothing written. (For triggers or data alone: add --by-hand.)')
    return
  }
  console.log(`Wrote ${relative(process.cwd(), join(folder, 'migration.sql'))}`)
  console.log('Review it, and add by hand what a Prisma schema cannot say: triggers, CHECK constraints, partial indexes, data.')
}

if (process.argv[1] === import.meta.filename) {
  main(process.argv.slice(2)).catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
