import { io } from 'socket.io-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../support/app.ts'
import { cookiesOf } from '../support/dialects.ts'
import { mention, nextNotification } from '../support/notifications.ts'
import { createCut, createProject, createTeam, type Person, register, request } from '../support/people.ts'
import { until } from '../support/until.ts'

// The steps of BAASIX's SDK and of PhotoFlow's pages, as their code takes them. docs/real-clients.md lists them.

interface Change {
  action: string
  collection: string
  data: Record<string, unknown>
  timestamp: string
}
interface Answer {
  status?: string
  message?: string
}

/** `realtime.connect()` of BAASIX's SDK: its options and its listeners; resolves and rejects as it does. */
function connectSdk(app: Pick<TestApp, 'url'>, token: string | undefined, { path = '/realtime', headers = {} } = {}) {
  const socket = io(app.url, {
    auth: { token },
    path,
    transports: ['websocket', 'polling'],
    reconnection: true,
    reconnectionAttempts: 10,
    // Of its options these alone are others: its second before a reconnect, and one connection for all of a process.
    reconnectionDelay: 10,
    forceNew: true,
    timeout: 20_000,
    extraHeaders: headers,
  })
  onTestFinished(() => void socket.disconnect())
  const heard: Change[] = []
  const names: string[] = []
  socket.onAny((name: string) => names.push(name))
  const states: boolean[] = []
  const ready = new Promise<string>((resolve, reject) => {
    socket.on('connect', () => void states.push(true))
    socket.on('disconnect', () => void states.push(false))
    socket.on('connect_error', reject)
    // What it waits for on the socket, where no Socket.IO of today sends it: its listeners would be there twice.
    socket.on('reconnect', () => reject(new Error('reconnect came')))
    socket.on('connected', ({ userId }: { userId: string }) => resolve(userId))
  })
  socket.connect()
  return {
    socket,
    states,
    heard,
    /** Of all that came in, whether it listens to it or not. */
    names,
    ready,
    /** `subscribe`: the request, then one listener for each action. */
    subscribe(collection: string) {
      const answer = new Promise<Answer>((resolve) => socket.emit('subscribe', { collection }, resolve))
      for (const action of ['create', 'update', 'delete'])
        socket.on(`${collection}:${action}`, (change: Change) => void heard.push(change))
      return answer
    },
    /** `unsubscribe`: no answer is asked for. */
    unsubscribe(collection: string) {
      socket.emit('unsubscribe', { collection })
      for (const action of ['create', 'update', 'delete']) socket.off(`${collection}:${action}`)
    },
    /** Its rooms and `invoke`: resolved by `status: 'success'`, else rejected with `message`. */
    ask: (name: string, payload: unknown) => new Promise<Answer>((resolve) => socket.emit(name, payload, resolve)),
  }
}

describe('BAASIX’s own SDK', () => {
  const app = useApp({ env: { DIALECTS: 'baasix' } })

  it('C8 connects by its own path with the token that `setToken` stored, of a login or of an API token, and says who it is', async () => {
    const { project, owner } = await createTeam(app())
    const bot = { name: 'Service', role: 'viewer', projectIds: [project.id] }
    const { token } = await owner.must<{ token: string }>('POST', '/api/me/tokens', bot)
    for (const stored of [owner.token, token]) {
      const sdk = connectSdk(app(), stored)
      expect(await sdk.ready).toBe(owner.id)
      expect(await sdk.subscribe('cuts')).toMatchObject({ status: 'success' })
      const { cut } = await createCut(owner, project.id)
      await until('heard', () => sdk.heard.length === 1)
      expect(sdk.heard[0]).toMatchObject({ action: 'create', collection: 'cuts', data: { id: cut.id } })
    }
  })

  it('C8 in cookie mode it has no token, and the cookie of a page of the same origin counts', async () => {
    const person = await register(app())
    const sdk = connectSdk(app(), undefined, { headers: { cookie: await cookiesOf(app(), person) } })
    expect(await sdk.ready).toBe(person.id)
    await expect(connectSdk(app(), undefined).ready).rejects.toThrow('Log in first')
  })

  it('C8 its first version, which comes by /socket, connects where SOCKET_PATH says so', async () => {
    const own = await startApp({ env: { DIALECTS: 'baasix', DIALECT: 'baasix', SOCKET_PATH: '/socket' } })
    onTestFinished(own.close)
    const person = await register(own)
    for (const path of ['/socket', '/realtime']) expect(await connectSdk(own, person.token, { path }).ready).toBe(person.id)
  })

  it('C8 an unsubscribe ends its listeners, a second subscription has each change once, also after a lost connection', async () => {
    const { project, owner } = await createTeam(app())
    const sdk = connectSdk(app(), owner.token)
    await sdk.ready
    const vibe = (name: string) => owner.must('POST', `/api/projects/${project.id}/vibes`, { name })
    const heard = () => sdk.heard.map(({ data }) => data.name)
    const came = () => sdk.names.filter((name) => name === 'vibes:create').length
    await sdk.subscribe('vibes')
    await vibe('One')
    await until('one', () => came() === 1)
    sdk.unsubscribe('vibes')
    await vibe('Two')
    await until('two, which it does not listen to', () => came() === 2)
    expect(await sdk.subscribe('vibes')).toMatchObject({ status: 'success' })
    await vibe('Three')
    await until('three', () => came() === 3)
    sdk.socket.io.engine.close()
    const back = new Promise<void>((resolve) => sdk.socket.once('connected', () => resolve()))
    await back
    await vibe('Four')
    await until('four', () => came() === 4)
    expect(heard()).toEqual(['One', 'Three', 'Four'])
    expect(sdk.states).toEqual([true, false, true])
  })

  it('C8 hears its notifications as the rows of baasix_Notification, the one collection of its own that is sent', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const [sdk, other] = [connectSdk(app(), editor.token), connectSdk(app(), owner.token)]
    for (const each of [sdk, other]) {
      await each.ready
      expect(await each.subscribe('baasix_Notification')).toMatchObject({ status: 'success' })
    }
    const { cut } = await createCut(owner, project.id)
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: `${mention(editor)} louder` })
    const note = await nextNotification(editor, 'the mention', ({ kind }) => kind === 'mention')
    await editor.must('PATCH', `/api/me/notifications/${note.id}`, { seen: true })
    await owner.must('PATCH', `/api/comments/${note.target.id}`, { body: `${mention(editor)} softer` })
    const told = () => sdk.heard.filter(({ data }) => data.id === note.id)
    await until('the edit', () => told().length === 3)
    await editor.must('DELETE', `/api/me/notifications/${note.id}`)
    await until('all came', () => told().length === 4)
    expect(told().map(({ action }) => action)).toEqual(['create', 'update', 'update', 'delete'])
    const row = { id: note.id, type: 'info', title: `${owner.name} · mention · ${project.name}`, message: note.text, seen: false }
    expect(told()[0]).toMatchObject({ collection: 'baasix_Notification', data: { ...row, userId: editor.id } })
    expect(told()[1]).toMatchObject({ data: { seen: true } })
    expect(told()[2]).toMatchObject({ data: { ...row, message: '@Mo editor softer', seen: true, userId: editor.id } })
    expect(other.heard).toEqual([])
  })

  it('C6 its rooms, `invoke` and collections that are not there are refused with a message that it can show, and the socket lives on', async () => {
    const { project, owner } = await createTeam(app())
    const sdk = connectSdk(app(), owner.token)
    await sdk.ready
    const room = 'game:lobby'
    const asked: [name: string, payload: object][] = [
      ['subscribe', { collection: 'products' }],
      ['room:join', { room, metadata: { username: 'Ann' } }],
      ['room:leave', { room }],
      ['room:members', { room }],
      ['room:list', { prefix: 'game:' }],
      ['room:kick', { room, userId: owner.id }],
      ['room:message', { room, event: 'chat', payload: { text: 'Hello' }, history: true }],
      ['custom', { event: 'game:roll-dice', payload: { sides: 6 } }],
    ]
    for (const [name, payload] of asked)
      expect(await sdk.ask(name, payload), name).toMatchObject({
        status: 'error',
        message: expect.stringMatching(/^There is no/),
      })
    // No answer is asked for, and none of its events comes.
    sdk.socket.emit('workflow:execution:join', { executionId: '1' })
    await sdk.subscribe('vibes')
    await createCut(owner, project.id)
    await until('heard', () => sdk.heard.length === 1)
    expect(sdk.states).toEqual([true])
  })

  it('C7 a revoked session ends its socket for good, and says so; `connect()` with a new token makes another', async () => {
    const person = await register(app())
    const sdk = connectSdk(app(), person.token)
    await sdk.ready
    await person.must('POST', '/api/auth/logout')
    await until('closed', () => !sdk.socket.connected)
    expect(sdk).toMatchObject({ states: [true, false], socket: { active: false } })
    await expect(connectSdk(app(), person.token).ready).rejects.toThrow()
  })
})

/** `realtime.ts` of PhotoFlow: an address and nothing else; a page is of the same origin, so that the browser adds its cookie. */
function openPhotoflow({ url }: Pick<TestApp, 'url'>, cookie?: string) {
  const socket = io(url, { forceNew: true, ...(cookie !== undefined && { extraHeaders: { cookie } }) })
  onTestFinished(() => void socket.disconnect())
  const page = { socket, refetched: 0, errors: [] as string[] }
  socket.on('database-changed', () => {
    page.refetched++
  })
  socket.on('connect_error', ({ message }) => void page.errors.push(message))
  return page
}

describe('PhotoFlow’s own pages', () => {
  const app = useApp({ env: { DIALECTS: 'photoflow', DIALECT: 'photoflow' } })
  /** A page that is in its projects. */
  async function pageOf(person: Person) {
    const page = openPhotoflow(app(), await cookiesOf(app(), person))
    await new Promise<void>((resolve) => page.socket.once('connected', () => resolve()))
    return page
  }

  it('C8 connect with an address alone, by long polling first, and hear of what any page says, and the one that says it', async () => {
    const { owner, editor } = await createTeam(app(), 'editor')
    const pages = [await pageOf(owner), await pageOf(editor)]
    await until('upgraded', () => pages.every(({ socket }) => socket.io.engine.transport.name === 'websocket'))
    pages[0]?.socket.emit('database-change')
    await until('heard', () => pages.every(({ refetched }) => refetched === 1))
  })

  it('C8 what a page says before it is connected is said then', async () => {
    const { owner, editor } = await createTeam(app(), 'editor')
    const other = await pageOf(editor)
    const page = openPhotoflow(app(), await cookiesOf(app(), owner))
    page.socket.emit('database-change')
    expect(page.socket.connected).toBe(false)
    await until('heard', () => page.refetched === 1 && other.refetched === 1)
  })

  it('C8 a page that says nothing after a write makes the others read all the same, also after a lost connection', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const page = await pageOf(editor)
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Wedding' })
    await until('heard', () => page.refetched === 1)
    page.socket.io.engine.close()
    await new Promise<void>((resolve) => page.socket.once('connected', () => resolve()))
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Passport' })
    await until('heard again', () => page.refetched === 2)
  })

  it('without a login it is refused, and does not try again by itself; its REST addresses are not there', async () => {
    const page = openPhotoflow(app())
    await until('refused', () => page.errors.length === 1)
    expect(page.socket).toMatchObject({ connected: false, active: false })
    const person = await register(app())
    await createProject(person)
    for (const path of ['getUserTasks', 'createNewTask', 'finishUserTask', 'addCommentToTask', 'importcsv'])
      expect((await request(app().url, 'POST', `/api/${path}`, { body: {}, token: person.token })).status, path).toBe(404)
    expect((await request(app().url, 'DELETE', '/api/deleteUserTask', { body: { task_id: 1 } })).status).toBe(404)
  })
})
