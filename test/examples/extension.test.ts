import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { projectRoom, type Task, userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { createTeam, type Person, request } from '../support/people.ts'
import { databaseForTest, useServers } from '../support/server-process.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const FOLDER = join(import.meta.dirname, '../../examples/extension')

describe('examples/extension', () => {
  const { start } = useServers()

  it('E1 the extension tells project, person and room once of a task that is done; who is not of the desk stays outside', async () => {
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
    const call = async (by: Person, method: string, path: string, body: object) => {
      const answer = await request<Task>(server.url, method, path, { token: by.token, body })
      expect(answer.status).toBeLessThan(300)
      return answer.body
    }
    const { id } = await call(owner, 'POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    await call(editor, 'POST', `/api/tasks/${id}/move`, { status: 'done', after: null })
    // It is done already: neither is news.
    await call(editor, 'PATCH', `/api/tasks/${id}`, { title: 'Mix it' })
    const last = await call(editor, 'POST', `/api/projects/${project.id}/tasks`, { title: 'Master', status: 'done' })
    await call(editor, 'POST', `/api/tasks/${id}/move`, { status: 'done', after: last.id })
    const end = await call(owner, 'POST', `/api/projects/${project.id}/tasks`, { title: 'Print', status: 'done' })
    const got = ({ frames }: typeof hers) =>
      frames.flatMap(({ name, payload, meta }) =>
        name.startsWith('extension:') ? [[meta?.room ?? payload.room, payload.event, payload.data]] : [],
      )
    const ready = (taskId: string) => [projectRoom(project.id), 'mix.ready', { taskId, attempt: 1 }]
    const thanks = (taskId: string, { id }: Person) => [userRoom(id), 'mix.thanks', { taskId }]
    const light = ['desk:main', 'light', { colour: 'green' }]
    const sorted = (frames: unknown[]) => frames.map((frame) => JSON.stringify(frame)).sort()
    await until('all of it', () => got(hers).length >= 7 && got(his).length >= 5)
    const all = [ready(id), ready(last.id), ready(end.id)]
    expect(sorted(got(hers))).toEqual(sorted([...all, light, light, light, thanks(end.id, owner)]))
    expect(sorted(got(his))).toEqual(sorted([...all, thanks(id, editor), thanks(last.id, editor)]))
  })

  it('is written in plain JavaScript that Node takes as it is', () => {
    const { status, stderr } = spawnSync(process.execPath, ['--check', join(FOLDER, 'mix-bell', 'index.js')], {
      encoding: 'utf8',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })
})
