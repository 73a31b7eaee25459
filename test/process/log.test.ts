import { connect } from 'node:net'
import Fastify from 'fastify'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { proxyHintsPlugin } from '../../src/http/proxy-hints.ts'
import { testConfig } from '../support/app.ts'
import { PASSWORD, register, request } from '../support/people.ts'
import { poll, upgrade } from '../support/raw-http.ts'
import { databaseForTest, useServers } from '../support/server-process.ts'
import { until } from '../support/until.ts'

/** Lines of the log from warnings on. */
const complaints = (output: string): { level: number; msg: string; origin?: string }[] =>
  output.split('\n').flatMap((line) => (/"level":[456]0/.test(line) ? [JSON.parse(line)] : []))

describe('the log', () => {
  const servers = useServers()

  it('has no warning about clients that hang up in the middle of a body', async () => {
    const server = await servers.start({ databaseUrl: await databaseForTest(), env: { RATE_LIMIT: '1200' } })
    const ann = await register(server)
    /** Of clients: without those to Postgres, of which the server opens more as it needs them. */
    const connections = async () => {
      const metrics = await (await fetch(`${server.url}/metrics`)).text()
      const all = Number(/^cutroom_nodejs_active_resources\{type="TCPSocketWrap"\} (\d+)$/m.exec(metrics)?.[1] ?? Number.NaN)
      const toPostgres = [...metrics.matchAll(/^cutroom_database_connections\{.*\} (\d+)$/gm)].map(([, count]) => Number(count))
      return all - toPostgres.reduce((sum, count) => sum + count, 0)
    }
    const before = await connections()
    const heads = ['Content-Length: 1000', 'Transfer-Encoding: chunked'].flatMap((length) =>
      ['POST /api/projects', 'PATCH /api/me', 'POST /api/auth/login'].map(
        (target) =>
          `${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\nContent-Type: application/json\r\n${length}\r\n\r\n`,
      ),
    )
    for (const head of heads)
      for (const hangUp of ['destroy', 'resetAndDestroy', 'end'] as const) {
        const socket = connect(server.port, '127.0.0.1')
        socket.on('error', () => {})
        const body = head.includes('chunked') ? '10\r\n{"name":' : '{"name":'
        await new Promise<void>((done) => socket.write(head + body, () => done()))
        socket[hangUp]()
      }
    await until('the server to have seen them', async () => (await connections()) <= before)
    expect((await ann.call('GET', '/api/me')).status).toBe(200)
    expect(complaints(server.output())).toEqual([])
  })

  it('names a refused origin and CORS_ORIGINS, once for REST and sockets together, and a hundred of many', async () => {
    const server = await servers.start({
      databaseUrl: await databaseForTest(),
      env: { CORS_ORIGINS: 'https://app.example.com' },
    })
    const ann = await register(server)
    const login = await request(server.url, 'POST', '/api/auth/login', { body: { email: ann.email, password: PASSWORD } })
    const cookie = login.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ')
    const knock = async (origin: string) => {
      await ann.call('GET', '/api/me', undefined, { origin })
      await request(server.url, 'PATCH', '/api/me', { body: { name: 'Ann' }, headers: { cookie, origin } })
      await request(server.url, 'POST', '/api/auth/refresh', { headers: { cookie, origin } })
      await fetch(`${server.url}/api/me`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PATCH' } })
      await upgrade(server, { cookie, origin })
      await poll(server, { origin })
    }
    const named = () => complaints(server.output())
    for (const origin of [server.url, 'https://app.example.com']) await knock(origin)
    expect(named()).toEqual([])
    for (const origin of ['https://evil.example', 'http://app.example.com', 'null']) {
      const before = named().length
      await knock(origin)
      await until('a line', () => named().length > before)
      expect(named().slice(before)).toMatchObject([{ level: 40, origin, msg: expect.stringContaining('CORS_ORIGINS') }])
      expect(named().at(-1)?.msg).toContain(origin)
    }
    // The variable cannot let it in, so the line does not send anybody there.
    expect(named().at(-1)?.msg).toMatch(/no origin that CORS_ORIGINS could name/)
    for (let n = 0; n < 300; n++) await fetch(`${server.url}/healthz`, { headers: { origin: `https://${n}.example` } })
    await until('a hundred lines', () => named().length >= 100)
    await ann.call('GET', '/api/me', undefined, { origin: 'https://evil.example' })
    expect(named()).toHaveLength(100)
  })

  it('says once each that a proxy asks while TRUST_PROXY is off, or over https while cookies are not Secure', async () => {
    const heads = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' }
    const ask = async (env: Record<string, string>, headers: Record<string, string>) => {
      const server = await servers.start({ databaseUrl: await databaseForTest(), env })
      for (let n = 0; n < 3; n++) await fetch(`${server.url}/healthz`, { headers })
      // All that it has written is there.
      server.signal('SIGTERM')
      await server.exited
      return complaints(server.output())
    }
    expect(await ask({}, heads)).toMatchObject([
      { level: 40, msg: expect.stringMatching(/^http: X-Forwarded-For .*TRUST_PROXY/) },
      { level: 40, msg: expect.stringMatching(/^http: X-Forwarded-Proto .*PUBLIC_URL/) },
    ])
    expect(await ask({}, { 'x-forwarded-proto': 'http' })).toEqual([])
    expect(await ask({ TRUST_PROXY: 'true' }, heads)).toMatchObject([{ msg: expect.stringContaining('PUBLIC_URL') }])

    // With both there is nothing to say.
    const app = Fastify()
    onTestFinished(() => app.close())
    const warn = vi.spyOn(app.log, 'warn')
    await app.register(proxyHintsPlugin, { config: testConfig({ TRUST_PROXY: 'true', PUBLIC_URL: 'https://cutroom.example' }) })
    expect((await app.inject({ url: '/', headers: heads })).statusCode).toBe(404)
    expect(warn).not.toHaveBeenCalled()
  })

  it('names the origin of a socket that is refused before any request', async () => {
    const server = await servers.start({ databaseUrl: await databaseForTest() })
    await upgrade(server, { cookie: 'cutroom_access=x', origin: 'https://evil.example' })
    await until('a line', () => complaints(server.output()).length > 0)
    expect(complaints(server.output())).toMatchObject([{ level: 40, origin: 'https://evil.example' }])
  })
})
