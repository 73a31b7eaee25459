import { once } from 'node:events'
import { connect } from 'node:net'
import { Problem } from '@cutroom/contract'
import { beforeAll, describe, expect, it } from 'vitest'
import { startApp, useApp } from '../support/app.ts'
import { createCut, createTeam, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'

const ORIGIN = 'https://app.example.com'
const app = useApp({ env: { CORS_ORIGINS: ORIGIN } })

interface RawAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

/** One answer as it came over the wire. @throws where it is no whole HTTP answer, or there is more than one */
function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [first = '', ...lines] = text.slice(0, end).split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) \S/.exec(first)?.[1] ?? Number.NaN)
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  const body = text.slice(end + 4)
  expect([first, Buffer.byteLength(body, 'latin1')]).toEqual([
    expect.stringMatching(/^HTTP/),
    Number(headers['content-length'] ?? 0),
  ])
  return { status, headers, body }
}

/** What a server answers to these bytes until it hangs up. */
async function exchange(bytes: string | Buffer, port = Number(new URL(app().url).port)): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => {})
  socket.write(bytes)
  await once(socket, 'close')
  return parseAnswer(text)
}

/** A problem of the contract, readable by the allowed page and by no other, and kept nowhere. */
function expectRefusal(answer: RawAnswer, status: number, code: string): void {
  const { headers } = answer
  const body = Problem.parse(JSON.parse(answer.body))
  expect([answer.status, body.status, body.code]).toEqual([status, status, code])
  expect(headers['content-type']).toMatch(/^application\/problem\+json/)
  expect(headers['access-control-allow-origin']).toBe(ORIGIN)
  expect(headers['access-control-allow-credentials']).toBe('true')
  expect(headers.vary).toMatch(/\bOrigin\b/i)
  expect(headers['x-content-type-options']).toBe('nosniff')
}

const get = (path: string, lines: string[] = [], method = 'GET') =>
  `${[`${method} ${path} HTTP/1.1`, 'Host: x', `Origin: ${ORIGIN}`, 'Connection: close', ...lines].join('\r\n')}\r\n\r\n`

describe('refusals', () => {
  let owner: Person
  let comment: string
  let task: string
  beforeAll(async () => {
    const team = await createTeam(app())
    owner = team.owner
    const { cut } = await createCut(owner, team.project.id)
    comment = (await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'hm' })).id
    task = (await owner.must<{ id: string }>('POST', `/api/projects/${team.project.id}/tasks`, { title: 'Mix' })).id
  })
  const post = (path: string, type: string, body: string | Buffer, lines: string[] = [], method = 'POST') =>
    Buffer.concat([
      Buffer.from(
        get(
          path,
          [`Authorization: Bearer ${owner.token}`, `Content-Type: ${type}`, `Content-Length: ${body.length}`, ...lines],
          method,
        ),
      ),
      Buffer.from(body),
    ])

  it('A3 an empty body counts as none, whatever its type or length, on every method', async () => {
    const chunked = (path: string, type: string, method: string) =>
      get(path, [`Authorization: Bearer ${owner.token}`, `Content-Type: ${type}`, 'Transfer-Encoding: chunked'], method) +
      '0\r\n\r\n'
    const bare = (path: string, type: string, method: string) =>
      get(path, [`Authorization: Bearer ${owner.token}`, `Content-Type: ${type}`], method)
    const json = 'application/json'
    for (const [n, type] of [json, `${json}; charset=utf-8`, 'application/x-www-form-urlencoded', 'text/plain'].entries()) {
      const path = `/api/comments/${comment}/${n % 2 ? 'reopen' : 'resolve'}`
      expect([type, (await exchange(post(path, type, ''))).status]).toEqual([type, 200])
      if (type.startsWith(json))
        for (const ask of [chunked, bare]) expect((await exchange(ask(path, type, 'POST'))).status).toBe(200)
    }
    for (const [method, path] of [
      ['PATCH', `/api/tasks/${task}`],
      ['PUT', '/api/me/password'],
      ['POST', '/api/projects'],
    ] as const) {
      expectRefusal(await exchange(post(path, json, '', [], method)), 422, 'validation')
      expectRefusal(await exchange(chunked(path, json, method)), 422, 'validation')
    }
    expectRefusal(await exchange(post('/api/auth/refresh', json, '')), 401, 'token-missing')
    for (const ask of [chunked, bare]) expect((await exchange(ask('/api/me', json, 'GET'))).status).toBe(200)
    expect((await exchange(post(`/api/tasks/${task}`, json, '', [], 'DELETE'))).status).toBe(204)
  })

  it('A3 a body that is not UTF-8 answers 400, and is never read as U+FFFD', async () => {
    for (const bad of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe4]]) {
      const body = Buffer.concat([Buffer.from('{"name":"a'), Buffer.from(bad), Buffer.from('b"}')])
      expectRefusal(await exchange(post('/api/projects', 'application/json', body)), 400, 'bad-request')
      expectRefusal(await exchange(post('/api/projects', 'application/json; charset=latin1', body)), 400, 'bad-request')
    }
    const fine = await exchange(post('/api/projects', 'application/json', Buffer.from('{"name":"Größe 𝄞"}')))
    expect(JSON.parse(Buffer.from(fine.body, 'latin1').toString())).toMatchObject({ name: 'Größe 𝄞' })
  })

  it('A3 each refusal before a handler is a problem with CORS headers', async () => {
    const json = 'application/json'
    const refusals: [what: string, bytes: string | Buffer, status: number, code: string][] = [
      ['an address that cannot be decoded', get('/api/projects/%E0%A4%A'), 400, 'bad-request'],
      ['a parameter that is too long', get(`/api/projects/${'x'.repeat(300)}`), 404, 'not-found'],
      ['no such path', get('/api/nowhere'), 404, 'not-found'],
      ['no such method there', get('/api/me', [], 'DELETE'), 404, 'not-found'],
      ['a method of other protocols', get('/api/me', ['Content-Length: 0'], 'PROPFIND'), 404, 'not-found'],
      ['TRACE', get('/api/me', [], 'TRACE'), 404, 'not-found'],
      ['a tunnel', get('example.com:443', [], 'CONNECT'), 404, 'not-found'],
      ['an upgrade of another path', get('/api/me', ['Connection: Upgrade', 'Upgrade: h2c']), 404, 'not-found'],
      ['another expectation', get('/api/me', ['Expect: a miracle']), 400, 'bad-request'],
      ['no token', get('/api/me'), 401, 'token-missing'],
      ['a token that is none', get('/api/me', ['Authorization: Basic x']), 401, 'token-invalid'],
      ['JSON that is none', post('/api/projects', json, '{'), 400, 'bad-request'],
      ['another type', post('/api/projects', 'text/plain', 'x'), 415, 'unsupported-media-type'],
      ['a type that is none', post('/api/projects', 'json', 'x'), 415, 'unsupported-media-type'],
      ['a body that is too large', post('/api/projects', json, 'x'.repeat(300_000)), 413, 'too-large'],
      ['headers that are too large', get('/api/me', [`X-Large: ${'x'.repeat(20_000)}`]), 431, 'headers-too-large'],
      ['a header that is none', get('/api/me', ['no colon here']), 400, 'bad-request'],
      ['two lengths', get('/api/projects', ['Content-Length: 1', 'Content-Length: 2'], 'POST'), 400, 'bad-request'],
      [
        'a length and chunks',
        get('/api/projects', ['Content-Length: 1', 'Transfer-Encoding: chunked'], 'POST'),
        400,
        'bad-request',
      ],
      ['a method that is none', get('/api/me', [], 'FETCH'), 400, 'bad-request'],
    ]
    for (const [what, bytes, status, code] of refusals) {
      const answer = await exchange(bytes)
      try {
        if (what === 'a method that is none') expect([answer.status, JSON.parse(answer.body).code]).toEqual([status, code])
        else expectRefusal(answer, status, code)
      } catch (cause) {
        throw new Error(`${what}: ${JSON.stringify(answer)}`, { cause })
      }
      const stranger = await exchange(Buffer.from(bytes.toString('latin1').replace(ORIGIN, 'https://evil.example'), 'latin1'))
      expect([what, stranger.headers['access-control-allow-origin']]).toEqual([what, undefined])
    }
  })

  it('B3 bytes that are not HTTP get one well-formed problem, and the connection ends', async () => {
    const handshake = Buffer.from('16030100f1010000ed0303', 'hex')
    for (const bytes of [
      'garbage\r\n\r\n',
      '\u0000\u0001\u0002',
      '{"a":1}\r\n',

      'GET / HTTP/9.9\r\n\r\n',
      handshake,
    ]) {
      const { status, headers, body } = await exchange(bytes)
      expect([status, headers['content-type'], headers.connection]).toEqual([400, 'application/problem+json', 'close'])
      expect(Problem.parse(JSON.parse(body))).toMatchObject({ status: 400, code: 'bad-request' })
    }
    const chunks = get(
      '/api/projects',
      [`Authorization: Bearer ${owner.token}`, 'Content-Type: application/json', 'Transfer-Encoding: chunked'],
      'POST',
    )
    expect((await exchange(`${chunks}ZZZ\r\n`)).status).toBe(400)
    expect((await fetch(`${app().url}/healthz`)).status).toBe(200)
  })

  it('O1 a request while the server stops is refused with CORS headers', async () => {
    const stopping = await startApp({ env: { CORS_ORIGINS: ORIGIN } })
    const port = Number(new URL(stopping.url).port)
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += chunk
    })
    socket.write(get('/api/me').slice(0, -2))
    await until(
      'the connection',
      () => new Promise<boolean>((done) => stopping.app.server.getConnections((_, n) => done(n === 1))),
    )
    const closed = stopping.close()
    await until('that nothing new is let in', () => !stopping.app.server.listening)
    socket.write('\r\n')
    await once(socket, 'close')
    expectRefusal(parseAnswer(text), 503, 'unavailable')
    await closed
  })
})
