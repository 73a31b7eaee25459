import { randomUUID } from 'node:crypto'
import type { Problem } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { type TestApp, useApp } from '../support/app.ts'
import { claimsOf, tokenOf } from '../support/calls.ts'
import { startHolding } from '../support/held-commit.ts'
import { createProject, createTeam, login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { openRaw } from '../support/raw-socket.ts'
import { connect, type Listener, open } from '../support/sockets.ts'
import { until } from '../support/until.ts'

/** The promise: out within this time, ms. */
const SECOND = 1_000

const named = (listener: Listener, name: string) => listener.frames.filter((frame) => frame.name === name)
const seqsOf = (listener: Listener, projectId: string) => listener.events(`project:${projectId}`).map(({ meta }) => meta.seq)
const isDense = (seqs: number[]) => seqs.every((seq, i) => i === 0 || seq === (seqs[i - 1] ?? 0) + 1)

/** When and why the server hung up. */
function closing({ socket }: Listener): Promise<{ at: number; reason: string }> {
  return new Promise((resolve) => socket.once('disconnect', (reason) => resolve({ at: Date.now(), reason })))
}

/** A handshake that is refused. */
async function refusal(app: TestApp, token: string): Promise<Problem | undefined> {
  const { socket } = open(app, { auth: { token } })
  const error = await new Promise<Error & { data?: Problem }>((resolve) => socket.once('connect_error', resolve))
  return error.data
}

/** Writes one task after the other until `stop`; resolves to how many there were. */
function burst(app: TestApp, writer: Person, projectId: string) {
  let going = true
  let count = 0
  const token = tokenOf(app, writer.token, 3600)
  const done = (async () => {
    while (going) {
      const { status } = await request(app.url, 'POST', `/api/projects/${projectId}/tasks`, {
        token,
        body: { title: `${count}` },
      })
      expect(status).toBe(201)
      count++
    }
    return count
  })()
  return {
    count: () => count,
    stop() {
      going = false
      return done
    },
  }
}

describe('sessions on live sockets', () => {
  // The grace period of a lost connection is not waited for here.
  const app = useApp({ seams: { timings: { graceMs: 300 } } })

  it('A2 when its token expires a socket is warned, leaves its rooms, is told, and is closed', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const token = tokenOf(app(), editor.token, 3)
    const expiresAt = claimsOf(token).exp * 1000
    const [observer, listener] = await Promise.all([connect(app(), owner), connect(app(), { token })])
    await observer.join(project.id)
    const { head } = await listener.join(project.id)
    const closed = closing(listener)
    const writing = burst(app(), owner, project.id)

    const end = await closed
    const before = writing.count()
    await until('writes after the end', () => writing.count() > before + 5)
    await writing.stop()
    expect(end.reason).toBe('transport close')
    expect(end.at).toBeGreaterThanOrEqual(expiresAt - 50)
    expect(end.at).toBeLessThan(expiresAt + SECOND)
    expect(named(listener, 'session:expiring').map(({ payload }) => payload)).toEqual([
      { expiresAt: new Date(expiresAt).toISOString() },
    ])
    expect(listener.frames.at(-1)).toMatchObject({ name: 'session:expired', payload: { reason: 'expired' } })
    expect(seqsOf(listener, project.id)[0]).toBe(head + 1)
    expect(isDense(seqsOf(listener, project.id))).toBe(true)
    expect(seqsOf(listener, project.id).length).toBeGreaterThan(10)

    expect(app().app.rooms.counts().sockets).toBe(1)
    const answer = await request<Problem>(app().url, 'GET', '/api/me', { token })
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 401, code: 'token-expired' })
    expect(await refusal(app(), token)).toMatchObject({ code: 'token-expired', status: 401 })
    // After the grace period of a lost connection they are not listed as present.
    await until('the others see them go', () =>
      named(observer, 'presence:changed').some(({ payload }) => (payload.left as string[]).includes(editor.id)),
    )
    expect((await observer.join(project.id)).presence.map(({ user }) => user.id)).toEqual([owner.id])
  })

  it('A2 a socket that reads nothing leaves its rooms when its token expires, and is closed', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const raw = await openRaw(app())
    raw.ws.send(`40${JSON.stringify({ token: tokenOf(app(), editor.token, 3) })}`)
    await until('connected', () => raw.events().some(({ name }) => name === 'connected'))
    raw.ws.send(`421${JSON.stringify(['join:project', { projectId: project.id }])}`)
    await until('joined', () => raw.ack(1)?.ok === true)
    raw.ws.pause()
    const observer = await connect(app(), owner)
    await observer.join(project.id)
    const fill = async () => {
      // As much as the kernel takes, and more.
      for (let n = 0; n < 60; n++)
        await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'x', description: 'x'.repeat(9_000) })
    }
    await fill()
    await until('it is gone', () => app().app.rooms.counts().sockets === 1, 8_000)
    await until('the others see them go', () =>
      named(observer, 'presence:changed').some(({ payload }) => (payload.left as string[]).includes(editor.id)),
    )
  })

  describe('with short tokens', () => {
    const short = useApp({ env: { ACCESS_TOKEN_TTL: '3s' } })

    it('A2 a socket that refreshes its session in time misses nothing', async () => {
      const owner = await register(short(), 'Olga Owner')
      const project = await createProject(owner)
      const listener = await connect(short(), owner)
      const first = claimsOf(owner.token).exp * 1000
      await listener.join(project.id)
      let { refreshToken } = owner
      const refreshed: string[] = []
      const refresh = async () => {
        const { body } = await request<{ accessToken: string; refreshToken: string; expiresAt: string }>(
          short().url,
          'POST',
          '/api/auth/refresh',
          { body: { refreshToken } },
        )
        refreshToken = body.refreshToken
        const ack = await listener.ask('session:refresh', { token: body.accessToken })
        expect(ack).toEqual({ ok: true, expiresAt: body.expiresAt })
        refreshed.push(body.expiresAt)
      }
      let refreshing = Promise.resolve()
      listener.socket.on('session:expiring', () => {
        refreshing = refresh()
        // The test waits for the last of them, below.
        refreshing.catch(() => {})
      })
      const writing = burst(short(), owner, project.id)
      await until('a second beyond the first token', () => refreshed.length >= 2 && Date.now() > first + SECOND, 15_000)
      const count = await writing.stop()
      listener.socket.off('session:expiring')
      await refreshing
      await until('all came', () => seqsOf(listener, project.id).length === count)
      expect(isDense(seqsOf(listener, project.id))).toBe(true)
      expect(listener.socket.connected).toBe(true)
      expect(named(listener, 'session:expired')).toEqual([])
      const times = listener.events(`project:${project.id}`).map(({ meta }) => Date.parse(meta.at))
      expect(Math.max(...times)).toBeGreaterThan(first)
    })
  })

  it('A2 a token of another session does not refresh a socket', async () => {
    const person = await register(app(), 'Rita Refresh')
    const [second, other] = await Promise.all([login(app(), person), register(app(), 'Otto Other')])
    const listener = await connect(app(), { token: tokenOf(app(), person.token, 3) })
    const closed = closing(listener)
    const tokens: [token: unknown, code: string][] = [
      [other.token, 'token-invalid'],
      [second.token, 'token-invalid'],
      [`${person.token}x`, 'token-invalid'],
      ['', 'token-invalid'],
      [tokenOf(app(), person.token, -1), 'token-expired'],
      ['x'.repeat(5_000), 'validation'],
      [null, 'validation'],
      [{ token: person.token }, 'validation'],
    ]
    for (const [token, code] of tokens)
      expect(await listener.ask('session:refresh', { token })).toMatchObject({ ok: false, error: { code } })
    expect(await listener.ask('session:refresh', { token: person.token, sessionId: other.id })).toMatchObject({
      ok: false,
      error: { code: 'validation' },
    })
    // None of them moved its end.
    expect(await closed).toMatchObject({ reason: 'transport close' })
    expect(named(listener, 'session:expired')).toHaveLength(1)
  })

  interface Case {
    title: string
    /** Ends the session `one`, by itself or from `two`. */
    act: (one: Person, two: Person) => Promise<unknown>
    reason: string
    closesTwo?: boolean
  }
  const cases: Case[] = [
    { title: 'logout', act: (one) => one.must('POST', '/api/auth/logout'), reason: 'logout' },
    { title: 'logout-all', act: (one) => one.must('POST', '/api/auth/logout-all'), reason: 'logout-all', closesTwo: true },
    {
      title: 'the list of sessions',
      act: (one, two) => two.must('DELETE', `/api/me/sessions/${claimsOf(one.token).sid}`),
      reason: 'ended',
    },
    {
      title: 'a new password, which leaves the session that set it',
      act: (_, two) => two.must('PUT', '/api/me/password', { current: PASSWORD, next: 'another long password' }),
      reason: 'password',
    },
    {
      title: 'a refresh token that is used again',
      async act(one) {
        const refresh = () =>
          request<Problem & { accessToken: string }>(app().url, 'POST', '/api/auth/refresh', {
            body: { refreshToken: one.refreshToken },
          })
        const { body } = await refresh()
        expect((await request(app().url, 'GET', '/api/me', { token: body.accessToken })).status).toBe(200)
        const again = await refresh()
        expect({ status: again.status, code: again.body.code }).toEqual({ status: 401, code: 'token-reused' })
      },
      reason: 'reuse',
    },
    {
      title: 'another program whose wake-up is lost (the sweep finds it)',
      async act(one) {
        const { sub, sid } = claimsOf(one.token)
        const payload = JSON.stringify({ sessionId: sid, reason: 'ended' })
        await app().db.query(
          `WITH gone AS (UPDATE "Session" SET "revokedAt" = now() WHERE id = $1 RETURNING id)
           SELECT append($2, 'session:revoked', $3::json) FROM gone`,
          [sid, `user:${sub}`, payload],
        )
      },
      reason: 'ended',
    },
  ]
  for (const { title, act, reason, closesTwo = false } of cases)
    it(`A2 a session is closed by ${title}`, async () => {
      const { project, owner, editor: one } = await createTeam(app(), 'editor')
      const two = await login(app(), one)
      const [tab, sameSession, otherSession, neighbour] = await Promise.all([
        connect(app(), one),
        connect(app(), one),
        connect(app(), two),
        connect(app(), owner),
      ])
      for (const listener of [tab, sameSession, otherSession, neighbour]) await listener.join(project.id)
      const ended = [tab, sameSession, ...(closesTwo ? [otherSession] : [])]
      const closed = ended.map(closing)
      const writing = burst(app(), owner, project.id)
      await act(one, two)
      const acted = Date.now()
      for (const end of await Promise.all(closed)) {
        expect(end.reason).toBe('io server disconnect')
        // Without a notification the sweep takes up to a second.
        expect(end.at - acted).toBeLessThan(SECOND + 300)
      }
      await writing.stop()
      const { rows } = await app().db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [`project:${project.id}`])
      const head = Number(rows[0]?.head)
      await until('the neighbour saw all', () => seqsOf(neighbour, project.id).at(-1) === head)
      expect(isDense(seqsOf(neighbour, project.id))).toBe(true)
      for (const listener of ended) {
        expect(listener.frames.at(-1)).toMatchObject({ name: 'session:expired', payload: { reason: 'revoked' } })
        expect(isDense(seqsOf(listener, project.id))).toBe(true)
      }

      const codes = async (person: Person) => (await person.call<Problem>('GET', '/api/me')).body.code
      expect(await codes(one)).toBe('session-revoked')
      expect(await refusal(app(), one.token)).toMatchObject({ status: 401, code: 'session-revoked' })
      const refreshed = await request<Problem>(app().url, 'POST', '/api/auth/refresh', {
        body: { refreshToken: one.refreshToken },
      })
      expect(refreshed).toMatchObject({ status: 401, body: { code: 'session-revoked' } })
      if (closesTwo) {
        expect(await codes(two)).toBe('session-revoked')
        return
      }
      expect(await codes(two)).toBeUndefined()
      await until('the other session saw all', () => seqsOf(otherSession, project.id).at(-1) === head)
      expect(isDense(seqsOf(otherSession, project.id))).toBe(true)
      expect(otherSession.socket.connected).toBe(true)
      expect(named(otherSession, 'session:revoked').map(({ payload }) => payload)).toEqual([
        { sessionId: claimsOf(one.token).sid, reason },
      ])
      expect(named(neighbour, 'session:revoked')).toEqual([])
    })

  it('A2 a session that is closed during a replay of its own room receives nothing more in any room', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const payload = JSON.stringify({ projectId: randomUUID(), reason: 'left', padding: 'x'.repeat(9_000) })
    await app().db.query('SELECT append($1, $2, $3::json) FROM generate_series(1, 1500)', [
      `user:${editor.id}`,
      'project:left',
      payload,
    ])
    const raw = await openRaw(app())
    raw.ws.send(`40${JSON.stringify({ token: editor.token })}`)
    await until('connected', () => raw.events().some(({ name }) => name === 'connected'))
    raw.ws.send(`421${JSON.stringify(['join:project', { projectId: project.id }])}`)
    await until('joined', () => raw.ack(1)?.ok === true)
    raw.ws.send(`422${JSON.stringify(['join:user', { after: 0 }])}`)
    await until('the beginning of the log', () => raw.events().some(({ meta }) => meta?.room === `user:${editor.id}`))
    raw.ws.pause()

    await editor.must('POST', '/api/auth/logout')
    const observer = await connect(app(), owner)
    await observer.join(project.id)
    // Within a second, as the promise has it: what comes from then on is not for them.
    const standing = () => app().app.io.in(`project:${project.id}`).fetchSockets()
    await until('put out of the room', async () => (await standing()).length === 1, 1_000)
    const write = () => owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'a secret' })
    await write()
    await until('the owner saw it', () => seqsOf(observer, project.id).length === 1)
    raw.ws.resume()
    await until('hung up', () => raw.closed())
    await write()
    expect(raw.ack(2)?.ok).not.toBe(true)
    expect(raw.events().filter(({ name }) => name === 'task:created')).toEqual([])
    expect(raw.events().at(-1)).toMatchObject({ name: 'session:expired', payload: { reason: 'revoked' } })
  })

  it('A2 a login with the old password while it is changed opens no session', async () => {
    const { node: held, holdNext, reached, release, metBy } = await startHolding()
    const person = await register(held, 'Paula Password')
    holdNext()
    const body = { email: person.email, password: PASSWORD, delivery: 'body' }
    const logging = request<{ accessToken: string }>(held.url, 'POST', '/api/auth/login', { body })
    await reached
    const changing = person.call('PUT', '/api/me/password', { current: PASSWORD, next: 'another long password' })
    await metBy(changing)
    release()
    const [late, change] = await Promise.all([logging, changing])
    expect(change.status).toBe(204)
    if (late.status !== 200) expect(late.body).toMatchObject({ code: 'bad-credentials' })
    else expect((await request(held.url, 'GET', '/api/me', { token: late.body.accessToken })).status).toBe(401)
    expect((await person.call('GET', '/api/me')).status).toBe(200)
  })

  it('A2 a session that is closed in the middle of a handshake has no socket', async () => {
    const person = await register(app(), 'Hanna Handshake')
    const baseline = app().app.rooms.counts()
    let met = 0
    for (let round = 0; round < 20; round++) {
      const session = await login(app(), person)
      const raw = await openRaw(app())
      raw.ws.send(`40${JSON.stringify({ token: session.token })}`)
      if (round % 2) await until('let in', () => raw.packets.some((packet) => packet.startsWith('40')))
      await session.must('POST', '/api/auth/logout')
      await until('refused or hung up', () => raw.packets.some((packet) => packet.startsWith('44')) || raw.closed())
      if (raw.closed()) met++
      raw.ws.close()
    }
    expect(met).toBeGreaterThan(0)
    await until('nothing is left', () => {
      const { sockets, feeds } = app().app.rooms.counts()
      return sockets === baseline.sockets && feeds === baseline.feeds
    })
  })
})
