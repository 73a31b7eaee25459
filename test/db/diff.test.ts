import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { pendingDiff, writeMigration } from '../../src/db/diff.ts'
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'

const HEAD =
  'generator client {\n  provider = "prisma-client"\n  output = "../src/db/generated"\n}\n\ndatasource db {\n  provider = "postgresql"\n}\n'
const SONG = `${HEAD}\nmodel Song {\n  id Int @id\n  title String\n}\n`
const SONG_WITH_TEMPO = SONG.replace('title String', 'title String\n  tempo Int?')

const folder = mkdtempSync(join(tmpdir(), 'cutroom-diff-'))
chmodSync(folder, 0o755)
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let prismaDir: string
beforeEach(() => {
  prismaDir = mkdtempSync(join(folder, 'prisma-'))
  schema(SONG)
})
const schema = (text: string) => writeFileSync(join(prismaDir, 'schema.prisma'), text)
const migrations = () => readdirSync(join(prismaDir, 'migrations')).filter((name) => /^\d/.test(name))

describe('db:diff', { timeout: 30_000 }, () => {
  it('writes the first migration from nothing, with a copy of its schema', async () => {
    const made = (await writeMigration('first-songs', { prismaDir })) as string
    expect(basename(made)).toMatch(/^\d{14}_first_songs$/)
    const sql = readFileSync(join(made, 'migration.sql'), 'utf8')
    expect(sql).toContain('CREATE TABLE "Song"')
    expect(sql).not.toContain('CREATE SCHEMA')
    expect(readFileSync(join(prismaDir, 'migrations/schema.prisma'), 'utf8')).toBe(SONG)
    expect(readFileSync(join(prismaDir, 'migrations', 'migration_lock.toml'), 'utf8')).toContain('provider = "postgresql"')
    expect(await pendingDiff({ prismaDir })).toBe('')
  })

  it('writes only what changed since the newest migration, named to run after it', async () => {
    await writeMigration('songs', { prismaDir })
    schema(SONG_WITH_TEMPO)
    expect(await pendingDiff({ prismaDir })).toBe('-- AlterTable\nALTER TABLE "Song" ADD COLUMN     "tempo" INTEGER;\n')
    await writeMigration('a_tempo', { prismaDir })
    expect(migrations().map((name) => name.slice(15))).toEqual(['songs', 'a_tempo'])
  })

  it('writes nothing when nothing changed, unless a migration by hand is asked for', async () => {
    await writeMigration('songs', { prismaDir })
    schema(`// a comment\n${SONG}`)
    expect(await writeMigration('nothing', { prismaDir })).toBeUndefined()
    expect(migrations()).toHaveLength(1)
    const made = (await writeMigration('triggers', { prismaDir, byHand: true })) as string
    expect(readFileSync(join(made, 'migration.sql'), 'utf8')).toBe('')
    expect(await pendingDiff({ prismaDir })).toBe('')
  })

  it('refuses a bad name, a schema that is not valid, and migrations without their schema', async () => {
    await expect(writeMigration('../Oops', { prismaDir })).rejects.toThrow('is no name for a migration')
    schema(SONG.replace('String', 'Strin'))
    await expect(pendingDiff({ prismaDir })).rejects.toThrow(/Type "Strin" is neither a built-in type/)
    schema(SONG)
    await writeMigration('songs', { prismaDir })
    const copy = join(prismaDir, 'migrations', 'schema.prisma')
    rmSync(copy)
    await expect(pendingDiff({ prismaDir })).rejects.toThrow(`${copy} is missing`)
  })

  it('prints its usage, and fails, when the name is invalid', async () => {
    const command = fileURLToPath(new URL('../../src/db/diff.ts', import.meta.url))
    const run = (...args: string[]) => promisify(execFile)(process.execPath, ['--import', 'tsx', command, ...args])
    await expect(run()).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('usage: npm run db:diff -- <name>') })
    await expect(run('Not A Name')).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/^"Not A Name" is no name/) })
  })

  it('writes what migrate applies', async () => {
    await writeMigration('songs', { prismaDir })
    schema(SONG_WITH_TEMPO)
    await writeMigration('tempo', { prismaDir })
    const server = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), log: () => {} })
    try {
      expect(await migrate(server.url, { migrationsDir: join(prismaDir, 'migrations') })).toEqual(migrations())
      const client = new pg.Client(server.url)
      await client.connect()
      expect((await client.query(`INSERT INTO "Song" VALUES (1, 'hey', 120) RETURNING *`)).rows).toEqual([
        { id: 1, title: 'hey', tempo: 120 },
      ])
      await client.end()
    } finally {
      await server.stop()
    }
  })
})
