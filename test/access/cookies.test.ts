import { randomUUID } from 'node:crypto'
import type { Problem, SessionState, User } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { type TestApp, useApp } from '../support/app.ts'
import { claimsOf, tokenOf } from '../support/calls.ts'
import { PASSWORD, type Person, register, request } from '../support/people.ts'
import { connect, open } from '../support/sockets.ts'

const code = (answer: { status: number; body: unknown }) => `${answer.status} ${(answer.body as Problem | undefined)?.code}`

interface Cookie {
  value: string
  attributes: string[]
}
/** The cookies that an answer sets, by name. */
const cookiesOf = (headers: Headers): Record<string, Cookie> =>
  Object.fromEntries(
    headers.getSetCookie().map((line) => {
      const [pair = '', ...attributes] = line.split('; ')
      const cut = pair.indexOf('=')
      return [pair.slice(0, cut), { value: pair.slice(cut + 1), attributes }]
    }),
  )
const pathOf = (cookie: Cookie | undefined) => cookie?.attributes.find((attribute) => attribute.startsWith('Path='))?.slice(5)

/** A Cookie header. */
const header = (cookies: Record<string, string | undefined>): Record<string, string> => ({
  cookie: Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; '),
})

async function loginByCookie({ url }: TestApp, person: Person) {
  const answer = await request(url, 'POST', '/api/auth/login', {
    body: { email: person.email, password: PASSWORD, remember: true },
  })
  expect(answer.status).toBe(200)
  return cookiesOf(answer.headers)
}

describe('names and paths of cookies', () => {
  const plain = useApp()
  const secure = useApp({ env: { PUBLIC_URL: 'https://cutroom.example' } })
  const prefixed = useApp({ env: { PUBLIC_URL: 'https://cutroom.example/studio/' } })
  const plainPrefixed = useApp({ env: { PUBLIC_URL: 'http://cutroom.example/a/b' } })

  const cases = [
    {
      title: 'plain http',
      app: plain,
      access: 'cutroom_access',
      refresh: 'cutroom_refresh',
      marker: 'cutroom_refreshable',
      base: '',
      isSecure: false,
    },
    {
      title: 'https',
      app: secure,
      access: '__Host-cutroom_access',
      refresh: '__Secure-cutroom_refresh',
      marker: '__Secure-cutroom_refreshable',
      base: '',
      isSecure: true,
    },
    {
      title: 'https under a path',
      app: prefixed,
      access: 'cutroom_access',
      refresh: 'cutroom_refresh',
      marker: 'cutroom_refreshable',
      base: '/studio',
      isSecure: true,
    },
    {
      title: 'http under a path',
      app: plainPrefixed,
      access: 'cutroom_access',
      refresh: 'cutroom_refresh',
      marker: 'cutroom_refreshable',
      base: '/a/b',
      isSecure: false,
    },
  ]
  for (const { title, app, access, refresh, marker, base, isSecure } of cases)
    it(`A2 the cookies of ${title} have a name and path that browsers send back, through login, refresh and logout`, async () => {
      const person = await register(app())
      const cookies = await loginByCookie(app(), person)
      expect(Object.keys(cookies).toSorted()).toEqual([access, refresh, marker].toSorted())
      const sent = header({ [access]: cookies[access]?.value, [refresh]: cookies[refresh]?.value })
      const refreshed = await request(app().url, 'POST', '/api/auth/refresh', { headers: sent })
      expect(refreshed.status).toBe(200)
      const next = cookiesOf(refreshed.headers)
      const byCookie = header({ [access]: next[access]?.value })
      expect(await request<User>(app().url, 'GET', '/api/me', { headers: byCookie })).toMatchObject({
        status: 200,
        body: { id: person.id },
      })
      const listener = await connect(app(), person, { auth: {}, extraHeaders: byCookie })
      expect(listener.socket.connected).toBe(true)
      const out = await request(app().url, 'POST', '/api/auth/logout', { headers: header({ [refresh]: next[refresh]?.value }) })
      expect(out.status).toBe(204)
      const cleared = cookiesOf(out.headers)
      for (const set of [cookies, next, cleared]) {
        expect(pathOf(set[access])).toBe(`${base}/`)
        expect(pathOf(set[refresh])).toBe(`${base}/api/auth`)
        expect(pathOf(set[marker])).toBe(`${base}/api/session`)
        // A browser refuses to set, and so to clear, a prefixed cookie without it.
        for (const cookie of Object.values(set)) expect(cookie.attributes.includes('Secure')).toBe(isSecure)
      }
      for (const { value } of Object.values(cleared)) expect(value).toBe('')
    })

  it('A2 over https a cookie without its prefix, which another host of the domain can set, is ignored', async () => {
    const thief = await register(secure())
    const planted = header({ cutroom_access: thief.token, cutroom_refresh: thief.refreshToken })
    const { url } = secure()
    expect(code(await request(url, 'GET', '/api/me', { headers: planted }))).toBe('401 token-missing')
    expect(code(await request(url, 'POST', '/api/auth/refresh', { headers: planted }))).toBe('401 token-missing')
    expect(code(await request(url, 'POST', '/api/auth/logout', { headers: planted }))).toBe('401 token-missing')
    const { socket } = open(secure(), { extraHeaders: planted })
    const error = await new Promise<Error & { data?: Problem }>((resolve) => socket.once('connect_error', resolve))
    expect(error.data?.code).toBe('token-missing')
    // Beside the true ones they change nothing.
    const person = await register(secure())
    const cookies = await loginByCookie(secure(), person)
    const both = header({ cutroom_access: thief.token, '__Host-cutroom_access': cookies['__Host-cutroom_access']?.value })
    expect((await request<User>(url, 'GET', '/api/me', { headers: both })).body.id).toBe(person.id)
    // Origins are asked for the names in force.
    const strange = { origin: 'https://evil.example' }
    expect(code(await request(url, 'POST', '/api/projects', { headers: { ...both, ...strange }, body: { name: 'P' } }))).toBe(
      '403 origin-refused',
    )
  })

  it('A2 with a path in PUBLIC_URL, Location has that path', async () => {
    const person = await register(prefixed())
    const made = await person.call<{ id: string }>('POST', '/api/projects', { name: 'Album' })
    expect(made.headers.get('location')).toBe(`/studio/api/projects/${made.body.id}`)
  })
})

describe('the session of a page that was just opened', () => {
  const app = useApp({ env: { CORS_ORIGINS: 'https://app.example.com' } })
  const ask = async (headers: Record<string, string> = {}) => {
    const answer = await request<SessionState>(app().url, 'GET', '/api/session', { headers })
    expect(answer.status).toBe(200)
    // Nobody's answer is stored: not by a shared cache, nor for the next person in this browser.
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(answer.headers.get('vary')?.split(', ')).toEqual(expect.arrayContaining(['Authorization', 'Cookie']))
    expect(answer.headers.get('etag')).toBeNull()
    return answer.body
  }
  const nobody = { user: null, refreshable: false, registration: 'open' }
  const refreshable = { user: null, refreshable: true, registration: 'open' }

  it('A2 the session names the user of a good access cookie or Bearer token, and nobody else', async () => {
    const person = await register(app())
    const cookies = await loginByCookie(app(), person)
    const access = header({ cutroom_access: cookies.cutroom_access?.value })
    const { id, email } = person
    expect(await ask(access)).toMatchObject({
      user: { id, email, name: 'Ann', version: 1 },
      refreshable: false,
      registration: 'open',
    })
    expect(await ask({ authorization: `Bearer ${person.token}` })).toMatchObject({
      user: { id },
      refreshable: false,
      registration: 'open',
    })
    expect(await ask()).toEqual(nobody)
    expect(await ask({ authorization: 'Bearer x.y.z' })).toEqual(nobody)
    expect(await ask({ authorization: 'Basic eDp5' })).toEqual(nobody)
    // A refresh token is none for this, wherever it stands.
    expect(await ask(header({ cutroom_refresh: cookies.cutroom_refresh?.value }))).toEqual(nobody)
    expect(await ask({ authorization: `Bearer ${person.refreshToken}` })).toEqual(nobody)
  })

  it('A2 a refresh is worth trying while the marker stands beside no good access token, and the session was not closed', async () => {
    const person = await register(app())
    const cookies = await loginByCookie(app(), person)
    const access = cookies.cutroom_access?.value ?? ''
    const marker = { cutroom_refreshable: cookies.cutroom_refreshable?.value }
    const refresh = { cutroom_refresh: cookies.cutroom_refresh?.value }
    expect(await ask(header(marker))).toEqual(refreshable)
    expect(await ask(header({ ...marker, cutroom_access: tokenOf(app(), access, -1) }))).toEqual(refreshable)
    expect(await ask(header({ ...marker, cutroom_access: 'not ours' }))).toEqual(refreshable)
    expect(await ask({ authorization: `Bearer ${tokenOf(app(), access, -1)}` })).toEqual(refreshable)
    expect(await ask(header({ cutroom_refreshable: 'x' }))).toEqual(nobody)
    const next = await request(app().url, 'POST', '/api/auth/refresh', { headers: header(refresh) })
    expect(next.status).toBe(200)
    const renewed = cookiesOf(next.headers)
    const all = header({ ...marker, cutroom_access: renewed.cutroom_access?.value })
    expect(await ask(all)).toMatchObject({ user: { id: person.id }, refreshable: false, registration: 'open' })
    expect((await request(app().url, 'POST', '/api/auth/logout', { headers: all })).status).toBe(204)
    expect(await ask(all)).toEqual(nobody)
  })

  it('U1 the session of another person than the one that is meant is not told, nor refreshed', async () => {
    const [ann, bob] = await Promise.all([register(app(), 'Ann'), register(app(), 'Bob')])
    const cookies = await loginByCookie(app(), bob)
    const sent = header({ cutroom_access: cookies.cutroom_access?.value, cutroom_refreshable: '1' })
    expect(await ask({ ...sent, 'cutroom-user': ann.id })).toEqual(nobody)
    expect(await ask({ ...sent, 'cutroom-user': bob.id })).toMatchObject({ user: { id: bob.id } })
  })

  it('A2 the marker alone gives no right, and asks for no origin', async () => {
    const marker = { ...header({ cutroom_refreshable: '1' }), origin: 'https://evil.example' }
    expect(code(await request(app().url, 'GET', '/api/me', { headers: marker }))).toBe('401 token-missing')
    expect(code(await request(app().url, 'POST', '/api/auth/refresh', { headers: marker }))).toBe('401 token-missing')
    const person = await register(app())
    const byBearer = { ...marker, authorization: `Bearer ${person.token}` }
    expect((await request(app().url, 'POST', '/api/projects', { headers: byBearer, body: { name: 'P' } })).status).toBe(201)
    const answer = await fetch(`${app().url}/api/session`, { headers: { origin: 'https://app.example.com' } })
    expect(answer.headers.get('vary')).toContain('Origin')
    const strange = await fetch(`${app().url}/api/session`, { headers: marker })
    expect(strange.headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('logging out', () => {
  const app = useApp()
  const logout = (headers: Record<string, string>, body?: unknown) =>
    request<Problem | undefined>(app().url, 'POST', '/api/auth/logout', { headers, body })
  const isOpen = async (token: string) => (await request(app().url, 'GET', '/api/me', { token })).status === 200

  it('U3 a logout needs a refresh token only: the access cookie may be expired, missing or of any kind', async () => {
    const person = await register(app())
    const ways: Record<string, (access: string) => Record<string, string>> = {
      missing: () => ({}),
      expired: (access) => ({ cutroom_access: tokenOf(app(), access, -1) }),
      'not ours': () => ({ cutroom_access: 'x.y.z' }),
      good: (access) => ({ cutroom_access: access }),
    }
    for (const [title, way] of Object.entries(ways)) {
      const cookies = await loginByCookie(app(), person)
      const access = cookies.cutroom_access?.value ?? ''
      const listener = await connect(app(), { token: access })
      const closed = new Promise((resolve) => listener.socket.once('disconnect', resolve))
      const sent = header({ ...way(access), cutroom_refresh: cookies.cutroom_refresh?.value })
      const out = await logout(sent)
      expect({ title, answer: out.status }).toEqual({ title, answer: 204 })
      expect(Object.keys(cookiesOf(out.headers)).toSorted()).toEqual(['cutroom_access', 'cutroom_refresh', 'cutroom_refreshable'])
      expect(await isOpen(access)).toBe(false)
      await closed
      // The answer was lost, so it is asked again.
      expect((await logout(sent)).status).toBe(204)
    }
    expect(await isOpen(person.token)).toBe(true)
  })

  it('U3 a logout by a refresh token in the body closes its session, also beside an expired access token', async () => {
    const person = await register(app())
    const expired = { authorization: `Bearer ${tokenOf(app(), person.token, -1)}` }
    expect(code(await logout(expired))).toBe('401 token-expired')
    expect(code(await logout({}, { refreshToken: `${person.refreshToken}x` }))).toBe('401 token-invalid')
    expect(code(await logout({}, { refreshToken: person.refreshToken, all: true }))).toBe('422 validation')
    expect(await isOpen(person.token)).toBe(true)
    for (let n = 0; n < 2; n++) expect((await logout(expired, { refreshToken: person.refreshToken })).status).toBe(204)
    expect(await isOpen(person.token)).toBe(false)
    const { rows } = await app().db.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM "Event" WHERE room = $1 AND name = 'session:revoked'`,
      [`user:${person.id}`],
    )
    expect(rows).toEqual([{ n: 1 }])
  })

  it('U3 a logout with an access token and a cookie closes the sessions of both, where they are of one person', async () => {
    const [ann, bob] = await Promise.all([register(app(), 'Ann'), register(app(), 'Bob')])
    const [own, later, other] = [
      await loginByCookie(app(), ann),
      await loginByCookie(app(), ann),
      await loginByCookie(app(), bob),
    ]
    const access = (cookies: typeof own) => cookies.cutroom_access?.value ?? ''
    const both = (cookies: typeof own) => ({
      ...header({ cutroom_refresh: cookies.cutroom_refresh?.value }),
      authorization: `Bearer ${access(own)}`,
      'cutroom-user': ann.id,
    })
    const stands = async () => Promise.all([own, later, other].map((cookies) => isOpen(access(cookies))))
    // the cookie is of another person by now
    const first = await logout(both(other))
    expect([first.status, Object.keys(cookiesOf(first.headers))]).toEqual([204, []])
    expect(await stands()).toEqual([false, true, true])
    const strange = await logout({ ...both(later), origin: 'https://evil.example' })
    expect([code(strange), await stands()]).toEqual(['401 session-revoked', [false, true, true]])
    const second = await logout(both(later))
    expect([second.status, Object.keys(cookiesOf(second.headers)).length]).toEqual([204, 3])
    expect(await stands()).toEqual([false, false, true])
    // the answer was lost
    expect((await logout(both(own))).status).toBe(204)
  })

  it('U3 a logout without a good token closes nothing', async () => {
    const person = await register(app())
    expect(code(await logout({}))).toBe('401 token-missing')
    expect(code(await logout(header({ cutroom_refresh: 'made up' })))).toBe('401 token-missing')
    expect(code(await logout({ authorization: 'Bearer x' }, undefined))).toBe('401 token-invalid')
    const strange = { ...header({ cutroom_refresh: person.refreshToken }), origin: 'https://evil.example' }
    expect(code(await logout(strange))).toBe('403 origin-refused')
    expect(await isOpen(person.token)).toBe(true)
  })
})

describe('a request that names its person', () => {
  const app = useApp({ env: { CORS_ORIGINS: 'https://app.example.com' } })

  it('U1 a request, a refresh and a logout that are meant for another person than their token does nothing', async () => {
    const [ann, bob] = await Promise.all([register(app(), 'Ann'), register(app(), 'Bob')])
    const jar = await loginByCookie(app(), bob)
    const cookies = header({ cutroom_access: jar.cutroom_access?.value, cutroom_refresh: jar.cutroom_refresh?.value })
    const bearer = { authorization: `Bearer ${bob.token}` }
    const project = await bob.must<{ id: string }>('POST', '/api/projects', { name: 'Of Bob' })
    const calls: [method: string, path: string, body?: unknown][] = [
      ['GET', '/api/me'],
      ['PATCH', '/api/me', { name: 'Ann' }],
      ['GET', '/api/projects'],
      ['POST', '/api/projects', { name: 'Of Ann' }],
      ['GET', `/api/projects/${project.id}`],
      ['POST', `/api/projects/${project.id}/tasks`, { title: 'Of Ann' }],
      ['POST', '/api/auth/refresh'],
      ['POST', '/api/auth/logout'],
      ['POST', '/api/auth/logout-all'],
    ]
    const state = async () =>
      (
        await app().db.query(
          `SELECT (SELECT json_agg(s ORDER BY id) FROM "Session" s WHERE "userId" = $1)::text AS sessions,
            (SELECT json_agg(r ORDER BY id) FROM "Room" r)::text AS rooms, (SELECT name FROM "User" WHERE id = $1) AS name`,
          [bob.id],
        )
      ).rows[0]
    const before = await state()
    for (const meant of [ann.id, 'x', randomUUID()])
      for (const [method, path, body] of calls) {
        const byCookie = await request(app().url, method, path, { body, headers: { ...cookies, 'cutroom-user': meant } })
        expect({ path, answer: code(byCookie) }).toEqual({ path, answer: '401 session-revoked' })
        if (path === '/api/auth/refresh') continue
        const byBearer = await request(app().url, method, path, { body, headers: { ...bearer, 'cutroom-user': meant } })
        expect({ path, answer: code(byBearer) }).toEqual({ path, answer: '401 session-revoked' })
      }
    expect(await state()).toEqual(before)
    for (const meant of [bob.id, bob.id.toUpperCase()])
      expect((await request(app().url, 'GET', '/api/me', { headers: { ...cookies, 'cutroom-user': meant } })).status).toBe(200)
    const refreshed = await request(app().url, 'POST', '/api/auth/refresh', { headers: { ...cookies, 'cutroom-user': bob.id } })
    expect(refreshed.status).toBe(200)
  })

  it('U1 a handshake that is meant for another person is refused, by auth and by header', async () => {
    const [ann, bob] = await Promise.all([register(app(), 'Ann'), register(app(), 'Bob')])
    const byCookie = header({ cutroom_access: (await loginByCookie(app(), bob)).cutroom_access?.value })
    const refused = async (options: Parameters<typeof open>[1]) => {
      const { socket } = open(app(), options)
      return new Promise<string | undefined>((resolve) => {
        socket.once('connect_error', (error: Error & { data?: Problem }) => resolve(error.data?.code))
        socket.once('connected', () => resolve('connected'))
      })
    }
    expect(await refused({ auth: { userId: ann.id }, extraHeaders: byCookie })).toBe('session-revoked')
    expect(await refused({ auth: { userId: ann.id, token: bob.token } })).toBe('session-revoked')
    expect(await refused({ auth: {}, extraHeaders: { ...byCookie, 'cutroom-user': ann.id } })).toBe('session-revoked')
    expect(await refused({ auth: { userId: bob.id }, extraHeaders: byCookie })).toBe('connected')
  })

  it('U1 a page of an allowed origin may send the header', async () => {
    const answer = await fetch(`${app().url}/api/me`, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'cutroom-user',
      },
    })
    expect(answer.headers.get('access-control-allow-headers')?.toLowerCase()).toContain('cutroom-user')
  })

  it('U2 a request that is meant for another person does not spend the refresh token of the one before', async () => {
    const [ann, bob] = await Promise.all([register(app(), 'Ann'), register(app(), 'Bob')])
    const body = { refreshToken: bob.refreshToken }
    const next = await request<{ accessToken: string }>(app().url, 'POST', '/api/auth/refresh', { body })
    expect(claimsOf(next.body.accessToken).gen).toBe(1)
    const refused = await request(app().url, 'GET', '/api/me', {
      token: next.body.accessToken,
      headers: { 'cutroom-user': ann.id },
    })
    expect(code(refused)).toBe('401 session-revoked')
    expect((await request(app().url, 'POST', '/api/auth/refresh', { body })).status).toBe(200)
  })
})
