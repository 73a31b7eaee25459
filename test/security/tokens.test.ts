import { randomUUID } from 'node:crypto'
import type { Problem } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../support/app.ts'
import { claimsOf, forge } from '../support/calls.ts'
import { login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const now = () => Math.floor(Date.now() / 1000)

describe('tokens on a live socket', () => {
  const app = useApp()

  it('S6 a socket is not prolonged by a token that a handshake would refuse', async () => {
    const [person, other] = await Promise.all([register(app()), register(app())])
    const claims = claimsOf(person.token)
    const later = { ...claims, exp: now() + 30 * 86_400 }
    const [, , signature] = person.token.split('.')
    const sign = (changed: Record<string, unknown>, header?: Record<string, unknown>, secret?: string) =>
      forge(app(), { ...later, ...changed }, header && { typ: 'JWT', ...header }, secret)
    const without = (name: string) => forge(app(), Object.fromEntries(Object.entries(later).filter(([key]) => key !== name)))
    const bad: Record<string, string> = {
      'alg none': `${part({ alg: 'none', typ: 'JWT' })}.${part(later)}.`,
      'alg nOnE': `${part({ alg: 'nOnE', typ: 'JWT' })}.${part(later)}.`,
      'alg none, signed': `${part({ alg: 'none', typ: 'JWT' })}.${part(later)}.${signature}`,
      'the old signature': `${part({ alg: 'HS256', typ: 'JWT' })}.${part(later)}.${signature}`,
      'another key': sign({}, { alg: 'HS256' }, 'another secret of thirty-two letters'),
      'a public key as the key': sign({}, { alg: 'HS256' }, '-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n'),
      'the same with a space before it': sign(
        {},
        { alg: 'HS256' },
        ' -----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n',
      ),
      RS256: sign({}, { alg: 'RS256' }),
      ES256: sign({}, { alg: 'ES256' }),
      HS512: sign({}, { alg: 'HS512' }),
      'alg as a list': sign({}, { alg: ['HS256'] }),
      'a key of its own': sign({}, { alg: 'HS256', jwk: { kty: 'oct', k: part('own') } }, 'own'),
      'a key in a file': sign({}, { alg: 'HS256', kid: '../../../../dev/null' }, ''),
      'a key at an address': sign({}, { alg: 'HS256', jku: 'https://evil.example/keys', x5u: 'https://evil.example/x' }, 'own'),
      'a key by SQL': sign({}, { alg: 'HS256', kid: "x' UNION SELECT 'own" }, 'own'),
      'wrong iss': sign({ iss: 'elsewhere' }),
      'wrong aud': sign({ aud: ['elsewhere'] }),
      'no exp': without('exp'),
      'no iss': without('iss'),
      'no aud': without('aud'),
      'no jti': without('jti'),
      'exp as text': sign({ exp: `${later.exp}` }),
      'exp null': sign({ exp: null }),
      'nbf in the future': sign({ nbf: now() + 600 }),
      'a session that never was': sign({ sid: randomUUID() }),
      'a session of another': sign({ sid: claimsOf(other.token).sid }),
      'another person': sign({ sub: other.id }),
      'a refresh token': person.refreshToken,
    }
    const listener = await connect(app(), person)
    const answers: Record<string, string> = {}
    for (const [title, token] of Object.entries(bad)) {
      const { ok, error } = await listener.ask('session:refresh', { token })
      answers[title] = ok ? 'ok' : `${error?.status}`
    }
    expect(answers).toEqual(Object.fromEntries(Object.keys(bad).map((title) => [title, '401'])))
    // What the forger makes is good where nothing is wrong with it.
    expect(await listener.ask('session:refresh', { token: forge(app(), { ...claims, exp: now() + 60 }) })).toMatchObject({
      ok: true,
    })
  })
})

describe('sessions on two servers without Redis', () => {
  /** The sweep's second, and the time to say it. */
  const SOON_MS = 1_500

  async function pair(): Promise<[TestApp, TestApp]> {
    const one = await startApp()
    const two = await startApp({ databaseUrl: one.databaseUrl })
    onTestFinished(async () => {
      await two.close()
      await one.close()
    })
    return [one, two]
  }
  const ended = (listener: Listener) =>
    new Promise<number>((resolve) => listener.socket.once('disconnect', () => resolve(performance.now())))

  it('S7 S8 a stolen refresh token, a logout and a new password on one close the sockets on the other', async () => {
    const [one, two] = await pair()
    const refresh = (refreshToken: string) =>
      request<Problem & { refreshToken: string }>(two.url, 'POST', '/api/auth/refresh', { body: { refreshToken } })
    const acts: Record<string, (person: Person) => Promise<unknown>> = {
      'a logout': (person) => request(two.url, 'POST', '/api/auth/logout', { token: person.token }),
      'a new password': async (person) => {
        const elsewhere = await login(two, person)
        await elsewhere.must('PUT', '/api/me/password', { current: PASSWORD, next: 'another long password' })
      },
      'a thief who comes second': async (person) => {
        // Ten at once are ten tabs, and get one successor between them.
        const tabs = await Promise.all(Array.from({ length: 10 }, () => refresh(person.refreshToken)))
        expect(new Set(tabs.map(({ status, body }) => `${status} ${body.refreshToken}`)).size).toBe(1)
        const next = await refresh(tabs[0]?.body.refreshToken ?? '')
        expect(next.status).toBe(200)
        const thief = await refresh(person.refreshToken)
        expect(`${thief.status} ${thief.body.code}`).toBe('401 token-reused')
        expect((await refresh(next.body.refreshToken)).body.code).toBe('session-revoked')
      },
    }
    const late: Record<string, number> = {}
    await Promise.all(
      Object.entries(acts).map(async ([title, act]) => {
        const person = await register(one)
        const [listener, other] = [await connect(one, person), await connect(one, await register(one))]
        const end = ended(listener)
        await act(person)
        const acted = performance.now()
        late[title] = (await end) - acted
        expect(listener.frames.at(-1)).toMatchObject({ name: 'session:expired', payload: { reason: 'revoked' } })
        expect((await request(one.url, 'GET', '/api/me', { token: person.token })).status).toBe(401)
        expect(other.socket.connected).toBe(true)
      }),
    )
    for (const [title, ms] of Object.entries(late)) expect(ms, title).toBeLessThan(SOON_MS)
    await until('all of them gone', () => one.app.rooms.counts().sockets === 3)
  })
})
