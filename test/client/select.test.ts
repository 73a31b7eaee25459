import { placeAfter, tasks } from '@cutroom/client'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { createCut, createProject, createTeam, PASSWORD, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import { clientOf, live, writeTask } from './clients.ts'
import { createJar } from './network.ts'

describe('what components draw', () => {
  const app = useApp()

  it('a touched part gets a new identity, an untouched one keeps its own, and one who selects hears of theirs alone', async () => {
    const { owner, project } = await createTeam(app())
    const { cut } = await createCut(owner, project.id)
    const { client } = clientOf(app(), owner)
    const room = client.room(project.id)
    await live(room)
    const task = await writeTask(owner, project.id, 'A')
    await until('there', () => room.state?.tasks.size === 1)
    const before = room.state
    const todo = room.select(({ state }) => state?.tasksIn('todo'))
    const done = room.select(({ state }) => state?.tasksIn('done'))
    const comments = room.select(({ state }) => state?.commentsOf(cut.id))
    const heard = { todo: 0, done: 0, comments: 0 }
    todo.subscribe(() => heard.todo++)
    done.subscribe(() => heard.done++)
    const end = comments.subscribe(() => heard.comments++)
    const first = { todo: todo.value, comments: comments.value }
    expect(todo.value).toBe(first.todo)

    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'good' })
    await until('commented', () => heard.comments === 1)
    expect(heard).toEqual({ todo: 0, done: 0, comments: 1 })
    expect([room.state === before, room.state?.tasks === before?.tasks, room.state?.comments === before?.comments]).toEqual([
      false,
      true,
      false,
    ])
    expect(todo.value).toBe(first.todo)
    expect([first.comments, comments.value?.map(({ body }) => body)]).toEqual([[], ['good']])
    expect(before?.comments.size).toBe(0)

    end()
    await owner.must('POST', `/api/tasks/${task.id}/move`, { status: 'done', after: null })
    await until('moved', () => heard.done === 1)
    expect([todo.value?.length, done.value?.length, heard]).toEqual([0, 1, { todo: 1, done: 1, comments: 1 }])
  })

  it('a pick that makes a new value each time stays the same until something changes', async () => {
    const { owner, project } = await createTeam(app())
    const { client } = clientOf(app(), owner)
    const room = client.room(project.id)
    await live(room)
    const long = room.select(({ state }) => [...(state?.tasks.values() ?? [])].filter(({ title }) => title.length > 1))
    expect(long.value).toBe(long.value)
    const same = room.select(
      ({ state }) => ({ size: state?.tasks.size }),
      (a, b) => a.size === b.size,
    )
    const known = same.value
    await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'New' })
    await until('renamed', () => room.state?.project.name === 'New')
    expect(same.value).toBe(known)
  })

  it('a room that two ask for stays until both have left it; who comes back soon finds it as it is', async () => {
    const { owner, project } = await createTeam(app())
    const { client } = clientOf(app(), owner, { keepRoomsMs: 60_000 })
    const one = client.room(project.id)
    const two = client.room(project.id)
    expect(two).toBe(one)
    await live(one)
    one.leave()
    await writeTask(owner, project.id, 'A')
    await until('still there', () => two.state?.tasks.size === 1)
    two.leave()
    expect(one.status).toBe('live')
    const { state } = one
    expect(client.room(project.id)).toBe(one)
    expect(one.state).toBe(state)

    const short = clientOf(app(), owner, { keepRoomsMs: 20 })
    const gone = short.client.room(project.id)
    await live(gone)
    gone.leave()
    await until('left', () => gone.status === 'offline')
    expect(short.client.room(project.id)).not.toBe(gone)
  })

  it.each(['a logout', 'another login'])(
    'a room that ended with %s and is left later is not the one that was opened since',
    async (way) => {
      const { owner, editor, project } = await createTeam(app(), 'editor')
      const { client } = clientOf(app(), owner)
      const ended = client.room(project.id)
      await live(ended)
      if (way === 'a logout') await client.logout()
      await client.login({ email: (way === 'a logout' ? owner : editor).email, password: PASSWORD })
      expect(ended.status).toBe('offline')
      const room = client.room(project.id)
      expect(room).not.toBe(ended)
      await live(room)
      ended.leave()
      ended.leave()
      expect(room.status).toBe('live')
      await client.api.tasks.create({ projectId: project.id, title: 'A' })
      await until('the task', () => room.state?.tasks.size === 1)
      room.leave()
      expect(room.status).toBe('offline')
    },
  )

  it('typing stops by itself for those who see it, and is shown by what is typed on', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const [mine, theirs] = [clientOf(app(), owner).client.room(project.id), clientOf(app(), editor).client.room(project.id)]
    await live(mine)
    await live(theirs)
    const typing = mine.select((room) => room.typing.get(project.id))
    theirs.setTyping(project.id, true)
    await until('typing', () => typing.value?.length === 1)
    expect(typing.value).toEqual([editor.id])
    await until('stopped', () => typing.value === undefined, 10_000)
  })

  it('the last events of a room can be read', async () => {
    const { owner, project } = await createTeam(app())
    for (const title of ['A', 'B', 'C']) await writeTask(owner, project.id, title)
    const { client } = clientOf(app(), owner)
    const room = client.room(project.id)
    await live(room)
    const last = await room.history({ last: 2 })
    expect(last.map(({ name, payload }) => [name, (payload as { title?: string }).title])).toEqual([
      ['task:created', 'B'],
      ['task:created', 'C'],
    ])
    expect(last.at(-1)?.meta.seq).toBe(room.position?.seq)
    expect((await room.history({ last: 1_000 })).map(({ meta }) => meta.seq)).toEqual(
      [1, 2, 3, 4, 5].slice(0, room.position?.seq),
    )
  })

  it('one can wait until a room shows a write', async () => {
    const { owner, project } = await createTeam(app())
    const { client } = clientOf(app(), owner)
    const room = client.room(project.id)
    await live(room)
    let seq = -1
    const task = await client.call(tasks.create, {
      params: { projectId: project.id },
      body: { title: 'A' },
      onPosition(position) {
        seq = position.seq
      },
    })
    await room.caughtUp(seq)
    expect(room.state?.tasks.get(task.id)).toEqual(task)
  })
})

describe('the person', () => {
  const app = useApp()

  it('a page finds out who is logged in by cookie, also when the access cookie has run out, and asks for nothing that is refused', async () => {
    const person = await register(app(), 'Ann')
    const jar = createJar()
    const statuses: number[] = []
    const watched: typeof fetch = async (...args) => {
      const answer = await jar.fetch(...args)
      statuses.push(answer.status)
      return answer
    }
    const page = () => clientOf(app(), person, { mode: 'cookie', fetch: watched }).client
    const first = page()
    expect([await first.restore(), first.me, statuses]).toEqual([null, null, [200]])
    await first.login({ email: person.email, password: PASSWORD })
    expect(first.me).toMatchObject({ id: person.id, email: person.email })
    statuses.length = 0
    const second = page()
    const me = second.select((client) => client.me)
    expect(await second.restore()).toMatchObject({ id: person.id })
    expect(me.value).toMatchObject({ name: 'Ann' })
    for (const name of jar.cookies.keys()) if (/access/.test(name)) jar.cookies.delete(name)
    const third = page()
    expect(await third.restore()).toMatchObject({ id: person.id })
    expect(statuses.filter((status) => status >= 400)).toEqual([])
    await third.api.me.update({ name: 'Anna' })
    expect(third.me?.name).toBe('Anna')
    await third.logout()
    expect([third.me, await page().restore()]).toEqual([null, null])
  })

  it('by token: who they are of, or null for none and for what is over', async () => {
    const person = await register(app(), 'Ann')
    const { client } = clientOf(app(), person)
    const projects = client.user.select(({ projects }) => projects)
    expect(projects.value).toBeNull()
    expect(await client.restore()).toMatchObject({ id: person.id })
    expect(client.userId).toBe(person.id)
    await until('their projects are there without a connection', () => projects.value !== null)
    expect(await clientOf(app(), person, { tokens: null }).client.restore()).toBeNull()
    await person.must('POST', '/api/auth/logout')
    expect(await clientOf(app(), person).client.restore()).toBeNull()
  })

  it('a session that was closed elsewhere leaves nobody logged in', async () => {
    const person = await register(app(), 'Ann')
    const { client, signedOut } = clientOf(app(), person)
    await client.restore()
    await client.connect()
    const me = client.select((client) => client.me?.name)
    expect(me.value).toBe('Ann')
    await person.must('POST', '/api/auth/logout-all')
    await until('it is told', () => signedOut.length === 1)
    expect(me.value).toBeUndefined()
    // and comes back with a login
    await client.login({ email: person.email, password: PASSWORD })
    expect(me.value).toBe('Ann')
  })

  it('their projects are loaded when they are asked for, and kept by events', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const { client } = clientOf(app(), editor)
    const projects = client.user.select(({ projects }) => projects)
    expect(projects.value).toBeNull()
    await client.connect()
    await until('loaded', () => projects.value !== null)
    const names = () => [...(projects.value?.values() ?? [])].map(({ name }) => name).sort()
    expect(projects.value?.has(project.id)).toBe(true)
    const own = await createProject(editor, { name: 'Own' }.name)
    await until('created', () => projects.value?.has(own.id) === true)
    await live(client.room(project.id))
    await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'Renamed' })
    await until('renamed', () => names().includes('Renamed'))
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await until('gone', () => projects.value?.has(project.id) === false)
    expect(names()).toEqual(['Own'])
  })
})

describe('endpoints as functions, pages and places', () => {
  const app = useApp()

  it('parameters, query and body are one object', async () => {
    const { owner, project } = await createTeam(app())
    const { client } = clientOf(app(), owner)
    const { api } = client
    const projectId = project.id
    const task = await api.tasks.create({ projectId, title: 'Mix' })
    expect(await api.tasks.update({ taskId: task.id, title: 'Mix 2' }, { ifMatch: 1 })).toMatchObject({ version: 2 })
    expect((await api.tasks.list({ projectId, status: 'todo' })).data).toHaveLength(1)
    expect((await api.projects.list()).data.map(({ id }) => id)).toEqual([projectId])
    expect(await api.tasks.delete({ taskId: task.id })).toBeUndefined()
    await expect(api.tasks.get({ taskId: task.id })).rejects.toMatchObject({ code: 'not-found' })
  })

  it('all pages of a list come one after the other', async () => {
    const { owner, project } = await createTeam(app())
    const { client } = clientOf(app(), owner)
    for (const title of ['A', 'B', 'C', 'D', 'E']) await writeTask(owner, project.id, title)
    const pages: string[][] = []
    for await (const page of client.pages(tasks.list, { params: { projectId: project.id }, query: { limit: 2 } }))
      pages.push(page.map(({ title }) => title))
    expect(pages).toEqual([['A', 'B'], ['C', 'D'], ['E']])
  })

  it('a place in a list has the item before it, and a rank between its neighbours', () => {
    const list = ['a0', 'a1', 'a1V', 'a2'].map((rank, n) => ({ id: `${n}`, rank }))
    const ranks = (index: number, id = 'new') => {
      const { after, rank } = placeAfter(list, id, index)
      const next = list.filter((item) => item.id !== id && item.rank > rank)[0]?.id
      return [after, next]
    }
    expect([0, 1, 2, 3, 4].map((index) => ranks(index))).toEqual([
      [null, '0'],
      ['0', '1'],
      ['1', '2'],
      ['2', '3'],
      ['3', undefined],
    ])
    expect(ranks(1, '0')).toEqual(['1', '2'])
  })
})
