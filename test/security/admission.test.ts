import { randomUUID } from 'node:crypto'
import { type Problem, projectRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { addressOf, networkOf } from '../../src/rooms/sockets/handshake.ts'
import { type TestApp, useApp } from '../support/app.ts'
import { createProject, login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { dial, poll, type RawConnection, upgrade, upgradeText } from '../support/raw-http.ts'
import { openRaw } from '../support/raw-socket.ts'
import { connect, type Listener, open } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { clientFrame } from '../support/websocket-frames.ts'

/** Everything may be gone by then. */
const GONE_MS = 6_000
const tooMany = { status: 429, problem: { code: 'rate-limited', status: 429, retryAfter: 5 } }

describe('limits on connections', () => {
  const limits = { addressConnections: 9, addressStrangers: 4, personSockets: 3, sessionStreams: 2, socketProjects: 5 }
  const app = useApp({ seams: { limits } })
  const proxied = useApp({ env: { TRUST_PROXY: 'true' }, seams: { limits } })
  const generous = useApp({ env: { RATE_LIMIT: '1000' } })
  const benched = useApp()
  const quiet = (server: TestApp) => until('all are gone', () => server.app.io.engine.clientsCount === 0)

  async function refused(server: TestApp, person: Person): Promise<Problem | undefined> {
    const { socket } = open(server, { auth: { token: person.token } })
    return (await new Promise<Error & { data?: Problem }>((resolve) => socket.once('connect_error', resolve))).data
  }

  it('S12 unauthenticated connections of one address are limited, by any transport; the next is refused with the reason, and one that ends makes room', async () => {
    const waiting = [await upgrade(app()), await upgrade(app()), await poll(app()), await upgrade(app())]
    expect(waiting.map(({ status }) => status)).toEqual([101, 101, 200, 101])
    for (const knock of [upgrade, poll]) {
      const answer = await knock(app())
      expect(answer).toMatchObject(tooMany)
      expect(answer.headers['retry-after']).toBe('5')
    }
    waiting[0]?.line?.socket.destroy()
    await until('a free place', async () => {
      const { status, line } = await upgrade(app())
      line?.socket.destroy()
      return status === 101
    })
    for (const { line, sid } of waiting)
      if (sid === undefined) line?.socket.destroy()
      else await fetch(`${app().url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, { method: 'POST', body: '1' })
    await quiet(app())
  })

  it('S13 sockets of one person are limited over all addresses; others are not affected, and a closed one makes room', async () => {
    const [ann, ben] = [await register(app(), 'Ann'), await register(app(), 'Ben')]
    const again = await login(app(), ann)
    const sockets = [await connect(app(), ann), await connect(app(), again), await connect(app(), ann)]
    for (const person of [ann, again])
      expect(await refused(app(), person)).toMatchObject({ code: 'rate-limited', status: 429, retryAfter: 30 })
    const other = await connect(app(), ben)
    sockets[0]?.socket.close()
    await until('room for one', async () => {
      const { socket } = open(app(), { auth: { token: ann.token } })
      return new Promise<boolean>((resolve) => {
        socket.once('connected', () => resolve(true))
        socket.once('connect_error', () => resolve(false))
      })
    })
    expect(other.socket.connected).toBe(true)
    app().app.io.disconnectSockets(true)
    await quiet(app())
  })

  it('S13 a connection carries one socket, whatever it sends', async () => {
    const ann = await register(app())
    const raw = await openRaw(app())
    for (let n = 0; n < 3; n++) raw.ws.send(`40${JSON.stringify({ token: ann.token })}`)
    await until('two refusals', () => raw.packets.filter((packet) => packet.startsWith('44')).length === 2 || raw.closed())
    expect(app().app.rooms.counts().sockets).toBeLessThanOrEqual(1)
    raw.ws.terminate()
    await quiet(app())
    // Nothing was counted twice, and nothing was forgotten.
    for (let n = 0; n < limits.personSockets; n++) await connect(app(), ann)
    expect(await refused(app(), ann)).toMatchObject({ code: 'rate-limited' })
    app().app.io.disconnectSockets(true)
    await quiet(app())
  })

  it('S12 connections of one address are limited, however many people they are', async () => {
    const people = await Promise.all(Array.from({ length: 4 }, () => register(app())))
    const sockets = []
    for (let n = 0; n < limits.addressConnections; n++) sockets.push(await connect(app(), people[n % 4] as Person))
    expect(await upgrade(app())).toMatchObject(tooMany)
    expect(await poll(app())).toMatchObject(tooMany)
    expect((await fetch(`${app().url}/readyz`)).status).toBe(200)
    for (const { socket } of sockets) socket.close()
    await quiet(app())
  })

  it('S13 projects of one socket are limited; one that is left makes room', async () => {
    const person = await register(app())
    const projects = []
    for (let n = 0; n < limits.socketProjects + 2; n++) projects.push((await createProject(person, `No ${n}`)).id)
    const [first = '', sixth = '', seventh = ''] = [projects[0], projects[5], projects[6]]
    const listener = await connect(app(), person)
    // All at once: a place is taken with the question, not with the answer.
    const acks = await Promise.all(projects.map((id) => listener.join(id)))
    expect(acks.map(({ ok, error }) => (ok ? 'ok' : error?.code))).toEqual([
      ...Array(limits.socketProjects).fill('ok'),
      'rate-limited',
      'rate-limited',
    ])
    expect((await listener.join(sixth)).error?.detail).toBe('A socket stands in at most 5 projects')
    // Joining a room again takes no further place.
    expect(await listener.join(first, { after: 0 })).toMatchObject({ ok: true })
    expect(await listener.ask('leave:project', { projectId: first })).toEqual({ ok: true })
    expect(await listener.join(sixth)).toMatchObject({ ok: true })
    expect(await listener.join(seventh)).toMatchObject({ error: { code: 'rate-limited', status: 429 } })
    listener.socket.close()
    await quiet(app())
  })

  it('S12 behind a proxy the address is the one that the proxy adds, whatever the client wrote before it', async () => {
    const from = (forwarded: string) => ({ 'x-forwarded-for': forwarded })
    const mine = '203.0.113.7'
    for (let n = 0; n < limits.addressStrangers; n++)
      expect((await upgrade(proxied(), from(`10.0.0.${n}, 198.51.100.${n}, ${mine}`))).status).toBe(101)
    // What the visitor wrote before the proxy's own address changes nothing.
    for (const forged of [mine, `1.2.3.4, ${mine}`, `::1, 127.0.0.1,${mine}`, `::ffff:${mine}`])
      expect((await upgrade(proxied(), from(forged))).status).toBe(429)
    expect((await upgrade(proxied(), from(`${mine}, 203.0.113.8`))).status).toBe(101)
    // One customer has a /64.
    for (let n = 0; n < limits.addressStrangers; n++)
      expect((await upgrade(proxied(), from(`2001:db8:1:2:${n}::${n}`))).status).toBe(101)
    expect((await upgrade(proxied(), from('2001:db8:1:2:ffff:ffff:ffff:ffff'))).status).toBe(429)
    expect((await upgrade(proxied(), from('2001:db8:1:3::1'))).status).toBe(101)

    // No proxy was named: it is not believed.
    for (let n = 0; n < limits.addressStrangers; n++) expect((await upgrade(app(), from(`10.0.1.${n}`))).status).toBe(101)
    expect((await upgrade(app(), from('10.0.1.99'))).status).toBe(429)
  })

  it('S12 S14 behind a proxy that adds the port the address counts alone; what is no address counts as the proxy', async () => {
    const from = (forwarded: string) => ({ 'x-forwarded-for': forwarded })
    for (let n = 0; n < limits.addressStrangers; n++)
      expect((await upgrade(proxied(), from(`203.0.113.9:${50_000 + n}`))).status).toBe(101)
    expect((await upgrade(proxied(), from('203.0.113.9:1'))).status).toBe(429)
    expect((await poll(proxied(), from('203.0.113.9'))).status).toBe(429)
    for (let n = 0; n < limits.addressStrangers; n++)
      expect((await upgrade(proxied(), from(`[2001:db8:9::${n}]:${50_000 + n}`))).status).toBe(101)
    expect((await upgrade(proxied(), from('[2001:db8:9::]'))).status).toBe(429)

    const addressShown = async (forwarded: string) => {
      const { body } = await request<{ accessToken: string }>(proxied().url, 'POST', '/api/auth/register', {
        headers: from(forwarded),
        body: { email: `${randomUUID()}@example.com`, password: PASSWORD, name: 'Ann', delivery: 'body' },
      })
      const sessions = await request<{ data: { address: string }[] }>(proxied().url, 'GET', '/api/me/sessions', {
        token: body.accessToken,
      })
      return sessions.body.data[0]?.address
    }
    expect(await addressShown('10.0.0.1, 203.0.113.9:50000')).toBe('203.0.113.9')
    expect(await addressShown('[2001:db8:9::1]:50000')).toBe('2001:db8:9::1')
    expect(await addressShown('unknown')).toBe('127.0.0.1')
  })

  it('S14 behind a proxy a forged address does not reset the count of failed logins', async () => {
    const limited = proxied()
    const addresses = new Set<string>()
    for (const forwarded of ['10.0.0.1, 203.0.113.7', '10.0.0.2, 203.0.113.7', '203.0.113.7']) {
      const person = await request<{ accessToken: string }>(limited.url, 'POST', '/api/auth/register', {
        headers: { 'x-forwarded-for': forwarded },
        body: { email: `${randomUUID()}@example.com`, password: PASSWORD, name: 'Ann', delivery: 'body' },
      })
      const sessions = await request<{ data: { address: string }[] }>(limited.url, 'GET', '/api/me/sessions', {
        token: person.body.accessToken,
      })
      addresses.add(sessions.body.data[0]?.address ?? '?')
    }
    expect([...addresses]).toEqual(['203.0.113.7'])
  })

  it('S12 S13 the defaults: 200 unauthenticated connections an address, 100 sockets a person; RATE_LIMIT=off lifts them', async () => {
    const knocks = async (server: TestApp) =>
      Promise.all(Array.from({ length: 220 }, () => upgrade(server).then(({ status }) => status)))
    const statuses = await knocks(generous())
    expect(statuses.filter((status) => status === 101)).toHaveLength(200)
    expect(statuses.filter((status) => status === 429)).toHaveLength(20)
    expect(new Set(await knocks(benched()))).toEqual(new Set([101]))
  })

  it('what counts as one address', () => {
    const networks: [address: string, network: string][] = [
      ['127.0.0.1', '127.0.0.1'],
      ['::ffff:10.1.2.3', '10.1.2.3'],
      ['::FFFF:10.1.2.3', '10.1.2.3'],
      ['::1', '0:0:0:0::/64'],
      ['2001:db8::1', '2001:db8:0:0::/64'],
      ['2001:0DB8:0:0:ffff::', '2001:db8:0:0::/64'],
      ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
      ['fe80::1%eth0', 'fe80:0:0:0::/64'],
      ['', ''],
      ['unix', 'unix'],
    ]
    for (const [address, network] of networks) expect({ address, network: networkOf(address) }).toEqual({ address, network })
    const from = (header: string | undefined, behind: boolean) =>
      addressOf({ headers: { 'x-forwarded-for': header }, socket: { remoteAddress: '10.0.0.9' } } as never, behind)
    expect(from('1.1.1.1, 2.2.2.2', true)).toBe('2.2.2.2')
    expect(from('1.1.1.1, ', true)).toBe('10.0.0.9')
    for (const [given, address] of [
      ['2.2.2.2:443', '2.2.2.2'],
      ['[2001:db8::1]:443', '2001:db8::1'],
      ['[2001:db8::1]', '2001:db8::1'],
      ['2001:db8::1', '2001:db8::1'],
      ['2001:db8::443', '2001:db8::443'],
      ['::ffff:2.2.2.2', '::ffff:2.2.2.2'],
      ['unknown', '10.0.0.9'],
      ['_hidden:80', '10.0.0.9'],
      ['2.2.2.2:80:80', '10.0.0.9'],
      ['2.2.2:80', '10.0.0.9'],
    ] as const)
      expect({ given, address: from(`1.1.1.1, ${given}`, true) }).toEqual({ given, address })
    expect(from(undefined, true)).toBe('10.0.0.9')
    expect(from('1.1.1.1', false)).toBe('10.0.0.9')
  })
})

describe('connections without a person', () => {
  const app = useApp()

  it('S12 are closed within 6 s, whatever they send; a login is answered at the same time', {
    timeout: 15_000,
  }, async () => {
    const person = await register(app(), 'Ann')
    const stale = await login(app(), person)
    await stale.must('POST', '/api/auth/logout')
    const project = await createProject(person)
    const healthy = await connect(app(), person)
    await healthy.join(project.id)

    const host = { host: new URL(app().url).host }
    const hello = upgradeText(host)
    const say = async (...packets: string[]) => {
      const { line, status } = await upgrade(app())
      expect(status).toBe(101)
      for (const packet of packets) line.socket.write(clientFrame(packet))
      return line
    }
    const lines: Record<string, RawConnection[]> = {
      'nothing at all': [await dial(app()), await dial(app())],
      'half a line': [await dial(app(), 'GET /sock')],
      'half a handshake': [await dial(app(), hello.slice(0, -2))],
      'a handshake, letter by letter': [await dial(app(), hello, 100)],
      'headers without end': [await dial(app(), `${hello.slice(0, -2)}${'x: y\r\n'.repeat(200)}`, 20)],
      'an upgrade, then silence': [await say(), await say()],
      'pongs without end': [await say('3', '3', '3')],
      'a CONNECT without a token': [await say('40')],
      'a CONNECT with a wrong one': [await say(`40${JSON.stringify({ token: 'wrong' })}`)],
      'a CONNECT with one of a closed session': [
        await say(...Array<string>(5).fill(`40${JSON.stringify({ token: stale.token })}`)),
      ],
      'other namespaces': [await say(...Array<string>(15).fill('40/admin,{}'))],
      'half a frame': [await say()],
      'an attachment that never comes': [await say('451-["x",{"_placeholder":true,"num":0}]')],
      'in, and out again, and still there': [await say(`40${JSON.stringify({ token: person.token })}`, '41')],
    }
    lines['half a frame']?.[0]?.socket.write(clientFrame('40{}'.padEnd(3_000)).subarray(0, 40))
    const sids = [await poll(app()), await poll(app())].map(({ sid }) => sid ?? '')
    // One of them is looked up, and gets pings; one is asked to become a WebSocket, again and again.
    const asked = fetch(`${app().url}/socket.io/?EIO=4&transport=polling&sid=${sids[0]}`).catch(() => null)
    lines['upgrades of one poll'] = await Promise.all(
      Array.from({ length: 5 }, () => upgrade(app(), {}, `&sid=${sids[1]}`).then(({ line }) => line)),
    )

    const logins: number[] = []
    const all = Object.entries(lines)
    await until(
      'all gone',
      async () => {
        if (logins.length < 20) {
          const asked = performance.now()
          await login(app(), person)
          logins.push(performance.now() - asked)
        }
        return (
          all.every(([, each]) => each.every((line) => line.livedMs() !== undefined)) && app().app.io.engine.clientsCount === 1
        )
      },
      GONE_MS + 2_000,
    ).catch(() => {})
    const late = all.flatMap(([how, each]) =>
      each.flatMap((line) => ((line.livedMs() ?? Number.POSITIVE_INFINITY) < GONE_MS ? [] : [{ how, lived: line.livedMs() }])),
    )
    expect(late).toEqual([])
    await asked
    expect(await Promise.all(sids.map(async (sid) => (await poll(app(), {}, `&sid=${sid}`)).status))).toEqual([400, 400])
    expect(logins.toSorted((a, b) => a - b)[logins.length >> 1]).toBeLessThan(1_000)
    expect(healthy.socket.connected).toBe(true)
    await person.must('POST', `/api/projects/${project.id}/tasks`, { title: 'heard' })
    await until('the event', () => healthy.frames.some(({ name }) => name === 'task:created'))
  })

  it('S12 may send twenty packets at most', async () => {
    const raw = await openRaw(app())
    for (let n = 0; n < 40; n++) raw.ws.send('40/admin,{}')
    await until('hung up', () => raw.closed())
    expect(raw.packets.filter((packet) => packet.startsWith('44')).length).toBeLessThanOrEqual(20)
  })
})

describe('floods', () => {
  const app = useApp()

  it('S13 are refused first, then the connection ends; nothing is left of it, and neighbours receive everything', async () => {
    const owner = await register(app(), 'Olga')
    const project = await createProject(owner)
    const neighbour = await connect(app(), owner)
    await neighbour.join(project.id)
    const baseline = app().app.rooms.counts()
    const raw = await openRaw(app())
    raw.ws.send(`40${JSON.stringify({ token: owner.token })}`)
    await until('in', () => raw.events().some(({ name }) => name === 'connected'))
    const timer = setInterval(() => {
      if (!raw.closed()) for (let n = 0; n < 50; n++) raw.ws.send(`42${n}["leave:project",{"projectId":"${project.id}"}]`)
    }, 20)
    onTestFinished(() => clearInterval(timer))
    await until('hung up', () => raw.closed())
    clearInterval(timer)
    const answers = raw.packets
      .filter((packet) => packet.startsWith('43'))
      .map((packet) => (JSON.parse(packet.replace(/^43\d+/, ''))[0] as { ok: boolean; error?: Problem }).error?.code ?? 'ok')
    // A refusal takes no time and may be sent before the answers to earlier requests.
    expect(answers.filter((code) => code === 'ok').length).toBeGreaterThanOrEqual(100)
    // Now and then a token comes back in between.
    expect(answers.slice(-20)).toContain('rate-limited')
    expect(answers.filter((code) => code === 'rate-limited').length).toBeGreaterThanOrEqual(300)
    expect(answers.length).toBeLessThan(700)
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'heard' })
    await until('the event', () => neighbour.frames.some(({ name }) => name === 'task:created'))
    await until('nothing is left', () => app().app.rooms.counts().sockets === baseline.sockets)
  })

  it('S13 a stock client that floods does not come back by itself, and its person gets no new socket for a while', async () => {
    const person = await register(app())
    const elsewhere = await connect(app(), person)
    const flooding = await connect(app(), person, { reconnection: true })
    const reason = new Promise<string>((resolve) => flooding.socket.once('disconnect', resolve))
    for (let n = 0; n < 700; n++) flooding.socket.emit('leave:project', { projectId: randomUUID() })
    expect(await reason).toBe('io server disconnect')
    // Nor does a new socket bring a full bucket at once; other sockets stay.
    const { socket } = open(app(), { auth: { token: person.token } })
    const refused = await new Promise<Error & { data?: Problem }>((resolve) => socket.once('connect_error', resolve))
    expect(refused.data).toMatchObject({ code: 'rate-limited', status: 429, retryAfter: 10 })
    expect(elsewhere.socket.connected).toBe(true)
    expect(await elsewhere.ask('leave:project', { projectId: randomUUID() })).toEqual({ ok: true })
  })

  it('S13 a client slightly above the rate is refused with Retry-After, and stays connected', async () => {
    const person = await register(app())
    const hasty = await connect(app(), person)
    const leave = () => hasty.ask('leave:project', { projectId: randomUUID() })
    const answers = await Promise.all(Array.from({ length: 300 }, leave))
    expect(answers.filter(({ error }) => error?.code === 'rate-limited').length).toBeGreaterThan(150)
    await until('served again', async () => (await leave()).ok)
    expect(hasty.socket.connected).toBe(true)
  })

  it('S13 a second long replay of a room counts as ten requests, however the first one ended; joining many rooms at their head costs nothing more', async () => {
    const person = await register(app())
    const projects = await Promise.all(Array.from({ length: 30 }, () => createProject(person)))
    const [{ id } = { id: '' }] = projects
    await app().db.query(`SELECT append($1, 'task:deleted', '{}') FROM generate_series(1, 1000)`, [projectRoom(id)])
    const coming = await connect(app(), person)
    for (let n = 0; n < 3; n++) {
      const heads = projects.map((project) => ({ id: project.id, after: n === 0 ? 0 : project.id === id ? 1_001 : 1 }))
      const acks = await Promise.all(heads.map((head) => coming.join(head.id, { after: head.after })))
      expect(acks.filter(({ ok }) => ok)).toHaveLength(30)
    }

    /** Asks until it is refused, or often enough. Of a hundred requests at once and twenty more a second, each took ten. */
    async function expectDear(ask: () => Promise<{ error?: Problem }>): Promise<void> {
      const began = performance.now()
      let asked = 0
      while (asked < 60 && (await ask()).error?.code !== 'rate-limited') asked++
      const seconds = (performance.now() - began) / 1000
      expect(asked * 10).toBeLessThanOrEqual(120 + 20 * seconds)
    }
    const leave = (listener: Listener) => listener.ask('leave:project', { projectId: id })
    const ways: ((listener: Listener) => Promise<{ error?: Problem }>)[] = [
      (listener) => listener.join(id, { after: 0 }),
      async (listener) => {
        const joined = await listener.join(id, { after: 0 })
        return joined.ok ? leave(listener) : joined
      },
      async (listener) => {
        const before = listener.frames.length
        const joining = listener.join(id, { after: 0 })
        await Promise.race([joining, until('it has begun', () => listener.frames.length > before)])
        await leave(listener)
        return joining
      },
    ]
    for (const way of ways) {
      const again = await connect(app(), person)
      await expectDear(() => way(again))
    }
    // A screen that comes and goes pays for nothing but its questions.
    const fickle = await connect(app(), person)
    for (let n = 0; n < 40; n++) {
      void fickle.join(id)
      expect(await leave(fickle)).toEqual({ ok: true })
    }
    const again = await connect(app(), person)
    const many = await Promise.all(Array.from({ length: 200 }, () => leave(again)))
    const refused = many.find(({ error }) => error?.code === 'rate-limited')
    expect(refused?.error?.retryAfter).toBeGreaterThanOrEqual(1)
    // Waiting requests are served.
    await until('it is in', async () => (await again.join(id)).ok)
  })

  it('S13 one socket with many requests does not take all database connections', async () => {
    const [busy, other] = await Promise.all([register(app(), 'Busy'), register(app(), 'Other')])
    const listener = await connect(app(), busy)
    const holder = await app().db.connect()
    try {
      await holder.query('BEGIN; LOCK TABLE "Member"')
      const joins = Array.from({ length: 60 }, () => listener.join(randomUUID()))
      const waiting = async () => {
        const { rows } = await app().db.query<{ n: number }>(
          `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'SELECT least(m.role%r.head%'`,
        )
        return rows[0]?.n ?? 0
      }
      await until('the first questions wait', async () => (await waiting()) >= 4)
      // Those of another person do not.
      expect((await other.call('GET', '/api/me')).status).toBe(200)
      expect(await waiting()).toBe(4)
      await holder.query('ROLLBACK')
      // Each is answered when its turn comes.
      for (const { error } of await Promise.all(joins)) expect(error?.code).toBe('not-found')
    } finally {
      holder.release(true)
    }
  })

  it('S13 packets that are no requests count too', async () => {
    const raw = await openRaw(app())
    raw.ws.send(`40${JSON.stringify({ token: (await register(app())).token })}`)
    await until('in', () => raw.events().some(({ name }) => name === 'connected'))
    for (let n = 0; n < 3_000; n++) raw.ws.send('43999[1]')
    await until('hung up', () => raw.closed())
  })
})
