import type { Presence } from '@cutroom/contract'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { cutReplies } from '../faults/support/resp.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { createTeam, login, type Person, register, request } from '../support/people.ts'
import { hasRedis, type Redis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { openTcpProxy, type TcpProxyOptions } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

/** So long that only a notification can have brought what came. */
const NEVER_MS = 60_000
const GRACE_MS = 300
const DEAD_MS = 900

const tasks = (listener: Listener) => listener.events().filter((event) => event.name === 'task:created')
const changes = (listener: Listener) =>
  listener.frames.flatMap(({ name, payload }) =>
    name === 'presence:changed' ? [payload as unknown as { present: Presence[]; left: string[] }] : [],
  )
const said = (listener: Listener) =>
  changes(listener).flatMap(({ present, left }) => [...present.map(({ user }) => `+${user.name}`), ...left.map((id) => `-${id}`)])
const cut = ({ socket }: Listener) => socket.io.engine.close()

/** `count` nodes over one database; they end with the test. */
async function startNodes(count: number, env: Record<string, string>, timings: Record<string, number> = {}): Promise<TestApp[]> {
  const database = await createDatabase()
  const nodes = await Promise.all(
    Array.from({ length: count }, () => startApp({ databaseUrl: database.url, env, seams: { timings } })),
  )
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.close()))
    await database.drop()
  })
  return nodes
}

describe('several nodes', () => {
  it('D1 D2 without Redis every node delivers by its own sweep of the heads', async () => {
    const [a, b] = (await startNodes(2, {}, { sweepMs: 50 })) as [TestApp, TestApp]
    const { project, owner, viewer } = await createTeam(a, 'viewer')
    const far = await connect(b, viewer)
    await far.join(project.id)
    for (let n = 0; n < 20; n++) await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: `Task ${n}` })
    await until('all came', () => tasks(far).length === 20)
    expect(tasks(far).map(({ payload }) => payload.title)).toEqual(Array.from({ length: 20 }, (_, n) => `Task ${n}`))
    await owner.must('DELETE', `/api/projects/${project.id}/members/${viewer.id}`)
    await until('the removed person is out', () => far.frames.some(({ name }) => name === 'access:revoked'))
  })
})

if (!hasRedis()) refuseWithoutRedis('several nodes over Redis')

describe.runIf(hasRedis())('several nodes over Redis', () => {
  let redis: Redis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())

  const quick = { sweepMs: NEVER_MS, sweepAloneMs: 50, graceMs: GRACE_MS, beatMs: 100, deadMs: DEAD_MS, typingMs: 500 }
  /** Where the sweep has to do it, once Redis is known to be away. */
  const sweeping = { ...quick, sweepMs: 1_000 }
  const nodes = (count: number, env: Record<string, string> = {}, timings = quick) =>
    startNodes(count, { REDIS_URL: redis.url, ...env }, timings)

  /** Two people of one project, one on each of two nodes, who see each other. */
  async function apart(env: Record<string, string> = {}, timings = quick) {
    const [a, b] = (await nodes(2, env, timings)) as [TestApp, TestApp]
    const { project, owner, editor } = await createTeam(a, 'editor')
    const [near, far] = [await connect(a, owner), await connect(b, editor)]
    await near.join(project.id)
    // Who was announced on the other node before the join is in its answer alone.
    const { presence } = await far.join(project.id)
    const answered = new Set(presence.map(({ user }) => user.id))
    const knows = (one: Listener, { id, name }: Person) => said(one).includes(`+${name}`) || (one === far && answered.has(id))
    await until('both nodes know both', () => [near, far].every((one) => knows(one, owner) && knows(one, editor)))
    return { a, b, project, owner, editor, near, far }
  }
  const write = (person: Person, projectId: string, title: string) =>
    person.must('POST', `/api/projects/${projectId}/tasks`, { title })

  it('D1 A1 a notification delivers what another node committed at once, removals included', async () => {
    const { project, owner, editor, near, far } = await apart()
    for (let n = 0; n < 20; n++) await write(owner, project.id, `Task ${n}`)
    await until('all came on both', () => [near, far].every((one) => tasks(one).length === 20))
    expect(tasks(far).map(({ meta }) => meta.seq)).toEqual(tasks(near).map(({ meta }) => meta.seq))
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await write(owner, project.id, 'After')
    await until('the removed person is out', () => far.frames.some(({ name }) => name === 'access:revoked'))
    await until('the other is not', () => tasks(near).length === 21)
    expect(tasks(far)).toHaveLength(20)
  })

  it('A2 a session that is closed on one node is closed on all', async () => {
    const [a, b] = (await nodes(2)) as [TestApp, TestApp]
    const { owner } = await createTeam(a)
    const far = await connect(b, owner)
    await owner.must('POST', '/api/auth/logout-all')
    await until('the socket is closed', () => !far.socket.connected)
    expect(far.frames.at(-1)).toMatchObject({ name: 'session:expired', payload: { reason: 'revoked' } })
  })

  it('P1 typing and presence cross nodes, and tabs on two nodes are one person', async () => {
    const { a, project, owner, editor, near, far } = await apart()
    await until('online is told across', () =>
      near.frames.some(({ name, payload }) => name === 'chat:presence' && payload.userId === editor.id),
    )
    await far.ask('typing', { projectId: project.id, targetId: project.id, isTyping: true })
    await until('typing is told across', () =>
      near.frames.some(({ name, payload }) => name === 'typing' && payload.userId === editor.id),
    )

    const tab = await connect(a, editor)
    expect((await tab.join(project.id)).presence).toHaveLength(2)
    await far.ask('presence:set', { projectId: project.id, state: { at: 1 } })
    await tab.ask('presence:set', { projectId: project.id, state: { at: 2 } })
    const states = (listener: Listener) =>
      changes(listener).flatMap(({ present }) =>
        present.flatMap(({ user, state }) => (user.id === editor.id && state ? [state.at] : [])),
      )
    await until('the last word counts on both nodes', () => [near, far].every((one) => states(one).at(-1) === 2))
    await far.ask('leave:project', { projectId: project.id })
    const again = await connect(a, owner)
    expect((await again.join(project.id)).presence.map(({ user }) => user.id)).toContain(editor.id)
    await tab.ask('leave:project', { projectId: project.id })
    await until('gone with the last tab', () => said(near).includes(`-${editor.id}`))
    expect(said(near).filter((word) => word.startsWith('-'))).toEqual([`-${editor.id}`])
  })

  it('P1 a person who reconnects on another node was never away; one who does not leaves once', async () => {
    const { a, b, project, editor, near, far } = await apart()
    const told = said(near).length
    cut(far)
    const back = await connect(a, editor)
    await back.join(project.id)
    // The other node forgets its part of them; that takes longer than the grace.
    const marker = await login(b, editor)
    const other = await connect(b, marker)
    await new Promise((done) => setTimeout(done, GRACE_MS * 2))
    await other.join(project.id)
    expect(said(near).slice(told)).toEqual([])
    cut(back)
    cut(other)
    await until('gone', () => said(near).includes(`-${editor.id}`))
    expect(said(near).slice(told)).toEqual([`-${editor.id}`])
  })

  it('P1 O1 people of a stopped node who reconnect elsewhere stay present; those who do not leave', async () => {
    const [a, b] = (await nodes(2)) as [TestApp, TestApp]
    const { project, owner, editor, viewer } = await createTeam(a, 'editor', 'viewer')
    const [near, moves, stays] = [await connect(a, owner), await connect(b, editor), await connect(b, viewer)]
    for (const one of [near, moves, stays]) await one.join(project.id)
    await until('all are there', () => said(near).length === 3)
    await b.app.close()
    await until('they were sent away', () => !moves.socket.connected && !stays.socket.connected)
    const moved = await connect(a, editor)
    await moved.join(project.id)
    await until('who stayed away vanishes', () => said(near).includes(`-${viewer.id}`))
    expect(said(near).slice(3)).toEqual([`-${viewer.id}`])
  })

  it('P1 a node that falls silent loses its people in time, and has them again when it speaks', async () => {
    const proxy = await openTcpProxy({ port: redis.port }, onTestFinished)
    const database = await createDatabase()
    const a = await startApp({ databaseUrl: database.url, env: { REDIS_URL: redis.url }, seams: { timings: sweeping } })
    const b = await startApp({
      databaseUrl: database.url,
      env: { REDIS_URL: `redis://127.0.0.1:${proxy.port}` },
      seams: { timings: sweeping },
    })
    onTestFinished(async () => {
      await Promise.all([a.close(), b.close()])
      await database.drop()
    })
    const { project, owner, editor } = await createTeam(a, 'editor')
    const [near, far] = [await connect(a, owner), await connect(b, editor)]
    await near.join(project.id)
    const { presence } = await far.join(project.id)
    await until('the far one is seen here', () => said(near).includes(`+${editor.name}`))
    // Known there with the join, or soon after it.
    const isKnown = () => presence.some(({ user }) => user.id === owner.id) || said(far).includes(`+${owner.name}`)
    await until('the near one is seen there', isKnown)
    await proxy.cut()
    await until('the far one vanishes here', () => said(near).includes(`-${editor.id}`))
    await until('the near one vanishes there', () => said(far).includes(`-${owner.id}`))
    await write(owner, project.id, 'Meanwhile')
    await until('what is durable comes all the same', () => tasks(far).length === 1)
    await proxy.pass()
    await until('both are there again', () => said(near).at(-1) === `+${editor.name}` && said(far).at(-1) === `+${owner.name}`)
  })

  it('P1 a node that missed a change asks until it is answered, however long it is to the next beat', async () => {
    const database = await createDatabase()
    // Of the messages from one node to the other the first change is lost, and the first answer to the question for all.
    const lost = new Set<string>()
    const lossy: TcpProxyOptions['down'] = () => {
      const cut = cutReplies()
      return (chunk, push) => {
        for (const reply of cut(chunk)) {
          const kind = /"say":"(changed|all)"/.exec(reply.toString('latin1'))?.[1]
          if (kind === undefined || lost.has(kind) || !listening) push(reply)
          else lost.add(kind)
        }
      }
    }
    let listening = false
    const proxy = await openTcpProxy({ port: redis.port, down: lossy })
    const timings = { ...quick, beatMs: NEVER_MS, deadMs: NEVER_MS * 2 }
    const [a, b] = await Promise.all(
      [redis.port, proxy.port].map((port) =>
        startApp({ databaseUrl: database.url, env: { REDIS_URL: `redis://127.0.0.1:${port}` }, seams: { timings } }),
      ),
    )
    if (!a || !b) throw new Error('two nodes')
    onTestFinished(async () => {
      await Promise.all([a.close(), b.close()])
      await proxy.close()
      await database.drop()
    })
    const { project, owner, editor } = await createTeam(a, 'editor')
    const [near, far] = [await connect(a, owner), await connect(b, editor)]
    await far.join(project.id)
    listening = true
    await near.join(project.id)
    await until('the other node has them all the same', () => said(far).includes(`+${owner.name}`), 5_000)
    expect([...lost].sort()).toEqual(['all', 'changed'])
  })

  it('O2 D2 Redis away and back, empty: writes go on, nothing is lost, and notifications arrive again', async () => {
    const own = await startRedis()
    onTestFinished(() => own.close())
    const { project, owner, editor, near, far } = await apart({ REDIS_URL: own.url }, sweeping)
    await own.kill()
    for (let n = 0; n < 5; n++) await write(owner, project.id, `Away ${n}`)
    await until('all came by the sweep', () => [near, far].every((one) => tasks(one).length === 5))
    await far.ask('typing', { projectId: project.id, targetId: project.id, isTyping: true })
    await own.start()
    await until('typing is told across again', async () => {
      await far.ask('typing', { projectId: project.id, targetId: project.id, isTyping: true })
      return near.frames.some(({ name, payload }) => name === 'typing' && payload.userId === editor.id)
    })
    await write(owner, project.id, 'Back')
    await until('the next one comes', () => tasks(far).length === 6)
  })

  it('O2 a server starts without its Redis, and uses it when it is there', async () => {
    const own = await startRedis()
    onTestFinished(() => own.close())
    await own.kill()
    const [a, b] = (await nodes(2, { REDIS_URL: own.url })) as [TestApp, TestApp]
    const { project, owner, editor } = await createTeam(a, 'editor')
    const far = await connect(b, editor)
    await far.join(project.id)
    await write(owner, project.id, 'Without')
    await until('it comes by the sweep', () => tasks(far).length === 1)
    await own.start()
    const near = await connect(a, owner)
    await near.join(project.id)
    await until('nodes have found each other', () => said(near).includes(`+${editor.name}`))
  })

  it('S14 limits and lockouts are counted by all nodes together, and by each alone while Redis is away', async () => {
    const own = await startRedis()
    onTestFinished(() => own.close())
    const [a, b] = (await nodes(2, { REDIS_URL: own.url, RATE_LIMIT: '40' })) as [TestApp, TestApp]
    const { editor } = await createTeam(a, 'editor')
    const ask = async (node: TestApp, person: Person) =>
      (await request(node.url, 'GET', '/api/me', { token: person.token })).status
    // Each node by itself would refuse none of these. On a busy machine Redis is not waited for, and a minute may end in between.
    const refused = async () => {
      const person = await register(a)
      const answers: number[] = []
      for (let n = 0; n < 76; n++) answers.push(await ask(n % 2 ? a : b, person))
      return answers.filter((status) => status === 429).length
    }
    await until('the nodes count together', async () => (await refused()) >= 4, 50_000)
    expect(await ask(a, editor)).toBe(200)

    const guess = (node: TestApp) =>
      request(node.url, 'POST', '/api/auth/login', {
        body: { email: editor.email, password: 'not this one at all', delivery: 'body' },
      })
    let tries = 0
    while ((await guess(tries % 2 ? a : b)).status === 401) tries++
    expect(tries).toBeLessThan(40)
    for (const node of [a, b]) await until('the node refuses, too', async () => (await guess(node)).status === 429, 50_000)
    // Another database in the same Redis has its own people.
    const [elsewhere] = (await nodes(1, { REDIS_URL: own.url, RATE_LIMIT: '40' })) as [TestApp]
    expect((await guess(elsewhere)).status).toBe(401)

    await own.kill()
    expect(await ask(a, editor)).toBe(200)
    const alone: number[] = []
    for (let n = 0; n < 44; n++) alone.push(await ask(b, editor))
    expect(alone).toContain(429)
  })

  it('O2 a Redis that stops answering delays hardly a request', async () => {
    const own = await startRedis()
    const proxy = await openTcpProxy({ port: own.port }, onTestFinished)
    onTestFinished(own.close)
    const [a] = (await nodes(1, { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, RATE_LIMIT: '1000' }, sweeping)) as [TestApp]
    const person = await register(a)
    const ask = async () => (await request(a.url, 'GET', '/api/me', { token: person.token })).status
    expect(await ask()).toBe(200)
    proxy.swallow()
    const from = performance.now()
    for (let n = 0; n < 20; n++) expect(await ask()).toBe(200)
    // Each would wait half a second for its count: ten seconds.
    expect(performance.now() - from).toBeLessThan(9_000)
  })

  it('P1 a member who joins late sees the people of every node', async () => {
    const { b, project, owner, editor } = await apart()
    const late = await connect(b, owner)
    const { presence } = await late.join(project.id)
    expect(presence.map(({ user }) => user.id).sort()).toEqual([owner.id, editor.id].sort())
  })
})
