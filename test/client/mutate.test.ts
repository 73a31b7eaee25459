import {
  CutroomError,
  comments,
  cuts,
  type Draw,
  type MutationOptions,
  type MutationStore,
  placeAfter,
  type Room,
  type Task,
  tasks,
} from '@cutroom/client'
import { projectRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { problemOf } from '../../packages/client/src/problem.ts'
import { useApp } from '../support/app.ts'
import { gate, readLog } from '../support/log.ts'
import { createCut, createTeam } from '../support/people.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'
import { clientOf, expectCurrent, live, writeTask } from './clients.ts'
import { createNetwork } from './network.ts'

type MutationArgs = { params: { projectId: string }; body: { title: string } }

const titles = (room: Room, status = 'todo') => room.state?.tasksIn(status).map(({ title }) => title)

/** Where mutations survive the client that made them. */
function memoryStore(): MutationStore & { text: string | null } {
  const store = {
    text: null as string | null,
    load: () => store.text,
    save(text: string | null) {
      store.text = text
    },
  }
  return store
}

/** It is a day later on this machine, until the clock is restored. */
function aDayLater() {
  const now = Date.now.bind(Date)
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => now() + 24 * 60 * 60 * 1000)
  onTestFinished(() => clock.mockRestore())
  return clock
}

describe('mutate', () => {
  const app = useApp()

  /** A task to be created, and how it is drawn. */
  function newTask(projectId: string, title: string): [typeof tasks.create, MutationArgs, MutationOptions & { draw: Draw }] {
    const draw: Draw = { name: 'task:created', payload: { title, status: 'todo' } }
    return [tasks.create, { params: { projectId }, body: { title } }, { draw }]
  }

  async function enter(options: Parameters<typeof clientOf>[2] = {}) {
    const team = await createTeam(app(), 'editor')
    const network = createNetwork()
    const one = clientOf(app(), team.owner, { fetch: network.fetch, ...options })
    await one.client.restore()
    const room = one.client.room(team.project.id)
    await live(room)
    return { ...team, ...one, network, room, projectId: team.project.id }
  }

  it('U5 a created row is drawn at once, and is the confirmed one when its event comes: never twice, never gone in between', async () => {
    const { client, room, owner, projectId, errors } = await enter()
    const seen: (string[] | undefined)[] = []
    room.on('change', () => seen.push(titles(room)))
    const done = client.mutate(...newTask(projectId, 'Mix'))
    const [drawn] = room.state?.tasksIn('todo') ?? []
    expect(drawn).toMatchObject({ title: 'Mix', version: 0, author: { id: owner.id, name: owner.name }, projectId })
    expect(drawn).toMatchObject({ description: null, assigneeId: null, assignee: null, dueAt: null, labels: [] })
    expect(room.pending.get(drawn?.id ?? '')).toMatchObject({ state: 'queued', projectId })
    expect(client.mutations).toHaveLength(1)
    const task = await done
    await until('confirmed', () => client.mutations.length === 0)
    expect(room.state?.tasksIn('todo')).toEqual([task])
    expect(room.pending.size).toBe(0)
    expect(new Set(seen.map((list) => JSON.stringify(list)))).toEqual(new Set(['["Mix"]']))
    await expectCurrent(room, owner)
    expect(errors).toEqual([])
  })

  it('U5 a move is drawn where it will be, and a deletion takes the row away at once', async () => {
    const { client, room, owner, projectId } = await enter()
    const made: Task[] = []
    for (const title of ['A', 'B', 'C']) made.push(await client.call(tasks.create, { params: { projectId }, body: { title } }))
    await until('three', () => room.state?.tasks.size === 3)
    const [a, b] = made as [Task, Task, Task]
    const { after, rank } = placeAfter(room.state?.tasksIn('todo') ?? [], a.id, 1)
    expect(after).toBe(b.id)
    const moved = client.mutate(
      tasks.move,
      { params: { taskId: a.id }, body: { status: 'todo', after } },
      { projectId, draw: { name: 'task:moved', payload: { taskId: a.id, to: 'todo', rank } } },
    )
    expect(titles(room)).toEqual(['B', 'A', 'C'])
    const gone = client.mutate(
      tasks.delete,
      { params: { taskId: b.id } },
      { projectId, draw: { name: 'task:deleted', payload: { taskId: b.id } } },
    )
    expect(titles(room)).toEqual(['A', 'C'])
    await Promise.all([moved, gone])
    await until('confirmed', () => client.mutations.length === 0)
    expect(titles(room)).toEqual(['A', 'C'])
    await expectCurrent(room, owner)
  })

  it('U5 what is refused is taken back with its problem; kept, it stays until it is sent again or discarded', async () => {
    const { client, room, owner, projectId } = await enter()
    const [endpoint, , { draw }] = newTask(projectId, 'Mix')
    const bad = { params: { projectId }, body: { title: 'x'.repeat(1_000) } }
    const refused = client.mutate(endpoint, bad, { draw })
    expect(titles(room)).toEqual(['Mix'])
    const error = await refused.catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CutroomError)
    expect((error as CutroomError).at('/title')).toMatchObject({ pointer: '/title' })
    expect((error as CutroomError).at('/body')).toBeUndefined()
    expect([titles(room), client.mutations]).toEqual([[], []])

    void client.mutate(endpoint, bad, { draw, keep: true })
    await until('refused', () => client.mutations[0]?.state === 'refused')
    expect(client.mutations[0]?.problem).toMatchObject({ code: 'validation' })
    expect(titles(room)).toEqual(['Mix'])
    client.mutations[0]?.retry()
    expect(client.mutations[0]?.state).not.toBe('refused')
    await until('refused again', () => client.mutations[0]?.state === 'refused')
    client.mutations[0]?.discard()
    expect([titles(room), client.mutations]).toEqual([[], []])
    await expectCurrent(room, owner)
  })

  it('U5 what was refused and kept is sent again on another day', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { client, errors } = clientOf(app(), editor)
    const room = client.room(project.id)
    await live(room)
    const become = (role: string) => owner.must('PATCH', `/api/projects/${project.id}/members/${editor.id}`, { role })
    await become('viewer')
    const [endpoint, args, { draw }] = newTask(project.id, 'Mix')
    void client.mutate(endpoint, args, { draw, keep: true })
    await until('refused', () => client.mutations[0]?.state === 'refused')
    expect(client.mutations[0]?.problem).toMatchObject({ code: 'forbidden' })
    const clock = aDayLater()
    client.mutations[0]?.retry()
    await until('refused again', () => client.mutations[0]?.state === 'refused')
    expect(client.mutations[0]?.problem).toMatchObject({ code: 'forbidden' })
    clock.mockRestore()
    await become('editor')
    client.mutations[0]?.retry()
    await until('confirmed', () => client.mutations.length === 0)
    expect(titles(room)).toEqual(['Mix'])
    await expectCurrent(room, owner)
    expect(errors).toEqual([])
  })

  it('U5 offline, writes wait and stay drawn; back again each is done once and in order, also those about a row without its id', async () => {
    const { client, room, owner, projectId, network } = await enter()
    network.rule(() => 'refuse')
    const results: Promise<unknown>[] = []
    const draftOf = (title: string) => [...(room.state?.tasks.values() ?? [])].find((task) => task.title === title) as Task
    for (let n = 0; n < 20; n++) results.push(client.mutate(...newTask(projectId, `T${n}`)))
    const draft = draftOf('T7')
    results.push(
      client.mutate(
        tasks.update,
        { params: { taskId: draft.id }, body: { title: 'Seven' } },
        { projectId, draw: { name: 'task:updated', payload: { id: draft.id, title: 'Seven' } } },
      ),
    )
    expect(titles(room)).toHaveLength(20)
    expect(titles(room)).toContain('Seven')
    const states = () => client.mutations.map(({ state }) => state).filter((state) => state !== 'queued')
    await until('the first is tried', () => states().length > 0)
    expect(states()).toEqual(['sending'])
    // one answer is lost on the way back, and the write done only once
    network.rule((path, n) => (path.endsWith('/tasks') && n % 5 === 0 ? 'lose' : 'pass'))
    await Promise.all(results)
    await until('confirmed', () => client.mutations.length === 0, 20_000)
    expect(titles(room)).toEqual(Array.from({ length: 20 }, (_, n) => (n === 7 ? 'Seven' : `T${n}`)))
    await expectCurrent(room, owner)
  })

  it('U5 what was written without a network is sent also after a day, since the server cannot have it', async () => {
    const { client, room, owner, projectId, network, errors } = await enter()
    client.disconnect()
    network.rule(() => 'refuse')
    const results = ['A', 'B'].map((title) => client.mutate(...newTask(projectId, title)))
    const tries = () => network.sent.length
    const first = tries()
    await until('the network is tried', () => tries() > first)
    const clock = aDayLater()
    const later = tries()
    await until('it is tried again', () => tries() > later)
    network.rule(() => 'pass')
    expect(await Promise.all(results)).toMatchObject([{ title: 'A' }, { title: 'B' }])
    await client.connect()
    await until('confirmed', () => client.mutations.length === 0)
    expect(titles(room)).toEqual(['A', 'B'])
    clock.mockRestore()
    await expectCurrent(room, owner)
    expect(errors).toEqual([])
  })

  it('U6 what may have been received is not sent a day later, and says so', async () => {
    const { client, room, owner, projectId, network, errors } = await enter()
    network.rule((path) => (path.endsWith('/tasks') ? 'lose' : 'pass'))
    const result = client.mutate(...newTask(projectId, 'Mix'))
    await until('its event is there', () => room.pending.size === 0)
    const ended = expect(result).rejects.toMatchObject({ name: 'CutroomError', code: 'unavailable' })
    const clock = aDayLater()
    await ended
    expect(titles(room)).toEqual(['Mix'])
    expect(network.count(`/api/projects/${projectId}/tasks`)).toBeGreaterThan(0)
    clock.mockRestore()
    await expectCurrent(room, owner)
    expect(errors).toEqual([])
  })

  it('U6 a write that came too slowly for the server stays drawn, is sent again and done once', async () => {
    const { project, owner } = await createTeam(app())
    let isSlow = true
    const up = () => {
      let isStuck = false
      return (chunk: Buffer, push: (bytes: Buffer) => void) => {
        if (isSlow && chunk.includes('POST /api/projects/')) {
          isSlow = false
          isStuck = true
          // the rest of its headers does not come
          push(chunk.subarray(0, 40))
        } else if (!isStuck) push(chunk)
      }
    }
    const proxy = await openTcpProxy({ port: Number(new URL(app().url).port), up }, onTestFinished)
    const answers: number[] = []
    const { client, errors } = clientOf(proxy, owner, {
      async fetch(input, init) {
        const response = await fetch(input, init)
        if (init?.method === 'POST') answers.push(response.status)
        return response
      },
    })
    const room = client.room(project.id)
    await live(room)
    const changes: (string[] | undefined)[] = []
    room.on('change', () => changes.push(titles(room)))
    await client.mutate(...newTask(project.id, 'Mix'))
    expect(answers).toEqual([408, 201])
    expect(new Set(changes.map((shown) => shown?.join()))).toEqual(new Set(['Mix']))
    await expectCurrent(room, owner)
    expect(errors).toEqual([])
  })

  it('U5 with a store they survive a reload, for the same person only', async () => {
    const store = memoryStore()
    const { client, room, owner, editor, projectId, network } = await enter({ mutationStore: store })
    network.rule(() => 'refuse')
    const results = ['A', 'B'].map((title) => client.mutate(...newTask(projectId, title)).catch(() => {}))
    expect(titles(room)).toEqual(['A', 'B'])
    await until('stored', () => store.text?.includes('"B"') === true)
    const { text } = store
    client.close()
    await Promise.all(results)

    const other = { ...memoryStore(), text }
    other.load = () => other.text
    const theirs = clientOf(app(), editor, { mutationStore: other })
    await theirs.client.restore()
    expect(theirs.client.mutations).toEqual([])

    store.text = text
    const again = clientOf(app(), owner, { mutationStore: store })
    await again.client.restore()
    const same = again.client.room(projectId)
    await live(same)
    await until('sent', () => again.client.mutations.length === 0)
    expect(titles(same)).toEqual(['A', 'B'])
    await until('the store is empty', () => store.text === null)
    await expectCurrent(same, owner)
  })

  it('U6 what still runs at the server after a day is not sent again on another one', async () => {
    const { project, owner } = await createTeam(app())
    let asked = 0
    const { client, errors } = clientOf(app(), owner, {
      async fetch(input, init) {
        if (init?.method !== 'POST' || !String(input).endsWith('/tasks')) return fetch(input, init)
        asked++
        return Response.json(problemOf('idempotency-running'), { status: 409 })
      },
    })
    await live(client.room(project.id))
    const [endpoint, args, { draw }] = newTask(project.id, 'Mix')
    void client.mutate(endpoint, args, { draw, keep: true })
    await until('it is asked for', () => asked > 0)
    aDayLater()
    const refused = () => client.mutations[0]?.state === 'refused'
    await until('it is given up', refused)
    const before = asked
    client.mutations[0]?.retry()
    await until('it is given up again', refused)
    expect(client.mutations[0]?.problem).toMatchObject({ code: 'unavailable', detail: expect.stringContaining('a day ago') })
    expect(asked).toBe(before)
    expect(errors).toEqual([])
  })

  it.each([
    ['with', 'refuse'],
    ['without', 'hold'],
  ] as const)(
    'U5 what is answered while a snapshot %s it takes the place of the state is drawn all the time, once',
    async (_, fate) => {
      const { client, room, owner, projectId, network, errors } = await enter()
      client.disconnect()
      network.rule(() => 'refuse')
      const done = client.mutate(...newTask(projectId, 'Mine'))
      for (const title of ['A', 'B']) await writeTask(owner, projectId, title)
      const head = (await readLog(owner, projectId)).length
      await app().db.query('UPDATE "Room" SET floor = $2 WHERE id = $1', [projectRoom(projectId), head])
      await app().db.query('DELETE FROM "Event" WHERE room = $1', [projectRoom(projectId)])
      const isSnapshot = (path: string) => path.endsWith('/snapshot')
      const before = network.count(`/api/projects/${projectId}/snapshot`)
      network.rule((path) => (isSnapshot(path) ? fate : 'refuse'))
      const seen = [titles(room)]
      room.on('change', () => seen.push(titles(room)))
      await client.connect()
      await until('the snapshot is asked for', () => network.count(`/api/projects/${projectId}/snapshot`) > before)
      network.rule((path) => (isSnapshot(path) ? fate : 'pass'))
      await done
      expect([titles(room), client.mutations.map(({ state }) => state)]).toEqual([['Mine'], ['sent']])
      network.rule(() => 'pass')
      for (const { release } of network.held) release()
      await until('confirmed', () => client.mutations.length === 0)
      await live(room)
      expect(titles(room)).toEqual(['A', 'B', 'Mine'])
      expect(seen.map((list) => list?.filter((title) => title === 'Mine'))).toEqual(seen.map(() => ['Mine']))
      await expectCurrent(room, owner)
      expect(errors).toEqual([])
    },
  )

  it('U5 a logout ends them: none is sent as the next person', async () => {
    const store = memoryStore()
    const { client, room, owner, editor, projectId, network } = await enter({ mutationStore: store })
    network.rule((path) => (path.startsWith('/api/auth') ? 'pass' : 'refuse'))
    const result = client.mutate(...newTask(projectId, 'Hers'))
    expect(titles(room)).toEqual(['Hers'])
    const ended = expect(result).rejects.toMatchObject({ code: 'session-revoked' })
    await client.logout()
    await ended
    expect([client.mutations, client.me, store.text]).toEqual([[], null, null])
    network.rule(() => 'pass')
    await client.login({ email: editor.email, password: 'correct horse battery' })
    await client.mutate(...newTask(projectId, 'His'))
    const list = await client.call(tasks.list, { params: { projectId } })
    expect(list.data.map(({ title, author }) => [title, author.id])).toEqual([['His', editor.id]])
    expect(owner.id).not.toBe(editor.id)
  })

  it('U5 a logout while a slow store is read ends what is stored: it is neither shown nor sent as the next person', async () => {
    const store = memoryStore()
    const { client, owner, editor, projectId, network } = await enter({ mutationStore: store })
    network.rule(() => 'refuse')
    const result = client.mutate(...newTask(projectId, 'Hers')).catch(() => {})
    await until('stored', () => store.text?.includes('"Hers"') === true)
    const { text } = store
    client.close()
    await result

    store.text = text
    const read = gate()
    const slow: MutationStore = { load: () => read.opened.then(() => text), save: store.save }
    const again = clientOf(app(), owner, { mutationStore: slow })
    await again.client.logout()
    await again.client.login({ email: editor.email, password: 'correct horse battery' })
    read.open()
    await again.client.mutate(...newTask(projectId, 'His'))
    expect(again.client.mutations).toEqual([])
    await until('the store is empty', () => store.text === null)
    const list = await again.client.call(tasks.list, { params: { projectId } })
    expect(list.data.map(({ title, author }) => [title, author.id])).toEqual([['His', editor.id]])
    expect(again.errors).toEqual([])
  })

  it('U5 what is written with a closed client is refused, and need not be caught', async () => {
    const { client, projectId } = await enter()
    client.close()
    void client.mutate(...newTask(projectId, 'Mix'))
    expect(client.mutations).toEqual([])
    await expect(client.mutate(...newTask(projectId, 'Mix'))).rejects.toMatchObject({ code: 'unavailable' })
    expect(client.mutations).toEqual([])
  })

  it('U5 the queue is bounded', async () => {
    const { client, projectId, network } = await enter()
    network.rule(() => 'refuse')
    const all = Array.from({ length: 500 }, (_, n) => client.mutate(...newTask(projectId, `T${n}`)))
    const ends = Promise.allSettled(all)
    await expect(client.mutate(...newTask(projectId, 'one more'))).rejects.toMatchObject({ code: 'too-many' })
    expect(client.mutations).toHaveLength(500)
    await client.logout().catch(() => {})
    expect((await ends).every(({ status }) => status === 'rejected')).toBe(true)
  })

  it('created rows without a rank are drawn last in their list, in the order in which they were made', async () => {
    const { client, room, owner, projectId, network } = await enter()
    const { vibe } = await createCut(owner, projectId)
    await until('there', () => room.state?.cutsOf(vibe.id).length === 1)
    network.rule(() => 'refuse')
    const add = (name: string) =>
      client.mutate(
        cuts.create,
        { params: { vibeId: vibe.id }, body: { name } },
        { projectId, draw: { name: 'cut:created', payload: { vibeId: vibe.id, name, state: 'draft' } } },
      )
    const all = [add('second'), add('third')]
    const names = () => room.state?.cutsOf(vibe.id).map(({ name }) => name)
    const [first] = names() ?? []
    expect(names()).toEqual([first, 'second', 'third'])
    network.rule(() => 'pass')
    await Promise.all(all)
    await until('confirmed', () => room.pending.size === 0)
    expect(names()).toEqual([first, 'second', 'third'])
    await expectCurrent(room, owner)
  })

  it('a comment is drawn in the list of its cut, behind those that are there', async () => {
    const { client, room, owner, projectId } = await enter()
    const { cut } = await createCut(owner, projectId)
    await client.api.comments.createOnCut({ cutId: cut.id, body: 'first' })
    await until('there', () => room.state?.commentsOf(cut.id).length === 1)
    const payload = { body: 'second', atMs: 1_000, cutId: cut.id }
    const done = client.mutate(
      comments.createOnCut,
      { params: { cutId: cut.id }, body: { body: 'second', atMs: 1_000 } },
      { projectId, draw: { name: 'comment:created', payload } },
    )
    expect(room.state?.commentsOf(cut.id).map(({ body }) => body)).toEqual(['first', 'second'])
    const drawn = room.state?.commentsOf(cut.id)[1]
    const comment = await done
    // a drawn row has all fields that a confirmed one has
    expect(Object.keys(drawn ?? {}).toSorted()).toEqual(Object.keys(comment).toSorted())
    expect(drawn).toMatchObject({ taskId: null, parentId: null, endMs: null, resolvedAt: null, resolvedBy: null, editedAt: null })
    await until('confirmed', () => room.pending.size === 0)
    await expectCurrent(room, owner)
  })
})
