import { projectRoom } from '@cutroom/contract'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { direct } from '../support/hostile.ts'
import { readLog, upTo } from '../support/log.ts'
import { type Answer, createTeam, type Person, request } from '../support/people.ts'
import { databaseForTest, type ServerProcess, useServers } from '../support/server-process.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

describe('Postgres', () => {
  const servers = useServers()

  /** A server whose way to Postgres is in the test's hands, with a team in a project and sockets in its room. */
  async function scene() {
    const databaseUrl = await databaseForTest()
    const proxy = await openTcpProxy({ port: Number(new URL(databaseUrl).port) }, onTestFinished)
    const through = new URL(databaseUrl)
    through.host = `127.0.0.1:${proxy.port}`
    const server = await servers.start({ databaseUrl: through.href })
    const team = await createTeam(server, 'editor')
    const sockets = await Promise.all([team.owner, team.editor, team.editor].map((person) => connect(server, person)))
    for (const socket of sockets) expect(await socket.join(team.project.id)).toMatchObject({ ok: true })
    const gone: string[] = []
    for (const { socket } of sockets) socket.on('disconnect', (reason) => gone.push(reason))
    return { server, databaseUrl, proxy, sockets, gone, ...team }
  }

  const get = (server: ServerProcess, path: string): Promise<Answer<{ code?: string }>> => request(server.url, 'GET', path)
  const write = (person: Person, projectId: string, title: string): Promise<Answer<{ code?: string }>> =>
    person.call('POST', `/api/projects/${projectId}/tasks`, { title })
  const unavailable = { status: 503, body: { code: 'unavailable', status: 503, retryAfter: expect.any(Number) } }

  /** Writes of two people, all the time; what was answered 201, and everything else that was answered. */
  function burst(people: Person[], projectId: string) {
    const written: string[] = []
    const refused: Answer<{ code?: string }>[] = []
    let going = true
    onTestFinished(() => {
      going = false
    })
    const running = people.map(async (person, n) => {
      for (let i = 0; going; i++) {
        const title = `${n}-${i}`
        const answer = await write(person, projectId, title)
        if (answer.status === 201) written.push(title)
        else {
          refused.push(answer)
          await new Promise((next) => setTimeout(next, 20))
        }
      }
    })
    const stop = async () => {
      going = false
      await Promise.all(running)
    }
    return { written, refused, stop }
  }

  const ready = (server: ServerProcess) => until('ready again', async () => (await get(server, '/readyz')).status === 200, 20_000)

  /** After trouble: nothing lost, nothing twice, in order, on sockets that never went away. */
  async function expectWhole(server: ServerProcess, owner: Person, projectId: string, sockets: Listener[], written: string[]) {
    const log = await readLog(owner, projectId)
    expect(log.map((event) => event.meta.seq)).toEqual(upTo(log.length))
    const titles = log.filter(({ name }) => name === 'task:created').map(({ payload }) => payload.title as string)
    expect(new Set(titles).size).toBe(titles.length)
    // A write whose answer was lost with the connection may have been committed; one that was answered was.
    expect(titles).toEqual(expect.arrayContaining(written))
    await until('all have all', () => sockets.every((one) => one.events(projectRoom(projectId)).at(-1)?.meta.seq === log.length))
    const live = log.filter(({ name }) => name === 'task:created')
    for (const socket of sockets) expect(socket.events(projectRoom(projectId))).toEqual(live)
    expect(server.alive()).toBe(true)
    expect(server.output()).not.toMatch(/unhandled|uncaught/i)
  }

  it('O2 away for a while: 503 with Retry-After, sockets stay, feeds resume in order, nothing is lost', async () => {
    const { server, proxy, sockets, gone, project, owner, editor } = await scene()
    const { written, refused, stop } = burst([owner, editor, editor], project.id)
    for (const cut of upTo(3)) {
      const enough = written.length + 10
      await until('a burst', () => written.length >= enough)
      await proxy.cut()
      const before = refused.length
      await until(`refusals of cut ${cut}`, () => refused.length >= before + 6)
      const answer = await write(owner, project.id, 'refused')
      expect(answer).toMatchObject(unavailable)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(await get(server, '/readyz')).toMatchObject(unavailable)
      expect(await get(server, '/healthz')).toMatchObject({ status: 200 })
      expect(await sockets[0]?.join(project.id, { after: 0 })).toMatchObject({
        ok: false,
        error: { code: 'unavailable', status: 503, retryAfter: expect.any(Number) },
      })
      await proxy.pass()
      await ready(server)
      // Refused writes are sent again; the others need not be.
      const [first] = sockets
      const after = first?.events(projectRoom(project.id)).at(-1)?.meta.seq ?? 0
      expect(await first?.join(project.id, { after })).toMatchObject({ ok: true, mode: 'resumed' })
    }
    await stop()
    for (const answer of refused) expect(answer).toMatchObject(unavailable)
    const [first, ...others] = sockets
    expect(first?.socket.connected).toBe(true)
    await expectWhole(server, owner, project.id, others, written)
    expect(gone).toEqual([])
  })

  it('O2 closes all connections under load, as a restart does: some writes are refused, none is lost or doubled', async () => {
    const { server, databaseUrl, sockets, gone, project, owner, editor } = await scene()
    const admin = new pg.Client({ connectionString: direct(databaseUrl) })
    await admin.connect()
    onTestFinished(() => admin.end())
    const { written, refused, stop } = burst([owner, editor, editor, owner], project.id)
    for (const _ of upTo(5)) {
      const enough = written.length + 8
      await until('a burst', () => written.length >= enough)
      await admin.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cutroom'`,
      )
    }
    await ready(server)
    await stop()
    expect(refused.length).toBeGreaterThan(0)
    for (const answer of refused) expect(answer).toMatchObject(unavailable)
    await expectWhole(server, owner, project.id, sockets, written)
    expect(gone).toEqual([])
  })

  it('O2 falls silent with open connections: requests get 503 instead of hanging, and writes work when it is back', async () => {
    const { server, proxy, sockets, gone, project, owner, editor } = await scene()
    const { written, refused, stop } = burst([owner, editor, editor], project.id)
    await until('a burst', () => written.length >= 10)
    proxy.swallow()
    const from = performance.now()
    const since = () => (performance.now() - from) / 1000
    expect(await get(server, '/readyz')).toMatchObject(unavailable)
    expect(since()).toBeLessThan(4)
    expect(await get(server, '/healthz')).toMatchObject({ status: 200 })
    const waits = await Promise.all(
      upTo(12).map(async (n) => {
        const answer = await (n % 2 ? write(owner, project.id, `silent ${n}`) : owner.call('GET', `/api/projects/${project.id}`))
        return { answer, seconds: since() }
      }),
    )
    for (const { answer } of waits) expect(answer).toMatchObject(unavailable)
    await until('the writes in the middle of which it fell silent', () => refused.length >= 3, 20_000)
    const longest = Math.max(since(), ...waits.map(({ seconds }) => seconds))
    expect(longest).toBeLessThan(20)
    await proxy.pass()
    const back = performance.now()
    await ready(server)
    await until('writes again', async () => (await write(owner, project.id, 'again')).status === 201, 20_000)
    const enough = written.length + 10
    await until('a burst again', () => written.length >= enough, 20_000)
    await stop()
    for (const answer of refused) expect(answer).toMatchObject(unavailable)
    await expectWhole(server, owner, project.id, sockets, written)
    expect(gone).toEqual([])
    console.info(
      `Postgres silent: the longest request ended after ${longest.toFixed(1)} s; writes again ${((performance.now() - back) / 1000).toFixed(1)} s after it was back`,
    )
  })

  it('F6 O2 a connection that breaks in the tick in which the pool hands it on does not end the process', async () => {
    const databaseUrl = await databaseForTest()
    let skip = Number.POSITIVE_INFINITY
    let broken = 0
    // What Postgres says that dies under a connection: behind "ready", in one piece with it.
    const said = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0'
    const fatal = Buffer.concat([Buffer.from('E'), Buffer.alloc(4), Buffer.from(said)])
    fatal.writeUInt32BE(fatal.length - 1, 1)
    const ready = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])
    const down = () => {
      let dead = false
      return (chunk: Buffer, push: (bytes: Buffer) => void) => {
        if (dead) return
        if (!chunk.subarray(-ready.length).equals(ready) || skip-- > 0) return push(chunk)
        skip = Number.POSITIVE_INFINITY
        dead = true
        broken++
        push(Buffer.concat([chunk, fatal]))
        setTimeout(proxy.drop, 5)
      }
    }
    const proxy = await openTcpProxy({ port: Number(new URL(databaseUrl).port), down }, onTestFinished)
    const through = new URL(databaseUrl)
    through.host = `127.0.0.1:${proxy.port}`
    // Few connections: who is done hands on to who waits.
    const server = await servers.start({ databaseUrl: through.href, env: { DATABASE_POOL: '2' } })
    const { project, owner } = await createTeam(server)
    for (const round of upTo(24)) {
      skip = round % 12
      const writes = upTo(6).map((n) => write(owner, project.id, `${round} ${n}`))
      for (const answer of await Promise.all(writes)) if (answer.status !== 201) expect(answer).toMatchObject(unavailable)
    }
    expect(broken).toBeGreaterThan(10)
    skip = Number.POSITIVE_INFINITY
    await until('writes again', async () => (await write(owner, project.id, 'again')).status === 201)
    expect(server.alive()).toBe(true)
  })
})
