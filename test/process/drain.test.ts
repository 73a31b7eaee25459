import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type Meta, projectRoom } from '@cutroom/contract'
import pg from 'pg'
import { io, type Socket } from 'socket.io-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { direct } from '../support/hostile.ts'
import { readLog, upTo } from '../support/log.ts'
import { createTeam, type Person, request } from '../support/people.ts'
import { databaseForTest, freePort, type ServerProcess, useServers } from '../support/server-process.ts'
import type { JoinAck } from '../support/sockets.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

interface Guest {
  socket: Socket
  seqs: number[]
  reasons: string[]
  draining: { reconnectInMs: number }[]
  connects: number
}

/** socket.io-client as it comes, which joins with what it has seen; nothing here brings it back but itself. */
function guest(url: string, person: Person, projectId: string): Guest {
  const socket = io(url, { transports: ['websocket'], forceNew: true, auth: { token: person.token } })
  onTestFinished(() => void socket.close())
  const one: Guest = { socket, seqs: [], reasons: [], draining: [], connects: 0 }
  socket.on('connect', () => {
    one.connects++
    socket.emit('join:project', { projectId, after: one.seqs.at(-1) ?? 0 }, (ack: JoinAck) => {
      if (!ack.ok) one.reasons.push(`refused: ${ack.error?.code}`)
    })
  })
  socket.on('disconnect', (reason) => one.reasons.push(reason))
  socket.on('server:draining', (message) => one.draining.push(message))
  socket.onAny((_name: string, _payload: unknown, meta?: Meta) => {
    if (meta?.room === projectRoom(projectId)) one.seqs.push(meta.seq)
  })
  return one
}

/** A transaction of the test's own that holds a lock until it is let go. */
async function holding(databaseUrl: string, lock: string) {
  const client = new pg.Client({ connectionString: direct(databaseUrl) })
  await client.connect()
  onTestFinished(() => client.end())
  await client.query('BEGIN')
  await client.query(lock)
  return {
    /** How many others wait for a lock. */
    async waiting() {
      const { rows } = await client.query<{ n: string }>('SELECT count(*) AS n FROM pg_locks WHERE NOT granted')
      return Number(rows[0]?.n)
    },
    release: () => client.query('COMMIT'),
  }
}

async function stopped(server: ServerProcess) {
  const from = performance.now()
  const how = await server.exited
  return { ...how, seconds: (performance.now() - from) / 1000 }
}

describe('SIGTERM', () => {
  const servers = useServers()

  it('O1 D1 R1 under load: every 2xx is in the log, everything in the log was answered, and clients come back by themselves', async () => {
    const databaseUrl = await databaseForTest()
    const port = await freePort()
    const first = await servers.start({ databaseUrl, port })
    const { project, owner, editor } = await createTeam(first, 'editor')
    const guests = [owner, editor, editor].map((person) => guest(first.url, person, project.id))
    await until('all have joined', () => guests.every(({ seqs }) => seqs.length >= 1))

    const answered = new Set<string>()
    const other = new Map<string, number>()
    let going = true
    const write = async (person: Person) => {
      while (going) {
        const key = randomUUID()
        const path = `/api/projects/${project.id}/tasks`
        const answer = await person.call('POST', path, { title: key }, { 'idempotency-key': key }).catch(() => null)
        const status = answer === null ? 'no answer' : `${answer.status}`
        if (answer?.status === 201) answered.add(key)
        else other.set(status, (other.get(status) ?? 0) + 1)
        if (answer === null) return
      }
    }
    const writers = [owner, owner, owner, editor, editor, editor].map(write)
    onTestFinished(() => {
      going = false
    })
    await until('a burst', () => answered.size >= 60)
    first.signal('SIGTERM')
    const end = await stopped(first)
    await Promise.all(writers)
    expect(end).toMatchObject({ code: 0, signal: null })
    expect(end.seconds).toBeLessThan(15)
    // Refused writes got an answer; later connections were refused.
    expect([...other.keys()].filter((status) => status !== '503' && status !== 'no answer')).toEqual([])

    for (const { reasons, draining } of guests) {
      expect(draining).toEqual([{ reconnectInMs: expect.any(Number) }])
      expect(reasons).toEqual(['transport close'])
    }
    const second = await servers.start({ databaseUrl, port })
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'after the restart' })
    const log = await readLog(owner, project.id)
    const keys = log.flatMap(({ meta }) => meta.mutationId ?? [])
    expect(new Set(keys)).toEqual(answered)
    expect(keys).toHaveLength(answered.size)
    await until('all are back and have all', () => guests.every(({ seqs }) => seqs.at(-1) === log.length))
    for (const { seqs, connects, reasons } of guests) {
      expect(seqs).toEqual(upTo(log.length))
      expect(connects).toBe(2)
      expect(reasons).toEqual(['transport close'])
    }
    expect(second.output()).not.toMatch(/error/i)
  })

  it('O1 a request in flight is answered, new ones are refused, and /readyz answers 503', async () => {
    const databaseUrl = await databaseForTest()
    const server = await servers.start({ databaseUrl })
    const { project, owner } = await createTeam(server)
    const one = guest(server.url, owner, project.id)
    await until('joined', () => one.connects === 1)
    // The write has done everything but take its place in the log.
    const lock = await holding(databaseUrl, `SELECT 1 FROM "Room" WHERE id = '${projectRoom(project.id)}' FOR UPDATE`)
    const writing = owner.call('POST', `/api/projects/${project.id}/tasks`, { title: 'in flight' })
    writing.catch(() => {})
    await until('the write waits', async () => (await lock.waiting()) > 0)

    const answers: unknown[] = []
    const ask = async (method: string, path: string, body?: unknown) => {
      const answer = await request(server.url, method, path, { body, token: owner.token }).catch(() => null)
      answers.push(answer === null ? 'refused' : [answer.status, answer.body, answer.headers.get('retry-after')])
    }
    one.socket.once('server:draining', () => {
      void ask('GET', '/readyz')
      void ask('POST', `/api/projects/${project.id}/tasks`, { title: 'too late' })
    })
    server.signal('SIGTERM')
    await until('the answers to what came in the last moment', () => answers.length >= 2)
    await until('the port is closed', async () => {
      await ask('GET', '/healthz')
      return answers.at(-1) === 'refused'
    })
    const late = io(server.url, { transports: ['websocket'], reconnection: false, forceNew: true, auth: { token: owner.token } })
    await new Promise((resolve) => late.once('connect_error', resolve))
    const busy = expect.objectContaining({ code: 'unavailable', status: 503, detail: 'The server is stopping' })
    for (const answer of answers) expect([[503, busy, '1'], 'refused']).toContainEqual(answer)
    expect(server.alive()).toBe(true)

    await lock.release()
    expect(await writing).toMatchObject({ status: 201, body: { title: 'in flight' } })
    const end = await stopped(server)
    expect(end).toMatchObject({ code: 0 })
    expect(end.seconds).toBeLessThan(15)
    const again = await servers.start({ databaseUrl, port: server.port })
    expect((await readLog(owner, project.id)).map(({ payload }) => payload.title)).toEqual(['in flight'])
    expect(again.alive()).toBe(true)
  })

  it('O1 answers whose readers have left do not delay the stop', async () => {
    const server = await servers.start({ databaseUrl: await databaseForTest() })
    const { project, owner } = await createTeam(server)
    const reader = new AbortController()
    const headers = { accept: 'text/event-stream', authorization: `Bearer ${owner.token}` }
    const stream = await fetch(`${server.url}/api/projects/${project.id}/events`, { headers, signal: reader.signal })
    expect(stream.status).toBe(200)
    reader.abort()
    const silent = connect(server.port, '127.0.0.1')
    onTestFinished(() => void silent.destroy())
    await once(silent, 'connect')
    silent.write('GET /readyz HTTP/1.1\r\n')
    server.signal('SIGTERM')
    const end = await stopped(server)
    expect(end).toMatchObject({ code: 0 })
    expect(end.seconds).toBeLessThan(8)
  })

  it('O1 a client in the middle of its handshake does not delay the stop, and comes back by itself', async () => {
    const databaseUrl = await databaseForTest()
    const port = await freePort()
    const server = await servers.start({ databaseUrl, port })
    const { project, owner, editor } = await createTeam(server, 'editor')
    const inside = guest(server.url, owner, project.id)
    await until('joined', () => inside.seqs.length >= 1)
    const lock = await holding(databaseUrl, 'LOCK TABLE "Session" IN ACCESS EXCLUSIVE MODE')
    const half = guest(server.url, editor, project.id)
    await until('the handshake waits for its session', async () => (await lock.waiting()) > 0)
    server.signal('SIGTERM')
    await until('the server sends clients away', () => inside.reasons.length > 0)
    await lock.release()
    const end = await stopped(server)
    expect(end).toMatchObject({ code: 0 })
    expect(end.seconds).toBeLessThan(15)
    await servers.start({ databaseUrl, port })
    await until('both are in the room', () => [inside, half].every(({ socket, seqs }) => socket.connected && seqs.length >= 1))
    expect(half.seqs).toEqual(inside.seqs)
  })

  it('O1 clients that fell silent with an open connection do not delay the stop', async () => {
    const databaseUrl = await databaseForTest()
    const server = await servers.start({ databaseUrl })
    const { project, owner } = await createTeam(server)
    const proxy = await openTcpProxy({ port: server.port }, onTestFinished)
    const silent = guest(proxy.url, owner, project.id)
    const inside = guest(server.url, owner, project.id)
    await until('both are in', () => [silent, inside].every(({ seqs, connects }) => connects === 1 && seqs.length >= 0))
    // Browsers open connections ahead of time, and a client may stop in the middle of a request.
    const wires = [
      '',
      'GET /healthz HTT',
      'POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
    ].map((begun) => {
      const wire = connect(server.port, '127.0.0.1', () => wire.write(begun))
      wire.on('error', () => {})
      onTestFinished(() => void wire.destroy())
      return wire
    })
    await until('all are connected', () => wires.every((wire) => wire.readyState === 'open'))
    proxy.swallow()
    server.signal('SIGTERM')
    const end = await stopped(server)
    expect(end).toMatchObject({ code: 0 })
    expect(end.seconds).toBeLessThan(15)
    expect(inside.reasons).toEqual(['transport close'])
  })
})
