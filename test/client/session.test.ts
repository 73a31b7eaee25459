import { CutroomError, createClient, type Tokens } from '@cutroom/client'
import { comments, me, projects, tasks } from '@cutroom/contract'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { useApp } from '../support/app.ts'
import { addMember, createCut, createProject, createTeam, login, PASSWORD, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import { clientOf, expectCurrent, live, watch, writeTask } from './clients.ts'
import { createJar, createNetwork } from './network.ts'

const tokensOf = (person: { token: string; refreshToken: string }): Tokens => ({
  accessToken: person.token,
  refreshToken: person.refreshToken,
})

describe('calls and the login they were made in', () => {
  const app = useApp()

  it('U1 a call that waits for the network fails when its login has ended; nothing of it is written by the next person', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { cut } = await createCut(owner, project.id)
    const network = createNetwork()
    const { client } = clientOf(app(), owner, { fetch: network.fetch })
    network.rule((path) => (path.startsWith('/api/cuts') ? 'refuse' : 'pass'))
    const call = client.call(comments.createOnCut, {
      params: { cutId: cut.id },
      body: { body: 'Ann was here' },
      idempotencyKey: 'once',
      retryForMs: 60_000,
    })
    const failed = expect(call).rejects.toMatchObject({ code: 'session-revoked', problem: { detail: expect.any(String) } })
    await until('it was tried', () => network.count(`/api/cuts/${cut.id}/comments`) >= 1)
    await client.logout()
    network.rule(() => 'pass')
    await client.login({ email: editor.email, password: PASSWORD })
    await failed
    const written = network.count(`/api/cuts/${cut.id}/comments`)
    expect(await client.call(me.get)).toMatchObject({ id: editor.id })
    expect(network.count(`/api/cuts/${cut.id}/comments`)).toBe(written)
    expect((await app().db.query('SELECT 1 FROM "Comment" WHERE "projectId" = $1', [project.id])).rowCount).toBe(0)
  })

  it.each(['call', 'refresh'] as const)(
    'U1 the login changes while the %s of an expired token is under way: nothing is sent',
    async (held) => {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const network = createNetwork(async (input, init) => {
        const authorization = new Headers(init?.headers).get('authorization')
        // as if it had expired
        if (authorization === `Bearer ${owner.token}` && String(input).includes('/tasks'))
          return Response.json({ code: 'token-expired', status: 401, title: '', type: '' }, { status: 401 })
        return fetch(input, init)
      })
      const { client } = clientOf(app(), owner, { fetch: network.fetch })
      const path = held === 'call' ? `/api/projects/${project.id}/tasks` : '/api/auth/refresh'
      network.rule((asked, n) => (asked === path && n === 0 ? 'hold' : 'pass'))
      const call = client.call(tasks.create, { params: { projectId: project.id }, body: { title: 'Whose?' } })
      const failed = expect(call).rejects.toMatchObject({ code: 'session-revoked' })
      await until('it is held', () => network.held.length > 0)
      await client.login({ email: editor.email, password: PASSWORD })
      network.held[0]?.release()
      await failed
      expect(await client.call(me.get)).toMatchObject({ id: editor.id })
      expect((await app().db.query('SELECT 1 FROM "Task" WHERE "projectId" = $1', [project.id])).rowCount).toBe(0)
    },
  )

  it('a program error is not taken for the network: it is thrown at once', async () => {
    const person = await register(app())
    const network = createNetwork()
    const { client } = clientOf(app(), person, { fetch: network.fetch, retryForMs: 60_000 })
    const body = { name: 'x', toJSON: () => Object(1n) }
    await expect(client.call(projects.create, { body, idempotencyKey: 'k' })).rejects.toThrow(TypeError)
    await expect(client.call(projects.create, { body: { name: 'x' }, idempotencyKey: 'ключ\n' })).rejects.toThrow(TypeError)
    expect(network.sent.length).toBeLessThanOrEqual(1)
  })

  it('B2 Retry-After is heeded by calls and logins that may wait, and no refresh is sent before its time', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    let busy = true
    const sent: { path: string; at: number }[] = []
    const began = Date.now()
    const client = createClient({
      url: 'http://cutroom.test',
      tokens: { accessToken: 'a', refreshToken: 'r' },
      retryForMs: 60_000,
      async fetch(input) {
        const path = new URL(String(input)).pathname
        sent.push({ path, at: Date.now() - began })
        if (busy) return new Response(null, { status: 429, headers: { 'retry-after': '20' } })
        return Response.json(path.endsWith('login') ? { user: { id: 'x' }, accessToken: 'b' } : { id: 'x', accessToken: 'b' })
      },
    })
    await expect(client.refresh()).rejects.toMatchObject({ code: 'rate-limited' })
    await expect(client.refresh()).rejects.toMatchObject({ code: 'rate-limited', problem: { retryAfter: 20 } })
    expect(sent).toHaveLength(1)
    const all = Promise.all(
      [client.call(me.get), client.login({ email: 'a@example.org', password: 'x' })].map((p) => p.catch((e) => e)),
    )
    await vi.advanceTimersByTimeAsync(19_000)
    expect(sent).toHaveLength(3)
    busy = false
    await vi.advanceTimersByTimeAsync(10_000)
    const [, user] = await all
    expect(user).toEqual({ id: 'x' })
    for (const { at } of sent.slice(3)) expect(at).toBeGreaterThanOrEqual(20_000)
  })
})

describe('a phone in tunnels', () => {
  const app = useApp({ env: { ACCESS_TOKEN_TTL: '3s' } })

  it.each(['the first', 'the first two', 'all for a while'])(
    'U2 answers of the refresh are lost, %s: the session goes on',
    async (which) => {
      const { project, owner } = await createTeam(app())
      const phone = await login(app(), owner)
      const network = createNetwork()
      const { client, signedOut, kept } = clientOf(app(), phone, { fetch: network.fetch, retryForMs: 60_000 })
      const until4 = Date.now() + 4_000
      const losing = (n: number) => (which === 'the first' ? n < 1 : which === 'the first two' ? n < 2 : Date.now() < until4)
      network.rule((path, n) => (path === '/api/auth/refresh' && losing(n) ? 'lose' : 'pass'))
      const room = client.room(project.id)
      await live(room)
      await until('several lives of a token', () => kept.length >= 3, 30_000)
      await client.call(tasks.create, { params: { projectId: project.id }, body: { title: 'still here' }, idempotencyKey: 'k' })
      await until('the room has it', () => room.state?.tasks.size === 1)
      expect(signedOut).toEqual([])
      expect(network.count('/api/auth/refresh')).toBeGreaterThan(kept.length)
    },
  )

  it('U2 a client whose answer was lost refreshes much later; the token before that is refused', async () => {
    const owner = await register(app())
    const network = createNetwork()
    const { client, signedOut, kept } = clientOf(app(), owner, { fetch: network.fetch })
    network.rule((path) => (path === '/api/auth/refresh' ? 'lose' : 'pass'))
    await expect(client.refresh()).rejects.toThrow(TypeError)
    await app().db.query(`UPDATE "Session" SET "rotatedAt" = now() - interval '1 hour' WHERE "userId" = $1`, [owner.id])
    network.rule(() => 'pass')
    await client.refresh()
    expect(await client.call(me.get)).toMatchObject({ id: owner.id })
    expect([signedOut, kept.length]).toEqual([[], 1])

    const thief = clientOf(app(), owner, { tokens: tokensOf(owner) })
    await expect(thief.client.refresh()).rejects.toMatchObject({ code: 'token-reused' })
    await expect(client.call(me.get)).rejects.toMatchObject({ code: 'session-revoked' })
  })

  it('U2 two windows with one store: each takes what the other got, and neither ends the session', async () => {
    const owner = await register(app())
    let stored: Tokens | null = tokensOf(owner)
    const network = createNetwork()
    const options = {
      tokens: async () => stored,
      async onTokens(tokens: Tokens | null) {
        await Promise.resolve()
        stored = tokens
      },
      fetch: network.fetch,
    }
    const [one, two] = [clientOf(app(), owner, options), clientOf(app(), owner, options)]
    for (let life = 0; life < 3; life++) {
      const before: string | undefined = stored?.accessToken
      await until(
        'the token is over',
        async () => (await fetch(`${app().url}/api/me`, { headers: { authorization: `Bearer ${before}` } })).status === 401,
      )
      await Promise.all([one, two].map(({ client }) => client.call(me.get)))
      await two.client.call(me.get)
      expect(one.client.tokens).toEqual(two.client.tokens)
      expect(stored).toEqual(one.client.tokens)
    }
    expect(network.count('/api/auth/refresh')).toBe(3)
    expect([one.signedOut, two.signedOut]).toEqual([[], []])
    // the last one to log out empties the store; a login of another person in it is left alone
    const other = await register(app())
    stored = tokensOf(other)
    await one.client.logout()
    expect(stored).toEqual(tokensOf(other))
  })
})

describe('two tabs with two people', () => {
  const app = useApp()
  const tab = (jar: ReturnType<typeof createJar>) => {
    const signedOut: string[] = []
    const client = createClient({
      url: app().url,
      mode: 'cookie',
      fetch: jar.fetch,
      onSignedOut: ({ code }) => signedOut.push(code),
      onError: () => {},
      socket: { extraHeaders: jar.headersFor(), reconnectionDelay: 50, reconnectionDelayMax: 200 },
    })
    onTestFinished(() => client.close())
    return { client, signedOut }
  }

  it('U1 Bob logs in in another tab: Ann’s tab is signed out, does nothing as Bob, and shows nothing of his', async () => {
    const { project, owner: ann, editor: bob } = await createTeam(app(), 'editor')
    const jar = createJar()
    const first = tab(jar)
    await first.client.login({ email: ann.email, password: PASSWORD })
    const room = first.client.room(project.id)
    await live(room)
    const heard: string[] = []
    first.client.on('project:joined', ({ name }) => heard.push(name))
    first.client.on('reset', () => heard.push('reset'))

    const second = tab(jar)
    await second.client.login({ email: bob.email, password: PASSWORD })
    const his = await createProject(ann, 'For Bob')
    await addMember(ann, his.id, bob, 'editor')

    const wrong = first.client.call(tasks.create, { params: { projectId: project.id }, body: { title: 'by whom?' } })
    await expect(wrong).rejects.toMatchObject({ code: 'session-revoked' })
    await until('signed out', () => first.signedOut.length > 0)
    expect([first.signedOut, first.client.status, room.status]).toEqual([['session-revoked'], 'offline', 'offline'])
    await expect(first.client.refresh()).rejects.toMatchObject({ status: 401 })
    await expect(first.client.connect()).rejects.toBeInstanceOf(CutroomError)
    await first.client.logout()
    expect(await second.client.call(me.get)).toMatchObject({ id: bob.id })
    await second.client.connect()
    expect([second.client.userId, second.signedOut, heard]).toEqual([bob.id, [], []])
    expect((await app().db.query('SELECT 1 FROM "Task" WHERE "projectId" = $1', [project.id])).rowCount).toBe(0)
  })

  it('U1 a tab whose connection breaks does not come back as the person of the other tab', async () => {
    const { project, owner: ann, editor: bob } = await createTeam(app(), 'editor')
    const jar = createJar()
    const first = tab(jar)
    await first.client.login({ email: ann.email, password: PASSWORD })
    const room = first.client.room(project.id)
    await live(room)
    const { seqs } = watch(room)
    await tab(jar).client.login({ email: bob.email, password: PASSWORD })
    for (const socket of app().app.io.of('/').sockets.values()) socket.conn.close()
    await until('signed out', () => first.signedOut.length > 0)
    await writeTask(ann, project.id, 'not for this tab')
    expect([first.signedOut, first.client.status, room.status, seqs]).toEqual([['session-revoked'], 'offline', 'offline', []])
    // Ann logs in again in her tab, and everything is hers
    await first.client.login({ email: ann.email, password: PASSWORD })
    await live(room)
    await expectCurrent(room, ann)
    expect(first.client.userId).toBe(ann.id)
  })

  it('after a logout in this tab nothing is sent with the cookie of another', async () => {
    const [ann, bob] = [await register(app(), 'Ann'), await register(app(), 'Bob')]
    const jar = createJar()
    const first = tab(jar)
    await first.client.login({ email: ann.email, password: PASSWORD })
    await first.client.logout()
    await tab(jar).client.login({ email: bob.email, password: PASSWORD })
    await expect(first.client.call(me.get)).rejects.toMatchObject({ code: 'token-missing' })
    await expect(first.client.connect()).rejects.toMatchObject({ code: 'token-missing' })
    expect(first.client.room((await createProject(bob)).id).status).toBe('offline')
  })
})
