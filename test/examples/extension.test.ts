import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { projectRoom, type Task, userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { createTeam } from '../support/people.ts'
import { databaseForTest, useServers } from '../support/server-process.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const FOLDER = join(import.meta.dirname, '../../examples/extension')

describe('examples/extension', () => {
  const { start } = useServers()

  it('E1 the extension tells project, person and room of a task that is done; who is not of the desk stays outside', async () => {
    const databaseUrl = await databaseForTest()
    const before = await start({ databaseUrl })
    const { project, owner, editor } = await createTeam(before, 'editor')
    before.signal('SIGTERM')
    await before.exited
    const server = await start({ databaseUrl, env: { EXTENSIONS_DIR: FOLDER, DESK: owner.id } })
    const [hers, his] = [await connect(server, owner), await connect(server, editor)]
    for (const socket of [hers, his]) await socket.join(project.id)
    expect(await hers.ask('join', { room: 'desk:main' })).toEqual({ ok: true })
    expect(await his.ask('join', { room: 'desk:main' })).toMatchObject({ ok: false, error: { code: 'not-found' } })
    const call = async <T>(path: string, body: object) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${editor.token}` }
      return (await (await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) })).json()) as T
    }
    const task = await call<Task>(`/api/projects/${project.id}/tasks`, { title: 'Mix' })
    await call(`/api/tasks/${task.id}/move`, { status: 'done', after: null })
    const got = ({ frames }: typeof hers) =>
      frames.flatMap(({ name, payload, meta }) =>
        name.startsWith('extension:') ? [[meta?.room ?? payload.room, payload.event, payload.data]] : [],
      )
    const ready = [projectRoom(project.id), 'mix.ready', { taskId: task.id, attempt: 1 }]
    await until('all of it', () => got(hers).length === 2 && got(his).length === 2)
    expect(got(hers)).toEqual(expect.arrayContaining([ready, ['desk:main', 'light', { colour: 'green' }]]))
    expect(got(his)).toEqual(expect.arrayContaining([ready, [userRoom(editor.id), 'mix.yours', { taskId: task.id }]]))
  })

  it('is written in plain JavaScript that Node takes as it is', () => {
    const { status, stderr } = spawnSync(process.execPath, ['--check', join(FOLDER, 'mix-bell', 'index.js')], {
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})
