import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createOrigins } from '../../src/http/origins.ts'
import { useApp } from '../support/app.ts'
import { PASSWORD, type Person, register } from '../support/people.ts'
import { poll, upgrade } from '../support/raw-http.ts'
import { open } from '../support/sockets.ts'

/** The cookies that a browser would send along. */
async function cookiesOf(url: string, person: Person): Promise<{ cookie: string }> {
  const answer = await fetch(`${url}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: person.email, password: PASSWORD }),
  })
  return {
    cookie: answer.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; '),
  }
}

describe('pages of other origins', () => {
  const app = useApp({ env: { CORS_ORIGINS: 'https://app.example.com' } })
  const secure = useApp({ env: { PUBLIC_URL: 'https://cutroom.example' } })
  const entries = { upgrade, poll }

  it('S4 with cookies the handshake answers 403 and why, by either transport', async () => {
    const cookies = await cookiesOf(app().url, await register(app()))
    const own = new URL(app().url)
    const strange: Record<string, string>[] = [
      ...[
        'https://evil.example',
        'null',
        `${app().url}.evil.example`,
        `http://127.0.0.1:${own.port}0`,
        'http://127.0.0.1',
        'http://app.example.com',
        'https://app.example.com.evil.example',
        'https://app.example.com:444',
        `ws://${own.host}`,
        `ftp://${own.host}`,
        `http://user@${own.host}`,
        `http://${own.host}/path`,
        `http://${own.host}?x`,
        `https://app.example.com, https://evil.example`,
        'HTTPS://APP.EXAMPLE.COM',
      ].map((origin) => ({ origin })),
      // A script element sends no Origin; a browser still sends Sec-Fetch-Site.
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]
    for (const headers of strange)
      for (const [entry, request] of Object.entries(entries)) {
        const answer = await request(app(), { ...cookies, ...headers })
        expect({ entry, headers, status: answer.status, code: answer.problem.code }).toEqual({
          entry,
          headers,
          status: 403,
          code: 'origin-refused',
        })
        expect(answer.headers['content-type']).toBe('application/problem+json')
        expect(answer.headers['access-control-allow-origin']).toBeUndefined()
      }
    expect(app().app.io.engine.clientsCount).toBe(0)
    for (const origin of [app().url, 'https://app.example.com'])
      for (const request of Object.values(entries))
        expect([101, 200]).toContain((await request(app(), { ...cookies, origin })).status)
  })

  it('S4 without cookies any page may connect with its own token', async () => {
    const origin = 'https://evil.example'
    expect([(await upgrade(app(), { origin })).status, (await poll(app(), { origin })).status]).toEqual([101, 200])
    const { socket } = open(app(), { extraHeaders: { origin } })
    const error = await new Promise<Error & { data?: unknown }>((resolve) => socket.once('connect_error', resolve))
    expect(error.data).toMatchObject({ code: 'token-missing' })
  })

  it('S4 behind TLS the plain page of the same host is another origin', async () => {
    const cookies = await cookiesOf(secure().url, await register(secure()))
    const host = 'cutroom.example'
    const status = async (origin: string) => [
      (await upgrade(secure(), { ...cookies, origin, host })).status,
      (await poll(secure(), { ...cookies, origin })).status,
    ]
    expect(await status('https://cutroom.example')).toEqual([101, 200])
    expect((await status('http://cutroom.example'))[0]).toBe(403)
    expect(await status('https://cutroom.example:8443')).toEqual([403, 403])
    expect(await status('https://sub.cutroom.example')).toEqual([403, 403])
  })

  it('S4 JSONP, which any page could read, is off', async () => {
    for (const query of ['&j=0', '&j=', '&%6a=1']) {
      const answer = await poll(app(), {}, query)
      expect({ query, status: answer.status, code: answer.problem.code }).toEqual({ query, status: 400, code: 'bad-request' })
    }
  })
})

describe('the log of refused origins', () => {
  it('names each once in an hour, a hundred at most, and the next hour again', () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const named: string[] = []
    const config = { corsOrigins: ['https://app.example.com'], publicUrl: undefined, secureCookies: false }
    const origins = createOrigins(config, ({ origin }) => void named.push(origin))
    const note = (origin: string) => origins.note({ origin, host: 'localhost:3000' })
    for (let n = 0; n < 3; n++)
      for (const origin of ['https://one.example', 'http://localhost:3000', 'https://app.example.com']) note(origin)
    vi.advanceTimersByTime(3_599_000)
    note('https://one.example')
    expect(named).toEqual(['https://one.example'])
    vi.advanceTimersByTime(2_000)
    note('https://one.example')
    expect(named).toEqual(['https://one.example', 'https://one.example'])
    for (let n = 0; n < 1_000; n++) note(`https://${n}.example`)
    expect(named).toHaveLength(101)
    vi.advanceTimersByTime(3_600_000)
    note('https://late.example')
    expect(named.at(-1)).toBe('https://late.example')
  })
})
