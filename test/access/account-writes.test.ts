import { randomUUID } from 'node:crypto'
import type { Problem } from '@cutroom/contract'
import { hash } from '@node-rs/argon2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { claimsOf } from '../support/calls.ts'
import { createTeam, login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { until } from '../support/until.ts'

const code = (answer: { status: number; body: unknown }) => `${answer.status} ${(answer.body as Problem | undefined)?.code}`
const app = useApp()

const isOpen = async (token: string) => (await request(app().url, 'GET', '/api/me', { token })).status === 200
const loginWith = (email: string, password: string) =>
  request<{ accessToken: string }>(app().url, 'POST', '/api/auth/login', { body: { email, password, delivery: 'body' } })
const change = (person: Person, current: string, next: string, headers?: Record<string, string>) =>
  person.call<Problem | undefined>('PUT', '/api/me/password', { current, next }, headers)

describe('changes of a password at once', () => {
  it('U3 two from two sessions: one succeeds, and the other session is closed', async () => {
    const one = await register(app())
    let password = PASSWORD
    for (let round = 0; round < 3; round++) {
      const sessions = [await login(app(), one, password), await login(app(), one, password)]
      const nexts = [`first of round ${round}`, `second of round ${round}`]
      const answers = await Promise.all(sessions.map((session, n) => change(session, password, nexts[n] ?? '')))
      expect(answers.map(code).toSorted()).toEqual(['204 undefined', '401 session-revoked'])
      const winner = answers.findIndex(({ status }) => status === 204)
      expect(await Promise.all(sessions.map(({ token }) => isOpen(token)))).toEqual([winner === 0, winner === 1])
      expect((await loginWith(one.email, nexts[1 - winner] ?? '')).status).toBe(401)
      password = nexts[winner] ?? ''
      expect((await loginWith(one.email, password)).status).toBe(200)
    }
  })

  it('U3 several from one session: one succeeds, the others are refused: their current password is wrong', async () => {
    const person = await register(app())
    const nexts = Array.from({ length: 4 }, (_, n) => `the next password, ${n}`)
    const answers = await Promise.all(nexts.map((next) => change(person, PASSWORD, next)))
    expect(answers.map(code).toSorted()).toEqual(['204 undefined', ...Array(3).fill('401 bad-credentials')])
    expect(await isOpen(person.token)).toBe(true)
    const opened = await Promise.all(
      [PASSWORD, ...nexts].map(async (password) => (await loginWith(person.email, password)).status),
    )
    expect(opened).toEqual([401, ...answers.map(({ status }) => (status === 204 ? 200 : 401))])
  })

  it('W4 a repeated key gives the first answer again, although its current password is the old one by then', async () => {
    const person = await register(app())
    const key = { 'idempotency-key': randomUUID() }
    for (let n = 0; n < 2; n++) expect((await change(person, PASSWORD, 'the next password', key)).status).toBe(204)
    expect(code(await change(person, PASSWORD, 'the next password'))).toBe('401 bad-credentials')
  })

  it('B2 wrong passwords, however many at once, open no transaction', async () => {
    const person = await register(app())
    let pending = 0
    const guess = async (n: number) => {
      pending++
      const answer = await change(person, `wrong ${n}`, 'the next password').finally(() => pending--)
      return code(answer)
    }
    const guesses = Array.from({ length: 60 }, (_, n) => guess(n))
    let held = 0
    await until(
      'all answers',
      async () => {
        const { rows } = await app().db.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`,
        )
        held = Math.max(held, rows[0]?.n ?? 0)
        return pending === 0
      },
      18_000,
    )
    const answers = await Promise.all(guesses)
    expect(answers).toContain('401 bad-credentials')
    // On a busy machine some wait longer than a request may.
    expect(answers.filter((answer) => answer !== '401 bad-credentials' && answer !== '503 unavailable')).toEqual([])
    expect(held).toBe(0)
  })
})

describe('a write of the account that waits while its session is closed', () => {
  /** Locks the person's row until it is let go. */
  async function lockPerson(id: string): Promise<() => Promise<void>> {
    const client = await app().db.connect()
    let held = true
    const release = async () => {
      if (!held) return
      held = false
      await client.query('ROLLBACK')
      client.release()
    }
    onTestFinished(release)
    await client.query('BEGIN')
    await client.query('SELECT 1 FROM "User" WHERE id = $1 FOR UPDATE', [id])
    return release
  }
  const waiting = async () =>
    (
      await app().db.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      )
    ).rows[0]?.n ?? 0

  const writes: Record<string, (person: Person) => Promise<{ status: number; body: unknown }>> = {
    'PATCH /me': (person) => person.call('PATCH', '/api/me', { name: 'Too Late' }),
    'POST /projects': (person) => person.call('POST', '/api/projects', { name: 'Too Late' }),
    'PUT /me/password': (person) => change(person, PASSWORD, 'a password too late'),
  }
  const ends: Record<string, (person: Person, other: Person) => Promise<unknown>> = {
    'a logout': (person) => request(app().url, 'POST', '/api/auth/logout', { body: { refreshToken: person.refreshToken } }),
    'another session': (person, other) => other.must('DELETE', `/api/me/sessions/${claimsOf(person.token).sid}`),
    'logout-all': (_, other) => other.must('POST', '/api/auth/logout-all'),
  }
  for (const [what, write] of Object.entries(writes))
    for (const [how, end] of Object.entries(ends))
      it(`U3 ${what} changes nothing when ${how} closed its session first`, async () => {
        const person = await register(app(), 'Wanda Waits')
        const other = await login(app(), person)
        const release = await lockPerson(person.id)
        const answer = write(person)
        await until('the write waits', async () => (await waiting()) > 0)
        await end(person, other)
        await release()
        expect(code(await answer)).toBe('401 session-revoked')
        const { rows } = await app().db.query(
          `SELECT name, (SELECT count(*)::int FROM "Project" WHERE "authorId" = u.id) AS projects FROM "User" u WHERE id = $1`,
          [person.id],
        )
        expect(rows).toEqual([{ name: 'Wanda Waits', projects: 0 }])
        expect((await loginWith(person.email, PASSWORD)).status).toBe(200)
      })

  it('U3 a write in a project that waits while its session is closed does nothing', async () => {
    const { project, editor, owner } = await createTeam(app(), 'editor')
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const late: Record<string, (person: Person) => Promise<{ status: number; body: unknown }>> = {
      'a change': (person) => person.call('PATCH', `/api/tasks/${task.id}`, { title: 'Too late' }),
      'a comment': (person) => person.call('POST', `/api/tasks/${task.id}/comments`, { body: 'Too late' }),
      'a deletion': (person) => person.call('DELETE', `/api/tasks/${task.id}`),
    }
    for (const [title, write] of Object.entries(late)) {
      const session = await login(app(), editor)
      const client = await app().db.connect()
      let answer: ReturnType<typeof write>
      try {
        await client.query('BEGIN')
        await client.query('SELECT 1 FROM "Task" WHERE id = $1 FOR UPDATE', [task.id])
        answer = write(session)
        await until(`${title} waits`, async () => (await waiting()) > 0)
        await request(app().url, 'POST', '/api/auth/logout', { body: { refreshToken: session.refreshToken } })
      } finally {
        await client.query('ROLLBACK')
        client.release()
      }
      expect({ title, answer: code(await answer) }).toEqual({ title, answer: '401 session-revoked' })
    }
    const { rows } = await app().db.query(
      'SELECT title, (SELECT count(*)::int FROM "Comment" WHERE "taskId" = t.id) AS comments FROM "Task" t WHERE id = $1',
      [task.id],
    )
    expect(rows).toEqual([{ title: 'Mix', comments: 0 }])
  })

  it('U3 two sessions that close each other at once: one is closed, and its request did nothing', async () => {
    const one = await register(app())
    for (let round = 0; round < 6; round++) {
      const [a, b] = [await login(app(), one), await login(app(), one)]
      const close = (from: Person, target: Person) => from.call('DELETE', `/api/me/sessions/${claimsOf(target.token).sid}`)
      const answers = await Promise.all([close(a, b), close(b, a)])
      expect(answers.map(code).toSorted()).toEqual(['204 undefined', '401 session-revoked'])
      expect(await isOpen(a.token)).toBe(answers[0]?.status === 204)
      expect(await isOpen(b.token)).toBe(answers[1]?.status === 204)
    }
  })

  it('U3 a session that is closed in several ways at once has one event', async () => {
    const person = await register(app())
    const body = { refreshToken: person.refreshToken }
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => request(app().url, 'POST', '/api/auth/logout', { body })),
      ...Array.from({ length: 3 }, () => person.call('POST', '/api/auth/logout-all')),
    ])
    for (const { status } of answers) expect([204, 401]).toContain(status)
    const { rows } = await app().db.query(`SELECT 1 FROM "Event" WHERE room = $1 AND name = 'session:revoked'`, [
      `user:${person.id}`,
    ])
    expect(rows).toHaveLength(1)
  })
})

describe('passwords as people type them', () => {
  const composed = 'pässwörd café'.normalize('NFC')
  const decomposed = composed.normalize('NFD')
  const newEmail = () => `${randomUUID()}@example.com`
  const registerWith = (password: string, email = newEmail()) =>
    request<{ accessToken: string }>(app().url, 'POST', '/api/auth/register', {
      body: { email, password, name: 'Ann', delivery: 'body' },
    })

  it('A2 the composed and the decomposed form of a password are the same password, of any typed length', async () => {
    for (const [set, typed] of [
      [composed, decomposed],
      [decomposed, composed],
      ['한글'.repeat(100), '한글'.repeat(100).normalize('NFD')],
    ] as const) {
      const email = newEmail()
      expect((await registerWith(set, email)).status).toBe(201)
      expect((await loginWith(email, typed)).status).toBe(200)
      const { body } = await loginWith(email, set)
      const next = { current: typed, next: `${typed.slice(0, 8)} the next one` }
      expect((await request(app().url, 'PUT', '/api/me/password', { token: body.accessToken, body: next })).status).toBe(204)
      expect((await loginWith(email, next.next.normalize('NFC'))).status).toBe(200)
      expect((await loginWith(email, next.next.normalize('NFD'))).status).toBe(200)
    }
  })

  it('A2 the length of a password is counted in its composed form', async () => {
    expect(code(await registerWith('ä'.repeat(7).normalize('NFD')))).toBe('422 validation')
    expect((await registerWith('ä'.repeat(200).normalize('NFD'))).status).toBe(201)
    expect(code(await registerWith('ä'.repeat(201)))).toBe('422 validation')
  })

  it('A2 a hash that was stored before passwords were normalised still matches', async () => {
    const person = await register(app())
    await app().db.query('UPDATE "User" SET "passwordHash" = $2 WHERE id = $1', [person.id, await hash(decomposed)])
    expect((await loginWith(person.email, decomposed)).status).toBe(200)
    expect((await loginWith(person.email, composed)).status).toBe(401)
    expect((await change(person, decomposed, composed)).status).toBe(204)
    expect((await loginWith(person.email, composed)).status).toBe(200)
  })

  it('A2 a password with half a surrogate pair is refused at registration and at login', async () => {
    const halves = ['long enough \ud800', 'long enough \udc00', 'long enough \ufffd']
    for (const half of halves.slice(0, 2)) expect(code(await registerWith(half))).toBe('422 validation')
    const email = newEmail()
    const { body } = await registerWith(halves[2] ?? '', email)
    for (const half of halves.slice(0, 2)) {
      expect(code(await loginWith(email, half))).toBe('401 bad-credentials')
      const put = (fields: object) => request(app().url, 'PUT', '/api/me/password', { token: body.accessToken, body: fields })
      expect(code(await put({ current: half, next: 'another password' }))).toBe('401 bad-credentials')
      expect(code(await put({ current: halves[2], next: half }))).toBe('422 validation')
    }
    expect((await loginWith(email, halves[2] ?? '')).status).toBe(200)
  })
})
