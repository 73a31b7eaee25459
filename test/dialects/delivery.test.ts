import { projectRoom, userRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { burst, roundTrip } from '../rooms/frames.ts'
import { startApp, type TestApp, useApp } from '../support/app.ts'
import { ALL, echo, heard, named, speak, startNodes } from '../support/dialects.ts'
import { addMember, createProject, createTeam, type Person, register } from '../support/people.ts'
import { hasRedis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const writeTask = (person: Person, projectId: string, title: string) =>
  person.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title })

/** An application whose only dialect is `echo`. */
async function startEcho(more = {}) {
  const spoken = echo(more)
  const app = await startApp({ seams: { dialects: [spoken.dialect] } })
  onTestFinished(() => app.close())
  return { app, ...spoken }
}

/** A socket of a dialect that connects to `b` while another person writes on `a` hears each entry from then on, once and in order. */
async function hearsEach(a: TestApp, b: TestApp): Promise<void> {
  const { project, owner, editor } = await createTeam(a, 'editor')
  const room = projectRoom(project.id)
  const { stop } = burst(owner, project.id)
  const listener = await speak(b, editor, 'echo')
  const marker = await writeTask(owner, project.id, 'After connected')
  await stop()
  const last = await writeTask(owner, project.id, 'Last')
  const idOf = ({ payload }: { payload: unknown }) => (payload as { id?: string }).id
  await until('the last came', () => heard(listener, room).some((each) => idOf(each) === last.id))
  const seqs = heard(listener, room).map(({ seq }) => seq)
  expect(seqs).toEqual(seqs.map((_, n) => (seqs[0] ?? 0) + n))
  expect(heard(listener, room).some((each) => idOf(each) === marker.id)).toBe(true)
}

describe('delivery to sockets of a dialect', () => {
  it('C1 on one node each entry of their rooms comes once, in order, from `connected` on', async () => {
    const { app } = await startEcho()
    await hearsEach(app, app)
    const { owner } = await createTeam(app)
    const listener = await speak(app, owner, 'echo')
    const project = await createProject(owner, 'Of their own room')
    await until('their own room speaks', () => heard(listener, userRoom(owner.id)).length === 1)
    expect(heard(listener, userRoom(owner.id))).toMatchObject([{ name: 'project:created', payload: { id: project.id } }])
  })

  it('C1 on two nodes without Redis, too', async () => {
    const { dialect } = echo()
    const [a, b] = (await startNodes(2, { seams: { dialects: [dialect], timings: { sweepMs: 50 } } })) as [TestApp, TestApp]
    await hearsEach(a, b)
  })

  if (!hasRedis()) refuseWithoutRedis('dialects over Redis')
  it.runIf(hasRedis())('C1 on two nodes over Redis, too', async () => {
    const redis = await startRedis()
    onTestFinished(() => redis.close())
    const { dialect } = echo()
    const env = { REDIS_URL: redis.url }
    const [a, b] = (await startNodes(2, { env, seams: { dialects: [dialect], timings: { sweepMs: 60_000 } } })) as [
      TestApp,
      TestApp,
    ]
    await hearsEach(a, b)
  })

  it('C1 a project that comes while they are connected is heard without a join, also one they were removed from before', async () => {
    const { app } = await startEcho()
    const { project, owner } = await createTeam(app)
    const mate = await register(app, 'Mo')
    const listener = await speak(app, mate, 'echo')
    const idsHeard = () => named(listener, 'echo').map(({ payload }) => (payload.payload as { id?: string }).id)
    /** Writes until something of it is heard. */
    const heardOf = async (person: Person, { id }: { id: string }) => {
      const written: string[] = []
      await until('what is written is heard', async () => {
        written.push((await writeTask(person, id, 'Heard?')).id)
        return idsHeard().some((each) => written.includes(each ?? ''))
      })
    }
    for (let n = 0; n < 5; n++) {
      await addMember(owner, project.id, mate)
      if (n % 2 === 0) await heardOf(owner, project)
      // The next addition comes at once: the removal may be delivered behind what lets them in again.
      await owner.must('DELETE', `/api/projects/${project.id}/members/${mate.id}`)
    }
    await addMember(owner, project.id, mate)
    await heardOf(owner, project)
    await heardOf(mate, await createProject(mate, 'Own'))
  })

  it('C2 an entry is translated once for all sockets of a room, and not at all where no socket is of the dialect', async () => {
    const { app, asked } = await startEcho()
    const { project, owner, editor } = await createTeam(app, 'editor')
    const native = await connect(app, owner)
    await native.join(project.id)
    await writeTask(owner, project.id, 'Unheard')
    await until('the native socket has it', () => native.events(projectRoom(project.id)).length > 0)
    expect(asked).toEqual([])
    const sockets = await Promise.all([speak(app, editor, 'echo'), speak(app, editor, 'echo'), speak(app, owner, 'echo')])
    const task = await writeTask(owner, project.id, 'Heard')
    await until('all have it', () => sockets.every((one) => heard(one, projectRoom(project.id)).length === 1))
    expect(asked.filter(({ payload }) => payload.id === task.id)).toHaveLength(1)
    for (const { socket } of sockets) socket.close()
    await until('they are gone', () => app.app.rooms.counts().sockets === 1)
    await writeTask(owner, project.id, 'Unheard again')
    await until('the native socket has it', () => native.events(projectRoom(project.id)).length === 3)
    expect(asked.filter(({ meta }) => meta.room === projectRoom(project.id))).toHaveLength(1)
  })

  it('C2 a replay says what delivery said: frames follow from the entry', async () => {
    const { app, asked } = await startEcho()
    const { project, owner } = await createTeam(app)
    const room = projectRoom(project.id)
    const listener = await speak(app, owner, 'echo')
    const after = (await owner.must<{ head: number }>('GET', `/api/projects/${project.id}/events`)).head
    for (let n = 0; n < 5; n++) await writeTask(owner, project.id, `Ünïcode ${'x'.repeat(n * 40)} ${n}`)
    await until('all came', () => heard(listener, room).length === 5)
    const live = heard(listener, room)
    const translated = asked.filter(({ meta }) => meta.room === room)
    listener.frames.length = 0
    asked.length = 0
    expect(await listener.join(project.id, { after })).toMatchObject({ ok: true, mode: 'resumed', head: after + 5 })
    expect(heard(listener, room)).toEqual(live)
    expect(asked).toEqual(translated.map(({ name, payload, meta }) => ({ name, payload, meta })))
  })

  it('C2 a dialect that fails leaves its own sockets without the entry, and the others with it', async () => {
    const { app } = await startEcho({
      translate: ({ name }: { name: string }) => {
        if (name === 'task:created') throw new Error('no words')
        return [['echo', { name, room: '', seq: 0 }]]
      },
    })
    const { project, owner } = await createTeam(app)
    const [native, foreign] = [await connect(app, owner), await speak(app, owner, 'echo')]
    await native.join(project.id)
    await writeTask(owner, project.id, 'One')
    await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'New' })
    await until('both go on', () => native.events(projectRoom(project.id)).length === 2 && named(foreign, 'echo').length === 1)
  })
})

describe('with four dialects on', () => {
  const app = useApp({ env: { DIALECTS: ALL } })
  const names = ALL.split(',')

  for (const name of names)
    it(`C3 A1 D3 ${name}: outside their rooms nothing is heard, and a removed person is out before the next entry`, async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const stranger = await register(app(), 'Sam Stranger')
      const [inside, out, removed] = [
        await speak(app(), owner, name),
        await speak(app(), stranger, name),
        await speak(app(), editor, name),
      ]
      expect((await out.join(project.id)).error?.code).toBe('not-found')
      expect((await out.join(project.id, { after: 0 })).error?.code).toBe('not-found')
      await writeTask(owner, project.id, 'Secret of all')
      await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
      await until('told', () => removed.frames.some((frame) => frame.name === 'access:revoked'))
      const before = removed.frames.length
      const { id } = await writeTask(owner, project.id, 'Secret of one')
      // The planner has no words for entries: a relay tells that it is still there.
      if (name === 'planner') expect(await inside.ask('update', { id })).toEqual({ ok: true })
      await until('heard inside', () => JSON.stringify(inside.frames).includes(id))
      await roundTrip(removed)
      await roundTrip(out)
      // Their own room tells them of the removal as well; there is no order between rooms.
      const later = removed.frames
        .slice(before)
        .filter(({ name, payload }) => name !== 'project:left' && payload.collection !== 'projects')
      expect(later.filter((frame) => JSON.stringify(frame).includes(project.id))).toEqual([])
      expect(JSON.stringify(out.frames)).not.toContain(project.id)
      expect(JSON.stringify(out.frames)).not.toContain('Secret')
      expect(JSON.stringify(removed.frames)).not.toContain('Secret of one')
    })

  it('C5 a native socket gets what the log has, in the words of the contract, whichever clients are there', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const native = await connect(app(), owner)
    const { head } = await native.join(project.id)
    for (const name of names) await speak(app(), editor, name)
    const { id } = await writeTask(owner, project.id, 'One')
    await editor.must('POST', `/api/tasks/${id}/comments`, { body: 'Two' })
    await owner.must('DELETE', `/api/tasks/${id}`)
    await until('all came', () => native.events(projectRoom(project.id)).length === 3)
    const { data } = await owner.must<{ data: object[] }>('GET', `/api/projects/${project.id}/events?after=${head}`)
    const told = native.events(projectRoom(project.id)).map(({ name, payload, meta }) => ({ name, payload, meta }))
    expect(told).toEqual(data)
    const known = /^(connected|task:|comment:|activity:new|presence:changed|chat:presence|notification:)/
    expect(native.frames.filter(({ name }) => !known.test(name))).toEqual([])
  })

  it('C5 `join:project` answers as the contract says, whichever dialect asks, also before it is connected', async () => {
    const { project, owner } = await createTeam(app())
    for (const dialect of names) {
      const listener: Listener = await speak(app(), owner, dialect)
      const answer = await listener.join(project.id)
      expect(answer).toMatchObject({ ok: true, room: projectRoom(project.id), mode: 'live', role: 'owner' })
      expect(answer.presence.map(({ user }) => user.id)).toEqual([owner.id])
      listener.socket.disconnect()
      const early = new Promise((resolve) => {
        listener.socket.once('connect', () => listener.socket.emit('join:project', { projectId: project.id }, resolve))
      })
      listener.socket.connect()
      expect(await early).toMatchObject({ ok: true, mode: 'live' })
    }
  })

  it('C5 a dialect never takes the place of a request of the contract', async () => {
    const { app } = await startEcho({ requests: { 'join:project': () => 'mine', hello: () => 'mine' } })
    const { project, owner } = await createTeam(app)
    const listener = await speak(app, owner, 'echo')
    expect(await listener.join(project.id)).toMatchObject({ ok: true, mode: 'live' })
    expect(await listener.ask('hello')).toBe('mine')
    expect(await listener.ask('toString')).toMatchObject({ ok: false, error: { code: 'bad-request' } })
    const native = await connect(app, owner)
    expect(await native.ask('hello')).toMatchObject({ ok: false, error: { code: 'bad-request' } })
  })
})
