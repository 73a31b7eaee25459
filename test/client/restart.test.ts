import { type MutationOptions, tasks } from '@cutroom/client'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { withDatabase } from '../support/database.ts'
import { readLog, upTo } from '../support/log.ts'
import { createTeam, request } from '../support/people.ts'
import { databaseForTest, freePort, useServers } from '../support/server-process.ts'
import { until } from '../support/until.ts'
import { clientOf, expectCurrent, live, watch, writeTask } from './clients.ts'

/** A copy of the first database as it is now, which must have no connections while it is copied. */
async function copyOf(databaseUrl: string): Promise<string> {
  const admin = new pg.Client({ connectionString: inject('postgresUrl') })
  await admin.connect()
  const name = new URL(databaseUrl).pathname.slice(1)
  const copy = `${name}_copy`
  onTestFinished(async () => {
    await admin.query(`DROP DATABASE IF EXISTS "${copy}" WITH (FORCE)`)
    await admin.end()
  })
  await admin.query(`CREATE DATABASE "${copy}" TEMPLATE "${name}"`)
  return withDatabase(databaseUrl, copy)
}

describe('the client and servers that come and go', () => {
  const servers = useServers()

  it('R1 a server killed: stale, then live again with exactly what was missed, in order', async () => {
    const databaseUrl = await databaseForTest()
    const port = await freePort()
    const first = await servers.start({ databaseUrl, port })
    const { project, owner, editor } = await createTeam(first, 'editor')
    await writeTask(owner, project.id, 'before')
    const { client, errors, signedOut } = clientOf(first, editor)
    const room = client.room(project.id)
    await live(room)
    const { statuses, seqs, heard } = watch(room)
    const titles: string[] = []
    room.on('task:created', ({ title }) => titles.push(title))

    const elsewhere = await servers.start({ databaseUrl })
    first.signal('SIGKILL')
    await first.exited
    await until('stale', () => room.status === 'stale')
    expect(room.state?.tasks.size).toBe(1)
    for (const n of upTo(5)) {
      const task = { body: { title: `missed ${n}` }, token: owner.token }
      expect(await request(elsewhere.url, 'POST', `/api/projects/${project.id}/tasks`, task)).toMatchObject({ status: 201 })
    }
    await servers.start({ databaseUrl, port })
    await live(room)
    await writeTask(owner, project.id, 'after')
    await expectCurrent(room, owner)
    expect(titles).toEqual([...upTo(5).map((n) => `missed ${n}`), 'after'])
    expect(seqs).toEqual((await readLog(owner, project.id)).slice(-6).map((event) => event.meta.seq))
    expect(statuses).toEqual(['live', 'stale', 'syncing', 'live'])
    expect([heard, errors, signedOut]).toEqual([[], [], []])
  })

  it('O1 a server that drains sends the client away; it comes back to the next one by itself', async () => {
    const databaseUrl = await databaseForTest()
    const port = await freePort()
    const first = await servers.start({ databaseUrl, port })
    const { project, owner } = await createTeam(first)
    const { client, errors, signedOut, links } = clientOf(first, owner)
    const room = client.room(project.id)
    await live(room)
    const { statuses, seqs, heard } = watch(room)
    await writeTask(owner, project.id, 'one')
    first.signal('SIGTERM')
    expect(await first.exited).toMatchObject({ code: 0 })
    await until('stale', () => room.status === 'stale')
    await servers.start({ databaseUrl, port })
    await writeTask(owner, project.id, 'two')
    await live(room)
    await expectCurrent(room, owner)
    expect(seqs).toEqual(upTo(2))
    expect(statuses).toEqual(['live', 'stale', 'syncing', 'live'])
    expect(links.filter((status) => status === 'offline')).toEqual([])
    expect([heard, errors, signedOut]).toEqual([[], [], []])
  })

  it('R2 another history under the same address: reset, and the state is of the new one', async () => {
    const databaseUrl = await databaseForTest()
    const port = await freePort()
    const first = await servers.start({ databaseUrl, port })
    const { project, owner } = await createTeam(first)
    await writeTask(owner, project.id, 'in both')
    first.signal('SIGTERM')
    await first.exited
    const backup = await copyOf(databaseUrl)
    const second = await servers.start({ databaseUrl, port })
    const { client, errors } = clientOf(second, owner)
    const room = client.room(project.id)
    await live(room)
    for (const n of upTo(3)) await writeTask(owner, project.id, `lost with the disk ${n}`)
    await expectCurrent(room, owner)
    const { heard } = watch(room)
    const epoch = room.position?.epoch
    second.signal('SIGKILL')
    await second.exited
    await servers.start({ databaseUrl: backup, port })
    await until('reset', () => heard.length > 0, 15_000)
    await live(room)
    const written = await writeTask(owner, project.id, 'in the new one')
    await expectCurrent(room, owner)
    expect(room.position?.epoch).not.toBe(epoch)
    expect([...(room.state?.tasks.values() ?? [])].map(({ title }) => title).sort()).toEqual(['in both', 'in the new one'])
    expect(room.state?.tasks.has(written.id)).toBe(true)
    expect([heard, errors]).toEqual([['reset'], []])
  })

  it('U6 another history: what was answered in the one before is sent again where it may be lost, drawn all the time, and done once', async () => {
    const databaseUrl = await databaseForTest()
    const port = await freePort()
    const first = await servers.start({ databaseUrl, port })
    const { project, owner } = await createTeam(first)
    const { id } = await writeTask(owner, project.id, 'Mix')
    const { client, errors } = clientOf(first, owner)
    const room = client.room(project.id)
    await live(room)
    const titles = () => room.state?.tasksIn('todo').map(({ title }) => title)
    const add = (title: string) => {
      const draw: MutationOptions['draw'] = { name: 'task:created', payload: { title, status: 'todo' } }
      return client.mutate(tasks.create, { params: { projectId: project.id }, body: { title } }, { draw })
    }
    // answered, but their events do not come
    client.disconnect()
    await add('Kept')
    first.signal('SIGTERM')
    await first.exited
    const backup = await copyOf(databaseUrl)
    const second = await servers.start({ databaseUrl, port })
    const { version } = await client.mutate(
      tasks.update,
      { params: { taskId: id }, body: { title: 'Master' }, ifMatch: 1 },
      { projectId: project.id, draw: { name: 'task:updated', payload: { id, title: 'Master', version: 2 } } },
    )
    await add('Lost')
    expect(client.mutations.map(({ state }) => state)).toEqual(['sent', 'sent', 'sent'])
    second.signal('SIGKILL')
    await second.exited
    await servers.start({ databaseUrl: backup, port })
    const seen = [titles()]
    room.on('change', () => seen.push(titles()))
    await client.connect()
    await live(room)
    await until('confirmed', () => client.mutations.length === 0)
    expect(new Set(seen.map((list) => list?.toString()))).toEqual(new Set(['Master,Kept,Lost']))
    expect(room.state?.tasks.get(id)?.version).toBe(version)
    await expectCurrent(room, owner)
    const made = (await readLog(owner, project.id)).flatMap(({ name, payload }) =>
      name === 'task:created' ? [payload.title] : [],
    )
    expect(made).toEqual(['Mix', 'Kept', 'Lost'])
    expect(errors).toEqual([])
  })
})
