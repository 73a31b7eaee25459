import { userRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { claimsOf } from '../support/calls.ts'
import { consumed } from '../support/consumers.ts'
import { addMember, createProject, createTeam, login, type Person, register } from '../support/people.ts'
import { openRaw } from '../support/raw-socket.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

describe('the user room', () => {
  const app = useApp()

  /** Something of every kind in a person's room. */
  async function fill(person: Person, owner: Person): Promise<string[]> {
    const own = await createProject(person, 'A private project')
    const joined = await createProject(owner, 'A project of others')
    await addMember(owner, joined.id, person)
    await owner.must('DELETE', `/api/projects/${joined.id}/members/${person.id}`)
    const session = await login(app(), person)
    await session.must('POST', '/api/auth/logout')
    return [own.id, joined.id, claimsOf(session.token).sid]
  }

  it('A5 S9 a socket is in no user room but its own', async () => {
    const [ann, ben, owner] = await Promise.all([register(app(), 'Ann'), register(app(), 'Ben'), register(app(), 'Olga')])
    await fill(ann, owner)
    await fill(ben, owner)
    // Notifications of what happened come later, at their own time.
    await consumed(app().db)
    const { rows: log } = await app().db.query(`SELECT room, seq::int, name FROM "Event" WHERE room = $1 ORDER BY seq`, [
      userRoom(ann.id),
    ])
    const head = log.length
    const own = log.map(({ name }) => name).filter((name) => !name.startsWith('notification:'))
    expect(own).toEqual(['project:created', 'project:joined', 'project:left', 'session:revoked'])
    const listener = await connect(app(), ann)
    expect(listener.frames[0]?.payload).toMatchObject({ userId: ann.id, head })
    for (const position of [{}, { after: 0 }, { after: 2 }, { after: 99 }, { after: 0, epoch: 'another' }])
      expect(await listener.ask('join:user', position)).toMatchObject({ ok: true, room: userRoom(ann.id), head })
    const received = listener.events().map(({ name, meta: { room, seq } }) => ({ room, seq, name }))
    expect(received).toEqual([...log, ...log.slice(2)])
    for (const payload of [
      { after: 0, userId: ben.id },
      { room: `user:${ben.id}` },
      { id: ben.id, after: 0 },
      { projectId: ben.id, after: 0 },
      `user:${ben.id}`,
      ben.id,
      [ben.id],
      null,
      { after: -1 },
      { after: '0' },
      { after: 0.5 },
      { after: 0, epoch: {} },
    ])
      expect(await listener.ask('join:user', payload)).toMatchObject({ ok: false, error: { code: 'validation' } })
  })

  it('A5 A3 S9 join:project takes the id of a project and no other name', async () => {
    const [ann, ben] = await Promise.all([register(app(), 'Ann'), register(app(), 'Ben')])
    const listener = await connect(app(), ann)
    const strange: [projectId: unknown, code: string][] = [
      [ben.id, 'not-found'],
      [ann.id, 'not-found'],
      ['00000000-0000-0000-0000-000000000000', 'not-found'],
      [`user:${ben.id}`, 'validation'],
      [`user:${ann.id}`, 'validation'],
      [`project:${ben.id}`, 'validation'],
      [`../user:${ben.id}`, 'validation'],
      [` ${ben.id}`, 'validation'],
      [`${ben.id}\n`, 'validation'],
      ['', 'validation'],
      ['*', 'validation'],
      ['__proto__', 'validation'],
      ['constructor', 'validation'],
      ['toString', 'validation'],
      [listener.socket.id, 'validation'],
      [0, 'validation'],
      [true, 'validation'],
      [null, 'validation'],
      [undefined, 'validation'],
      [[ben.id], 'validation'],
      [[`user:${ben.id}`], 'validation'],
      [{ toString: ben.id }, 'validation'],
      [{ length: 1, 0: ben.id }, 'validation'],
      ['x'.repeat(60_000), 'validation'],
    ]
    const baseline = app().app.rooms.counts()
    for (const [projectId, code] of strange) {
      const answer = await listener.ask('join:project', { projectId })
      expect({ projectId, answer }).toMatchObject({ projectId, answer: { ok: false, error: { code } } })
    }
    for (const projectId of [`user:${ben.id}`, '__proto__'])
      for (const [name, rest] of [
        ['leave:project', {}],
        ['presence:set', { state: {} }],
        ['typing', { targetId: ben.id, isTyping: true }],
      ] as const)
        expect(await listener.ask(name, { projectId, ...rest })).toMatchObject({ ok: false, error: { code: 'validation' } })
    expect(app().app.rooms.counts()).toEqual(baseline)
    // Still at home: the sweep of joins and leaves moved nothing.
    const project = await createProject(ann)
    await until('one’s own event', () => listener.events(`user:${ann.id}`).some(({ payload }) => payload.id === project.id))
    expect(
      [
        ...(app()
          .app.io.of('/')
          .sockets.get(listener.socket.id ?? '')?.rooms ?? []),
      ].toSorted(),
    ).toEqual([listener.socket.id, `user:${ann.id}`].toSorted())

    // A name of a megabyte is above the limit of a packet, and bytes are no name.
    for (const projectId of ['x'.repeat(1_000_000), Buffer.from(ben.id)]) {
      const loud = await connect(app(), ann)
      loud.socket.emit('join:project', { projectId })
      await until('hung up', () => !loud.socket.connected)
    }
    expect(listener.socket.connected).toBe(true)
  })

  it('A5 S9 another namespace is refused', async () => {
    const [ann, ben] = await Promise.all([register(app(), 'Ann'), register(app(), 'Ben')])
    const raw = await openRaw(app())
    const auth = JSON.stringify({ token: ann.token })
    for (const namespace of [`/user:${ben.id}`, '/admin', '/socket.io', '/__proto__', '/constructor']) {
      raw.ws.send(`40${namespace},${auth}`)
      await until(`an answer for ${namespace}`, () => raw.packets.some((packet) => packet.startsWith(`44${namespace},`)))
    }
    expect(raw.packets.filter((packet) => packet.startsWith('40'))).toEqual([])
    expect(raw.packets.at(-1)).toContain('Invalid namespace')
  })

  it('A5 no event of another person’s room arrives', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const [watcher, watched] = await Promise.all([connect(app(), owner), connect(app(), editor)])
    await Promise.all([watcher.join(project.id), watched.join(project.id)])
    // The watcher causes part of it, and shares a project with the other person.
    const secrets = await fill(editor, owner)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    const told = () => watched.events(userRoom(editor.id)).filter(({ name }) => !name.startsWith('notification:'))
    await until('all of it', () => told().at(-1)?.payload.projectId === project.id)
    await editor.must('POST', '/api/auth/logout-all')
    await until('hung up', () => !watched.socket.connected)
    await watcher.ask('join:user', {})
    expect(told().map(({ name }) => name)).toEqual([
      'project:created',
      'project:joined',
      'project:left',
      'session:revoked',
      'project:left',
    ])
    expect(
      watcher.events().filter(({ meta }) => meta.room !== `user:${owner.id}` && meta.room !== `project:${project.id}`),
    ).toEqual([])
    const [own, , session] = secrets
    const heard = JSON.stringify(watcher.frames)
    expect(heard).not.toContain(own)
    expect(heard).not.toContain(session)
    expect(heard).not.toContain(claimsOf(editor.token).sid)
    for (const name of ['session:revoked', 'project:left', 'project:joined'])
      expect(watcher.frames.filter((frame) => frame.name === name)).toEqual([])
  })

  it('A5 REST serves no user room as a project, not even the caller’s own', async () => {
    const [ann, ben] = await Promise.all([register(app(), 'Ann'), register(app(), 'Ben')])
    for (const id of [ann.id, ben.id, `user:${ann.id}`, `user:${ben.id}`, `project:${ben.id}`])
      for (const part of ['', '/events', '/snapshot', '/members', '/tasks', '/vibes'])
        expect((await ann.call('GET', `/api/projects/${encodeURIComponent(id)}${part}`)).status).toBe(404)
  })
})
