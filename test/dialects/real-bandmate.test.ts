import { io } from 'socket.io-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type TestApp, useApp } from '../support/app.ts'
import { claimsOf, forge } from '../support/calls.ts'
import { cookiesOf } from '../support/dialects.ts'
import { textOf, uploadFile } from '../support/files.ts'
import { mention, nextNotification } from '../support/notifications.ts'
import { addMember, createCut, createProject, createTeam, PASSWORD, type Person, register, request } from '../support/people.ts'
import { until } from '../support/until.ts'

// The steps of BandMate's own page: its SocketContext, and what of its API has an address here. docs/real-clients.md lists them.

interface BandmateActivity {
  id: string
  type: string
  userId: string
  projectId: string
  metadata: string | null
  resourceLink: string | null
  createdAt: string
  user: { id: string; name: string; avatarUrl: string | null }
}
interface BandmateNotification {
  id: string
  type: string
  title: string
  message: string
  resourceLink: string | null
  isRead: boolean
  createdAt: string
}

/** Its SocketContext: the token of its store if it has one, the cookie beside it, and five listeners. */
function openPage({ url }: Pick<TestApp, 'url'>, { token, cookie }: { token?: string; cookie: string }) {
  const socket = io(url, {
    auth: token === undefined ? {} : { token },
    transports: ['websocket', 'polling'],
    withCredentials: true,
    extraHeaders: { cookie },
    // Not of its options: a test opens several pages in one process, and does not wait a second for a reconnect.
    forceNew: true,
    reconnectionDelay: 10,
    reconnectionDelayMax: 50,
  })
  onTestFinished(() => void socket.disconnect())
  const page = {
    socket,
    isConnected: false,
    errors: [] as string[],
    activities: [] as BandmateActivity[],
    notifications: [] as BandmateNotification[],
  }
  socket.on('connect', () => {
    page.isConnected = true
  })
  socket.on('disconnect', () => {
    page.isConnected = false
  })
  socket.on('connect_error', ({ message }) => void page.errors.push(message))
  socket.on('notification', (one: BandmateNotification) => void page.notifications.unshift(one))
  socket.on('activity', (one: BandmateActivity) => void page.activities.unshift(one))
  return page
}

/** A page that hears: it is in its projects, which the server says by a word that the page does not listen to. */
async function connectedPage(app: TestApp, person: Person, { withToken = true } = {}) {
  const page = openPage(app, { ...(withToken && { token: person.token }), cookie: await cookiesOf(app, person) })
  await new Promise<void>((resolve) => page.socket.once('connected', () => resolve()))
  return page
}

describe('BandMate’s own page', () => {
  const app = useApp({ env: { DIALECTS: 'bandmate', DIALECT: 'bandmate' } })

  it('C8 connects with the token of its store, and without one by the cookie alone, as after a login with Google', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    for (const withToken of [true, false]) {
      const page = await connectedPage(app(), editor, { withToken })
      expect(page).toMatchObject({ isConnected: true, errors: [] })
      await createCut(owner, project.id)
      await until('heard', () => page.activities.some(({ type }) => type === 'cut_created'))
    }
  })

  it('C8 hears `activity` for what its server made activities of, once each, in its shape, the actor included', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const pages = [await connectedPage(app(), owner), await connectedPage(app(), editor)]
    const named = <T = { id: string }>(path: string, name: string) => owner.must<T>('POST', path, { name })
    const vibe = await named(`/api/projects/${project.id}/vibes`, 'Dark')
    const second = await named(`/api/projects/${project.id}/vibes`, 'Light')
    const cut = await named(`/api/vibes/${vibe.id}/cuts`, 'Opener')
    const file = await uploadFile(app(), owner, cut.id, textOf(100), { filename: 'notes.txt' })
    const comment = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'Louder' })
    const reply = await owner.must<{ id: string }>('POST', `/api/comments/${comment.id}/replies`, { body: 'Softer' })
    await owner.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'La' }] })
    await owner.must('POST', `/api/cuts/${cut.id}/move`, { vibeId: second.id, after: null })
    await owner.must('POST', `/api/files/${file.id}/shares`, { allows: 'download' })
    const newcomer = await register(app(), 'Newcomer')
    await addMember(owner, project.id, newcomer)
    const of = (type: string) => pages.map(({ activities }) => activities.filter((one) => one.type === type))
    await until('the last came', () => of('member_added').every(({ length }) => length === 1))

    const by = { userId: owner.id, projectId: project.id, user: { id: owner.id, name: owner.name, avatarUrl: null } }
    const onCut = (query: string) => `/cuts/${cut.id}?tab=${query}`
    const expected: [type: string, resourceLink: string, metadata: object | null][] = [
      ['vibe_created', `/projects/${project.id}`, { vibeName: 'Dark' }],
      ['vibe_created', `/projects/${project.id}`, { vibeName: 'Light' }],
      ['cut_created', `/cuts/${cut.id}`, { cutName: 'Opener' }],
      ['file_uploaded', onCut('audio'), { fileName: 'notes.txt' }],
      ['comment_added', onCut(`audio&comment=${comment.id}`), { isReply: false, commentId: comment.id }],
      ['comment_added', onCut(`audio&comment=${reply.id}`), { isReply: true, commentId: reply.id }],
      ['lyrics_updated', onCut('lyrics'), null],
      ['cut_moved', `/cuts/${cut.id}`, null],
      ['file_shared', `/projects/${project.id}`, null],
      ['member_added', `/projects/${project.id}`, { memberName: newcomer.name }],
    ]
    const rows = expected.map(([type, resourceLink, metadata]) => ({
      ...by,
      id: expect.any(String),
      type,
      resourceLink,
      metadata: metadata && JSON.stringify(metadata),
      createdAt: expect.stringMatching(/Z$/),
    }))
    for (const { activities } of pages) {
      expect(activities.toReversed()).toEqual(rows)
      // It leaves out an id that it has.
      expect(new Set(activities.map(({ id }) => id)).size).toBe(rows.length)
    }
  })

  it('hears no activity of what its server made none of: changes, a new order within a vibe, deletions', async () => {
    const { project, owner } = await createTeam(app())
    const { vibe, cut } = await createCut(owner, project.id)
    const page = await connectedPage(app(), owner)
    await owner.must('PATCH', `/api/cuts/${cut.id}`, { name: 'Renamed' })
    await owner.must('POST', `/api/cuts/${cut.id}/move`, { vibeId: vibe.id, after: null })
    await owner.must('DELETE', `/api/cuts/${cut.id}`)
    await createCut(owner, project.id)
    await until('the next', () => page.activities.some(({ type }) => type === 'cut_created'))
    expect(page.activities.map(({ type }) => type)).toEqual(['cut_created', 'vibe_created'])
  })

  it('C8 hears `notification` with a title to show and a link to follow, its own alone', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const [page, other] = [await connectedPage(app(), editor), await connectedPage(app(), owner)]
    const { cut } = await createCut(owner, project.id)
    const { id } = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: `${mention(editor)} louder` })
    const note = await nextNotification(editor, 'the mention', ({ kind }) => kind === 'mention')
    await until('heard', () => page.notifications.some((one) => one.id === note.id))
    expect(page.notifications[0]).toEqual({
      id: note.id,
      type: 'INFO',
      title: `${owner.name} · mention · ${project.name}`,
      message: note.text,
      resourceLink: `/cuts/${cut.id}?tab=audio&comment=${id}`,
      isRead: false,
      createdAt: note.createdAt,
    })
    // It shows each that comes as a new one: an edit makes none.
    await owner.must('PATCH', `/api/comments/${id}`, { body: `${mention(editor)} softer` })
    await nextNotification(editor, 'the edit', ({ text }) => text?.endsWith('softer') ?? false)
    const next = await createProject(owner, 'Second album')
    await addMember(owner, next.id, editor)
    await until('added', () => page.notifications[0]?.type === 'SUCCESS')
    expect(page.notifications.filter((one) => one.id === note.id)).toHaveLength(1)
    expect(page.notifications[0]).toMatchObject({ resourceLink: `/projects/${next.id}`, isRead: false })
    expect(other.notifications).toEqual([])
  })

  it('C8 comes back by itself after a lost connection, also when the token of its store has ended, by the renewed cookie', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const past = Math.floor(Date.now() / 1000) - 60
    const old = forge(app(), { ...claimsOf(editor.token), exp: past })
    const page = openPage(app(), { token: old, cookie: await cookiesOf(app(), editor) })
    for (let times = 1; times <= 2; times++) {
      await new Promise<void>((resolve) => page.socket.once('connected', () => resolve()))
      await createCut(owner, project.id)
      await until('heard', () => page.activities.filter(({ type }) => type === 'cut_created').length === times)
      page.socket.io.engine.close()
    }
    expect(page.errors).toEqual([])
    // Without the cookie it stays away, as at its own server, and says so.
    const bare = openPage(app(), { token: old, cookie: '' })
    await until('refused', () => bare.errors.length === 1)
    expect(bare).toMatchObject({ isConnected: false, socket: { active: false } })
  })

  it('C7 a logout by its own call closes the page’s socket, which does not come again', async () => {
    const person = await register(app())
    const page = await connectedPage(app(), person)
    const answer = await request(app().url, 'POST', '/api/auth/logout', { body: {}, token: person.token })
    expect(answer.status).toBeLessThan(300)
    await until('closed', () => !page.isConnected)
    expect(page.socket.active).toBe(false)
  })

  it('its login, its refresh by cookie and its errors have the shape that its page reads; other addresses are not there', async () => {
    const person = await register(app())
    const login = await request<{ user: object; accessToken: string }>(app().url, 'POST', '/api/auth/login', {
      body: { email: person.email, password: PASSWORD },
    })
    expect(login.body).toMatchObject({ user: { id: person.id, name: person.name }, accessToken: expect.any(String) })
    const cookie = login.headers
      .getSetCookie()
      .map((one) => one.split(';')[0])
      .join('; ')
    const refresh = await request(app().url, 'POST', '/api/auth/refresh', { body: {}, headers: { cookie, origin: app().url } })
    expect(refresh.body).toMatchObject({ accessToken: expect.any(String) })
    const headers = { authorization: `Bearer ${person.token}` }
    for (const path of ['/auth/me', '/activities?limit=50', '/activities/unread-count', '/notifications?limit=20'])
      expect((await fetch(`${app().url}/api${path}`, { headers })).status, path).toBe(404)
  })
})
