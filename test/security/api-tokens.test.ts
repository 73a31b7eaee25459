import { randomUUID } from 'node:crypto'
import type { ApiToken, Problem, Project, SessionState } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { apiTokens } from '../../src/http/api-tokens.ts'
import { startApp, useApp } from '../support/app.ts'
import { upTo } from '../support/log.ts'
import {
  addMember,
  createCut,
  createProject,
  createTeam,
  login,
  PASSWORD,
  type Person,
  register,
  request,
} from '../support/people.ts'
import { connect, open } from '../support/sockets.ts'
import { until } from '../support/until.ts'

type NewToken = ApiToken & { token: string }

const code = (answer: { status: number; body: unknown }) => `${answer.status} ${(answer.body as Problem | undefined)?.code}`

describe('API tokens', () => {
  const app = useApp()

  const create = (person: Person, input: Partial<ApiToken> = {}) =>
    person.must<NewToken>('POST', '/api/me/tokens', { name: 'Bot', role: 'owner', ...input })
  /** Calls by a token. */
  const by = (token: string, method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    request<Record<string, unknown> | undefined>(app().url, method, path, { token, body, ...(headers && { headers }) })
  async function refusal(options: Parameters<typeof open>[1], at = app()) {
    const { socket } = open(at, options)
    const error = await new Promise<Error & { data?: Problem }>((resolve, reject) => {
      socket.once('connect_error', resolve)
      socket.once('connected', () => reject(new Error('it was let in')))
    })
    return error.data?.code
  }

  it('A3 a token is shown once; the database and the list hold neither it nor a way to it', async () => {
    const ann = await register(app())
    const key = { 'idempotency-key': randomUUID() }
    const answer = await ann.call<NewToken>('POST', '/api/me/tokens', { name: 'Build', role: 'viewer' }, key)
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([201, 'no-store'])
    const made = answer.body
    expect(made).toEqual({
      id: expect.any(String),
      name: 'Build',
      role: 'viewer',
      projectIds: null,
      createdAt: expect.any(String),
      lastUsedAt: null,
      expiresAt: null,
      token: expect.stringMatching(/^cutroom_[\w-]{94}$/),
    })
    // A repeated request has the same answer, and made no second token.
    expect(await ann.must('POST', '/api/me/tokens', { name: 'Build', role: 'viewer' }, key)).toEqual(made)
    const { token, ...shown } = made
    expect(await ann.must('GET', '/api/me/tokens')).toEqual({ data: [shown] })
    const { rows } = await app().db.query<{ all: string }>(
      `SELECT concat((SELECT json_agg(s) FROM "Session" s), (SELECT json_agg(k) FROM "IdempotencyKey" k),
        (SELECT json_agg(e) FROM "Event" e)) AS all`,
    )
    expect(rows[0]?.all).toContain(made.id)
    expect(rows[0]?.all).not.toContain(token.slice(8, 40))
    const sessions = await ann.must<{ data: { id: string }[] }>('GET', '/api/me/sessions')
    expect(sessions.data.map(({ id }) => id)).not.toContain(made.id)
    expect(code(await ann.call('DELETE', `/api/me/sessions/${made.id}`))).toBe('404 not-found')
    await by(token, 'GET', '/api/me')
    const [used] = (await ann.must<{ data: ApiToken[] }>('GET', '/api/me/tokens')).data
    expect(Date.parse(used?.lastUsedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(made.createdAt))
  })

  it('S6 made-up tokens, and tokens in cookies and addresses, are none', async () => {
    const [ann, bob] = await Promise.all([register(app()), register(app(), 'Bob')])
    const { id, token } = await create(ann)
    const never = Number.POSITIVE_INFINITY
    const strange = apiTokens('another secret, as long as it has to be')
    const ours = apiTokens(app().config.jwtSecret)
    const last = token.at(-1) === 'A' ? 'B' : 'A'
    const wrong = {
      cut: token.slice(0, -1),
      longer: `${token}A`,
      'last character': token.slice(0, -1) + last,
      'another secret': strange.of({ sessionId: id, userId: ann.id, expiresAt: never }),
      padded: `${token}=`,
      'prefix alone': 'cutroom_',
    }
    for (const [title, text] of Object.entries(wrong)) {
      expect({ title, answer: code(await by(text, 'GET', '/api/me')) }).toEqual({ title, answer: '401 token-invalid' })
      expect(await refusal({ auth: { token: text } })).toBe('token-invalid')
    }
    // The server's own secret, with words that are not in the database.
    for (const claims of [
      { sessionId: id, userId: bob.id, expiresAt: never },
      { sessionId: randomUUID(), userId: ann.id, expiresAt: never },
    ])
      expect(code(await by(ours.of(claims), 'GET', '/api/me'))).toBe('401 session-revoked')
    const cookie = { cookie: `cutroom_access=${token}` }
    expect(code(await request(app().url, 'GET', '/api/me', { headers: cookie }))).toBe('401 token-invalid')
    expect(code(await request(app().url, 'POST', '/api/auth/logout', { headers: cookie }))).toBe('401 token-invalid')
    expect(await refusal({ extraHeaders: cookie })).toBe('token-invalid')
    expect(await refusal({ query: { token } })).toBe('token-missing')
    expect(code(await request(app().url, 'POST', '/api/auth/refresh', { body: { refreshToken: token } }))).toBe(
      '401 token-invalid',
    )
    expect((await by(token, 'GET', '/api/me')).status).toBe(200)
  })

  it('A4 projects outside a token’s scope are not found, and not in its list, over REST and sockets', async () => {
    const ann = await register(app())
    const [inside, outside] = [await createProject(ann, 'Inside'), await createProject(ann, 'Outside')]
    const { cut } = await createCut(ann, outside.id)
    const { token } = await create(ann, { role: 'editor', projectIds: [inside.id] })
    const listed = await by(token, 'GET', '/api/projects')
    expect(listed.body?.data).toEqual([expect.objectContaining({ id: inside.id, role: 'editor' })])
    const unknown = await by(token, 'GET', `/api/projects/${randomUUID()}`)
    for (const [method, path, body] of [
      ['GET', `/api/projects/${outside.id}`],
      ['GET', `/api/projects/${outside.id}/snapshot`],
      ['GET', `/api/projects/${outside.id}/events`],
      ['GET', `/api/cuts/${cut.id}`],
      ['PATCH', `/api/cuts/${cut.id}`, { bpm: 99 }],
      ['POST', `/api/cuts/${cut.id}/comments`, { body: 'here' }],
      ['GET', `/api/projects/${outside.id}/members/${ann.id}`],
      ['DELETE', `/api/projects/${outside.id}/members/${ann.id}`],
    ] as const) {
      const answer = await by(token, method, path, body)
      expect({ path, ...answer.body, requestId: '' }).toEqual({ path, ...unknown.body, requestId: '' })
    }
    expect(code(await by(token, 'POST', `/api/cuts/${cut.id}/move`, { vibeId: randomUUID(), after: null }))).toBe('404 not-found')
    const bot = await connect(app(), { token })
    expect(await bot.join(inside.id)).toMatchObject({ ok: true, role: 'editor' })
    for (const position of [{}, { after: 0 }])
      expect(await bot.join(outside.id, position)).toMatchObject({ ok: false, error: { code: 'not-found' } })
    await ann.must('PATCH', `/api/projects/${outside.id}`, { name: 'Secret' })
    await ann.must('PATCH', `/api/projects/${inside.id}`, { name: 'Open' })
    await until('an event of the project', () => bot.events().length > 0)
    expect(bot.events().map(({ meta }) => meta.room)).toEqual([`project:${inside.id}`])
  })

  it('A3 what a person wrote last opens nothing to their token, nor what one token wrote to another', async () => {
    const { owner, project } = await createTeam(app())
    const { cut } = await createCut(owner, project.id)
    const other = await createProject(owner, 'Other')
    const reading = await create(owner, { role: 'viewer' })
    const writing = await create(owner, { role: 'commenter', projectIds: [project.id] })
    const elsewhere = await create(owner, { projectIds: [other.id] })
    const path = `/api/cuts/${cut.id}/comments`
    for (let n = 0; n < 3; n++) {
      expect((await by(owner.token, 'POST', path, { body: 'mine' })).status).toBe(201)
      expect((await by(writing.token, 'POST', path, { body: 'by the bot' })).status).toBe(201)
      expect(code(await by(reading.token, 'POST', path, { body: 'no' }))).toBe('403 forbidden')
      expect(code(await by(elsewhere.token, 'POST', path, { body: 'no' }))).toBe('404 not-found')
      expect(code(await by(writing.token, 'POST', `/api/vibes/${randomUUID()}/cuts`, { name: 'no' }))).toBe('404 not-found')
    }
    // A role that sinks below the token's counts, also after a write whose scope is remembered.
    const { editor, project: second, ...people } = await createTeam(app(), 'editor')
    const cutOfSecond = (await createCut(people.owner, second.id)).cut
    const bot = await create(editor, { role: 'owner' })
    const there = `/api/cuts/${cutOfSecond.id}/comments`
    expect((await by(bot.token, 'POST', there, { body: 'as editor' })).status).toBe(201)
    expect(code(await by(bot.token, 'DELETE', `/api/projects/${second.id}`))).toBe('403 forbidden')
    await people.owner.must('PATCH', `/api/projects/${second.id}/members/${editor.id}`, { role: 'viewer' })
    expect(code(await by(bot.token, 'POST', there, { body: 'no more' }))).toBe('403 forbidden')
    await people.owner.must('DELETE', `/api/projects/${second.id}/members/${editor.id}`)
    expect(code(await by(bot.token, 'POST', there, { body: 'no more' }))).toBe('404 not-found')
  })

  it('W4 an Idempotency-Key of a person or of another token gives a token no answer', async () => {
    const ann = await register(app())
    const [inside, outside] = [await createProject(ann, 'Inside'), await createProject(ann, 'Outside')]
    const narrow = await create(ann, { projectIds: [inside.id] })
    const wide = await create(ann)
    const key = { 'idempotency-key': 'the-same' }
    const path = `/api/projects/${outside.id}/vibes`
    const first = await ann.must<{ id: string }>('POST', path, { name: 'Secret' }, key)
    expect(code(await by(narrow.token, 'POST', path, { name: 'Secret' }, key))).toBe('404 not-found')
    const second = await by(wide.token, 'POST', path, { name: 'Secret' }, key)
    expect(second.body?.id).not.toBe(first.id)
    expect(await by(wide.token, 'POST', path, { name: 'Secret' }, key)).toMatchObject({
      status: 201,
      body: { id: second.body?.id },
    })
    expect(await ann.must('POST', path, { name: 'Secret' }, key)).toMatchObject({ id: first.id })
    const { rows } = await app().db.query(`SELECT DISTINCT "mutationId" FROM "Event" WHERE room = $1`, [`project:${outside.id}`])
    expect(rows).toEqual([{ mutationId: 'the-same' }])
    expect(code(await by(narrow.token, 'POST', '/api/projects', { name: 'New' }))).toBe('403 forbidden')
  })

  it('A2 an ended token stops at once, on every node; logins and other tokens go on', async () => {
    const second = await startApp({ databaseUrl: app().databaseUrl })
    try {
      const { owner, project } = await createTeam(app())
      const [ended, other] = [await create(owner), await create(owner)]
      const bots = await Promise.all([connect(app(), ended), connect(second, ended)])
      const rest = await Promise.all([connect(app(), other), connect(second, other), connect(second, owner)])
      for (const bot of [...bots, ...rest]) expect(await bot.join(project.id)).toMatchObject({ ok: true })
      const gone = bots.map(({ socket }) => new Promise<string>((resolve) => socket.once('disconnect', resolve)))
      await owner.must('DELETE', `/api/me/tokens/${ended.id}`)
      expect(code(await by(ended.token, 'GET', '/api/me'))).toBe('401 session-revoked')
      expect(code(await by(ended.token, 'POST', `/api/projects/${project.id}/vibes`, { name: 'no' }))).toBe('401 session-revoked')
      expect(await Promise.all(gone)).toEqual(['io server disconnect', 'io server disconnect'])
      for (const bot of bots) expect(bot.frames.at(-1)).toMatchObject({ name: 'session:expired', payload: { reason: 'revoked' } })
      expect(await refusal({ auth: { token: ended.token } })).toBe('session-revoked')
      await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'After' })
      for (const bot of rest) await until('an event of the project', () => bot.events(`project:${project.id}`).length > 0)
      for (const bot of bots) expect(bot.events()).toEqual([])
      expect(rest[2]?.events(`user:${owner.id}`).at(-1)).toMatchObject({
        name: 'session:revoked',
        payload: { sessionId: ended.id, reason: 'ended' },
      })
      const { data } = await owner.must<{ data: ApiToken[] }>('GET', '/api/me/tokens')
      expect(data.map(({ id }) => id)).toEqual([other.id])
      expect(code(await owner.call('DELETE', `/api/me/tokens/${ended.id}`))).toBe('404 not-found')
      const stranger = await register(app(), 'Sam')
      expect(code(await stranger.call('DELETE', `/api/me/tokens/${other.id}`))).toBe('404 not-found')
    } finally {
      await second.close()
    }
  })

  it('U3 a new password ends the tokens of an account; a logout, of one session or all, does not', async () => {
    const ann = await register(app())
    const { id, token } = await create(ann)
    const sessions = await ann.must<{ data: { id: string; current: boolean }[] }>('GET', '/api/me/sessions')
    expect(sessions.data).toHaveLength(1)
    expect(code(await ann.call('DELETE', `/api/me/tokens/${sessions.data[0]?.id}`))).toBe('404 not-found')
    await (await login(app(), ann)).must('POST', '/api/auth/logout')
    await ann.must('POST', '/api/auth/logout-all')
    expect((await by(token, 'GET', '/api/me')).status).toBe(200)
    const again = await login(app(), ann)
    expect((await again.must<{ data: ApiToken[] }>('GET', '/api/me/tokens')).data.map((each) => each.id)).toEqual([id])
    await again.must('PUT', '/api/me/password', { current: PASSWORD, next: 'another battery horse' })
    expect(code(await by(token, 'GET', '/api/me'))).toBe('401 session-revoked')
    expect(await again.must('GET', '/api/me/tokens')).toEqual({ data: [] })
  })

  it('A5 a token hears nothing of its person’s own room, and shows them neither online nor present', async () => {
    const { owner, viewer, project } = await createTeam(app(), 'viewer')
    const { token } = await create(viewer, { role: 'viewer' })
    const watching = await connect(app(), owner)
    await watching.join(project.id)
    const bot = await connect(app(), { token })
    expect(bot.frames[0]).toMatchObject({ name: 'connected', payload: { userId: viewer.id, head: 0 } })
    const joined = await bot.join(project.id)
    expect(joined).toMatchObject({ ok: true, role: 'viewer' })
    expect(joined.presence.map(({ user }) => user.id)).toEqual([owner.id])
    const { epoch } = joined
    expect(await bot.ask('join:user', { after: 0, epoch })).toMatchObject({ ok: true, head: 0, mode: 'resumed' })
    expect(await bot.ask('join:user', { after: 1, epoch })).toMatchObject({ ok: true, head: 0, mode: 'reset' })
    expect(await bot.ask('join:user', {})).toMatchObject({ ok: true, head: 0, mode: 'live' })
    const another = await createProject(owner, 'Another')
    await addMember(owner, another.id, viewer, 'viewer')
    await viewer.must<Project>('POST', '/api/projects', { name: 'Own' })
    await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'After' })
    await until('an event of the project', () => bot.events(`project:${project.id}`).length > 0)
    expect(bot.events(`user:${viewer.id}`)).toEqual([])
    const presences = watching.frames.filter(({ name }) => name === 'presence:changed' || name === 'chat:presence')
    expect(JSON.stringify(presences)).not.toContain(viewer.id)
    // Nor does a change of the role that is beyond the token's.
    await owner.must('PATCH', `/api/projects/${project.id}/members/${viewer.id}`, { role: 'editor' })
    await until('the change of the role', () => bot.events().some(({ name }) => name === 'member:updated'))
    expect(await bot.ask('typing', { projectId: project.id, targetId: project.id, isTyping: true })).toMatchObject({
      error: { code: 'forbidden' },
    })
  })

  it('A2 a token with an end expires: over REST, in the handshake, and for an open socket', async () => {
    const ann = await register(app())
    const expiresAt = new Date(Date.now() + 2_500).toISOString()
    const { token } = await create(ann, { expiresAt })
    const bot = await connect(app(), { token })
    const closed = new Promise<string>((resolve) => bot.socket.once('disconnect', resolve))
    expect((await by(token, 'GET', '/api/me')).status).toBe(200)
    expect(await closed).toBe('transport close')
    expect(bot.frames.at(-1)).toMatchObject({ name: 'session:expired', payload: { reason: 'expired' } })
    expect(code(await by(token, 'GET', '/api/me'))).toBe('401 token-expired')
    expect(await refusal({ auth: { token } })).toBe('token-expired')
    const state = await request<SessionState>(app().url, 'GET', '/api/session', { token })
    expect(state.body).toEqual({ user: null, refreshable: false, registration: 'open' })
    expect(await ann.must('GET', '/api/me/tokens')).toEqual({ data: [] })
    for (const body of [{ expiresAt: '2001-01-01T00:00:00Z' }, { expiresAt: 'tomorrow' }, { role: 'admin' }, { projectIds: [] }])
      expect(code(await ann.call('POST', '/api/me/tokens', { name: 'Bot', ...body }))).toBe('422 validation')
  })

  it('B1 a person has at most 50 tokens, also when they ask for more at once; a foreign project is none of theirs', async () => {
    const [ann, bob] = await Promise.all([register(app()), register(app(), 'Bob')])
    const foreign = await createProject(bob)
    for (const id of [foreign.id, randomUUID()]) {
      const refused = await ann.call<Problem>('POST', '/api/me/tokens', { name: 'Bot', projectIds: [id] })
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ pointer: '/projectIds/0', code: 'not-found' }] } })
    }
    const create = (count: number) =>
      Promise.all(upTo(count).map((n) => ann.call('POST', '/api/me/tokens', { name: `Bot ${n}` })))
    for (let there = 0; there < 40; there += 10)
      expect((await create(10)).map(({ status }) => status)).toEqual(Array(10).fill(201))
    const answers = await create(20)
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(10)
    expect(new Set(answers.map(code).filter((each) => !each.startsWith('201')))).toEqual(new Set(['409 too-many']))
    const { data } = await ann.must<{ data: ApiToken[] }>('GET', '/api/me/tokens')
    expect(data).toHaveLength(50)
    await ann.must('DELETE', `/api/me/tokens/${data[0]?.id}`)
    expect((await ann.call('POST', '/api/me/tokens', { name: 'One more' })).status).toBe(201)
  })
})
