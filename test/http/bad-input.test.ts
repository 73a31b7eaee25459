import { randomUUID } from 'node:crypto'
import { createConnection } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Problem } from '@cutroom/contract'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { unsubscribeTokens } from '../../src/features/mail/unsubscribe-tokens.ts'
import { useApp } from '../support/app.ts'
import { keyOf, listed, pathOf } from '../support/calls.ts'
import { converse, say } from '../support/conversations.ts'
import { completeTake } from '../support/files.ts'
import { invite } from '../support/invitations.ts'
import { createCut, createTeam, PASSWORD, type Person, register, request } from '../support/people.ts'
import { openRaw, type Raw } from '../support/raw-socket.ts'
import { share } from '../support/shares.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { addWebhook } from '../support/webhooks.ts'

const app = useApp()
let owner: Person
let editor: Person
let commenter: Person
/** The token of an invitation; that in `ids` is of a link. */
let invitation: string
type Param = 'projectId' | 'taskId' | 'vibeId' | 'cutId' | 'commentId' | 'fileId' | 'shareId' | 'webhookId' | 'token' | 'userId'
let ids: Record<Param | 'invitationId' | 'conversationId' | 'messageId', string>

beforeAll(async () => {
  const team = await createTeam(app(), 'editor', 'commenter')
  owner = team.owner
  editor = team.editor
  commenter = team.commenter
  const projectId = team.project.id
  const task = await owner.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title: 'Mix' })
  const { vibe, cut } = await createCut(owner, projectId)
  const comment = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'louder' })
  const take = await completeTake(app(), owner, cut.id, 1)
  const { id: shareId, token } = await share(owner, { fileId: take.id })
  const { id: webhookId } = await addWebhook(owner, projectId, 'https://hooks.example.com/')
  const { id: invitationId, token: invitationToken } = await invite(owner, projectId)
  invitation = invitationToken
  const made = {
    invitationId,
    taskId: task.id,
    vibeId: vibe.id,
    cutId: cut.id,
    commentId: comment.id,
    fileId: take.id,
    shareId,
    webhookId,
    token,
  }
  const { id: conversationId } = await converse(owner, [editor])
  const { id: messageId } = await say(owner, conversationId, 'Hello')
  ids = { projectId, ...made, userId: editor.id, conversationId, messageId }
})

const code = (answer: { status: number; body: unknown }) => `${answer.status} ${(answer.body as Problem | undefined)?.code}`

/** A body exactly as it is written, and the answer, which must be a problem when it is no success. */
async function send(method: string, path: string, body: string | Buffer, contentType: string | null = 'application/json') {
  const response = await fetch(app().url + path, {
    method,
    headers: { authorization: `Bearer ${owner.token}`, ...(contentType !== null && { 'content-type': contentType }) },
    body: typeof body === 'string' ? Buffer.from(body) : body,
  })
  const text = await response.text()
  if (!response.ok) expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  return { status: response.status, body: JSON.parse(text) as Problem, size: text.length }
}

/**
 * Runs an attack beside a socket in a project that is written to: it gets every event, in order,
 * and the event loop is never held up for long.
 */
async function besides(attack: () => Promise<void>): Promise<void> {
  const healthy = await connect(app(), owner)
  const { head } = await healthy.join(ids.projectId)
  const loop = monitorEventLoopDelay({ resolution: 5 })
  loop.enable()
  let going = true
  // Also when the test is over before its time.
  onTestFinished(() => {
    going = false
  })
  let written = 0
  const writing = (async () => {
    while (going) {
      await owner.must('POST', `/api/tasks/${ids.taskId}/comments`, { body: `${written}` })
      written++
    }
  })()
  try {
    await attack()
    const sofar = written
    await until('writes after it', () => written > sofar + 2)
  } finally {
    going = false
    await writing
    loop.disable()
  }
  // An attack may write something, too.
  const seqs = () => healthy.events(`project:${ids.projectId}`).map(({ meta }) => meta.seq)
  const comments = () => healthy.events(`project:${ids.projectId}`).filter(({ name }) => name === 'comment:created').length
  await until('every event', () => comments() >= written)
  const amiss = seqs().filter((seq, i) => seq !== head + 1 + i)
  expect({ comments: comments(), amiss }).toEqual({ comments: written, amiss: [] })
  expect(healthy.socket.connected).toBe(true)
  expect(loop.max / 1e6, 'longest stall of the event loop, ms').toBeLessThan(1_000)
  expect((await fetch(`${app().url}/healthz`)).status).toBe(200)
}

describe('bad input over REST', () => {
  it('A3 unknown paths and methods answer 404, malformed addresses 400', async () => {
    for (const [method, path] of [
      ['GET', '/api'],
      ['GET', '/api/nowhere'],
      ['GET', '/api/projects/'],
      ['GET', '/api//projects'],
      ['GET', '/API/projects'],
      ['GET', '/api/users'],
      ['DELETE', '/api/me'],
      ['PUT', '/api/projects'],
      ['PATCH', '/api/auth/login'],
      ['POST', '/healthz'],
      ['GET', `/api/projects/${'x'.repeat(300)}`],
      ['GET', `/api/projects/${ids.projectId}%2Fmembers`],
      ['GET', '/.env'],
      ['GET', '/docs/../package.json'],
      ['GET', '/docs/static/%2e%2e/%2e%2e/package.json'],
    ] as const)
      expect({ path, answer: code(await owner.call(method, path)) }).toEqual({ path, answer: '404 not-found' })
    for (const path of ['/api/projects/%E0%A4%A', '/api/projects/%', '/%ff%fe/x', '/api/tasks/%zz']) {
      const answer = await owner.call('GET', path)
      expect({ path, answer: code(answer) }).toEqual({ path, answer: '400 bad-request' })
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    }
  })

  it('A3 a body that is not JSON answers 415', async () => {
    const body = JSON.stringify({ name: 'Album' })
    for (const type of [
      'text/plain',
      'text/plain;charset=UTF-8',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      'text/html',
      'application/octet-stream',
      'application/jsonp',
      'application/merge-patch+json',
      'json',
    ]) {
      const { status, body: problem } = await send('POST', '/api/projects', body, type)
      expect({ type, status, code: problem.code }).toEqual({ type, status: 415, code: 'unsupported-media-type' })
    }
    expect((await send('POST', '/api/projects', body, null)).status).toBe(415)
    expect((await send('POST', '/api/projects', body, 'application/json; charset=utf-8')).status).toBe(201)
  })

  it('A3 malformed JSON answers 400', async () => {
    for (const body of [
      '{',
      '{"name"',
      "{'name':'x'}",
      '{"name":"x"}}',
      '{"name":NaN}',
      '{name:"x"}',
      '[1,',
      'undefined',
      '\u0000',
      '{"name":"\\ud8"}',
    ])
      expect({ body, code: (await send('POST', '/api/projects', body)).body.code }).toEqual({ body, code: 'bad-request' })
    for (const body of ['null', '[]', '"name"', '7', 'true', '[{"name":"x"}]'])
      expect({ body, code: (await send('POST', '/api/projects', body)).body.code }).toEqual({ body, code: 'validation' })
    const empty = await request(app().url, 'POST', '/api/projects', { token: owner.token })
    expect(code(empty)).toBe('422 validation')
  })

  it('A3 S10 a body with __proto__ or constructor pollutes no prototype', async () => {
    const poisons = [
      '{"name":"x","__proto__":{"polluted":true}}',
      '{"name":"x","\\u005f\\u005fproto__":{"polluted":true}}',
      '{"name":"x","constructor":{"prototype":{"polluted":true}}}',
      '{"__proto__":null,"name":"x"}',
      '{"name":{"__proto__":{"polluted":true}}}',
    ]
    for (const body of poisons) {
      const { status } = await send('POST', '/api/projects', body)
      expect({ body, refused: status === 400 || status === 422 }).toEqual({ body, refused: true })
    }
    const nested = '{"lyrics":[{"text":"la","__proto__":{"polluted":true}}]}'
    expect((await send('PUT', `/api/cuts/${ids.cutId}/lyrics`, nested)).status).toBe(400)
    for (const query of ['__proto__[polluted]=1', 'constructor[prototype][polluted]=1', '__proto__=1', 'limit[__proto__]=1'])
      expect((await owner.call('GET', `/api/projects?${query}`)).status).toBe(422)
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('A3 S10 huge bodies are cut off, deep and wide ones refused at once', () =>
    besides(async () => {
      const name = (value: string) => `{"name":${value}}`
      expect((await send('POST', '/api/projects', name(`"${'x'.repeat(1_000_000)}"`))).body.code).toBe('too-large')
      const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
      for (const depth of [10_000, 100_000]) {
        expect((await send('POST', '/api/projects', name(deep(depth)))).body.code).toBe('bad-request')
        expect((await send('POST', '/api/projects', `{"name":"x","deep":${deep(depth)}}`)).body.code).toBe('bad-request')
        expect((await send('POST', '/api/projects', deep(depth))).body.code).toBe('bad-request')
      }
      // Brackets in a text are none, and the longest lyrics go through.
      expect((await send('POST', '/api/projects', name(`"\\"${'['.repeat(20_000)}"`))).body.code).toBe('validation')
      const lyrics = Array.from({ length: 1_000 }, (_, n) => ({ atMs: n, text: `"${'{[,'.repeat(60)}\\` }))
      expect((await send('PUT', `/api/cuts/${ids.cutId}/lyrics`, JSON.stringify({ lyrics }))).status).toBe(200)
      const wide = (count: number) => `{${Array.from({ length: count }, (_, n) => `"k${n.toString(36)}":0`).join()}}`
      expect((await send('POST', '/api/projects', wide(100_000))).body.code).toBe('too-large')
      const answer = await send('POST', '/api/projects', wide(25_000))
      expect(answer.body.code).toBe('bad-request')
      expect((await send('POST', '/api/projects', wide(800))).body.code).toBe('validation')
      // An answer is not longer for a longer mistake.
      expect(answer.size).toBeLessThan(10_000)
      expect((await send('PUT', `/api/cuts/${ids.cutId}/lyrics`, `{"lyrics":[${'{},'.repeat(20_000)}{}]}`)).size).toBeLessThan(
        10_000,
      )
      // Patterns are tried on nothing endless.
      for (const email of [
        'a'.repeat(250_000),
        `a@${'a.'.repeat(120_000)}`,
        `a@${'a-'.repeat(120_000)}`,
        `${'.'.repeat(250_000)}@a.b`,
      ])
        expect((await send('POST', '/api/auth/login', JSON.stringify({ email, password: 'x' }))).body.code).toBe('validation')
      for (const avatarUrl of [`https://${'a.'.repeat(120_000)}`, `https://a/${'%'.repeat(240_000)}`])
        expect((await send('PATCH', '/api/me', JSON.stringify({ avatarUrl }))).body.code).toBe('validation')
      const keyed = await send('PUT', `/api/cuts/${ids.cutId}/lyrics`, `{"lyrics":[{"${'x'.repeat(200_000)}":1}]}`)
      expect(keyed.body.code).toBe('validation')
      expect(keyed.size).toBeLessThan(10_000)
    }))

  /** Every place where a person writes text: endpoint, and a body with the text in it. */
  const texts: Record<string, (text: string) => Record<string, unknown>> = {
    'POST /api/auth/register#name': (name) => ({ email: `${randomUUID()}@example.com`, password: PASSWORD, name }),
    'POST /api/auth/register#email': (text) => ({ email: `a${text}@example.com`, password: PASSWORD, name: 'Ann' }),
    'PATCH /api/me#name': (name) => ({ name }),
    'PATCH /api/me#avatarUrl': (text) => ({ avatarUrl: `https://example.com/${text}` }),
    'POST /api/me/tokens#name': (name) => ({ name }),
    'POST /api/projects#name': (name) => ({ name }),
    'POST /api/projects#description': (description) => ({ name: 'A', description }),
    'PATCH /api/projects/:projectId#name': (name) => ({ name }),
    'PATCH /api/projects/:projectId#description': (description) => ({ description }),
    'POST /api/projects/:projectId/members#email': (text) => ({ email: `a${text}@example.com` }),
    'POST /api/projects/:projectId/invitations#email': (text) => ({ email: `a${text}@example.com` }),
    'POST /api/projects/:projectId/tasks#title': (title) => ({ title }),
    'POST /api/projects/:projectId/tasks#description': (description) => ({ title: 'A', description }),
    'POST /api/projects/:projectId/tasks#labels': (label) => ({ title: 'A', labels: ['fine', label] }),
    'PATCH /api/tasks/:taskId#title': (title) => ({ title }),
    'PATCH /api/tasks/:taskId#description': (description) => ({ description }),
    'PATCH /api/tasks/:taskId#labels': (label) => ({ labels: [label] }),
    'POST /api/projects/:projectId/vibes#name': (name) => ({ name }),
    'POST /api/projects/:projectId/vibes#theme': (theme) => ({ name: 'A', theme }),
    'POST /api/projects/:projectId/vibes#notes': (notes) => ({ name: 'A', notes }),
    'PATCH /api/vibes/:vibeId#name': (name) => ({ name }),
    'PATCH /api/vibes/:vibeId#theme': (theme) => ({ theme }),
    'PATCH /api/vibes/:vibeId#notes': (notes) => ({ notes }),
    'POST /api/vibes/:vibeId/cuts#name': (name) => ({ name }),
    'POST /api/vibes/:vibeId/cuts#timeSignature': (timeSignature) => ({ name: 'A', timeSignature }),
    'PATCH /api/cuts/:cutId#name': (name) => ({ name }),
    'PUT /api/cuts/:cutId/lyrics#text': (text) => ({ lyrics: [{ text }] }),
    'POST /api/cuts/:cutId/comments#body': (body) => ({ body }),
    'POST /api/tasks/:taskId/comments#body': (body) => ({ body }),
    'PATCH /api/comments/:commentId#body': (body) => ({ body }),
    'POST /api/comments/:commentId/replies#body': (body) => ({ body }),
    'POST /api/conversations#title': (title) => ({ memberIds: [editor.id, commenter.id], title }),
    'POST /api/conversations/:conversationId/messages#body': (body) => ({ body }),
    'PATCH /api/messages/:messageId#body': (body) => ({ body }),
    'POST /api/files/:fileId/markers#csv': (text) => ({ csv: `atMs,endMs,body\n1,,"${text.replaceAll('"', '""')}"` }),
  }
  const write = (key: string, body: unknown) => {
    const [verb = '', url = ''] = key.split('#')[0]?.split(' ') ?? []
    return owner.call<Record<string, unknown>>(verb, pathOf(url, ids), body)
  }

  it('A3 text that Postgres cannot store is refused in every field, and all other text comes back unchanged', async () => {
    const places = Object.keys(texts).map((key) => key.split('#')[0])
    // Names of files are cleaned: test/features/files/names.test.ts. Passwords are hashed.
    const withoutText = [
      '/files',
      '/files/:fileId',
      'login',
      'forgot',
      'reset',
      'logout',
      'refresh',
      'password',
      '/notifications/:notificationId',
      '/seen-all',
      '/notification-preferences',
      '/me/mail',
      '/shares',
      // Addresses, and names of events.
      '/webhooks',
      '/webhooks/:webhookId',
      '/replay',
      '/open',
      'move',
      '/state',
      '/carry',
      '/members/:userId',
      '/read',
    ]
    for (const endpoint of listed)
      if (endpoint.schema.body !== undefined && !withoutText.some((part) => endpoint.url.endsWith(part)))
        expect(places).toContain(keyOf(endpoint))

    for (const [key, body] of Object.entries(texts)) {
      for (const bad of ['a\u0000b', '\ud800', 'a\udc00b', '\ud83d\ud83d', '\udfb5\ud83c'])
        expect({ key, bad, answer: code(await write(key, body(bad))) }).toEqual({ key, bad, answer: '422 validation' })
      const fine = '𝄞 Ünïcödé ‮rtl‬ \u0001 e\u0301 👩‍👩‍👧 \\ " <b>'
      if (/email|avatarUrl|timeSignature/.test(key)) continue
      const answer = await write(key, body(fine))
      expect({ key, answer: answer.status }).toEqual({
        key,
        answer: expect.toSatisfy((status) => status === 200 || status === 201),
      })
      expect(JSON.stringify(answer.body)).toContain(JSON.stringify(fine).slice(1, -1))
    }
  })

  it('A3 numbers, times and types out of range are refused, never coerced', async () => {
    const task = `/api/projects/${ids.projectId}/tasks`
    const comment = `/api/cuts/${ids.cutId}/comments`
    const cut = `/api/vibes/${ids.vibeId}/cuts`
    const bad: [path: string, body: string][] = [
      ...['2147483648', '-1', '1.5', '1e21', '1e400', '"1"', 'true', '[]', '{}', '9007199254740993'].map(
        (atMs): [string, string] => [comment, `{"body":"x","atMs":${atMs}}`],
      ),
      [comment, '{"body":"x","endMs":5}'],
      [comment, '{"body":"x","atMs":6,"endMs":5}'],
      [comment, '{"body":"   "}'],
      [comment, '{"body":["x"]}'],
      [comment, `{"body":"${'x'.repeat(10_001)}"}`],
      ...['0', '-1', '1000', '1e400', '"120"', 'false'].map((bpm): [string, string] => [cut, `{"name":"x","bpm":${bpm}}`]),
      ...['"4"', '"4/3"', '"/4"', '"4/4\\n"', '44', '"123/4"'].map((time): [string, string] => [
        cut,
        `{"name":"x","timeSignature":${time}}`,
      ]),
      ...[
        '"2024-02-30T00:00:00Z"',
        '"2024-13-01T00:00:00Z"',
        '"2024-01-01"',
        '"2024-01-01T24:00:01Z"',
        '"2024-01-01T00:00:00"',
        '"tomorrow"',
        '0',
        '1e12',
        '"9999-12-31T23:59:59-23:59"',
        '"0000-01-01T00:00:00+01:00"',
        '"0000-01-01T00:00:00Z"',
        '"+010000-01-01T00:00:00Z"',
        '"-000001-01-01T00:00:00Z"',
      ].map((dueAt): [string, string] => [task, `{"title":"x","dueAt":${dueAt}}`]),
      [task, '{"title":"x","status":"later"}'],
      [task, '{"title":"x","labels":"a"}'],
      [task, '{"title":"x","labels":[null]}'],
      [task, `{"title":"x","labels":${JSON.stringify(Array(51).fill('a'))}}`],
      [task, `{"title":"x","assigneeId":"${randomUUID()}x"}`],
      [task, '{"title":"  "}'],
      [task, '{"title":null}'],
      [task, '{}'],
    ]
    const head = async () => (await owner.must<{ head: number }>('GET', `/api/projects/${ids.projectId}/events?limit=1`)).head
    const before = await head()
    for (const [path, body] of bad) {
      const answer = await send('POST', path, body)
      expect({ body, status: answer.status, code: answer.body.code }).toEqual({ body, status: 422, code: 'validation' })
      expect(answer.body.errors?.length).toBeGreaterThan(0)
    }
    for (const body of ['{}', '{"name":null}', '{"description":7}', '{"nothing":1}'])
      expect((await send('PATCH', `/api/projects/${ids.projectId}`, body)).body.code).toBe('validation')
    expect(await head()).toBe(before)
    const fine = await send('POST', task, '{"title":"x","dueAt":"2024-02-29T23:30:00.5+05:30","labels":[]}')
    expect(fine).toMatchObject({ status: 201, body: { dueAt: '2024-02-29T18:00:00.500Z' } })
    for (const dueAt of ['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'])
      expect((await send('POST', task, JSON.stringify({ title: 'x', dueAt }))).status).toBe(201)
  })

  it('A3 unknown and odd query parameters are refused', async () => {
    const { of } = unsubscribeTokens(app().config.jwtSecret)
    const mailToken = of({ userId: owner.id, kind: 'missed', projectId: null })
    for (const endpoint of listed.filter((each) => each.method === 'GET')) {
      const path = pathOf(
        endpoint.url,
        endpoint.url.includes('/invitations/') ? { ...ids, token: invitation } : { ...ids, mailToken },
      )
      const key = keyOf(endpoint)
      expect({ key, status: (await owner.call('GET', path)).status }).toEqual({ key, status: 200 })
      for (const query of ['nonsense=1', 'Limit=1', 'projectId=x', '__proto__=1'])
        expect({ key, query, answer: code(await owner.call('GET', `${path}?${query}`)) }).toEqual({
          key,
          query,
          answer: '422 validation',
        })
    }
    const limited = listed.filter((each) => each.schema.querystring !== undefined && 'limit' in each.schema.querystring.shape)
    expect(limited.length).toBeGreaterThan(6)
    for (const endpoint of limited) {
      const path = pathOf(endpoint.url, ids)
      const others: Record<string, number> = { events: 500, overview: 50, conversations: 50, search: 25 }
      const most = others[endpoint.url.split('/').at(-1) ?? ''] ?? 200
      for (const limit of ['0', `${most + 1}`, '-1', '1.5', '', 'ten', '1e9', 'Infinity', '1&limit=2', '%00'])
        expect({ path, limit, answer: code(await owner.call('GET', `${path}?limit=${limit}`)) }).toEqual({
          path,
          limit,
          answer: '422 validation',
        })
      for (const limit of [1, most])
        expect({ path, limit, status: (await owner.call('GET', `${path}?limit=${limit}`)).status }).toEqual({
          path,
          limit,
          status: 200,
        })
    }
    for (const after of ['-1', '1.5', 'x', '9007199254740993', '1&after=2'])
      expect((await owner.call('GET', `/api/projects/${ids.projectId}/events?after=${after}`)).status).toBe(422)
  })

  it('A3 a made-up cursor is refused by every list', async () => {
    const make = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
    const id = randomUUID()
    const bad = [
      'x',
      '%00',
      '%F0%9F%8E%B5',
      make('{}'),
      make('[]'),
      make('null'),
      make('['),
      make(['a']),
      make(['a', 'b']),
      make([1, id]),
      make(['a', id, 'c']),
      make(['a\u0000', id]),
      make('["\\ud800","00000000-0000-4000-8000-000000000000"]'),
      make(['x'.repeat(9_000), id]),
      make('['.repeat(300)),
      'x'.repeat(9_000),
    ]
    const paged = listed.filter((each) => each.schema.querystring !== undefined && 'cursor' in each.schema.querystring.shape)
    expect(paged.length).toBeGreaterThan(5)
    for (const endpoint of paged) {
      const path = pathOf(endpoint.url, ids)
      for (const cursor of bad)
        expect({ path, cursor, answer: code(await owner.call('GET', `${path}?cursor=${cursor}`)) }).toEqual({
          path,
          cursor,
          answer: '422 validation',
        })
      // With the name of the list, which anyone may copy: with anything beside it, a page or a refusal.
      await owner.must('POST', `/api/projects`, { name: 'A second row' })
      const few = 'limit' in (endpoint.schema.querystring?.shape ?? {}) ? '?limit=1' : ''
      const genuine = (await owner.must<{ nextCursor: string | null }>('GET', `${path}${few}`)).nextCursor
      const [list] = genuine === null ? [''] : (JSON.parse(Buffer.from(genuine, 'base64url').toString()) as string[])
      for (const key of [
        '',
        'a0',
        'zzzz',
        "' OR true --",
        '2024-01-01T00:00:00.000Z',
        'not a date',
        '+275760-09-13T00:00:00.001Z',
        '-000001-01-01',
      ])
        expect([200, 422], `${path} ${key}`).toContain(
          (await owner.call('GET', `${path}?cursor=${make([list, key, id])}`)).status,
        )
    }
  })

  it('W4 an Idempotency-Key that is not visible ASCII is refused, and nothing is written', async () => {
    const projects = async () => (await app().db.query('SELECT 1 FROM "Project"')).rowCount
    const before = await projects()
    for (const key of ['', 'a b', 'x'.repeat(256), 'é', 'a\tb', '"\u00a0"'])
      expect({ key, answer: code(await owner.call('POST', '/api/projects', { name: 'A' }, { 'idempotency-key': key })) }).toEqual(
        {
          key,
          answer: '400 bad-request',
        },
      )
    expect(await projects()).toBe(before)
    for (const key of ['x'.repeat(255), '"quoted"', '__proto__', "'; DROP TABLE"].map((each) => each.replaceAll(' ', '')))
      expect((await owner.call('POST', '/api/projects', { name: 'A' }, { 'idempotency-key': key })).status).toBe(201)
  })

  it('W6 an If-Match that is no version of the entity never matches', async () => {
    const path = `/api/vibes/${ids.vibeId}`
    const { version } = await owner.must<{ version: number }>('GET', path)
    for (const tag of [
      '',
      'x',
      `${version}`,
      `W/"${version}"`,
      `"${version + 1}"`,
      `"0${version}"`,
      '"*"',
      `"${version}`,
      '""',
      `'${version}'`,
    ])
      expect({ tag, answer: code(await owner.call('PATCH', path, { theme: 'never' }, { 'if-match': tag })) }).toEqual({
        tag,
        answer: '412 stale',
      })
    expect((await owner.must<{ theme: string }>('GET', path)).theme).not.toBe('never')
    expect((await owner.call('PATCH', path, { theme: 'a' }, { 'if-match': `"99999", "${version}"` })).status).toBe(200)
    expect((await owner.call('PATCH', path, { theme: 'b' }, { 'if-match': '*' })).status).toBe(200)
  })

  it('A3 S11 bytes that are not HTTP close the connection', () =>
    besides(async () => {
      const good = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
      const garbage = [
        'GARBAGE\r\n\r\n',
        'GET / HTTP/9.9\r\n\r\n',
        '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
        '\x00'.repeat(1000),
        `${good}\x00\x01\x02 garbage\r\n\r\n`,
        'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
        'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
        'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
        'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
        `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`,
        `GET /healthz HTTP/1.1\r\nHost: x\r\n${'X: a\r\n'.repeat(20_000)}\r\n`,
        'GET /healthz HTTP/1.1\r\n\r\n',
        'CONNECT elsewhere:1 HTTP/1.1\r\nHost: x\r\n\r\n',
        'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
        'GET /nowhere HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n',
      ]
      const port = Number(new URL(app().url).port)
      const speak = (text: string) =>
        new Promise<string>((resolve) => {
          const socket = createConnection(port, '127.0.0.1')
          let heard = ''
          socket.on('data', (data) => {
            heard += data.toString('latin1')
          })
          socket.on('error', () => {})
          socket.on('close', () => resolve(heard))
          socket.write(text, 'latin1')
        })
      const answers = await Promise.all(garbage.map(speak))
      for (const [i, heard] of answers.entries()) {
        const statuses = [...heard.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]))
        expect({ sent: garbage[i]?.slice(0, 60), served: statuses.filter((status) => status < 400) }).toEqual({
          sent: garbage[i]?.slice(0, 60),
          served: [],
        })
      }
      // Two good requests in one packet, then none: both are served, in order.
      expect([
        ...(await speak(`${good}${good.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`)).matchAll(/HTTP\/1\.1 200/g),
      ]).toHaveLength(2)
    }))
})

describe('bad input over sockets', () => {
  /** A socket that is let in, and then sends anything. */
  async function admitted(person: Person): Promise<Raw> {
    const raw = await openRaw(app())
    raw.ws.send(`40${JSON.stringify({ token: person.token })}`)
    await until('connected', () => raw.events().some(({ name }) => name === 'connected'))
    return raw
  }
  const ask = (raw: Raw, id: number, name: string, payload: unknown) => raw.ws.send(`42${id}${JSON.stringify([name, payload])}`)
  const placeholder = '{"_placeholder":true,"num":0}'
  const deep = '['.repeat(25_000) + ']'.repeat(25_000)

  it('D5 S11 a socket that breaks the protocol is closed; its neighbours receive everything', () =>
    besides(async () => {
      const breaches: (string | Buffer)[][] = [
        ...['', '9', 'x', '2', '2probe', 'b', 'bAAAA', '4', '4{', '40', '40{}', '46', '47'].map((packet) => [packet]),
        ...['42{', '42[', '42["x"', '42[]', '42[null,{}]', '42[["a"]]', '42{"a":1}', '42-1["x"]', '42/other,["x"]'].map(
          (packet) => [packet],
        ),
        ...['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'].map((name) => [
          `42["${name}"]`,
        ]),
        ['44{"message":"x"}'],
        // Attachments: none, too many, absurdly many, not there, of another number, not announced. And any at all.
        [`451-["x",${placeholder}]`],
        [`451-["presence:set",${placeholder}]`, Buffer.alloc(60_000)],
        [`461-1[${placeholder}]`],
        ['45'],
        ['45-["x"]'],
        ['450-["x"]'],
        [`4511-["x",${placeholder}]`],
        [`451000000-["x",${placeholder}]`],
        ['4599999999999999999999-["x"]'],
        [`451-["x",${placeholder}]`, '42["x"]'],
        ['451-["x",{"_placeholder":true,"num":5}]', Buffer.from('a')],
        [`451-["x",{"_placeholder":true,"num":"length"}]`, Buffer.from('a')],
        [Buffer.from('hello')],
        [Buffer.alloc(0)],
        // Sizes: one more than 64 KiB.
        [`42["x","${'y'.repeat(64 * 1024)}"]`],
        [Buffer.alloc(64 * 1024 + 1)],
        [`451-["x",${placeholder}]`, Buffer.alloc(64 * 1024 + 1)],
      ]
      await Promise.all(
        breaches.map(async (packets) => {
          const raw = await admitted(editor)
          for (const packet of packets) raw.ws.send(packet)
          await until(`hung up on ${packets.map((packet) => packet.slice(0, 40))}`, () => raw.closed())
        }),
      )
      // Text that is no UTF-8, and frames that are none.
      const torn = await admitted(editor)
      torn.ws.send(Buffer.from([0x34, 0xff, 0xfe, 0xfd]), { binary: false })
      await until('hung up on torn text', () => torn.closed())
      const { host, port } = new URL(app().url)
      const socket = createConnection(Number(port), '127.0.0.1')
      const closed = new Promise((resolve) => socket.on('close', resolve))
      socket.on('error', () => {})
      socket.write(
        `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
      )
      socket.once('data', () => socket.write(Buffer.alloc(300, 0xff)))
      await closed
    }))

  it('A2 a malformed handshake gives no connection', () =>
    besides(async () => {
      const greetings = [
        '40',
        '40{}',
        '40[]',
        '40"token"',
        '40null',
        '40{"token"',
        '40{"token":null}',
        '40{"token":{"toString":"x"}}',
        `40{"token":["${editor.token}"]}`,
        `40{"TOKEN":"${editor.token}"}`,
        `40{"__proto__":{"token":"${editor.token}"}}`,
        `40{"token":"${'x'.repeat(60_000)}"}`,
        `40{"token":"\u0000${editor.token}"}`,
        `40{"token":${deep}}`,
        `40{"sid":"${'x'.repeat(20)}","pid":"x","offset":"x"}`,
        `42["join:project",{"projectId":"${ids.projectId}"}]`,
      ]
      await Promise.all(
        greetings.map(async (greeting) => {
          const raw = await openRaw(app())
          raw.ws.send(greeting)
          await until(
            `refused: ${greeting.slice(0, 40)}`,
            () => raw.closed() || raw.packets.some((packet) => packet.startsWith('44')),
          )
          expect(raw.packets.filter((packet) => /^4[02]/.test(packet))).toEqual([])
        }),
      )
    }))

  it('D5 unknown packets that break nothing are ignored, and the next request is answered', () =>
    besides(async () => {
      const odd: (string | Buffer)[][] = [
        ...['42', '42[1]', '42["error"]', '42["error",{"message":"x"}]', '42/,["x"]', '43', '43[]', '43999[1]', '3', '6'].map(
          (packet) => [packet],
        ),
        [`42["x",${deep}]`],
        [`42[${'0,'.repeat(20_000)}0]`],
        ['42["join:project"]'],
        ['42["typing",null,null,null]'],
        ['42["leave:project",{}]'],
      ]
      await Promise.all(
        odd.map(async (packets) => {
          const raw = await admitted(editor)
          for (const packet of packets) raw.ws.send(packet)
          ask(raw, 50, 'leave:project', { projectId: ids.projectId })
          await until(`an answer after ${packets.map((packet) => packet.slice(0, 40))}`, () => raw.ack(50) !== undefined)
          expect(raw.ack(50)).toEqual({ ok: true })
        }),
      )
    }))

  it('A3 S10 every socket request that does not fit its schema is answered with a problem', () =>
    besides(async () => {
      const raw = await admitted(editor)
      const questions: [packet: string, code: string][] = [
        ...[
          'nope',
          '__proto__',
          'constructor',
          'toString',
          'hasOwnProperty',
          'message',
          'JOIN:PROJECT',
          'connected',
          'task:created',
          '',
        ].map((name): [string, string] => [`["${name}",{}]`, 'bad-request']),
        ['[7,{}]', 'bad-request'],
        ['["join:project"]', 'validation'],
        ['["join:project",null]', 'validation'],
        ['["join:project",[]]', 'validation'],
        [`["join:project","${ids.projectId}"]`, 'validation'],
        [`["join:project",{"projectId":"${ids.projectId}","after":-1}]`, 'validation'],
        [`["join:project",{"projectId":"${ids.projectId}","after":1e400}]`, 'validation'],
        [`["join:project",{"projectId":"${ids.projectId}","after":"0"}]`, 'validation'],
        [`["join:project",{"projectId":"${ids.projectId}","epoch":"${'x'.repeat(101)}"}]`, 'validation'],
        [`["join:project",{"projectId":"${ids.projectId}","role":"owner"}]`, 'validation'],
        [`["join:project",{"projectId":${deep}}]`, 'bad-request'],
        [`["join:project",${deep}]`, 'bad-request'],
        [`["presence:set",{"projectId":"${ids.projectId}","state":"busy"}]`, 'validation'],
        [`["presence:set",{"projectId":"${ids.projectId}","state":{"a":"${'x'.repeat(1_100)}"}}]`, 'validation'],
        [`["presence:set",{"projectId":"${ids.projectId}","state":{"${'k'.repeat(101)}":1}}]`, 'validation'],
        [`["presence:set",{"projectId":"${ids.projectId}","state":{"a":${deep}}}]`, 'bad-request'],
        ['["typing",{"__proto__":{"polluted":true}}]', 'validation'],
        ['["typing",{"constructor":{"prototype":{"polluted":true}}}]', 'validation'],
        [`["typing",{"projectId":"${ids.projectId}","targetId":"x","isTyping":true}]`, 'validation'],
        [`["typing",{"projectId":"${ids.projectId}","targetId":"${ids.cutId}","isTyping":"yes"}]`, 'validation'],
        [`["chat:typing",{"conversationId":"${ids.conversationId}","isTyping":"yes"}]`, 'validation'],
        [`["chat:typing",{"conversationId":"${ids.projectId}","isTyping":true}]`, 'not-found'],
        ['["session:refresh",{"token":7}]', 'validation'],
        ['["session:refresh",{"token":"\\u0000"}]', 'token-invalid'],
        [`["presence:set",{"projectId":"${ids.projectId}","state":{}}]`, 'forbidden'],
        [`["typing",{"projectId":"${ids.projectId}","targetId":"${ids.cutId}","isTyping":true}]`, 'forbidden'],
      ]
      for (const [i, [packet]] of questions.entries()) raw.ws.send(`42${i}${packet}`)
      await until('all answers', () => questions.every((_, i) => raw.ack(i) !== undefined))
      for (const [i, [packet, expected]] of questions.entries()) {
        const answer = raw.ack(i) as { ok: boolean; error: Problem }
        expect({ packet: packet.slice(0, 80), ok: answer.ok, code: answer.error.code }).toEqual({
          packet: packet.slice(0, 80),
          ok: false,
          code: expected,
        })
      }
      expect(({} as Record<string, unknown>).polluted).toBeUndefined()
      const wide = `{${Array.from({ length: 5_000 }, (_, n) => `"k${n}":0`).join()}}`
      raw.ws.send(`4299["typing",${wide}]`)
      await until('the answer', () => raw.ack(99) !== undefined)
      expect(JSON.stringify(raw.ack(99)).length).toBeLessThan(10_000)
    }))

  it('P1 a presence state is passed on as data, whatever its keys', async () => {
    const [listener, raw] = await Promise.all([connect(app(), owner), admitted(editor)])
    await listener.join(ids.projectId)
    ask(raw, 1, 'join:project', { projectId: ids.projectId })
    await until('joined', () => raw.ack(1)?.ok === true)
    const state = '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"note":"\\u0000 \\ud800"}'
    raw.ws.send(`422["presence:set",{"projectId":"${ids.projectId}","state":${state}}]`)
    await until('answered', () => raw.ack(2) !== undefined)
    const told = () =>
      listener.frames.flatMap(({ name, payload }) =>
        name === 'presence:changed' ? (payload.present as { user: { id: string }; state: Record<string, unknown> | null }[]) : [],
      )
    await until('passed on', () => told().some(({ user, state }) => user.id === editor.id && state !== null))
    expect(told().at(-1)?.state?.note).toBe('\u0000 \ud800')
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it('D5 S13 a socket that floods is refused with Retry-After; others are served', () =>
    besides(async () => {
      const [raw, neighbour] = await Promise.all([admitted(editor), connect(app(), owner)])
      for (let n = 0; n < 450; n++) ask(raw, n, n % 3 ? 'leave:project' : 'nope', { projectId: ids.projectId })
      expect(await neighbour.ask('leave:project', { projectId: randomUUID() })).toMatchObject({ ok: true })
      const answers = () =>
        raw.packets.filter((packet) => packet.startsWith('43')).map((packet) => JSON.parse(packet.replace(/^43\d+/, ''))[0])
      await until('all answers', () => answers().length === 450)
      const limited = answers().filter((answer) => answer.error?.code === 'rate-limited')
      expect(limited.length).toBeGreaterThan(300)
      expect(limited.length).toBeLessThanOrEqual(350)
      for (const { error } of limited) expect(error).toMatchObject({ status: 429, retryAfter: 1 })
      for (let n = 0; n < 100; n++) expect(raw.ack(n)).not.toMatchObject({ error: { code: 'rate-limited' } })
      // And served again after a while.
      let id = 2_000
      await until('heard again', async () => {
        const now = ++id
        ask(raw, now, 'leave:project', { projectId: ids.projectId })
        await until('an answer', () => raw.ack(now) !== undefined)
        return raw.ack(now)?.ok === true
      })
    }))

  it('D1 a client that sends join:project without asking for an ack is served', async () => {
    const raw = await admitted(editor)
    raw.ws.send(`42${JSON.stringify(['join:project', { projectId: ids.projectId }])}`)
    const standing = () =>
      [...app().app.io.of('/').sockets.values()].some((socket) => socket.rooms.has(`project:${ids.projectId}`))
    await until('it stands in the room', standing)
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${ids.projectId}/tasks`, { title: 'heard' })
    await until('the event', () => raw.events().some(({ name, payload }) => name === 'task:created' && payload.id === task.id))
    raw.ws.send(`42${JSON.stringify(['leave:project', { projectId: ids.projectId }])}`)
    await until('it left', () => !standing())
  })

  it('D5 two hundred connects and disconnects leave nothing behind', async () => {
    const projects = [ids.projectId]
    for (let n = 0; n < 3; n++)
      projects.push((await editor.must<{ id: string }>('POST', '/api/projects', { name: `No ${n}` })).id)
    const baseline = app().app.rooms.counts()
    const tabs = await Promise.all(Array.from({ length: 10 }, () => connect(app(), editor)))
    const acks = await Promise.all(
      tabs.flatMap((tab, t) =>
        Array.from({ length: 20 }, (_, n) => {
          const projectId = projects[(n * 7 + t) % projects.length]
          const order = (n * 31 + t * 17) % 5
          if (order < 2) return tab.ask('leave:project', { projectId })
          return tab.ask('join:project', { projectId, ...(order === 3 && { after: 0 }), ...(order === 4 && { after: 1e9 }) })
        }),
      ),
    )
    expect(acks).toHaveLength(200)
    for (const ack of acks) if (!ack.ok) expect(ack.error?.code).toBe('superseded')
    expect(acks.filter(({ ok }) => ok).length).toBeGreaterThan(80)
    // One after the other now, so that the last word counts.
    for (const tab of tabs)
      for (const projectId of projects) expect(await tab.ask('leave:project', { projectId })).toEqual({ ok: true })
    expect(app().app.rooms.counts()).toEqual({ ...baseline, sockets: baseline.sockets + 10, feeds: baseline.feeds + 1 })
    for (const { socket } of tabs) socket.close()
    await until('nothing is left', () => JSON.stringify(app().app.rooms.counts()) === JSON.stringify(baseline))
  })

  it('D5 S12 a connection that sends nothing is closed', () =>
    besides(async () => {
      const silent = await Promise.all(Array.from({ length: 50 }, () => openRaw(app())))
      const person = await register(app(), 'Late')
      expect((await owner.call('GET', '/api/me')).status).toBe(200)
      const late = await connect(app(), person)
      await until('all hung up', () => silent.every((raw) => raw.closed()), 7_000)
      expect(late.socket.connected).toBe(true)
    }))

  it('A3 long polling by hand meets the same checks', async () => {
    const poll = (query: string, init: RequestInit = {}) => fetch(`${app().url}/socket.io/?${query}`, init)
    const refused: [query: string, code: number][] = [
      ['', 0],
      ['transport=polling', 5],
      ['EIO=3&transport=polling', 5],
      ['EIO=4&transport=carrier-pigeon', 0],
      ['EIO=4&transport=__proto__', 0],
      ['EIO=4&transport=polling&sid=nobody', 1],
      ['EIO=4&transport=polling&sid=__proto__', 1],
    ]
    for (const [query, expected] of refused) {
      const response = await poll(query)
      expect({ query, status: response.status, ...((await response.json()) as object) }).toMatchObject({
        query,
        status: 400,
        code: expected,
      })
    }
    const opened = (await (await poll('EIO=4&transport=polling')).text()).slice(1)
    const { sid } = JSON.parse(opened) as { sid: string }
    const speak = (body: string) => poll(`EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body })
    expect((await speak('x'.repeat(64 * 1024 + 1))).status).toBe(413)
    await speak('garbage')
    expect((await poll(`EIO=4&transport=polling&sid=${sid}`)).status).toBe(400)
    expect((await fetch(`${app().url}/healthz`)).status).toBe(200)
  })
})
