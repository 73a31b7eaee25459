import { CutroomError } from '@cutroom/client'
import { auth, comments, cuts, me, projects, tasks, vibes } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { upTo } from '../support/log.ts'
import { addMember, createCut, createProject, createTeam, login, PASSWORD, register } from '../support/people.ts'
import { loseFrames, openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { clientOf, expectCurrent, live, watch, writeTask } from './clients.ts'

describe('the client against the server', () => {
  const app = useApp()

  it('call gives typed answers, and problems as errors one can match on', async () => {
    const person = await register(app(), 'Ann')
    const { client } = clientOf(app(), person)
    const project = await client.call(projects.create, { body: { name: 'Album' } })
    expect(project).toMatchObject({ name: 'Album', author: { id: person.id }, version: 1 })
    const { id: taskId } = await client.call(tasks.create, { params: { projectId: project.id }, body: { title: 'Mix' } })
    const task = await client.call(tasks.update, { params: { taskId }, body: { title: 'Mix 2' }, ifMatch: 1 })
    expect(task).toMatchObject({ title: 'Mix 2', version: 2 })
    const page = await client.call(tasks.list, { params: { projectId: project.id }, query: { status: 'todo' } })
    expect(page).toEqual({ data: [task], nextCursor: null })

    const stale = client.call(tasks.update, { params: { taskId }, body: { title: 'Late' }, ifMatch: 1 })
    await expect(stale).rejects.toSatisfy(
      (error) => error instanceof CutroomError && error.code === 'stale' && error.status === 412,
    )
    await expect(stale).rejects.toMatchObject({ problem: { current: task } })
    await expect(client.call(tasks.create, { params: { projectId: project.id }, body: { title: '' } })).rejects.toMatchObject({
      problem: { code: 'validation', status: 422, errors: [{ pointer: '/title' }], requestId: expect.any(String) },
    })
    await expect(client.call(projects.get, { params: { projectId: person.id } })).rejects.toMatchObject({ code: 'not-found' })

    const key = { idempotencyKey: 'once' }
    const args = { params: { projectId: project.id }, body: { title: 'Once' }, ...key }
    expect(await client.call(tasks.create, args)).toEqual(await client.call(tasks.create, args))
    expect(await client.call(tasks.delete, { params: { taskId } })).toBeUndefined()
  })

  it('login, logout and a wrong password', async () => {
    const person = await register(app(), 'Ann')
    const { client, kept, signedOut } = clientOf(app(), person, { tokens: null })
    await expect(client.call(me.get)).rejects.toMatchObject({ code: 'token-missing' })
    await expect(client.login({ email: person.email, password: 'wrong' })).rejects.toMatchObject({ code: 'bad-credentials' })
    expect(await client.login({ email: person.email, password: PASSWORD })).toMatchObject({ id: person.id })
    expect(await client.call(me.get)).toMatchObject({ id: person.id, email: person.email })
    await client.connect()
    expect([client.status, client.userId]).toEqual(['online', person.id])
    const before = client.tokens?.accessToken ?? ''
    await client.logout()
    expect([client.status, client.tokens, kept.at(-1)]).toEqual(['offline', null, null])
    // The session is closed on the server, not only forgotten here.
    const again = clientOf(app(), person, { tokens: { accessToken: before } })
    await expect(again.client.call(me.get)).rejects.toMatchObject({ code: 'session-revoked' })
    expect(signedOut.map(({ code }) => code)).not.toContain('session-revoked')
  })

  it('R4 a room goes connecting, syncing, live; its folded state is the snapshot after every kind of write', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const before = await createCut(owner, project.id)
    await owner.must('POST', `/api/cuts/${before.cut.id}/comments`, { body: 'from before' })
    const { client, errors } = clientOf(app(), owner)
    const room = client.room(project.id)
    const { statuses, seqs } = watch(room)
    expect([room.status, room.state, room.position]).toEqual(['connecting', null, null])
    await live(room)
    expect(statuses).toEqual(['connecting', 'syncing', 'live'])
    expect(room.role).toBe('owner')
    await expectCurrent(room, owner)
    const start = room.position?.seq ?? 0

    const other = clientOf(app(), editor).client
    const { id: projectId } = project
    const vibe = await other.call(vibes.create, { params: { projectId }, body: { name: 'Dark' } })
    const cut = await other.call(cuts.create, { params: { vibeId: vibe.id }, body: { name: 'Take 2', bpm: 120 } })
    await other.call(cuts.writeLyrics, { params: { cutId: cut.id }, body: { lyrics: [{ text: 'la' }] } })
    await other.call(cuts.move, { params: { cutId: cut.id }, body: { vibeId: before.vibe.id, after: null } })
    await other.call(vibes.move, { params: { vibeId: vibe.id }, body: { after: null } })
    const task = await other.call(tasks.create, { params: { projectId }, body: { title: 'Mix', assigneeId: editor.id } })
    await other.call(tasks.move, { params: { taskId: task.id }, body: { status: 'doing', after: null } })
    const note = await other.call(comments.createOnCut, { params: { cutId: cut.id }, body: { body: 'louder', atMs: 5 } })
    const commentId = note.id
    await other.call(comments.reply, { params: { commentId }, body: { body: 'no' } })
    await other.call(comments.resolve, { params: { commentId } })
    await other.call(comments.createOnTask, { params: { taskId: task.id }, body: { body: 'when?' } })
    await other.call(me.update, { body: { name: 'Edda Editor' } })
    await owner.must('PATCH', `/api/projects/${projectId}`, { name: 'Record' })
    await expectCurrent(room, owner)
    await other.call(comments.delete, { params: { commentId } })
    await other.call(vibes.delete, { params: { vibeId: before.vibe.id } })
    await owner.must('PATCH', `/api/projects/${projectId}/members/${editor.id}`, { role: 'viewer' })
    await owner.must('DELETE', `/api/projects/${projectId}/members/${editor.id}`)
    await expectCurrent(room, owner)
    expect(seqs).toEqual(upTo((room.position?.seq ?? 0) - start).map((n) => start + n))
    expect(statuses).toEqual(['connecting', 'syncing', 'live'])
    expect(errors).toEqual([])
  })

  it('R1 frames that are lost on the way leave no hole: the room joins again and applies each event once', async () => {
    const { project, owner } = await createTeam(app())
    let losing = 0
    const lost: string[] = []
    const down = loseFrames((frame) => {
      if (losing === 0 || !frame.includes('"task:created"')) return false
      losing--
      lost.push(frame)
      return true
    })
    const proxy = await openTcpProxy({ port: Number(new URL(app().url).port), down }, onTestFinished)
    // REST goes the straight way.
    const { client, errors } = clientOf({ url: proxy.url }, owner, {
      fetch: (url, init) => fetch(String(url).replace(`:${proxy.port}`, `:${new URL(app().url).port}`), init),
    })
    const room = client.room(project.id)
    await live(room)
    const { seqs, statuses, heard } = watch(room)
    for (const n of [1, 2, 3]) {
      losing = n
      for (const m of upTo(n + 2)) await writeTask(owner, project.id, `${n} ${m}`)
      await expectCurrent(room, owner)
      await live(room)
    }
    expect(lost).toHaveLength(6)
    expect(seqs).toEqual(upTo(12))
    expect(statuses).toContain('syncing')
    expect([statuses.at(-1), heard, errors]).toEqual(['live', [], []])
    expect(client.status).toBe('online')
  })

  it('R2 when the log is cut while one is away, the room loads a snapshot, emits reset, and is complete', async () => {
    const { project, owner } = await createTeam(app())
    const proxy = await openTcpProxy({ port: Number(new URL(app().url).port) }, onTestFinished)
    const { client, errors } = clientOf({ url: proxy.url }, owner)
    const room = client.room(project.id)
    await live(room)
    await writeTask(owner, project.id, 'seen')
    await expectCurrent(room, owner)
    const { seqs, heard, statuses } = watch(room)
    await proxy.cut()
    await until('stale', () => room.status === 'stale')
    expect(room.state?.tasks.size).toBe(1)
    for (const n of upTo(5)) await writeTask(owner, project.id, `missed ${n}`)
    await app().db.query('UPDATE "Room" SET floor = 4 WHERE id = $1', [`project:${project.id}`])
    await proxy.pass()
    await live(room)
    expect(heard).toEqual(['reset'])
    await writeTask(owner, project.id, 'new')
    await expectCurrent(room, owner)
    expect(seqs).toEqual([7])
    expect(room.state?.tasks.size).toBe(7)
    expect(statuses[0]).toBe('live')
    expect(statuses[1]).toBe('stale')
    expect(errors).toEqual([])
  })

  it.each(['removed and added again', 'added at last'])(
    'A1 the room of a person who is %s comes back by itself, with all that was written in between',
    async (way) => {
      const owner = await register(app(), 'Olga')
      const person = await register(app(), 'Mo')
      const project = await createProject(owner)
      const { client, errors } = clientOf(app(), person)
      if (way.startsWith('removed')) await addMember(owner, project.id, person)
      const room = client.room(project.id)
      const { statuses, heard } = watch(room)
      if (way.startsWith('removed')) {
        await live(room)
        await owner.must('DELETE', `/api/projects/${project.id}/members/${person.id}`)
      }
      await until('offline', () => room.status === 'offline')
      expect([room.state, room.role, room.position, room.presence.size]).toEqual([null, undefined, null, 0])
      await writeTask(owner, project.id, 'while away')
      // a new connection is no reason to ask again
      for (const socket of app().app.io.of('/').sockets.values()) socket.conn.close()
      await until('connected again', () => client.status === 'online')
      expect(room.problem).toMatchObject({ code: 'not-found' })
      await addMember(owner, project.id, person, 'viewer')
      await live(room)
      await expectCurrent(room, person)
      expect([room.role, [...(room.state?.tasks.values() ?? [])].map(({ title }) => title)]).toEqual(['viewer', ['while away']])
      expect(room.presence.has(person.id)).toBe(true)
      expect(statuses.slice(-3)).toEqual(['offline', 'syncing', 'live'])
      expect(heard).toEqual(way.startsWith('removed') ? ['revoked: removed', 'reset'] : [])
      expect(errors).toEqual([])
      room.leave()
      expect(room.status).toBe('offline')
    },
  )

  it('a room of a project that was deleted, and one that was left while it was closed to the person, stay so', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const other = await createProject(owner, 'Other')
    await addMember(owner, other.id, editor)
    const { client } = clientOf(app(), editor)
    const [gone, left] = [client.room(project.id), client.room(other.id)]
    await Promise.all([live(gone), live(left)])
    await owner.must('DELETE', `/api/projects/${project.id}`)
    await owner.must('DELETE', `/api/projects/${other.id}/members/${editor.id}`)
    await until('both are offline', () => gone.status === 'offline' && left.status === 'offline')
    left.leave()
    const { statuses } = watch(left)
    const joined = new Promise<void>((resolve) => client.on('project:joined', () => resolve()))
    await addMember(owner, other.id, editor)
    await joined
    expect([gone.status, statuses, app().app.io.of('/').adapter.rooms.has(`project:${other.id}`)]).toEqual([
      'offline',
      ['offline'],
      false,
    ])
  })

  it('A1 a removed member’s room goes offline with the reason; other rooms and the user’s own go on', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const own = await createProject(editor, 'Own')
    const { client, errors } = clientOf(app(), editor)
    const [room, other] = [client.room(project.id), client.room(own.id)]
    await Promise.all([live(room), live(other)])
    const { statuses, heard, seqs } = watch(room)
    const told: string[] = []
    client.on('project:left', ({ projectId, reason }) => told.push(`left ${projectId}: ${reason}`))
    client.on('project:joined', ({ id }) => told.push(`joined ${id}`))
    const waiting = room.caughtUp(1_000)
    waiting.catch(() => {})

    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await until('offline', () => room.status === 'offline')
    await writeTask(owner, project.id, 'not for you')
    await writeTask(editor, own.id, 'for you')
    await expectCurrent(other, editor)
    expect([statuses, heard, seqs]).toEqual([['live', 'offline'], ['revoked: removed'], []])
    expect(room.problem).toMatchObject({ code: 'not-found', status: 404 })
    expect([room.state, room.role]).toEqual([null, undefined])
    await expect(waiting).rejects.toMatchObject({ code: 'not-found' })
    expect(client.status).toBe('online')

    // Asked for again it is refused now, and welcome later.
    const refused = client.room(project.id)
    await until('refused', () => refused.status === 'offline')
    expect(refused.problem).toMatchObject({ code: 'not-found' })
    await addMember(owner, project.id, editor, 'commenter')
    await until('told', () => told.length >= 2)
    expect(told).toEqual([`left ${project.id}: removed`, `joined ${project.id}`])
    const back = client.room(project.id)
    await live(back)
    await expectCurrent(back, owner)
    expect(back.role).toBe('commenter')
    expect(errors).toEqual([])
  })

  it('A2 a session that is closed elsewhere signs out, once, with the problem', async () => {
    const { project, owner } = await createTeam(app())
    const { client, signedOut, kept } = clientOf(app(), owner)
    const room = client.room(project.id)
    await live(room)
    const elsewhere = await login(app(), owner)
    await elsewhere.must('POST', '/api/auth/logout-all')
    await until('signed out', () => signedOut.length > 0)
    await until('the room waits', () => room.status === 'offline')
    expect(signedOut).toMatchObject([{ code: 'session-revoked', status: 401 }])
    expect([client.status, client.tokens, kept.at(-1)]).toEqual(['offline', null, null])
    // The same person logs in again, and everything comes back.
    await client.login({ email: owner.email, password: PASSWORD })
    await live(room)
    await expectCurrent(room, await login(app(), owner))
    expect(signedOut).toHaveLength(1)
  })

  it('P1 presence and typing come through the room', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const [a, b] = [clientOf(app(), owner).client.room(project.id), clientOf(app(), editor).client.room(project.id)]
    await Promise.all([live(a), live(b)])
    const typing: unknown[] = []
    a.on('typing', (one) => typing.push(one))
    b.setPresence({ looksAt: 'mix' })
    b.setTyping(project.id, true)
    await until('both see the other', () => a.presence.size === 2 && b.presence.size === 2)
    await until('the state', () => a.presence.get(editor.id)?.state !== null)
    expect(a.presence.get(editor.id)).toMatchObject({ user: { id: editor.id, name: editor.name }, state: { looksAt: 'mix' } })
    await until('typing', () => typing.length >= 1)
    expect(typing[0]).toEqual({ projectId: project.id, targetId: project.id, userId: editor.id, isTyping: true })
    b.leave()
    await until('the editor left', () => !a.presence.has(editor.id))
    expect(b.status).toBe('offline')
  })
})

describe('the client and tokens that end soon', () => {
  const TTL_S = 4
  const app = useApp({ env: { ACCESS_TOKEN_TTL: `${TTL_S}s` } })

  it('a call whose token has expired is made with a new one, once for all who ask', async () => {
    const person = await register(app(), 'Ann')
    const { client, kept } = clientOf(app(), person)
    await until('the token is over', async () => (await person.call('GET', '/api/me')).status === 401)
    const answers = await Promise.all(upTo(5).map(() => client.call(me.get)))
    expect(answers.map(({ id }) => id)).toEqual(upTo(5).map(() => person.id))
    expect(kept).toHaveLength(1)
    expect(kept[0]?.refreshToken).not.toBe(person.refreshToken)
    await expect(clientOf(app(), person).client.call(auth.refresh, { body: { refreshToken: 'nonsense' } })).rejects.toMatchObject(
      {
        status: 401,
      },
    )
  })

  it('A2 a live socket renews its session in band: nothing breaks, nothing is missed, and it renews in time', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { client, errors, kept, links, signedOut } = clientOf(app(), await login(app(), editor))
    const writer = clientOf(app(), await login(app(), owner)).client
    const room = client.room(project.id)
    await live(room)
    const { statuses, seqs } = watch(room)
    const from = room.position?.seq ?? 0
    const began = Date.now()
    // Longer than the life of a token, written through all the time.
    let written = 0
    await until(
      'a life and a half',
      async () => {
        await writer.call(tasks.create, { params: { projectId: project.id }, body: { title: `${++written}` } })
        return Date.now() - began > 1.5 * TTL_S * 1_000
      },
      20_000,
    )
    await room.caughtUp(from + written, { timeoutMs: 5_000 })
    expect(seqs).toEqual(upTo(written).map((n) => from + n))
    expect(statuses).toEqual(['live'])
    expect(links).toEqual(['connecting', 'online'])
    expect([errors, signedOut]).toEqual([[], []])
    // About two renewals a life; a storm of them would be hundreds.
    expect(kept.length).toBeGreaterThanOrEqual(2)
    expect(kept.length).toBeLessThan(15)
  })
})
