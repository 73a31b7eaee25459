import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../support/app.ts'
import { claimsOf, forge } from '../support/calls.ts'
import { ALL, cookiesOf, named, speak } from '../support/dialects.ts'
import { createProject, login, type Person, register, request } from '../support/people.ts'
import { type Listener, open } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const refusalOf = (listener: Listener) =>
  new Promise<string>((resolve) => {
    listener.socket.once('connect_error', (error) => resolve((error as { data?: { code?: string } }).data?.code ?? error.message))
    listener.socket.once('connected', () => resolve('connected'))
  })

/** The name of the dialect that a connection got, told by what it hears of a new project. */
async function dialectOf(app: TestApp, person: Person, options: Parameters<typeof open>[1]): Promise<string> {
  const listener = open(app, options)
  const answer = await refusalOf(listener)
  if (answer !== 'connected') return answer
  const project = await createProject(person, 'Which words?')
  await until('told', () => JSON.stringify(listener.frames).includes(project.id))
  listener.socket.close()
  return named(listener, 'item.created').length > 0 ? 'baasix' : 'native'
}

describe('which dialect a connection speaks', () => {
  const app = useApp({ env: { DIALECTS: ALL } })

  it('is what `auth.dialect` says, else the query, else the path, else DIALECT, else native', async () => {
    const person = await register(app())
    const { token } = person
    const path = '/realtime'
    const cases: [title: string, options: Parameters<typeof open>[1], expected: string][] = [
      ['nothing', { auth: { token } }, 'native'],
      ['auth', { auth: { token, dialect: 'baasix' } }, 'baasix'],
      ['query', { auth: { token }, query: { dialect: 'baasix' } }, 'baasix'],
      ['path', { auth: { token }, path }, 'baasix'],
      ['path, polling', { auth: { token }, path, transports: ['polling'] }, 'baasix'],
      ['path, polling, then a WebSocket', { auth: { token }, path, transports: ['polling', 'websocket'] }, 'baasix'],
      ['auth before query', { auth: { token, dialect: 'native' }, query: { dialect: 'baasix' } }, 'native'],
      ['query before path', { auth: { token }, query: { dialect: 'native' }, path }, 'native'],
      ['empty', { auth: { token, dialect: '' }, query: { dialect: '' } }, 'native'],
      ['unknown', { auth: { token, dialect: 'elvish' } }, 'bad-request'],
      ['unknown in the query', { auth: { token }, query: { dialect: 'toString' } }, 'bad-request'],
      ['no text', { auth: { token, dialect: { name: 'baasix' } } }, 'bad-request'],
    ]
    for (const [title, options, expected] of cases) expect(await dialectOf(app(), person, options), title).toBe(expected)
  })

  it('is that of DIALECT, and that of a path also where it is SOCKET_PATH', async () => {
    const other = await startApp({ env: { DIALECTS: 'baasix', DIALECT: 'baasix' } })
    const same = await startApp({ env: { SOCKET_ENABLED: 'true', SOCKET_PATH: '/realtime' } })
    const off = await startApp()
    onTestFinished(async () => {
      for (const each of [other, same, off]) await each.close()
    })
    const [person, mate, third] = [await register(other), await register(same), await register(off)]
    expect(await dialectOf(other, person, { auth: { token: person.token } })).toBe('baasix')
    expect(await dialectOf(other, person, { auth: { token: person.token, dialect: 'native' } })).toBe('native')
    expect(await dialectOf(same, mate, { auth: { token: mate.token }, path: '/realtime' })).toBe('baasix')
    expect(await dialectOf(same, mate, { auth: { token: mate.token, dialect: 'native' }, path: '/realtime' })).toBe('native')
    // Where it is not spoken, there is neither the path nor the name.
    expect(await dialectOf(off, third, { auth: { token: third.token }, path: '/realtime' })).toMatch(/error|not/)
    expect(await dialectOf(off, third, { auth: { token: third.token, dialect: 'baasix' } })).toBe('bad-request')
  })

  it('leaves no way in without a login: anonymous sockets and tokens in the query are refused', async () => {
    const { token } = await register(app())
    for (const dialect of ALL.split(',')) {
      expect(await refusalOf(open(app(), { auth: { dialect } })), dialect).toBe('token-missing')
      const query = { dialect, token, access_token: token, auth_token: token }
      expect(await refusalOf(open(app(), { query })), dialect).toBe('token-missing')
    }
    expect(await refusalOf(open(app(), { path: '/realtime', query: { token } }))).toBe('token-missing')
  })

  it('a second path is under the limits of the first: an origin that is refused here is refused there', async () => {
    const person = await register(app())
    const extraHeaders = { cookie: await cookiesOf(app(), person), origin: 'https://evil.example' }
    for (const path of ['/socket.io', '/realtime'])
      for (const transports of [['websocket'], ['polling']])
        expect(await refusalOf(open(app(), { path, transports, extraHeaders }))).toMatch(/websocket error|xhr poll error/)
    for (const path of ['/realtimes/', '/realtime.js', '/xrealtime/'])
      expect((await fetch(`${app().url}${path}?EIO=4&transport=polling`)).status, path).toBe(404)
  })
})

describe('how long a socket of a dialect lives', () => {
  /** A token that ends after so many seconds; 1 at least. */
  const short = (app: TestApp, { token }: Person, seconds: number) =>
    forge(app, { ...claimsOf(token), exp: Math.floor(Date.now() / 1000) + seconds })

  it('C7 the end of its token does not close it, a revocation does within a second', async () => {
    const app = await startApp({ env: { DIALECTS: ALL } })
    onTestFinished(() => app.close())
    for (const dialect of [...ALL.split(','), 'native']) {
      const [person, other] = [await register(app), await register(app)]
      const token = short(app, person, 2)
      const listener = await speak(app, { token }, dialect)
      const bystander = await speak(app, other, dialect)
      await until('the token has ended', async () => (await request(app.url, 'GET', '/api/me', { token })).status === 401)
      // A socket of the contract is closed by now, or within the next check.
      if (dialect === 'native') {
        await until('closed', () => !listener.socket.connected)
        continue
      }
      const { id } = await createProject(person, 'Still heard')
      if (dialect === 'planner' || dialect === 'photoflow') expect(await listener.join(id)).toMatchObject({ ok: true })
      else await until('heard', () => JSON.stringify(listener.frames).includes(id))
      expect(listener.socket.connected).toBe(true)
      const gone = new Promise<number>((resolve) => listener.socket.once('disconnect', () => resolve(performance.now())))
      await person.must('POST', '/api/auth/logout')
      const revoked = performance.now()
      expect((await gone) - revoked).toBeLessThan(1_000)
      expect(listener.frames.at(-1)).toMatchObject({ name: 'session:expired', payload: { reason: 'revoked' } })
      expect(bystander.socket.connected).toBe(true)
    }
  })

  it('C7 it ends with its session, also when that ends by itself, and a renewed token does not end it earlier', async () => {
    const app = await startApp({ env: { DIALECTS: 'bandmate' } })
    onTestFinished(() => app.close())
    const person = await register(app)
    const longer = await speak(app, person, 'bandmate')
    expect(await longer.ask('session:refresh', { token: short(app, person, 2) })).toMatchObject({ ok: true })
    const other = await login(app, person)
    const { sid } = claimsOf(other.token)
    await app.db.query(`UPDATE "Session" SET "expiresAt" = now() + interval '2 s' WHERE id = $1`, [sid])
    const listener = await speak(app, other, 'bandmate')
    await until('closed with its session', () => !listener.socket.connected)
    expect(listener.frames.at(-1)).toMatchObject({ name: 'session:expired', payload: { reason: 'expired' } })
    expect(longer.socket.connected).toBe(true)
  })

  it('an expired `auth.token` gives way to the cookie of the same person, for a socket of a dialect alone', async () => {
    const app = await startApp({ env: { DIALECTS: 'bandmate' } })
    onTestFinished(() => app.close())
    const [person, other] = [await register(app), await register(app)]
    const old = forge(app, { ...claimsOf(person.token), exp: Math.floor(Date.now() / 1000) - 60 })
    const cookie = await cookiesOf(app, person)
    const tried = (auth: object, sent: string) => refusalOf(open(app, { auth, extraHeaders: { cookie: sent } }))
    expect(await tried({ token: old, dialect: 'bandmate' }, cookie)).toBe('connected')
    expect(await tried({ token: old }, cookie)).toBe('token-expired')
    expect(await tried({ token: old, dialect: 'bandmate' }, await cookiesOf(app, other))).toBe('token-expired')
    expect(await tried({ token: 'nonsense', dialect: 'bandmate' }, cookie)).toBe('token-invalid')
    const foreign = forge(app, { ...claimsOf(person.token), exp: 1 }, undefined, 'another secret of thirty-two letters')
    expect(await tried({ token: foreign, dialect: 'bandmate' }, cookie)).toBe('token-invalid')
  })
})
