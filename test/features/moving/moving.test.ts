import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Snapshot } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { hashPassword } from '../../../src/features/auth/password.ts'
import { useApp } from '../../support/app.ts'
import { bytesOf, download, sha256 } from '../../support/files.ts'
import { folderForTest, fullProject, linesOf, movingOn, rowsOf, writeRows } from '../../support/moving.ts'
import { createCut, createTeam, login, register } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

describe('a project moves to another server', () => {
  const source = useApp()
  const target = useApp()

  /** A full project, exported. */
  async function exported() {
    const made = await fullProject(source())
    const folder = join(await folderForTest(), 'export')
    await movingOn(source()).out(made.project.id, folder)
    return { ...made, folder }
  }
  /** The same person on the other server, with a password that was given there. */
  async function there(person: { email: string }) {
    await target().db.query(`UPDATE "User" SET "passwordHash" = $1 WHERE email = $2`, [
      await hashPassword('a new password'),
      person.email,
    ])
    return login(target(), person, 'a new password')
  }

  it('V1 export, import and export are equal but for the first line; a second import changes nothing', async () => {
    const { project, folder, notes, sound } = await exported()
    const moving = movingOn(target())
    expect(await moving.in(folder, true)).toMatchObject({ outcome: 'fits' })
    expect((await target().db.query('SELECT 1 FROM "Project" WHERE id = $1', [project.id])).rows).toEqual([])
    expect(await moving.in(folder)).toMatchObject({ outcome: 'imported' })
    const again = join(await folderForTest(), 'again')
    await moving.out(project.id, again)
    expect(await linesOf(again)).toBe(await linesOf(folder))
    const files = await readdir(join(folder, 'files'))
    expect(files.sort()).toEqual([sound.sha256, notes.sha256].sort())
    expect((await readdir(join(again, 'files'))).sort()).toEqual(files)

    const count = async () =>
      (
        await target().db.query(
          `SELECT (SELECT count(*) FROM "Event") AS events, (SELECT count(*) FROM "User") AS people,
            (SELECT count(*) FROM "StoredObject") AS objects`,
        )
      ).rows
    const before = await count()
    expect(await moving.in(folder)).toMatchObject({ outcome: 'present' })
    expect(await count()).toEqual(before)
    await expect(moving.out(project.id, again)).rejects.toThrow('exists already')
  })

  it('V1 lyrics as long as they may be, of characters that take six each in JSON, come along', async () => {
    const { project, editor } = await createTeam(source(), 'editor')
    const { cut } = await createCut(editor, project.id)
    const lyrics = Array<unknown>(1_000).fill({ atMs: 2_147_483_647, text: '\u001f'.repeat(1_000) })
    for (const first of ['One', 'Two'])
      await editor.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: first }, ...lyrics.slice(1)] })
    const folder = join(await folderForTest(), 'export')
    let largest = 0
    await movingOn(source(), (rows) => {
      largest = Math.max(largest, JSON.stringify(rows).length)
    }).out(project.id, folder)
    // Events of this size are read one by one.
    expect(largest).toBeLessThan(7_000_000)
    expect(await movingOn(target()).in(folder)).toMatchObject({ outcome: 'imported' })
    const again = join(await folderForTest(), 'again')
    await movingOn(target()).out(project.id, again)
    expect((await linesOf(again)) === (await linesOf(folder))).toBe(true)
  })

  it('V1 who joins there has the same snapshot, log, files and links, and goes on at the next position', async () => {
    const { project, folder, owner, editor, viewer, notes, sound, cut, first } = await exported()
    await movingOn(target()).in(folder)
    const at = `/api/projects/${project.id}`
    const olga = await there(owner)
    const here = await owner.must<Snapshot>('GET', `${at}/snapshot`)
    const snapshot = await olga.must<Snapshot>('GET', `${at}/snapshot`)
    expect({ ...snapshot, epoch: '' }).toEqual({ ...here, epoch: '' })
    const events = (person: typeof olga) =>
      person.must<{ data: { name: string; payload: unknown; meta: object }[]; head: number; floor: number }>(
        'GET',
        `${at}/events?after=0`,
      )
    const [log, before] = [await events(olga), await events(owner)]
    expect(log.data.map(({ meta, ...event }) => ({ ...event, ...meta, epoch: '' }))).toEqual(
      before.data.map(({ meta, ...event }) => ({ ...event, ...meta, epoch: '' })),
    )
    expect([log.head, log.floor]).toEqual([before.head, before.floor])
    expect(sha256(await bytesOf(await download(target(), olga, notes.id)))).toBe(notes.sha256)
    expect((await olga.call('GET', `/api/files/${sound.id}/peaks`)).status).toBe(200)

    const socket = await connect(target(), olga)
    expect(await socket.join(project.id)).toMatchObject({ ok: true, mode: 'live', head: before.head, role: 'owner' })
    const answer = await olga.call('POST', `/api/comments/${first.id}/replies`, { body: 'From here on' })
    expect(answer.headers.get('cutroom-seq')).toBe(`${before.head + 1}`)
    // An epoch of the old server leads to a reset, not to a hole.
    const other = await connect(target(), olga)
    expect(await other.join(project.id, { after: 3, epoch: here.epoch })).toMatchObject({ ok: true, mode: 'reset' })

    const mo = await there(editor)
    expect((await mo.call('POST', `/api/vibes/${cut.id}/cuts`, { name: 'x' })).status).toBe(404)
    expect((await mo.call('PATCH', `/api/cuts/${cut.id}`, { bpm: 98 })).status).toBe(200)
    expect((await (await there(viewer)).call('PATCH', `/api/cuts/${cut.id}`, { bpm: 99 })).status).toBe(403)
  })

  it('V1 no one is notified of what happened before, and all that was moved can be found', async () => {
    const { project, folder, owner, editor } = await exported()
    await movingOn(target()).in(folder)
    const mo = await there(editor)
    await until(
      'it can be found',
      async () => {
        const found = await mo.must<{ data?: unknown[] }>('GET', `/api/search?q=Louder&projectId=${project.id}`)
        return JSON.stringify(found).includes('Louder')
      },
      20_000,
    )
    expect(await mo.must('GET', '/api/me/notifications')).toMatchObject({ data: [] })
    const { rows } = await target().db.query(
      `SELECT c.consumer FROM "Cursor" c JOIN "Room" r ON r.id = c.room WHERE c.room = $1 AND c.seq < r.head`,
      [`project:${project.id}`],
    )
    expect(rows).toEqual([])
    const olga = await there(owner)
    expect(await olga.must('GET', `/api/me/activity?unread=true&projectId=${project.id}`)).toMatchObject({ data: [] })
  })

  it('V3 whose account is here stays as they are; an id or an e-mail of another person is refused', async () => {
    const { folder, owner, project } = await exported()
    const rows = await rowsOf(folder)
    const stranger = await register(target(), 'Stranger')
    const moving = movingOn(target())
    const change = (person: object) =>
      rows.map((row) => (row.line === 'person' && row.id === owner.id ? { ...row, ...person } : row))
    await writeRows(folder, change({ email: stranger.email }))
    await expect(moving.in(folder)).rejects.toThrow(`has an account here with another id (${stranger.id})`)
    // As if the export named a person of this server its owner.
    await writeRows(folder, JSON.parse(JSON.stringify(rows).replaceAll(owner.id, stranger.id)) as object[])
    await expect(moving.in(folder)).rejects.toThrow('an account here has it, with another e-mail')
    await writeRows(folder, rows)
    await moving.in(folder)
    const { rows: left } = await target().db.query(`SELECT name FROM "User" WHERE id = $1`, [stranger.id])
    expect(left).toEqual([{ name: 'Stranger' }])
    expect((await stranger.call('GET', `/api/projects/${project.id}`)).status).toBe(404)
  })

  it('V3 an id that has other content here is refused, and nothing of the rest is there', async () => {
    const [one, two] = [await exported(), await exported()]
    const moving = movingOn(target())
    await moving.in(one.folder)
    // A task of the first project under its id in the second.
    const rows = await rowsOf(two.folder)
    await writeRows(
      two.folder,
      rows
        .map((row) => (row.line === 'task' ? { ...row, id: one.task.id } : row))
        .filter(({ line, taskId }) => line !== 'comment' || !taskId),
    )
    await expect(moving.in(two.folder)).rejects.toThrow('another row of Task has this id')
    // The project itself, with another history.
    const forged = await rowsOf(one.folder)
    await writeRows(
      one.folder,
      forged.map((row) =>
        row.line === 'event' ? { ...row, id: `${row.id}`.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) } : row,
      ),
    )
    await expect(moving.in(one.folder)).rejects.toThrow('with another history')
    const left = await target().db.query(
      `SELECT (SELECT count(*)::int FROM "Project" WHERE id = $1) + (SELECT count(*)::int FROM "Room" WHERE id = 'project:' || $1::text)
        + (SELECT count(*)::int FROM "User" WHERE id = $2) + (SELECT count(*)::int FROM "StoredObject" WHERE "fileId" IS NULL) AS n`,
      [two.project.id, two.owner.id],
    )
    expect(left.rows).toEqual([{ n: 0 }])
  })

  it('V2 two imports of one project at a time make it once', async () => {
    const { folder, project } = await exported()
    const both = await Promise.allSettled([movingOn(target()).in(folder), movingOn(target()).in(folder)])
    expect(both.some((one) => one.status === 'fulfilled' && one.value.outcome === 'imported')).toBe(true)
    expect(await movingOn(target()).in(folder)).toMatchObject({ outcome: 'present' })
    const { rows } = await target().db.query('SELECT count(*)::int AS n FROM "Project" WHERE id = $1', [project.id])
    expect(rows).toEqual([{ n: 1 }])
    const unclaimed = await target().db.query('SELECT 1 FROM "StoredObject" WHERE "fileId" IS NULL')
    expect(unclaimed.rows).toEqual([])
  })

  it('a deleted project is not brought back', async () => {
    const { folder, owner, project } = await exported()
    const moving = movingOn(target())
    await moving.in(folder)
    await (await there(owner)).must('DELETE', `/api/projects/${project.id}`)
    await expect(moving.in(folder)).rejects.toThrow('was deleted here')
  })
})
