import { randomUUID } from 'node:crypto'
import type { Problem, User } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { hashPassword } from '../../src/features/auth/password.ts'
import { type TestApp, useApp } from '../support/app.ts'
import { claimsOf, forge } from '../support/calls.ts'
import { createProject, login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { connect, open } from '../support/sockets.ts'

interface Tokens {
  user: User
  accessToken: string
  refreshToken?: string
  expiresAt: string
}
type Jar = Record<string, { value: string; attributes: string[] }>

/** The cookies that an answer sets. */
function jarOf(headers: Headers): Jar {
  return Object.fromEntries(
    headers.getSetCookie().map((line) => {
      const [pair = '', ...attributes] = line.split('; ')
      const cut = pair.indexOf('=')
      return [pair.slice(0, cut), { value: pair.slice(cut + 1), attributes: attributes.toSorted() }]
    }),
  )
}
const cookieHeader = (jar: Jar) => ({
  cookie: Object.entries(jar)
    .map(([name, { value }]) => `${name}=${value}`)
    .join('; '),
})
const newEmail = () => `${randomUUID()}@example.com`
const code = (answer: { status: number; body: unknown }) => `${answer.status} ${(answer.body as Problem).code}`

function post<T = Tokens>({ url }: TestApp, path: string, body?: unknown, headers: Record<string, string> = {}) {
  return request<T>(url, 'POST', `/api/auth/${path}`, { body, headers })
}
const refresh = (app: TestApp, refreshToken: string | undefined) => post(app, 'refresh', { refreshToken })
const isOpen = async (app: TestApp, token: string) => (await request(app.url, 'GET', '/api/me', { token })).status === 200

/** What a refused handshake says. */
async function refusal(app: TestApp, options: Parameters<typeof open>[1]): Promise<Partial<Problem> & { message: string }> {
  const { socket } = open(app, options)
  const error = await new Promise<Error & { data?: Problem }>((resolve, reject) => {
    socket.once('connect_error', resolve)
    socket.once('connected', () => reject(new Error('it was let in')))
  })
  return { ...error.data, message: error.message }
}

describe('logging in', () => {
  const app = useApp({ seams: { hashCost: undefined } })

  it('A2 a password is stored as Argon2id with the cost that ships: 19 MiB, two passes', async () => {
    const { id } = await register(app(), 'Ann')
    const { rows } = await app().db.query<{ passwordHash: string }>('SELECT "passwordHash" FROM "User" WHERE id = $1', [id])
    expect(rows[0]?.passwordHash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  })

  it('A2 delivery in the body sets no cookies', async () => {
    const email = newEmail()
    const body = { email, password: PASSWORD, name: 'Ann', delivery: 'body' }
    const registered = await post(app(), 'register', body)
    expect(registered.status).toBe(201)
    expect(registered.headers.get('location')).toBe('/api/me')
    expect(Object.keys(registered.body).toSorted()).toEqual(['accessToken', 'expiresAt', 'refreshToken', 'user'])
    expect(registered.body.user).toMatchObject({ email, name: 'Ann', avatarUrl: null })
    expect(JSON.stringify(registered.body)).not.toMatch(/hash|argon/i)
    const loggedIn = await post(app(), 'login', { email, password: PASSWORD, delivery: 'body' })
    const refreshed = await refresh(app(), loggedIn.body.refreshToken)
    for (const answer of [registered, loggedIn, refreshed]) {
      expect(answer.headers.getSetCookie()).toEqual([])
      expect(await isOpen(app(), answer.body.accessToken)).toBe(true)
      const expiresIn = Date.parse(answer.body.expiresAt) - Date.now()
      expect(expiresIn).toBeGreaterThan(14 * 60_000)
      expect(expiresIn).toBeLessThanOrEqual(15 * 60_000)
    }
    expect(Object.keys(refreshed.body).toSorted()).toEqual(['accessToken', 'expiresAt', 'refreshToken'])
  })

  it('A2 cookies carry the tokens where no script can read them', async () => {
    const email = newEmail()
    const answer = await post(app(), 'register', { email, password: PASSWORD, name: 'Ann' })
    expect(answer.status).toBe(201)
    expect(Object.keys(answer.body).toSorted()).toEqual(['accessToken', 'expiresAt', 'user'])
    const jar = jarOf(answer.headers)
    expect(Object.keys(jar).toSorted()).toEqual(['cutroom_access', 'cutroom_refresh', 'cutroom_refreshable'])
    // They end with the browser session: no Max-Age, no Expires.
    expect(jar.cutroom_access?.attributes).toEqual(['HttpOnly', 'Path=/', 'SameSite=Lax'])
    expect(jar.cutroom_refresh?.attributes).toEqual(['HttpOnly', 'Path=/api/auth', 'SameSite=Strict'])
    expect(jar.cutroom_refreshable).toEqual({ value: '1', attributes: ['HttpOnly', 'Path=/api/session', 'SameSite=Strict'] })

    const remembered = jarOf((await post(app(), 'login', { email, password: PASSWORD, remember: true })).headers)
    expect(remembered.cutroom_access?.attributes).toEqual(['HttpOnly', 'Max-Age=900', 'Path=/', 'SameSite=Lax'])
    expect(remembered.cutroom_refresh?.attributes).toEqual(['HttpOnly', 'Max-Age=2592000', 'Path=/api/auth', 'SameSite=Strict'])

    for (const [before, maxAge] of [
      [jar, false],
      [remembered, true],
    ] as const) {
      const next = await post(app(), 'refresh', undefined, cookieHeader(before))
      expect(next.status).toBe(200)
      expect(Object.keys(next.body).toSorted()).toEqual(['accessToken', 'expiresAt'])
      const after = jarOf(next.headers)
      expect(after.cutroom_refresh?.value).not.toBe(before.cutroom_refresh?.value)
      expect(after.cutroom_refresh?.attributes.includes('Max-Age=2592000')).toBe(maxAge)
      const me = await request<User>(app().url, 'GET', '/api/me', { headers: cookieHeader(after) })
      expect(me).toMatchObject({ status: 200, body: { email } })

      const out = await post(app(), 'logout', undefined, cookieHeader(after))
      expect(out.status).toBe(204)
      const cleared = jarOf(out.headers)
      for (const [name, path] of [
        ['cutroom_access', 'Path=/'],
        ['cutroom_refresh', 'Path=/api/auth'],
        ['cutroom_refreshable', 'Path=/api/session'],
      ] as const) {
        expect(cleared[name]?.value).toBe('')
        expect(cleared[name]?.attributes).toEqual(expect.arrayContaining([path, 'Expires=Thu, 01 Jan 1970 00:00:00 GMT']))
      }
      expect(code(await request(app().url, 'GET', '/api/me', { headers: cookieHeader(after) }))).toBe('401 session-revoked')
      expect(code(await post(app(), 'refresh', undefined, cookieHeader(after)))).toBe('401 session-revoked')
    }
  })

  it('A2 each refresh gives the next token pair, and the newest one works', async () => {
    const person = await register(app())
    const chain = [person.refreshToken]
    for (let n = 0; n < 4; n++) {
      const next = await refresh(app(), chain.at(-1))
      expect(next.status).toBe(200)
      expect(await isOpen(app(), next.body.accessToken)).toBe(true)
      chain.push(next.body.refreshToken ?? '')
    }
    expect(new Set(chain).size).toBe(5)
    // The last successor was used: the token before it is spent.
    expect(code(await refresh(app(), chain[3]))).toBe('401 token-reused')
    expect(code(await refresh(app(), chain[4]))).toBe('401 session-revoked')
    expect(await isOpen(app(), person.token)).toBe(false)
  })

  it('A2 several refreshes of one token at once get the same successor', async () => {
    const person = await register(app())
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(app(), person.refreshToken)))
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(new Set(answers.map(({ body }) => body.refreshToken)).size).toBe(1)
    for (const { body } of answers) expect(await isOpen(app(), body.accessToken)).toBe(true)
    const { rows } = await app().db.query('SELECT generation FROM "Session" WHERE id = $1', [claimsOf(person.token).sid])
    expect(rows).toEqual([{ generation: 1 }])
    expect((await refresh(app(), answers[0]?.body.refreshToken)).status).toBe(200)
  })

  it('U2 a refresh whose answer was lost is answered again, at any later time, with the same successor', async () => {
    const person = await register(app())
    const lost = await refresh(app(), person.refreshToken)
    const { sid } = claimsOf(person.token)
    await app().db.query(`UPDATE "Session" SET "rotatedAt" = now() - interval '10 days' WHERE id = $1`, [sid])
    // The access token of before says nothing about the successor.
    expect(await isOpen(app(), person.token)).toBe(true)
    const again = await refresh(app(), person.refreshToken)
    expect(again.status).toBe(200)
    expect(again.body.refreshToken).toBe(lost.body.refreshToken)
    expect(claimsOf(again.body.accessToken)).toMatchObject({ sid, gen: 1 })
    expect((await refresh(app(), again.body.refreshToken)).status).toBe(200)
  })

  /** How the successor can be used: by itself, or by an access token that came with it. */
  const uses: Record<string, (tokens: Tokens, person: Person) => Promise<unknown>> = {
    'itself, in a refresh': async ({ refreshToken }) => expect((await refresh(app(), refreshToken)).status).toBe(200),
    'its access token, in a read of the account': async ({ accessToken }) => expect(await isOpen(app(), accessToken)).toBe(true),
    'its access token, in a read of a project that is not there': async ({ accessToken: token }) =>
      expect((await request(app().url, 'GET', `/api/projects/${randomUUID()}`, { token })).status).toBe(404),
    'its access token, in a write': async ({ accessToken: token }) =>
      expect((await request(app().url, 'POST', '/api/projects', { token, body: { name: 'P' } })).status).toBe(201),
    'its access token, in a handshake': ({ accessToken: token }) => connect(app(), { token }),
    'its access token, in session:refresh': async ({ accessToken: token }, person) =>
      expect(await (await connect(app(), person)).ask('session:refresh', { token })).toMatchObject({ ok: true }),
    'an access token of the first answer, after the second': async ({ accessToken }, person) => {
      expect((await refresh(app(), person.refreshToken)).status).toBe(200)
      expect(await isOpen(app(), accessToken)).toBe(true)
    },
  }
  for (const [title, use] of Object.entries(uses))
    it(`U2 a refresh token is spent once its successor was used by ${title}; used again it closes its session and no other`, async () => {
      const person = await register(app())
      const other = await login(app(), person)
      const next = await refresh(app(), person.refreshToken)
      await use(next.body, person)
      expect(code(await refresh(app(), person.refreshToken))).toBe('401 token-reused')
      expect(code(await refresh(app(), next.body.refreshToken))).toBe('401 session-revoked')
      expect(await isOpen(app(), next.body.accessToken)).toBe(false)
      expect(await isOpen(app(), other.token)).toBe(true)
      const { rows } = await app().db.query('SELECT "revokedFor" FROM "Session" WHERE id = $1', [claimsOf(person.token).sid])
      expect(rows).toEqual([{ revokedFor: 'reuse' }])
    })

  it('U2 the use of a token is written once: sockets that come again with it, or another of its generation, write nothing', async () => {
    const person = await register(app())
    const [first, second] = [await refresh(app(), person.refreshToken), await refresh(app(), person.refreshToken)]
    const rowVersion = async () => {
      const { rows } = await app().db.query('SELECT xmin, confirmed FROM "Session" WHERE id = $1', [claimsOf(person.token).sid])
      return rows[0]
    }
    const before = await rowVersion()
    await connect(app(), { token: first.body.accessToken })
    const noted = await rowVersion()
    expect(noted).toMatchObject({ confirmed: 1 })
    expect(noted.xmin).not.toBe(before.xmin)
    for (const { body } of [first, second, first]) await connect(app(), { token: body.accessToken })
    expect(await rowVersion()).toEqual(noted)
  })

  it('A2 a refresh token that was never issued gets 401 and closes no session', async () => {
    const [person, other] = await Promise.all([register(app()), register(app())])
    const [sid, generation, mac] = person.refreshToken.split('.')
    const otherMac = other.refreshToken.split('.')[2]
    const madeUp = [
      `${sid}.${generation}.${'a'.repeat(43)}`,
      `${sid}.${generation}.${otherMac}`,
      `${sid}.1.${mac}`,
      `${sid}.0${generation}.${mac}`,
      `${sid}.-1.${mac}`,
      `${sid}.${generation}`,
      `${randomUUID()}.${generation}.${mac}`,
      `${person.refreshToken} `,
      `${person.refreshToken}.`,
      person.refreshToken.toUpperCase(),
      person.token,
      '',
      '..',
    ]
    for (const token of madeUp)
      expect({ token, answer: code(await refresh(app(), token)) }).toEqual({ token, answer: '401 token-invalid' })
    expect(code(await refresh(app(), 'x'.repeat(501)))).toBe('422 validation')
    expect(code(await refresh(app(), undefined))).toBe('401 token-missing')
    expect(code(await post(app(), 'refresh'))).toBe('401 token-missing')
    expect(code(await request(app().url, 'GET', '/api/me', { token: person.refreshToken }))).toBe('401 token-invalid')
    expect(await isOpen(app(), person.token)).toBe(true)
    expect((await refresh(app(), person.refreshToken)).status).toBe(200)

    await app().db.query(`UPDATE "Session" SET "expiresAt" = now() WHERE id = $1`, [claimsOf(other.token).sid])
    expect(code(await refresh(app(), other.refreshToken))).toBe('401 token-expired')
    expect(await isOpen(app(), other.token)).toBe(false)
  })

  it('A5 an e-mail address is the same account in capitals', async () => {
    const email = newEmail()
    const loud = email.toUpperCase()
    const registered = await post(app(), 'register', { email: loud, password: PASSWORD, name: 'Ann', delivery: 'body' })
    expect(registered.body.user.email).toBe(email)
    const again = await post<Problem>(app(), 'register', { email, password: PASSWORD, name: 'Ann' })
    expect(code(again)).toBe('409 email-taken')
    expect(again.headers.getSetCookie()).toEqual([])
    const loggedIn = await post(app(), 'login', { email: loud, password: PASSWORD, delivery: 'body' })
    expect(loggedIn.body.user.id).toBe(registered.body.user.id)
    const owner = await register(app())
    const project = await createProject(owner)
    const member = await owner.must('POST', `/api/projects/${project.id}/members`, { email: loud })
    expect(member).toMatchObject({ userId: registered.body.user.id })
  })

  it('A5 ten registrations of one e-mail address at once: one creates the account', async () => {
    const email = newEmail()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) =>
        post(app(), 'register', { email: n % 2 ? email : email.toUpperCase(), password: `${PASSWORD} ${n}`, name: `No ${n}` }),
      ),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(9).fill(409)])
    for (const answer of answers) if (answer.status !== 201) expect(code(answer)).toBe('409 email-taken')
    const winner = answers.findIndex(({ status }) => status === 201)
    expect((await post(app(), 'login', { email, password: `${PASSWORD} ${winner}` })).status).toBe(200)
    const { rows } = await app().db.query(
      `SELECT (SELECT count(*)::int FROM "User" WHERE email = $1) AS accounts,
        (SELECT count(*)::int FROM "User") - (SELECT count(*)::int FROM "Room" WHERE id LIKE 'user:%') AS "roomsAmiss"`,
      [email],
    )
    expect(rows).toEqual([{ accounts: 1, roomsAmiss: 0 }])
  })

  it('A2 S14 a wrong password and an unknown e-mail answer alike, and take as long', async () => {
    const person = await register(app())
    const attempt = async (email: string) => {
      const start = performance.now()
      const answer = await post<Problem>(app(), 'login', { email, password: 'a wrong password' })
      const ms = performance.now() - start
      const { requestId, ...body } = answer.body
      return { ms, shape: { status: answer.status, headers: [...answer.headers.keys()], requestId: typeof requestId, body } }
    }
    const known: number[] = []
    const unknown: number[] = []
    await attempt(newEmail())
    for (let n = 0; n < 10; n++) {
      const [wrong, nobody] = [await attempt(person.email), await attempt(newEmail())]
      expect(wrong.shape).toMatchObject({ status: 401, body: { code: 'bad-credentials' } })
      expect(nobody.shape).toEqual(wrong.shape)
      known.push(wrong.ms)
      unknown.push(nobody.ms)
    }
    const median = (values: number[]) => values.toSorted((a, b) => a - b)[5] ?? 0
    expect(median(unknown)).toBeGreaterThan(median(known) / 2)
    expect(median(unknown)).toBeLessThan(median(known) * 2)
  })

  it('A2 a password is compared to its last character', async () => {
    const email = newEmail()
    const password = 'correct\u0000 horse 🐎'
    expect((await post(app(), 'register', { email, password, name: 'Ann' })).status).toBe(201)
    for (const wrong of ['correct', 'correct\u0000', `${password} `, password.toUpperCase(), '', password.slice(0, -1)])
      expect(code(await post(app(), 'login', { email, password: wrong }))).toBe('401 bad-credentials')
    expect((await post(app(), 'login', { email, password })).status).toBe(200)
    for (const bad of ['short', 'x'.repeat(201), 12345678, null])
      expect(code(await post(app(), 'register', { email: newEmail(), password: bad, name: 'Ann' }))).toBe('422 validation')
  })

  it('A2 the password changes only with the current one', async () => {
    const person = await register(app())
    const other = await login(app(), person)
    const change = (body: unknown) => person.call<Problem>('PUT', '/api/me/password', body)
    expect(code(await change({ current: 'a wrong one', next: 'the next password' }))).toBe('401 bad-credentials')
    expect(code(await change({ current: PASSWORD, next: 'short' }))).toBe('422 validation')
    expect(code(await change({ next: 'the next password' }))).toBe('422 validation')
    expect(await isOpen(app(), other.token)).toBe(true)
    expect((await change({ current: PASSWORD, next: 'the next password' })).status).toBe(204)
    expect(await isOpen(app(), other.token)).toBe(false)
    expect(await isOpen(app(), person.token)).toBe(true)
    expect(code(await post(app(), 'login', { email: person.email, password: PASSWORD }))).toBe('401 bad-credentials')
    expect((await login(app(), person, 'the next password')).id).toBe(person.id)
  })

  it('A5 a person sees only their own sessions', async () => {
    const [person, other] = await Promise.all([register(app()), register(app())])
    const second = await login(app(), person)
    const { data } = await second.must<{ data: { id: string; current: boolean }[] }>('GET', '/api/me/sessions')
    expect(data.map(({ id, current }) => [id, current]).toSorted()).toEqual(
      [
        [claimsOf(person.token).sid, false],
        [claimsOf(second.token).sid, true],
      ].toSorted(),
    )
    expect((await other.call('DELETE', `/api/me/sessions/${data[0]?.id}`)).status).toBe(404)
    expect(await isOpen(app(), person.token)).toBe(true)
  })
})

describe('tokens', () => {
  const app = useApp()

  /** Every way in which a token may be wrong. */
  function wrongTokens(person: Person, other: Person): Record<string, [token: string, code: string]> {
    const claims = claimsOf(person.token)
    const without = (...names: string[]) => Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)))
    const sign = (changed: Record<string, unknown>) => forge(app(), { ...claims, ...changed })
    const [header, body, signature] = person.token.split('.')
    const now = Math.floor(Date.now() / 1000)
    const unsigned = (alg: string) => `${Buffer.from(JSON.stringify({ alg, typ: 'JWT' })).toString('base64url')}.${body}`
    const invalid = 'token-invalid'
    return {
      'alg none': [`${unsigned('none')}.`, invalid],
      'alg None with the old signature': [`${unsigned('None')}.${signature}`, invalid],
      'no alg': [forge(app(), claims, { typ: 'JWT' }), invalid],
      'another key': [forge(app(), claims, { alg: 'HS256', typ: 'JWT' }, 'another secret of thirty-two letters'), invalid],
      'an empty key': [forge(app(), claims, { alg: 'HS256', typ: 'JWT' }, ''), invalid],
      'RS256 in the header': [forge(app(), claims, { alg: 'RS256', typ: 'JWT' }), invalid],
      'HS512, done well': [forge(app(), claims, { alg: 'HS512', typ: 'JWT' }), invalid],
      'HS384, done well': [forge(app(), claims, { alg: 'HS384', typ: 'JWT' }), invalid],
      'a key of its own': [
        forge(app(), claims, { alg: 'HS256', kid: '../../dev/null', jwk: { kty: 'oct', k: '' } }, ''),
        invalid,
      ],
      'changed claims': [
        `${header}.${Buffer.from(JSON.stringify({ ...claims, sub: other.id })).toString('base64url')}.${signature}`,
        invalid,
      ],
      'wrong aud': [sign({ aud: 'elsewhere' }), invalid],
      'no aud': [forge(app(), without('aud')), invalid],
      'wrong iss': [sign({ iss: 'https://evil.example' }), invalid],
      'no iss': [forge(app(), without('iss')), invalid],
      'no exp': [forge(app(), without('exp')), invalid],
      'exp as text': [sign({ exp: 'tomorrow' }), invalid],
      'no sid': [forge(app(), without('sid')), invalid],
      'no sub': [forge(app(), without('sub')), invalid],
      'no jti': [forge(app(), without('jti')), invalid],
      'sub that is no id': [sign({ sub: "' OR true --" }), invalid],
      'sid that is no id': [sign({ sid: { $ne: null } }), invalid],
      'future nbf': [sign({ nbf: now + 600 }), invalid],
      'cut off': [person.token.slice(0, -1), invalid],
      'without a signature': [`${header}.${body}.`, invalid],
      'two parts': [`${header}.${body}`, invalid],
      'one part': ['token', invalid],
      'four parts': [`${person.token}.x`, invalid],
      'very long': [`${header}.${'A'.repeat(6_000)}.${signature}`, invalid],
      expired: [sign({ exp: now - 1 }), 'token-expired'],
      'a session that never was': [sign({ sid: randomUUID() }), 'session-revoked'],
      'another’s session': [sign({ sid: claimsOf(other.token).sid }), 'session-revoked'],
      'another person in one’s own session': [sign({ sub: other.id }), 'session-revoked'],
    }
  }

  it('A2 every wrong token is refused, over REST and at the handshake', async () => {
    const [person, other] = await Promise.all([register(app()), register(app())])
    // What the forger makes is good unless a test makes it wrong.
    const good = forge(app(), claimsOf(person.token))
    expect(await isOpen(app(), good)).toBe(true)
    expect((await connect(app(), { token: good })).socket.connected).toBe(true)

    for (const [title, [token, expected]] of Object.entries(wrongTokens(person, other))) {
      const answer = await request<Problem>(app().url, 'GET', '/api/me', { token })
      expect({ title, answer: code(answer), challenge: answer.headers.get('www-authenticate') }).toEqual({
        title,
        answer: `401 ${expected}`,
        challenge: 'Bearer',
      })
      const { type, status, code: refused } = await refusal(app(), { auth: { token } })
      expect({ title, type, status, refused }).toEqual({
        title,
        type: `urn:cutroom:problem:${expected}`,
        status: 401,
        refused: expected,
      })
    }
    expect(app().app.rooms.counts().sockets).toBe(1)
  })

  it('A2 S5 a token is never read from the address', async () => {
    const person = await register(app())
    for (const name of ['token', 'access_token', 'accessToken', 'authorization', 'jwt']) {
      const answer = await request(app().url, 'GET', `/api/me?${name}=${person.token}`)
      expect({ name, answer: code(answer) }).toEqual({ name, answer: '401 token-missing' })
      expect(await refusal(app(), { query: { [name]: person.token } })).toMatchObject({ code: 'token-missing' })
    }
    expect(await refusal(app(), {})).toMatchObject({ status: 401, code: 'token-missing', title: 'Log in first' })
    expect(await refusal(app(), { auth: { token: '' } })).toMatchObject({ code: 'token-missing' })
    expect(await refusal(app(), { auth: { token: [person.token] } })).toMatchObject({ code: 'token-missing' })
  })

  it('A2 the Authorization header is a Bearer token or nothing', async () => {
    const person = await register(app())
    const jar = jarOf((await post(app(), 'login', { email: person.email, password: PASSWORD })).headers)
    const me = async (headers: Record<string, string>) => code(await request(app().url, 'GET', '/api/me', { headers }))
    for (const scheme of ['Bearer', 'bearer', 'BEARER  '])
      expect(await me({ authorization: `${scheme} ${person.token}` })).toMatch(/^200/)
    for (const authorization of [
      person.token,
      'Bearer',
      'Bearer ',
      `Basic ${Buffer.from(`${person.email}:${PASSWORD}`).toString('base64')}`,
      `Bearer ${person.token} ${person.token}`,
      `Bearer ${person.token}, Bearer ${person.token}`,
      `Token ${person.token}`,
    ]) {
      expect({ authorization, answer: await me({ authorization }) }).toEqual({ authorization, answer: '401 token-invalid' })
      // A good cookie does not make up for it.
      expect(await me({ authorization, ...cookieHeader(jar) })).toBe('401 token-invalid')
    }
    expect(await me(cookieHeader(jar))).toMatch(/^200/)
  })

  it('A2 the handshake takes the token from auth, else the header, else the cookie', async () => {
    const [byAuth, byHeader, byCookie] = await Promise.all([register(app()), register(app()), register(app())])
    const jar = jarOf((await post(app(), 'login', { email: byCookie.email, password: PASSWORD })).headers)
    const header = { authorization: `Bearer ${byHeader.token}` }
    const who = async (options: Parameters<typeof open>[1]) => {
      const { frames } = await connect(app(), byAuth, { auth: {}, ...options })
      return frames.find(({ name }) => name === 'connected')?.payload.userId
    }
    for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']]) {
      expect(await who({ transports, auth: { token: byAuth.token } })).toBe(byAuth.id)
      expect(await who({ transports, extraHeaders: header })).toBe(byHeader.id)
      expect(await who({ transports, extraHeaders: cookieHeader(jar) })).toBe(byCookie.id)
      const all = { ...header, ...cookieHeader(jar) }
      expect(await who({ transports, auth: { token: byAuth.token }, extraHeaders: all })).toBe(byAuth.id)
      expect(await who({ transports, extraHeaders: all })).toBe(byHeader.id)
    }
    expect(await refusal(app(), { auth: { token: 'bad' }, extraHeaders: cookieHeader(jar) })).toMatchObject({
      code: 'token-invalid',
    })
  })
})

describe('origins', () => {
  const app = useApp({ env: { CORS_ORIGINS: 'https://app.example.com, http://localhost:5173' } })
  const good = () => [app().url, 'https://app.example.com', 'http://localhost:5173']
  const strange = () => [
    'https://evil.example',
    'null',
    '',
    'file://',
    `${app().url}.evil.example`,
    `${app().url}0`,
    'http://127.0.0.1',
    'http://127.0.0.1:1',
    'http://app.example.com',
    'https://app.example.com.evil.example',
    'https://evilapp.example.com',
    'https://app.example.com:8443',
    'https://app.example.com@evil.example',
    'https://evil.example/https://app.example.com',
    `https://evil.example?${app().url}`,
  ]
  async function withCookies() {
    const person = await register(app())
    return {
      person,
      cookies: cookieHeader(jarOf((await post(app(), 'login', { email: person.email, password: PASSWORD })).headers)),
    }
  }

  it('A2 a page of another origin cannot write with the visitor’s cookies', async () => {
    const { person, cookies } = await withCookies()
    const write = async (headers: Record<string, string>) =>
      (await request(app().url, 'POST', '/api/projects', { body: { name: 'By cookie' }, headers: { ...cookies, ...headers } }))
        .status
    const projects = async () => (await person.must<{ data: unknown[] }>('GET', '/api/projects')).data.length
    for (const origin of good()) expect({ origin, status: await write({ origin }) }).toEqual({ origin, status: 201 })
    // No browser: neither header.
    expect(await write({})).toBe(201)
    expect(await write({ 'sec-fetch-site': 'same-origin' })).toBe(201)
    const before = await projects()
    for (const origin of strange()) expect({ origin, status: await write({ origin }) }).toEqual({ origin, status: 403 })
    for (const site of ['cross-site', 'same-site']) expect(await write({ 'sec-fetch-site': site })).toBe(403)
    for (const [method, path] of [
      ['PATCH', '/api/me'],
      ['PUT', '/api/me/password'],
      ['DELETE', `/api/projects/${randomUUID()}`],
      ['POST', '/api/auth/logout'],
      ['POST', '/api/auth/refresh'],
    ] as const) {
      const headers = { ...cookies, origin: 'https://evil.example' }
      const answer = await request<Problem>(app().url, method, path, {
        headers,
        ...(method === 'PATCH' && { body: { name: 'E' } }),
      })
      expect({ path, answer: code(answer) }).toEqual({ path, answer: '403 origin-refused' })
    }
    expect(await projects()).toBe(before)
    // The cookies did not move: the refresh token was not used up.
    expect((await request(app().url, 'POST', '/api/auth/refresh', { headers: cookies })).status).toBe(200)
  })

  it('A2 a page of another origin cannot read the answers; with its own token it needs no cookies', async () => {
    const { person, cookies } = await withCookies()
    for (const [origin, allowed] of [
      ['https://app.example.com', 'https://app.example.com'],
      ['https://evil.example', null],
      ['null', null],
    ]) {
      const answer = await request(app().url, 'GET', '/api/me', { headers: { ...cookies, origin: origin ?? '' } })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('access-control-allow-origin')).toBe(allowed)
    }
    const answer = await person.call('POST', '/api/projects', { name: 'By token' }, { origin: 'https://evil.example' })
    expect(answer.status).toBe(201)
  })

  /** The status with which an upgrade is answered; 101 when it is let in. */
  function upgrade(headers: Record<string, string>): Promise<number> {
    const ws = new WebSocket(`${app().url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`, { headers })
    return new Promise((resolve) => {
      ws.once('unexpected-response', (_, response) => resolve(response.statusCode ?? 0))
      ws.once('open', () => {
        resolve(101)
        ws.terminate()
      })
      ws.on('error', () => {})
    })
  }

  it('A2 a socket with cookies from another origin is refused during the handshake', async () => {
    const { person, cookies } = await withCookies()
    const poll = async (headers: Record<string, string>) =>
      (await fetch(`${app().url}/socket.io/?EIO=4&transport=polling`, { headers })).status
    for (const origin of strange()) {
      expect({ origin, status: await upgrade({ ...cookies, origin }) }).toEqual({ origin, status: 403 })
      expect({ origin, status: await poll({ ...cookies, origin }) }).toEqual({ origin, status: 403 })
    }
    const opened: Record<string, number> = {}
    for (const origin of good()) opened[origin] = await upgrade({ ...cookies, origin })
    expect(opened).toEqual(Object.fromEntries(good().map((origin) => [origin, 101])))
    expect(await upgrade({ ...cookies })).toBe(101)

    const { socket } = open(app(), { extraHeaders: { ...cookies, origin: 'https://evil.example' } })
    await new Promise((resolve) => socket.once('connect_error', resolve))
    expect(app().app.rooms.counts().sockets).toBe(0)
    const listener = await connect(app(), person, { auth: {}, extraHeaders: { ...cookies, origin: 'https://app.example.com' } })
    expect(listener.frames.find(({ name }) => name === 'connected')?.payload.userId).toBe(person.id)
    // A strange page with a token of its own brings no cookies, and may.
    const elsewhere = await connect(app(), person, { extraHeaders: { origin: 'https://evil.example' } })
    expect(elsewhere.socket.connected).toBe(true)
  })
})

describe('limits', () => {
  const app = useApp({ env: { RATE_LIMIT: '200', REGISTRATION: 'open' } })
  /** Between now and the end of the window. */
  const retryAfter = (answer: { headers: Headers; body: unknown }, most: number) => {
    const seconds = Number(answer.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(most)
    expect((answer.body as Problem).retryAfter).toBe(seconds)
  }

  it('A2 S14 guesses at one password are stopped; other people log in', async () => {
    const [person, other] = await Promise.all([register(app()), register(app())])
    const guess = (n: number) =>
      post(
        app(),
        'login',
        { email: n % 2 ? person.email : person.email.toUpperCase(), password: `guess ${n}` },
        {
          // A proxy that is not configured is not believed.
          'x-forwarded-for': `10.0.0.${n}`,
        },
      )
    const answers: string[] = []
    for (let n = 0; n < 20; n++) answers.push(code(await guess(n)))
    expect(answers).toEqual(Array(20).fill('401 bad-credentials'))
    const stopped = await guess(20)
    expect(code(stopped)).toBe('429 rate-limited')
    retryAfter(stopped, 15 * 60)
    // The right password does not help now, either; other accounts, and those who are logged in, go on.
    expect(code(await post(app(), 'login', { email: person.email, password: PASSWORD }))).toBe('429 rate-limited')
    expect((await login(app(), other)).id).toBe(other.id)
    expect(await isOpen(app(), person.token)).toBe(true)
  })

  it('B2 refresh tokens that were never issued are limited by address; issued ones still work', async () => {
    const person = await register(app())
    let tries = 0
    let answer = await post(app(), 'refresh', { refreshToken: 'made up' })
    while (answer.status !== 429) {
      expect(code(answer)).toBe('401 token-invalid')
      tries++
      answer = await post(app(), 'refresh', { refreshToken: 'made up' }, { 'x-forwarded-for': `10.0.1.${tries}` })
    }
    expect(tries).toBeGreaterThan(50)
    expect(tries).toBeLessThanOrEqual(120)
    retryAfter(answer, 15 * 60)
    expect((await refresh(app(), person.refreshToken)).status).toBe(200)
    expect((await login(app(), person)).id).toBe(person.id)
    expect((await register(app())).id).toBeDefined()
  })

  it('A2 one person is limited to their rate; another person is not affected', async () => {
    const people = (
      await app().db.query<{ sub: string; sid: string }>(
        'SELECT DISTINCT ON ("userId") "userId" AS sub, id AS sid FROM "Session"',
      )
    ).rows
    const now = Math.floor(Date.now() / 1000)
    const tokens = people.map((claims) =>
      forge(app(), { ...claims, jti: randomUUID(), iat: now, exp: now + 60, iss: 'cutroom', aud: 'cutroom' }),
    )
    const [busy, calm] = [tokens[0] ?? '', tokens.at(-1) ?? '']
    const answers = await Promise.all(Array.from({ length: 201 }, () => request(app().url, 'GET', '/api/me', { token: busy })))
    const stopped = answers.filter(({ status }) => status === 429)
    expect(stopped.length).toBeGreaterThan(0)
    expect(answers.filter(({ status }) => status === 200).length + stopped.length).toBe(201)
    for (const answer of stopped) {
      expect(code(answer)).toBe('429 rate-limited')
      retryAfter(answer, 60)
    }
    expect(await isOpen(app(), calm)).toBe(true)
    expect((await fetch(`${app().url}/healthz`)).status).toBe(200)

    // Nor with a token whose session is closed.
    const { sub } = people.at(-1) ?? {}
    const closed = { sub, sid: randomUUID(), jti: randomUUID(), iat: now, exp: now + 60, iss: 'cutroom', aud: 'cutroom' }
    const token = forge(app(), closed)
    const refused = await Promise.all(Array.from({ length: 210 }, () => request(app().url, 'GET', '/api/me', { token })))
    const codes = refused.map((answer) => code(answer))
    expect(codes.filter((one) => one === '429 rate-limited').length).toBeGreaterThan(0)
    expect(new Set(codes)).toEqual(new Set(['401 session-revoked', '429 rate-limited']))
  })
})

describe('an instance by invitation, behind TLS', () => {
  const app = useApp({ env: { REGISTRATION: 'invite', PUBLIC_URL: 'https://cutroom.example' } })

  it('A3 REGISTRATION=invite refuses registration', async () => {
    const body = { email: newEmail(), password: PASSWORD, name: 'Ann' }
    expect(code(await post(app(), 'register', body))).toBe('403 registration-closed')
    expect((await app().db.query('SELECT 1 FROM "User"')).rowCount).toBe(0)
    expect(code(await post(app(), 'login', body))).toBe('422 validation')
    expect(code(await post(app(), 'login', { email: body.email, password: PASSWORD }))).toBe('401 bad-credentials')
  })

  it('A2 with an https PUBLIC_URL cookies are Secure, and its origin is allowed', async () => {
    const id = randomUUID()
    await app().db.query(`INSERT INTO "User" (id, email, name, "passwordHash") VALUES ($1, $2, 'Ann', $3)`, [
      id,
      'ann@example.com',
      await hashPassword(PASSWORD),
    ])
    await app().db.query('INSERT INTO "Room" (id) VALUES ($1)', [`user:${id}`])
    const answer = await post(app(), 'login', { email: 'ann@example.com', password: PASSWORD })
    expect(answer.status).toBe(200)
    const jar = jarOf(answer.headers)
    for (const { attributes } of Object.values(jar)) expect(attributes).toContain('Secure')
    expect(answer.headers.get('strict-transport-security')).toMatch(/max-age=\d{7,}/)
    const write = async (origin: string) =>
      (await request(app().url, 'POST', '/api/projects', { body: { name: 'P' }, headers: { ...cookieHeader(jar), origin } }))
        .status
    expect(await write('https://cutroom.example')).toBe(201)
    expect(await write('https://cutroom.example.evil.example')).toBe(403)
    expect(await write('http://cutroom.example')).toBe(403)
  })
})
