import {
  type Activity,
  type Comment,
  type Cut,
  type Lyrics,
  type Member,
  type Project,
  projectEvents,
  projectRoom,
  type Task,
  userRoom,
  type Vibe,
} from '@cutroom/contract'
import { type Manager, Manager as SocketManager } from 'socket.io-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../support/app.ts'
import { consumed } from '../support/consumers.ts'
import { BELL, ring } from '../support/extensions.ts'
import { processed, uploadFile, wavOf } from '../support/files.ts'
import { accept, expireIn, invite, newAddress } from '../support/invitations.ts'
import { readLog, upTo } from '../support/log.ts'
import { addMember, createCut, createProject, createTeam, type Person, register } from '../support/people.ts'
import { crowd } from '../support/ranks.ts'
import { share, visit } from '../support/shares.ts'
import { connect, type Listener, open } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { append, roundTrip, seqs } from './frames.ts'

const comments = (person: Person, cutId: string, count: number, label: string) =>
  upTo(count).reduce(
    (before, n) =>
      before.then(() => person.must('POST', `/api/cuts/${cutId}/comments`, { body: `${label} ${n}` })).then(() => {}),
    Promise.resolve(),
  )

describe('delivery', () => {
  const app = useApp({ env: { EXTENSIONS_DIR: BELL } })

  it('D1 D3 two members see each other’s comments in order, a person outside the project sees nothing', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const stranger = await register(app(), 'Sam Stranger')
    const { cut } = await createCut(owner, project.id)
    const [a, b, s] = await Promise.all([connect(app(), owner), connect(app(), editor), connect(app(), stranger)])
    expect(await a.join(project.id)).toMatchObject({ ok: true, mode: 'live', role: 'owner' })
    expect(await b.join(project.id)).toMatchObject({ ok: true, mode: 'live', role: 'editor' })
    expect(await s.join(project.id)).toMatchObject({ ok: false, error: { code: 'not-found', status: 404 } })

    const answers = []
    for (let n = 0; n < 10; n++)
      answers.push(
        await (n % 2 ? owner : editor).must('POST', `/api/cuts/${cut.id}/comments`, { body: `note ${n}`, atMs: n * 1000 }),
      )
    await until(
      'ten events each',
      () => a.events(projectRoom(project.id)).length === 10 && b.events(projectRoom(project.id)).length === 10,
    )
    expect(a.events(projectRoom(project.id)).map((event) => event.payload)).toEqual(answers)
    expect(b.events(projectRoom(project.id))).toEqual(a.events(projectRoom(project.id)))
    expect(s.frames.filter((frame) => frame.name !== 'connected')).toEqual([])
  })

  it('D1 twenty sockets of five people get 300 writes of five writers: each list is the log', async () => {
    const { project, owner, ...others } = await createTeam(app(), 'editor', 'commenter', 'viewer')
    const second = await register(app(), 'Second Editor')
    await addMember(owner, project.id, second)
    const { cut } = await createCut(owner, project.id)
    const people = [owner, second, others.editor, others.commenter, others.viewer]
    const sockets = await Promise.all(upTo(20).map((n) => connect(app(), people[n % people.length] ?? owner)))
    const joins = await Promise.all(sockets.map((socket) => socket.join(project.id)))
    const head = Math.max(...joins.map((ack) => ack.head))
    expect(new Set(joins.map((ack) => ack.head)).size).toBe(1)

    const writers = [owner, owner, second, others.editor, others.commenter]
    await Promise.all(writers.map((writer, n) => comments(writer, cut.id, 60, `${n}`)))
    await until('300 events each', () => sockets.every((socket) => socket.events(projectRoom(project.id)).length >= 300))
    await Promise.all(sockets.map(roundTrip))

    const log = await readLog(owner, project.id, head)
    expect(seqs(log)).toEqual(upTo(300).map((n) => head + n))
    for (const socket of sockets) expect(socket.events(projectRoom(project.id))).toEqual(log)
  })

  it('D1 a socket receives only the rooms it joined, whatever rooms other sockets of the person are in', async () => {
    const owner = await register(app(), 'Two Rooms')
    const [one, two] = [await createProject(owner, 'One'), await createProject(owner, 'Two')]
    const [a, b, both] = await Promise.all([connect(app(), owner), connect(app(), owner), connect(app(), owner)])
    await Promise.all([a.join(one.id), b.join(two.id), both.join(one.id), both.join(two.id)])
    await Promise.all(
      upTo(10).flatMap((n) => [one, two].map(({ id }) => owner.must('POST', `/api/projects/${id}/tasks`, { title: `${n}` }))),
    )
    await until('twenty events', () => both.events().length >= 20)
    await Promise.all([a, b, both].map(roundTrip))
    expect(seqs(both.events(projectRoom(one.id)))).toEqual(seqs(await readLog(owner, one.id, 0)))
    expect(a.events()).toEqual(both.events(projectRoom(one.id)))
    expect(b.events()).toEqual(both.events(projectRoom(two.id)))
  })

  it('D2 W7 events without a notification arrive by the sweep: in order, once, within its second', async () => {
    const { project, owner } = await createTeam(app())
    const socket = await connect(app(), owner)
    const { head } = await socket.join(project.id)
    const delays: number[] = []
    for (const total of [1, 1201, 1203]) {
      await append(app(), project.id, total - socket.events().length)
      const from = performance.now()
      await until(`${total} events`, () => socket.events().length >= total)
      delays.push(performance.now() - from)
    }
    await roundTrip(socket)
    expect(socket.events()).toEqual(await readLog(owner, project.id, head))
    // The sweep looks every second; the rest is for a busy machine.
    expect(Math.max(...delays)).toBeLessThan(10_000)
  })

  it('D2 two servers that know nothing of each other deliver each other’s writes: every list is the log', async () => {
    const other = await startApp({ databaseUrl: app().databaseUrl })
    onTestFinished(() => other.close())
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    const room = projectRoom(project.id)
    const sockets = await Promise.all([app(), app(), other, other].map((server) => connect(server, editor)))
    const [{ head } = { head: 0 }] = await Promise.all(sockets.map((socket) => socket.join(project.id)))

    const sent = new Map<string, number>()
    const delays: number[] = []
    for (const { socket } of sockets)
      socket.on('comment:created', ({ body }: Comment) => delays.push(performance.now() - (sent.get(body) ?? 0)))
    const write = async (server: TestApp, label: string) => {
      for (const n of upTo(25)) {
        sent.set(`${label} ${n}`, Number.POSITIVE_INFINITY)
        const path = `${server.url}/api/cuts/${cut.id}/comments`
        const headers = { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' }
        const answer = await fetch(path, { method: 'POST', headers, body: JSON.stringify({ body: `${label} ${n}` }) })
        sent.set(`${label} ${n}`, performance.now())
        expect(answer.status).toBe(201)
      }
    }
    await Promise.all([write(app(), 'here'), write(app(), 'here too'), write(other, 'there'), write(other, 'there too')])
    await until('100 events each', () => sockets.every((socket) => socket.events(room).length >= 100))
    await Promise.all(sockets.map(roundTrip))
    const log = await readLog(owner, project.id, head)
    expect(log).toHaveLength(100)
    for (const socket of sockets) expect(socket.events(room)).toEqual(log)
    expect(Math.max(...delays)).toBeLessThan(2_000)
  })

  it('D2 what a server wrote just before it went arrives through the ones that stay', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const socket = await connect(app(), editor)
    const { head } = await socket.join(project.id)
    const other = await startApp({ databaseUrl: app().databaseUrl })
    const path = `${other.url}/api/projects/${project.id}/tasks`
    const headers = { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' }
    const answers = await Promise.all(
      upTo(5).map((n) => fetch(path, { method: 'POST', headers, body: JSON.stringify({ title: `last words ${n}` }) })),
    )
    await other.close()
    expect(answers.map((answer) => answer.status)).toEqual([201, 201, 201, 201, 201])
    await until('five events', () => socket.events(projectRoom(project.id)).length >= 5)
    expect(socket.events(projectRoom(project.id))).toEqual(await readLog(owner, project.id, head))
  })

  it('D2 W7 an event whose payload no client can read delays no other event', async () => {
    const { project, owner } = await createTeam(app())
    const bystanders = await createProject(owner, 'Another')
    const socket = await connect(app(), owner)
    const { head } = await socket.join(project.id)
    await socket.join(bystanders.id)
    await app().db.query(
      `SELECT append($1, name, '{}') FROM unnest(array['comment:created', 'task:created', 'who:knows']) name`,
      [projectRoom(project.id)],
    )
    await append(app(), project.id, 1)
    await append(app(), bystanders.id, 1)
    await until('what came after', () => socket.events(projectRoom(project.id)).length >= 4)
    await until('what came elsewhere', () => socket.events(projectRoom(bystanders.id)).length >= 1)
    expect(seqs(socket.events(projectRoom(project.id)))).toEqual(upTo(4).map((n) => head + n))

    const late = await connect(app(), owner)
    expect(await late.join(project.id, { after: head })).toMatchObject({ ok: true, mode: 'resumed', head: head + 4 })
    expect(seqs(late.events(projectRoom(project.id)))).toEqual(upTo(4).map((n) => head + n))
  })

  describe('outsiders', () => {
    it('D3 people outside a project who guess ids, ask for a replay or join otherwise get no frame', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const { cut } = await createCut(owner, project.id)
      const stranger = await register(app(), 'Sam Stranger')
      const own = await createProject(stranger, 'Own')
      const member = await connect(app(), editor)
      const { epoch } = await member.join(project.id)
      const s = await connect(app(), stranger)
      expect(await s.join(own.id)).toMatchObject({ ok: true })

      const refused = [
        await s.join(project.id),
        await s.join(project.id, { after: 0 }),
        await s.join(project.id, { after: 0, epoch }),
        await s.ask('presence:set', { projectId: project.id, state: { at: 1 } }),
        await s.ask('typing', { projectId: project.id, targetId: cut.id, isTyping: true }),
      ]
      expect(refused.map((ack) => ack.error?.code)).toEqual(['not-found', 'not-found', 'not-found', 'forbidden', 'forbidden'])
      const nonsense = [
        await s.ask('join:project', { projectId: `${own.id}`, room: projectRoom(project.id) }),
        await s.ask('join:project', { projectId: projectRoom(project.id) }),
        await s.ask('join:project', { projectId: [project.id] }),
        await s.ask('join:user', { after: 0, epoch, userId: owner.id }),
        await s.ask('join', projectRoom(project.id)),
        await s.ask('subscribe', { room: projectRoom(project.id) }),
        await s.ask('__proto__', { projectId: project.id }),
      ]
      expect(nonsense.map((ack) => ack.ok)).toEqual(nonsense.map(() => false))
      expect(await s.ask('leave:project', { projectId: project.id })).toEqual({ ok: true })

      await comments(owner, cut.id, 5, 'not for strangers')
      await member.ask('typing', { projectId: project.id, targetId: cut.id, isTyping: true })
      await until('the member’s events', () => member.events(projectRoom(project.id)).length >= 5)
      await roundTrip(s)
      const strange = s.frames.filter((frame) => JSON.stringify(frame).includes(project.id))
      expect(strange).toEqual([])
      expect(s.events().filter((event) => event.meta.room !== userRoom(stranger.id))).toEqual([])
    })

    it('D3 other namespaces do not exist', async () => {
      const { project, owner } = await createTeam(app())
      const manager: Manager = new SocketManager(app().url, { transports: ['websocket'], reconnection: false })
      onTestFinished(() => manager._close())
      for (const namespace of [`/${projectRoom(project.id)}`, `/${project.id}`, '/admin']) {
        const socket = manager.socket(namespace, { auth: { token: owner.token } })
        const error = await new Promise<Error>((resolve) => socket.once('connect_error', resolve))
        expect(error.message).toBe('Invalid namespace')
      }
    })

    it('D3 a socket that left gets nothing more, its neighbours do', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const { cut } = await createCut(owner, project.id)
      await consumed(app().db)
      const [gone, stays] = await Promise.all([connect(app(), editor), connect(app(), editor)])
      await Promise.all([gone.join(project.id), stays.join(project.id)])
      await comments(owner, cut.id, 3, 'before')
      await until('three events', () => gone.events().length >= 3)
      expect(await gone.ask('leave:project', { projectId: project.id })).toEqual({ ok: true })
      const had = gone.frames.length
      await comments(owner, cut.id, 3, 'after')
      await until('six events', () => stays.events().length >= 6)
      await roundTrip(gone)
      expect(gone.frames).toHaveLength(had)
      // Leaving twice, and what one never joined, is no mistake.
      expect(await gone.ask('leave:project', { projectId: project.id })).toEqual({ ok: true })
    })

    it('D3 leaving in the middle of a replay ends it', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      await append(app(), project.id, 3_000)
      const [gone, stays] = await Promise.all([connect(app(), editor), connect(app(), owner)])
      await stays.join(project.id)
      const joining = gone.join(project.id, { after: 0 })
      await until('the replay has begun', () => gone.events(projectRoom(project.id)).length > 0)
      expect(await gone.ask('leave:project', { projectId: project.id })).toEqual({ ok: true })
      const had = gone.events(projectRoom(project.id)).length
      expect(had).toBeLessThan(3_000)
      expect(await joining).toMatchObject({ ok: false, error: { code: 'superseded', status: 409 } })
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'after' })
      await until('the neighbour’s event', () => stays.events(projectRoom(project.id)).length >= 1)
      await roundTrip(gone)
      expect(seqs(gone.events(projectRoom(project.id)))).toEqual(upTo(had))
    })
  })

  describe('payloads', () => {
    it('D4 what the socket receives is what the write answered and what the log holds, for every event of the contract', async () => {
      const owner = await register(app(), 'Olga Owner')
      const mate = await register(app(), 'Mia Mate')
      const third = await register(app(), 'Theo Third')
      const own = await connect(app(), owner)
      const project = await owner.must<Project>('POST', '/api/projects', { name: 'Album', description: 'ten songs' })
      await until('project:created', () => own.events().length >= 1)
      expect(own.events()).toMatchObject([{ name: 'project:created', payload: project, meta: { room: userRoom(owner.id) } }])

      const socket = await connect(app(), owner)
      const { head } = await socket.join(project.id)
      const at = `/api/projects/${project.id}`
      /** Name and payload of each event, in order, as the answers let us expect them. */
      const expected: [name: keyof typeof projectEvents, payload: unknown][] = []
      const send = async <T>(name: keyof typeof projectEvents, method: string, path: string, body?: unknown): Promise<T> => {
        const answer = await owner.must<T>(method, path, body)
        expected.push([name, answer])
        return answer
      }

      await send<Project>('project:updated', 'PATCH', at, { name: 'Record', description: null })
      await send<Member>('member:joined', 'POST', `${at}/members`, { userId: mate.id, role: 'commenter' })
      await send<Member>('member:joined', 'POST', `${at}/members`, { email: third.email })
      await send<Member>('member:updated', 'PATCH', `${at}/members/${mate.id}`, { role: 'editor' })

      const fields = { title: 'Mix', description: 'loud', assigneeId: mate.id, dueAt: '2030-01-01T00:00:00+02:00', labels: ['a'] }
      const task = await send<Task>('task:created', 'POST', `${at}/tasks`, fields)
      await send<Task>('task:updated', 'PATCH', `/api/tasks/${task.id}`, { title: 'Mix 2', assigneeId: null, labels: [] })
      const movedTask = await owner.must<Task>('POST', `/api/tasks/${task.id}/move`, { status: 'done', after: null })
      const { rank, version, updatedAt } = movedTask
      expected.push(['task:moved', { taskId: task.id, from: 'todo', to: 'done', rank, version, updatedAt }])

      const vibe = await send<Vibe>('vibe:created', 'POST', `${at}/vibes`, { name: 'Dark', theme: 'night', notes: 'slow' })
      const other = await send<Vibe>('vibe:created', 'POST', `${at}/vibes`, { name: 'Light' })
      await send<Vibe>('vibe:updated', 'PATCH', `/api/vibes/${vibe.id}`, { name: 'Darker', theme: null })
      const movedVibe = await owner.must<Vibe>('POST', `/api/vibes/${vibe.id}/move`, { after: other.id })
      expected.push([
        'vibe:moved',
        { vibeId: vibe.id, rank: movedVibe.rank, version: movedVibe.version, updatedAt: movedVibe.updatedAt },
      ])

      const cut = await send<Cut>('cut:created', 'POST', `/api/vibes/${vibe.id}/cuts`, {
        name: 'Take 1',
        bpm: 92.5,
        timeSignature: '7/8',
      })
      await send<Cut>('cut:updated', 'PATCH', `/api/cuts/${cut.id}`, { name: 'Take 2', bpm: null })
      const movedCut = await owner.must<Cut>('POST', `/api/cuts/${cut.id}/move`, { vibeId: other.id, after: null })
      expected.push([
        'cut:moved',
        {
          cutId: cut.id,
          fromVibeId: vibe.id,
          toVibeId: other.id,
          rank: movedCut.rank,
          version: movedCut.version,
          updatedAt: movedCut.updatedAt,
        },
      ])
      // Ranks that leave no room are rewritten, and that comes before the move.
      const beside = async <N extends 'task' | 'vibe' | 'cut'>(noun: N, path: string, body: object, id: string, to: object) => {
        const pair = [
          await send<Task & Vibe & Cut>(`${noun}:created`, 'POST', path, body),
          await send<Task & Vibe & Cut>(`${noun}:created`, 'POST', path, body),
        ]
        await crowd(
          app(),
          noun === 'task' ? 'Task' : noun === 'vibe' ? 'Vibe' : 'Cut',
          pair.map((item) => item.id),
        )
        const moved = await owner.must<Task & Vibe & Cut>('POST', `/api/${noun}s/${id}/move`, { ...to, after: pair[0]?.id })
        const [rewritten, event] = (await readLog(owner, project.id)).slice(-2)
        expect(event?.payload).toMatchObject({ rank: moved.rank, version: moved.version })
        const items = (rewritten?.payload.items ?? []) as object[]
        for (const { id } of pair) {
          const { rank, version } = await owner.must<Task>('GET', `/api/${noun}s/${id}`)
          expect(items).toContainEqual({ [`${noun}Id`]: id, rank, version })
        }
        expected.push([`${noun}:reranked`, rewritten?.payload], [`${noun}:moved`, event?.payload])
      }
      await beside('task', `${at}/tasks`, { title: 'Beside', status: 'done' }, task.id, { status: 'done' })
      await beside('vibe', `${at}/vibes`, { name: 'Beside' }, vibe.id, {})
      await beside('cut', `/api/vibes/${other.id}/cuts`, { name: 'Beside' }, cut.id, { vibeId: other.id })
      const lines = [{ atMs: 0, text: 'la' }, { text: '' }, { atMs: 2_000, text: 'déjà vu 🎵' }]
      await send<Lyrics>('lyrics:updated', 'PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: lines })

      const takeOf = async (bytes: Uint8Array, end: 'file:processed' | 'file:failed') => {
        const file = await uploadFile(app(), owner, cut.id, bytes)
        expected.push(['file:uploaded', file], [end, await processed(owner, file.id)])
        return file
      }
      const take = await takeOf(wavOf(0.05), 'file:processed')
      await send('file:updated', 'PATCH', `/api/files/${take.id}`, { name: 'Café.wav' })
      await send('cut:submitted', 'PUT', `/api/cuts/${cut.id}/state`, { state: 'review' })
      await send('cut:approved', 'PUT', `/api/cuts/${cut.id}/state`, { state: 'approved', fileId: take.id })
      const { token, url: _, ...link } = await share(owner, { fileId: take.id })
      expected.push(['share:created', link])
      await (await visit(app(), token, '/content')).arrayBuffer()
      await until('the play', () => socket.events().some(({ name }) => name === 'share:updated'))
      expected.push(['share:updated', await owner.must('GET', `/api/shares/${link.id}`)])
      await owner.must('DELETE', `/api/shares/${link.id}`)
      expected.push(['share:revoked', { shareId: link.id }])
      const [one, two, three] = [
        await invite(owner, project.id, { email: newAddress() }),
        await invite(owner, project.id),
        await invite(owner, project.id, { email: newAddress() }),
      ]
      for (const { token: _, url: __, isMailed: ___, email: ____, ...shown } of [one, two, three])
        expected.push(['invitation:created', shown])
      await owner.must('POST', `/api/invitations/${one.id}/resend`)
      expected.push(['invitation:updated', await owner.must('GET', `/api/invitations/${one.id}`)])
      await owner.must('DELETE', `/api/invitations/${two.id}`)
      expected.push(['invitation:revoked', { invitationId: two.id }])
      await expireIn(app(), three.id, '-1 second')
      const instead = await invite(owner, project.id, { email: three.email ?? '' })
      expected.push(
        ['invitation:expired', { invitationId: three.id }],
        ['invitation:created', await owner.must('GET', `/api/invitations/${instead.id}`)],
      )
      const { body: joined } = await accept(await register(app()), (await invite(owner, project.id)).token)
      const [made, accepted] = (await readLog(owner, project.id)).slice(-3)
      expected.push(
        ['invitation:created', made?.payload],
        ['invitation:accepted', { invitationId: made?.payload.id }],
        ['member:joined', joined],
      )
      expect(accepted?.name).toBe('invitation:accepted')
      await send('cut:drafted', 'PUT', `/api/cuts/${cut.id}/state`, { state: 'draft' })
      const channels = wavOf(0.05)
      channels.writeUInt16LE(65_535, 22)
      await takeOf(channels, 'file:failed')
      await owner.must('DELETE', `/api/files/${take.id}`)
      expected.push(['file:deleted', { fileId: take.id }])

      const note = await send<Comment>('comment:created', 'POST', `/api/cuts/${cut.id}/comments`, {
        body: 'here “so”\n<b>&\u2028',
        atMs: 10,
        endMs: 20,
      })
      await send<Comment>('comment:created', 'POST', `/api/tasks/${task.id}/comments`, { body: 'on the task' })
      await send<Comment>('comment:reply', 'POST', `/api/comments/${note.id}/replies`, { body: 'yes' })
      await send<Comment>('comment:updated', 'PATCH', `/api/comments/${note.id}`, { body: 'there' })
      await send<Comment>('comment:resolved', 'POST', `/api/comments/${note.id}/resolve`)
      await send<Comment>('comment:reopened', 'POST', `/api/comments/${note.id}/reopen`)
      const renamed = await owner.must<{ id: string; name: string; avatarUrl: string | null }>('PATCH', '/api/me', {
        name: 'Olga O',
      })
      expected.push(['person:updated', { id: renamed.id, name: renamed.name, avatarUrl: renamed.avatarUrl }])

      const url = 'https://hooks.example.com/album'
      const { id: webhookId } = await owner.must<{ id: string }>('POST', `${at}/webhooks`, { url })
      await owner.must('PATCH', `/api/webhooks/${webhookId}`, { events: ['task.created'] })
      await owner.must('DELETE', `/api/webhooks/${webhookId}`)
      for (const happened of ['created', 'updated', 'deleted'] as const) expected.push([`webhook:${happened}`, { webhookId }])

      const bell = await send<Task>('task:created', 'POST', `${at}/tasks`, { title: ring(projectRoom(project.id)) })
      await until('the bell', () => socket.events(projectRoom(project.id)).at(-1)?.name === 'extension:event')
      expected.push(['extension:event', { from: 'bell', event: 'rung', data: { taskId: bell.id } }])

      await owner.must('DELETE', `/api/comments/${note.id}`)
      expected.push(['comment:deleted', { commentId: note.id }])
      await owner.must('DELETE', `/api/cuts/${cut.id}`)
      expected.push(['cut:deleted', { cutId: cut.id }])
      await owner.must('DELETE', `/api/vibes/${vibe.id}`)
      expected.push(['vibe:deleted', { vibeId: vibe.id }])
      await owner.must('DELETE', `/api/tasks/${task.id}`)
      expected.push(['task:deleted', { taskId: task.id }])
      await owner.must('DELETE', `${at}/members/${mate.id}`)
      expected.push([
        'member:left',
        { projectId: project.id, userId: mate.id, removedBy: owner.id, updatedAt: expect.any(String) },
      ])
      const log = await readLog(owner, project.id, head)
      await owner.must('DELETE', at)
      expected.push(['project:deleted', { projectId: project.id }])

      const room = projectRoom(project.id)
      await until('the last event', () => socket.events(room).at(-1)?.name === 'project:deleted')
      expect(socket.events(room).map(({ name, payload }) => [name, payload])).toEqual(expected)
      expect(socket.events(room).slice(0, -1)).toEqual(log)
      for (const { name, payload } of socket.events(room)) {
        const schema = projectEvents[name as keyof typeof projectEvents]
        expect(schema.parse(payload)).toEqual(payload)
      }
      // A new event that is not compared here is a hole in D4.
      expect(new Set(expected.map(([name]) => name))).toEqual(new Set(Object.keys(projectEvents)))
    })

    it('D4 meta names the actor, the time and the key', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const socket = await connect(app(), owner)
      const { head, epoch, room } = await socket.join(project.id)
      const before = Date.now()
      await editor.must('POST', `/api/projects/${project.id}/tasks`, { title: 'one' }, { 'idempotency-key': 'my-key' })
      await app().db.query(`SELECT append($1, 'task:deleted', json_build_object('taskId', gen_random_uuid()))`, [room])
      await until('two events', () => socket.events(room).length >= 2)
      const [written, appended] = socket.events(room)
      expect(written?.meta).toEqual({
        room: projectRoom(project.id),
        seq: head + 1,
        epoch,
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        at: expect.any(String),
        actor: { id: editor.id, name: editor.name },
        mutationId: 'my-key',
      })
      expect(Math.abs(Date.parse(written?.meta.at ?? '') - before)).toBeLessThan(10_000)
      expect(appended?.meta).toMatchObject({ seq: head + 2, actor: null })
      expect(appended?.meta).not.toHaveProperty('mutationId')
    })
  })

  describe('the first words', () => {
    it('`connected` names the person and the position of the user room, and the socket is in that room', async () => {
      const ann = await register(app(), 'Ann')
      await createProject(ann, 'Before')
      const socket = await connect(app(), ann)
      const { rows } = await app().db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [userRoom(ann.id)])
      const { data: sessions } = await ann.must<{ data: { id: string }[] }>('GET', '/api/me/sessions')
      const after = await createProject(ann, 'After')
      await until('project:created', () => socket.events().length >= 1)
      const { epoch } = await ann.must<{ epoch: string }>('GET', `/api/projects/${after.id}/events`)
      expect(socket.frames[0]).toEqual({
        name: 'connected',
        payload: { userId: ann.id, sessionId: sessions[0]?.id, epoch, head: Number(rows[0]?.head) },
        meta: undefined,
      })
      expect(Number(rows[0]?.head)).toBe(1)
      expect(socket.events()).toMatchObject([{ name: 'project:created', meta: { room: userRoom(ann.id), seq: 2, epoch } }])
    })

    it('a handshake without a token, or with a bad one, is refused with a problem', async () => {
      const refusal = (auth: Record<string, unknown>) => {
        const { socket } = open(app(), { auth })
        return new Promise((resolve) => socket.once('connect_error', (error) => resolve((error as { data?: unknown }).data)))
      }
      expect(await refusal({})).toMatchObject({ code: 'token-missing', status: 401 })
      expect(await refusal({ token: 'x.y.z' })).toMatchObject({ code: 'token-invalid', status: 401 })
      const { socket } = open(app(), { query: { token: (await register(app())).token } })
      const error = await new Promise((resolve) => socket.once('connect_error', resolve))
      expect(error).toMatchObject({ data: { code: 'token-missing' } })
    })

    it('a join that asks for no answer works all the same', async () => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const watcher = await connect(app(), owner)
      await watcher.join(project.id)
      const quiet = await connect(app(), editor)
      quiet.socket.emit('join:project', { projectId: project.id })
      await until('the quiet one is seen', () =>
        watcher.frames.some(({ name, payload }) => name === 'presence:changed' && JSON.stringify(payload).includes(editor.id)),
      )
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'hello' })
      await until('the event', () => quiet.events(projectRoom(project.id)).length >= 1)

      quiet.socket.emit('leave:project', { projectId: project.id })
      await roundTrip(quiet)
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'bye' })
      await until('the watcher’s event', () => watcher.events(projectRoom(project.id)).length >= 2)
      await roundTrip(quiet)
      expect(quiet.events(projectRoom(project.id))).toHaveLength(1)
    })
  })

  describe('activity', () => {
    const activities = ({ frames }: Listener): Activity[] =>
      frames.filter(({ name }) => name === 'activity:new').map(({ payload }) => payload as unknown as Activity)

    it('activity:new goes to sockets in the room that asked for it, is complete, and takes no seq', async () => {
      const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
      const stranger = await connect(app(), await register(app(), 'Sam Stranger'))
      const [a, declined, outside] = await Promise.all([connect(app(), owner), connect(app(), owner), connect(app(), editor)])
      const { head } = await a.join(project.id)
      expect(await declined.join(project.id, { activity: false })).toMatchObject({ ok: true })

      const at = `/projects/${project.id}`
      const { vibe, cut } = await createCut(editor, project.id)
      const note = await editor.must<Comment>('POST', `/api/cuts/${cut.id}/comments`, { body: 'louder' })
      const answer = await owner.must<Comment>('POST', `/api/comments/${note.id}/replies`, { body: 'no' })
      const task = await editor.must<Task>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
      const onTask = await editor.must<Comment>('POST', `/api/tasks/${task.id}/comments`, { body: 'when?' })
      await editor.must('POST', `/api/tasks/${task.id}/move`, { status: 'done', after: null })
      await editor.must('POST', `/api/vibes/${vibe.id}/move`, { after: null })
      await editor.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'la' }] })
      await editor.must('DELETE', `/api/cuts/${cut.id}`)
      await owner.must('DELETE', `/api/projects/${project.id}/members/${viewer.id}`)
      await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'Record' })
      const room = projectRoom(project.id)
      await until('all events', () => [a, declined].every((socket) => socket.events(room).at(-1)?.name === 'project:updated'))
      await Promise.all([a, declined, outside, stranger].map(roundTrip))

      const events = a.events(room)
      expect(seqs(events)).toEqual(upTo(events.length).map((n) => head + n))
      const told = activities(a).map(({ action, target, link }) => [action, target, link])
      expect(told).toEqual([
        ['vibe:created', { type: 'vibe', id: vibe.id, name: 'Verse ideas' }, `${at}/vibes/${vibe.id}`],
        ['cut:created', { type: 'cut', id: cut.id, name: 'Take 1' }, `${at}/cuts/${cut.id}`],
        ['comment:created', { type: 'comment', id: note.id, name: 'louder' }, `${at}/cuts/${cut.id}?comment=${note.id}`],
        ['comment:reply', { type: 'comment', id: answer.id, name: 'no' }, `${at}/cuts/${cut.id}?comment=${answer.id}`],
        ['task:created', { type: 'task', id: task.id, name: 'Mix' }, `${at}/tasks/${task.id}`],
        ['comment:created', { type: 'comment', id: onTask.id, name: 'when?' }, `${at}/tasks/${task.id}?comment=${onTask.id}`],
        ['task:moved', { type: 'task', id: task.id, name: 'Mix' }, `${at}/tasks/${task.id}`],
        ['lyrics:updated', { type: 'cut', id: cut.id, name: 'Take 1' }, `${at}/cuts/${cut.id}/lyrics`],
        ['cut:deleted', { type: 'cut', id: cut.id, name: 'Take 1' }, at],
        ['member:left', { type: 'member', id: viewer.id, name: viewer.name }, `${at}/members`],
        ['project:updated', { type: 'project', id: project.id, name: 'Record' }, at],
      ])
      // Each is a reading of the event just delivered: it comes right behind it.
      for (const activity of activities(a)) {
        const behind = a.frames.findIndex(({ payload }) => payload === (activity as unknown))
        const event = a.frames[behind - 1]
        expect(activity).toMatchObject({ id: event?.meta?.id, seq: event?.meta?.seq, at: event?.meta?.at, action: event?.name })
        expect(activity).toMatchObject({ projectId: project.id, actor: event?.meta?.actor })
      }
      expect(declined.events(room)).toEqual(events)
      expect([declined, outside, stranger].map(activities)).toEqual([[], [], []])
    })

    it('a socket that joins again may change its mind about activity', async () => {
      const { project, owner } = await createTeam(app())
      const socket = await connect(app(), owner)
      await socket.join(project.id)
      await socket.join(project.id, { activity: false })
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'quiet' })
      await until('one event', () => socket.events(projectRoom(project.id)).length >= 1)
      await socket.join(project.id, { activity: true })
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'loud' })
      await until('two events', () => socket.events(projectRoom(project.id)).length >= 2)
      await roundTrip(socket)
      expect(activities(socket).map(({ target }) => target.name)).toEqual(['loud'])
    })

    it('a replay sends events, not activities', async () => {
      const { project, owner } = await createTeam(app())
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'past' })
      const socket = await connect(app(), owner)
      const { head } = await socket.join(project.id, { after: 0 })
      expect(seqs(socket.events(projectRoom(project.id)))).toEqual(upTo(head))
      await roundTrip(socket)
      expect(activities(socket)).toEqual([])
    })
  })
})
