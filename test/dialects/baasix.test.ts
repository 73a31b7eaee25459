import { randomUUID } from 'node:crypto'
import { type File, type Notification, projectRoom, userRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { RoomsOptions } from '../../src/rooms/options.ts'
import { roundTrip } from '../rooms/frames.ts'
import { startApp, useApp } from '../support/app.ts'
import { converse, say } from '../support/conversations.ts'
import { named, speak } from '../support/dialects.ts'
import { BELL, ring } from '../support/extensions.ts'
import { textOf, uploadFile } from '../support/files.ts'
import { mention, nextNotification } from '../support/notifications.ts'
import { createCut, createProject, createTeam, register } from '../support/people.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

interface Item {
  collection: string
  item: Record<string, unknown>
  userId: string
  timestamp: string
}
const items = (listener: Listener, happened: string, collection: string) =>
  named(listener, `item.${happened}`)
    .map(({ payload }) => payload as unknown as Item)
    .filter((each) => each.collection === collection)

/** Rooms of extensions that authorisers open: of `open:` those of a person's own name, of `odd:` what is not quite true. */
const mayEnter: RoomsOptions['mayEnter'] = async (person, room) => {
  if (room === 'odd:thrown') throw new Error('an authoriser that fails')
  return room.startsWith('odd:') ? ('yes' as never) : room === `open:${person.name}`
}

describe('the dialect baasix', () => {
  const app = useApp({ env: { DIALECTS: 'baasix' }, seams: { mayEnter } })

  it('tells what happens to items as its document has it, and once more in the words of its SDK', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const listener = await speak(app(), owner, 'baasix')
    const task = await editor.must<Record<string, unknown>>('POST', `/api/projects/${project.id}/tasks`, { title: 'One' })
    const changed = await editor.must<Record<string, unknown>>('PATCH', `/api/tasks/${task.id}`, { title: 'Two' })
    const moved = await editor.must<Record<string, unknown>>('POST', `/api/tasks/${task.id}/move`, {
      status: 'done',
      after: null,
    })
    await editor.must('DELETE', `/api/tasks/${task.id}`)
    await until('all came', () => items(listener, 'deleted', 'tasks').length === 1)
    const { data } = await owner.must<{ data: { name: string; meta: { at: string } }[] }>(
      'GET',
      `/api/projects/${project.id}/events?limit=500`,
    )
    const at = (name: string) => data.find((each) => each.name === name)?.meta.at
    const by = { collection: 'tasks', userId: editor.id }
    expect(items(listener, 'created', 'tasks')).toEqual([{ ...by, item: task, timestamp: at('task:created') }])
    expect(items(listener, 'updated', 'tasks')).toEqual([
      { ...by, item: changed, timestamp: at('task:updated') },
      {
        ...by,
        item: { id: task.id, status: 'done', rank: moved.rank, version: moved.version, updatedAt: moved.updatedAt },
        timestamp: at('task:moved'),
      },
    ])
    expect(items(listener, 'deleted', 'tasks')).toEqual([{ ...by, item: { id: task.id }, timestamp: at('task:deleted') }])
    const sdk = listener.frames.filter(({ name }) => name.startsWith('tasks:'))
    expect(sdk.map(({ name, payload }) => `${name} ${payload.action} ${payload.collection}`)).toEqual([
      'tasks:create create tasks',
      'tasks:update update tasks',
      'tasks:update update tasks',
      'tasks:delete delete tasks',
    ])
    expect(sdk[0]?.payload).toEqual({ action: 'create', collection: 'tasks', data: task, timestamp: at('task:created') })
  })

  it('has words for each change of each noun of a project, of its members and of the project itself', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const listener = await speak(app(), owner, 'baasix')
    const { vibe, cut } = await createCut(owner, project.id)
    const lyrics = await owner.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'La' }] })
    const comment = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'Louder' })
    const reply = await editor.must('POST', `/api/comments/${comment.id}/replies`, { body: 'Softer' })
    const renamed = await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'Second album' })
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    const other = await createProject(owner, 'Third')
    await until('it is in the new project', () =>
      [...app().app.io.of('/').sockets.values()].some(({ rooms }) => rooms.has(`baasix:${projectRoom(other.id)}`)),
    )
    await owner.must('DELETE', `/api/projects/${other.id}`)
    await until('all came', () => items(listener, 'deleted', 'projects').length === 1)
    expect(items(listener, 'created', 'vibes')).toMatchObject([{ item: vibe }])
    expect(items(listener, 'created', 'cuts')).toMatchObject([{ item: cut }])
    expect(items(listener, 'updated', 'lyrics')).toMatchObject([{ item: { ...(lyrics as object), id: cut.id } }])
    expect(items(listener, 'created', 'comments').map(({ item }) => item)).toEqual([
      { ...comment, text: 'Louder', user: owner.name },
      { ...(reply as object), text: 'Softer', user: editor.name },
    ])
    expect(items(listener, 'updated', 'projects')).toMatchObject([{ item: renamed }])
    expect(items(listener, 'deleted', 'members')).toMatchObject([{ item: { id: editor.id } }])
    expect(items(listener, 'created', 'projects')).toMatchObject([{ item: { id: other.id } }])
    expect(items(listener, 'deleted', 'projects')).toMatchObject([{ item: { id: other.id } }])
    // Nothing of a room comes in other words.
    const known =
      /^(connected|item\.(created|updated|deleted)|[a-zA-Z_]+:(create|update|delete)|access:revoked|user\.(dis)?connected|notification\.new)$/
    expect(listener.frames.filter(({ name }) => !known.test(name))).toEqual([])
  })

  it('tells a person who left a project or was removed that it is gone for them, and each of a deletion once', async () => {
    const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
    const [removed, left, stayed] = [
      await speak(app(), editor, 'baasix'),
      await speak(app(), viewer, 'baasix'),
      await speak(app(), owner, 'baasix'),
    ]
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await viewer.must('DELETE', `/api/projects/${project.id}/members/${viewer.id}`)
    await until('both were told', () => [removed, left].every((each) => items(each, 'deleted', 'projects').length === 1))
    for (const each of [removed, left]) {
      expect(items(each, 'deleted', 'projects')).toMatchObject([{ item: { id: project.id } }])
      expect(named(each, 'projects:delete').map(({ payload }) => payload.data)).toEqual([{ id: project.id }])
    }
    expect(items(stayed, 'deleted', 'projects')).toEqual([])
    await owner.must('DELETE', `/api/projects/${project.id}`)
    const other = await createProject(owner, 'Another')
    await until('what came after', () => items(stayed, 'created', 'projects').some(({ item }) => item.id === other.id))
    expect(items(stayed, 'deleted', 'projects')).toMatchObject([{ item: { id: project.id } }])
  })

  it('tells messages with `text` and `user`, notifications and files in the shapes of its document', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const listener = await speak(app(), editor, 'baasix')
    const { id: conversationId } = await converse(owner, [editor])
    const message = await say(owner, conversationId, 'Hello')
    const { cut } = await createCut(owner, project.id)
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: `${mention(editor)} louder` })
    const note: Notification = await nextNotification(editor, 'the mention', ({ kind }) => kind === 'mention')
    await editor.must('PATCH', `/api/me/notifications/${note.id}`, { seen: true })
    await editor.must('DELETE', `/api/me/notifications/${note.id}`)
    const file: File = await uploadFile(app(), owner, cut.id, textOf(100), { filename: 'notes.txt' })
    await owner.must('DELETE', `/api/files/${file.id}`)
    await until('all came', () => ['file.deleted', 'notification.deleted'].every((name) => named(listener, name).length === 1))
    expect(items(listener, 'created', 'messages').map(({ item }) => item)).toEqual([
      { ...message, text: 'Hello', user: owner.name },
    ])
    const news = named(listener, 'notification.new').map(({ payload }) => payload.notification as { id: string })
    const told = news.filter(({ id }) => id === note.id)
    const shape = { id: note.id, type: 'info', seen: false, userId: editor.id, createdAt: note.createdAt, message: note.text }
    expect(told).toMatchObject([{ ...shape, title: `${owner.name} · mention · ${project.name}`, data: { link: note.link } }])
    expect(named(listener, 'notification.seen')[0]?.payload).toEqual({
      notification: { id: note.id, seen: true, userId: editor.id },
    })
    expect(named(listener, 'notification.deleted')[0]?.payload).toEqual({ notification: { id: note.id, userId: editor.id } })
    const shown = { id: file.id, filename: 'notes.txt', size: 100, mimetype: file.type }
    expect(named(listener, 'file.uploaded')[0]?.payload).toEqual({ file: shown, action: 'uploaded', user: owner.id })
    const gone = { id: file.id, filename: null, size: null, mimetype: null }
    expect(named(listener, 'file.deleted')[0]?.payload).toEqual({ file: gone, action: 'deleted', user: owner.id })
  })

  it('tells who comes online and goes offline, to those who share a project with them', async () => {
    const { owner, editor } = await createTeam(app(), 'editor')
    const listener = await speak(app(), owner, 'baasix')
    const out = await speak(app(), await register(app(), 'Sam Stranger'), 'baasix')
    const other = await connect(app(), editor)
    const of = (name: string) => named(listener, name).filter(({ payload }) => payload.userId === editor.id)
    await until('connected', () => of('user.connected').length === 1)
    expect(of('user.connected')[0]?.payload).toEqual({ userId: editor.id, timestamp: expect.stringMatching(/Z$/) })
    other.socket.close()
    await until('disconnected', () => of('user.disconnected').length === 1)
    expect(JSON.stringify(out.frames)).not.toContain(editor.id)
  })

  it('answers `subscribe` as the SDK waits for it, and sends what was subscribed to also after a reconnect without one', async () => {
    const { project, owner } = await createTeam(app())
    const listener = await speak(app(), owner, 'baasix')
    expect(await listener.ask('subscribe', { collection: 'tasks' })).toMatchObject({ status: 'success' })
    expect(await listener.ask('unsubscribe', { collection: 'tasks' })).toMatchObject({ status: 'success' })
    for (const payload of [{ collection: 'posts' }, {}, null, 'tasks', { collection: ['tasks'] }])
      expect(await listener.ask('subscribe', payload)).toMatchObject({ status: 'error', message: expect.any(String) })
    listener.socket.disconnect().connect()
    await until('back', () => named(listener, 'connected').length === 2)
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'One' })
    await until('heard', () => named(listener, 'tasks:create').length === 1)
    // The listeners of the SDK would double.
    expect(named(listener, 'reconnect')).toEqual([])
  })
})

describe('`join` of the dialect baasix', () => {
  const app = useApp({ env: { DIALECTS: 'baasix' }, seams: { mayEnter } })
  const join = (listener: Listener, room: unknown) =>
    listener.ask<{ success: boolean; message: string }>('join', room as never) as Promise<{ success: boolean; message: string }>
  const REFUSED = { success: false, message: 'There is no such room, or you may not join it' }

  it('C6 lets a person into their own room, collections, items they may read, and nothing else; unknown and foreign answer alike', async () => {
    const { project, owner, viewer } = await createTeam(app(), 'viewer')
    const { vibe, cut } = await createCut(owner, project.id)
    const stranger = await register(app(), 'Sam Stranger')
    const [inside, out] = [await speak(app(), viewer, 'baasix'), await speak(app(), stranger, 'baasix')]
    const own = [`item:cuts:${cut.id}`, `item:vibes:${vibe.id}`, `item:projects:${project.id}`, `item:lyrics:${cut.id}`]
    for (const room of [`user:${viewer.id}`, 'collection:cuts', 'collection:messages', ...own])
      expect(await join(inside, room), room).toEqual({ success: true, message: `Joined ${room}` })
    const closed = [
      ...own,
      `item:cuts:${randomUUID()}`,
      `item:cuts:${cut.id}:more`,
      'item:cuts:1',
      "item:cuts:' OR 1=1",
      `item:toString:${cut.id}`,
      `item:members:${owner.id}`,
      `user:${owner.id}`,
      'user:',
      'collection:posts',
      'collection:cuts:x',
      projectRoom(project.id),
      `baasix:${projectRoom(project.id)}`,
      `activity:${projectRoom(project.id)}`,
      'discussion:123',
      '',
      'x'.repeat(10_000),
    ]
    for (const room of closed) expect(await join(out, room), room.slice(0, 80)).toMatchObject(REFUSED)
    // What is no text is a request of the contract.
    for (const room of [null, 7, ['discussion:123'], { room: 'x' }]) expect(await join(out, room)).toMatchObject({ ok: false })
    // None of it has let it in anywhere.
    await owner.must('PATCH', `/api/cuts/${cut.id}`, { name: 'Secret' })
    await until('heard inside', () => items(inside, 'updated', 'cuts').length === 1)
    await roundTrip(out)
    expect(JSON.stringify(out.frames)).not.toContain(cut.id)
  })

  it('C6 opens a room of an extension where an authoriser says true, and nothing but true', async () => {
    const person = await register(app(), 'Ann')
    const listener = await speak(app(), person, 'baasix')
    expect(await join(listener, 'open:Ann')).toEqual({ success: true, message: 'Joined open:Ann' })
    for (const room of ['open:Bo', 'odd:yes', 'discussion:123']) expect(await join(listener, room)).toMatchObject(REFUSED)
    expect(await join(listener, 'odd:thrown')).toMatchObject({ success: false })
    const inRoom = () =>
      [...app().app.io.of('/').sockets.values()].flatMap(({ rooms }) => [...rooms]).filter((room) => /open|odd|disc/.test(room))
    expect(inRoom()).toEqual(['baasix:custom:open:Ann'])
  })

  it('C6 what an extension says comes under the name that it gives, from a room of its own and from the log, and never as one of Socket.IO', async () => {
    const own = await startApp({ env: { DIALECTS: 'baasix', EXTENSIONS_DIR: BELL } })
    onTestFinished(own.close)
    const { project, owner } = await createTeam(own)
    const [old, native] = [await speak(own, owner, 'baasix'), await connect(own, owner)]
    const room = `bell:${owner.id}`
    expect(await join(old, room)).toEqual({ success: true, message: `Joined ${room}` })
    expect(await native.ask('join', { room })).toEqual({ ok: true })
    for (const place of [room, userRoom(owner.id)])
      for (const event of ['disconnect', 'mix.ready'])
        await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: ring(place, event) })
    await until('both heard both', () => named(old, 'mix.ready').length === 2 && named(native, 'extension:event').length === 2)
    expect(named(native, 'extension:message').map(({ payload }) => payload.event)).toEqual(['disconnect', 'mix.ready'])
    expect(named(old, 'mix.ready')[0]?.payload).toEqual({ taskId: expect.any(String) })
    expect([old.socket.connected, named(old, 'disconnect'), named(old, 'extension:message')]).toEqual([true, [], []])
  })

  it('passes on no event that a client names: forged system events, custom events and workflows reach no one', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const [inside, attacker] = [await speak(app(), owner, 'baasix'), await speak(app(), editor, 'baasix')]
    const room = projectRoom(project.id)
    const forged: [name: string, payload: unknown][] = [
      ['room:message', { room, event: 'user:joined', payload: { userId: owner.id } }],
      ['room:join', { room }],
      ['custom', { event: 'item.deleted', payload: { collection: 'cuts' } }],
      ['workflow:execution:join', { executionId: '1' }],
      ['item.created', { collection: 'cuts', item: { id: 'forged' } }],
      ['notification.new', { notification: { id: 'forged' } }],
      ['tasks:create', { action: 'create' }],
      ['update', 'of another dialect'],
      ['database-change', 'of another dialect'],
    ]
    for (const [name, payload] of forged)
      expect(await attacker.ask(name, payload), name).toMatchObject({ ok: false, error: { code: 'bad-request' } })
    await editor.must('POST', `/api/projects/${project.id}/tasks`, { title: 'A last word' })
    await until('the last word', () => items(inside, 'created', 'tasks').length === 1)
    expect(JSON.stringify(inside.frames)).not.toMatch(/forged|user:joined|of another dialect/)
    expect(named(inside, 'item.deleted')).toEqual([])
  })
})
