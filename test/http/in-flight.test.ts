import { connect as dial, type Socket } from 'node:net'
import { projectRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../support/app.ts'
import { createTeam, PASSWORD, type Person, register, request } from '../support/people.ts'
import { until } from '../support/until.ts'

const POOL = 6

/** Holds a row until it is called. */
async function lockRow({ db }: TestApp, table: 'Task' | 'User', id: string): Promise<() => Promise<void>> {
  const client = await db.connect()
  await client.query(`BEGIN; SELECT 1 FROM "${table}" WHERE id = '${id}' FOR UPDATE`)
  let open = true
  const release = async () => {
    if (!open) return
    open = false
    await client.query('ROLLBACK')
    client.release()
  }
  onTestFinished(release)
  return release
}

/** Statements that wait for a lock. */
async function blocked({ db }: TestApp): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  )
  return rows[0]?.n ?? 0
}

async function place(app: TestApp) {
  const { project, owner } = await createTeam(app)
  const task = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
  return { project, owner, task }
}

describe('requests of one person', () => {
  const app = useApp({ env: { DATABASE_POOL: `${POOL}` } })

  it('B2 requests that wait for a lock hold half of the connections: others write, probes answer, and later all are answered', async () => {
    const [busy, other] = [await place(app()), await place(app())]
    const release = await lockRow(app(), 'Task', busy.task.id)
    const waiting = Array.from({ length: 40 }, (_, n) =>
      busy.owner.call('PATCH', `/api/tasks/${busy.task.id}`, { title: `${n}` }),
    )
    await until('the row is waited for', async () => (await blocked(app())) >= POOL / 2)
    for (let n = 0; n < 10; n++) {
      expect(await other.owner.call('PATCH', `/api/tasks/${other.task.id}`, { title: `${n}` })).toMatchObject({ status: 200 })
      expect((await fetch(`${app().url}/readyz`)).status).toBe(200)
    }
    expect(await blocked(app())).toBe(POOL / 2)
    await release()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array(40).fill(200))
  })

  it('B2 logins that wait for a lock hold half of the connections at most', async () => {
    const { owner, task } = await place(app())
    const victim = await register(app(), 'Vic')
    const release = await lockRow(app(), 'User', victim.id)
    const body = { email: victim.email, password: PASSWORD, delivery: 'body' }
    const logins = Array.from({ length: 12 }, () => request(app().url, 'POST', '/api/auth/login', { body }))
    await until('the account is waited for', async () => (await blocked(app())) >= 1)
    expect(await owner.call('PATCH', `/api/tasks/${task.id}`, { title: 'on' })).toMatchObject({ status: 200 })
    expect(await blocked(app())).toBeLessThanOrEqual(POOL / 2)
    await release()
    expect((await Promise.all(logins)).map(({ status }) => status)).toEqual(Array(12).fill(200))
  })

  it('B2 requests that wait for 8 s get 503 with Retry-After, and are not carried out', async () => {
    const { project, owner, task } = await place(app())
    const release = await lockRow(app(), 'Task', task.id)
    const patch = (title: string) => owner.call('PATCH', `/api/tasks/${task.id}`, { title })
    const inside = Array.from({ length: POOL / 2 }, () => patch('inside'))
    await until('the row is waited for', async () => (await blocked(app())) === POOL / 2)
    const late = await Promise.all([patch('late'), patch('late')])
    for (const answer of late) {
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    }
    await release()
    await Promise.all(inside)
    expect(await patch('last')).toMatchObject({ status: 200 })
    const { rows } = await app().db.query(`SELECT 1 FROM "Event" WHERE room = $1 AND payload ->> 'title' = 'late'`, [
      projectRoom(project.id),
    ])
    expect(rows).toEqual([])
  })

  it('B2 requests whose client hangs up while they wait are not carried out', async () => {
    const { project, owner, task } = await place(app())
    const release = await lockRow(app(), 'Task', task.id)
    const waiting = Array.from({ length: POOL / 2 }, (_, n) => owner.call('PATCH', `/api/tasks/${task.id}`, { title: `${n}` }))
    await until('the row is waited for', async () => (await blocked(app())) === POOL / 2)
    const hangUp = new AbortController()
    const gone = fetch(`${app().url}/api/projects/${project.id}/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${owner.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ title: 'never' }),
      signal: hangUp.signal,
    })
    const connections = () => new Promise<number>((resolve) => app().app.server.getConnections((_, count) => resolve(count)))
    const before = await connections()
    await until('the request is there', async () => (await connections()) >= before)
    hangUp.abort()
    await expect(gone).rejects.toThrow()
    await release()
    await Promise.all(waiting)
    const { data } = await owner.must<{ data: { title: string }[] }>('GET', `/api/projects/${project.id}/tasks`)
    expect(data).toHaveLength(1)
  })
})

describe('requests of visitors', () => {
  const app = useApp({ env: { DATABASE_POOL: `${POOL}`, TRUST_PROXY: 'true' } })

  /** Logins from all these addresses, which wait until the function that is given is called. */
  async function fill(addresses: string[]): Promise<() => Promise<number[]>> {
    const victim = await register(app(), 'Vic')
    const release = await lockRow(app(), 'User', victim.id)
    const body = { email: victim.email, password: PASSWORD, delivery: 'body' }
    const logins = addresses.map((address) =>
      request(app().url, 'POST', '/api/auth/login', { body, headers: { 'x-forwarded-for': address } }),
    )
    await until(
      'the account is waited for, and all others wait',
      async () => (await blocked(app())) > 0 && app().app.requestsWaiting() >= addresses.length - POOL / 2,
    )
    return async () => {
      await release()
      return (await Promise.all(logins)).map(({ status }) => status)
    }
  }
  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } })

  it('B2 one customer with many /64 leaves other networks their places', async () => {
    const other = await register(app(), 'Other')
    const body = { email: other.email, password: PASSWORD, delivery: 'body' }
    const finish = await fill(Array.from({ length: 20 }, (_, n) => `2001:db8:7:${n.toString(16)}::1`))
    for (const address of ['203.0.113.5', '2001:db8:8::1']) {
      const began = Date.now()
      expect(await request(app().url, 'POST', '/api/auth/login', { body, ...from(address) })).toMatchObject({ status: 200 })
      expect(Date.now() - began).toBeLessThan(4_000)
    }
    expect(await finish()).toEqual(Array(20).fill(200))
  })

  it('B2 GET /api/session with a valid token does not wait for visitors', async () => {
    const { token, id } = await register(app(), 'Ann')
    const finish = await fill(Array.from({ length: 12 }, (_, n) => `203.0.113.${n}`))
    const began = Date.now()
    const session = await request(app().url, 'GET', '/api/session', { token, ...from('198.51.100.1') })
    expect(session).toMatchObject({ status: 200, body: { user: { id } } })
    expect(Date.now() - began).toBeLessThan(4_000)
    expect(await finish()).toEqual(Array(12).fill(200))
  })
})

describe('with limits', () => {
  const app = useApp({ env: { DATABASE_POOL: '2', RATE_LIMIT: '100000' } })

  it('B2 more requests than may wait get 429 with Retry-After, and those that wait are answered', async () => {
    const { owner, task } = await place(app())
    const release = await lockRow(app(), 'Task', task.id)
    const path = `/api/tasks/${task.id}`
    let refused = 0
    const all = Array.from({ length: 260 }, async (_, n) => {
      const answer = await owner.call<{ code?: string }>('PATCH', path, { title: `${n}` })
      if (answer.status === 429) refused++
      return answer
    })
    await until('those beyond are refused', () => refused === 59, 20_000)
    await release()
    const answers = await Promise.all(all)
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 429)).toHaveLength(59)
    // On a busy machine some wait longer than they may, and are refused with Retry-After.
    expect(statuses.filter((status) => status === 200 || status === 503)).toHaveLength(201)
    expect(statuses).toContain(200)
    const late = answers.find(({ status }) => status === 429)
    expect(late).toMatchObject({ body: { code: 'rate-limited', retryAfter: 1 } })
    expect(late?.headers.get('retry-after')).toBe('1')
  })
})

describe('answers that are not read', () => {
  /** Asks and never reads. */
  function deaf({ url }: TestApp, person: Person, path: string, times = 1): Socket {
    const { hostname, port } = new URL(url)
    const socket = dial({ host: hostname, port: Number(port) })
    socket.on('error', () => {})
    socket.pause()
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${person.token}\r\n\r\n`.repeat(times))
    onTestFinished(() => void socket.destroy())
    return socket
  }

  it('B2 a connection on which nothing moves for 30 s ends; an answer that is read slowly arrives whole', async () => {
    const app = await startApp()
    onTestFinished(() => app.close())
    const { project, owner } = await place(app)
    const slow = await register(app, 'Slow')
    await owner.must('POST', `/api/projects/${project.id}/members`, { userId: slow.id, role: 'viewer' })
    await app.db.query(
      `INSERT INTO "Event" (id, room, name, payload)
       SELECT gen_random_uuid(), $1, 'extension:event', json_build_object('data', repeat('x', 250000)) FROM generate_series(1, 60)`,
      [projectRoom(project.id)],
    )
    const connections = () => new Promise<number>((resolve) => app.app.server.getConnections((_, count) => resolve(count)))
    app.app.server.closeIdleConnections()
    await until('the tests own connections are gone', async () => (await connections()) === 0)
    app.app.server.setTimeout(3_000)
    for (let n = 0; n < 20; n++) deaf(app, owner, `/api/projects/${project.id}/events?limit=500&after=${n}`)
    await until('all are there', async () => (await connections()) === 20)

    // Twelve answers in a row, read so slowly that the whole takes longer than the time after which an idle one ends.
    const path = `/api/projects/${project.id}/events?limit=500&after=30`
    const reader = deaf(app, slow, path, 12)
    let length = 0
    reader.on('data', (chunk) => {
      length += chunk.length
      reader.pause()
      setTimeout(() => reader.resume(), 30).unref()
    })
    reader.resume()
    await until('all of it has come', () => length > 12_000_000, 80_000)
    reader.destroy()
    await until('no connection is left', async () => (await connections()) === 0, 20_000)
    expect(await owner.call('GET', `/api/projects/${project.id}/events?limit=1`)).toMatchObject({ status: 200 })
  })
})
