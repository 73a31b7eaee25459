import { randomUUID } from 'node:crypto'
import type { Presence } from '@cutroom/contract'
import { encode } from '@msgpack/msgpack'
import { Redis as Client } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { addProjects } from '../support/members.ts'
import { addMember, createTeam, register } from '../support/people.ts'
import { createRandom } from '../support/random.ts'
import { hasRedis, type Redis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const nested = (depth: number): Record<string, unknown> => (depth === 1 ? {} : { a: nested(depth - 1) })
const lists = (depth: number): unknown[] => (depth === 1 ? [] : [lists(depth - 1)])

const shown = (listener: Listener) =>
  listener.frames.flatMap(({ name, payload }) => (name === 'presence:changed' ? (payload.present as Presence[]) : []))

if (!hasRedis()) refuseWithoutRedis('messages between nodes')

describe.runIf(hasRedis())('messages between nodes', () => {
  let redis: Redis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())

  /** Two nodes, a person of one project on each, who see each other. */
  async function apart() {
    const database = await createDatabase()
    const env = { REDIS_URL: redis.url }
    const timings = { beatMs: 200, deadMs: 60_000, graceMs: 300 }
    const nodes = await Promise.all([0, 1].map(() => startApp({ databaseUrl: database.url, env, seams: { timings } })))
    onTestFinished(async () => {
      await Promise.all(nodes.map((node) => node.close()))
      await database.drop()
    })
    const [a, b] = nodes as [TestApp, TestApp]
    const { project, owner, editor } = await createTeam(a, 'editor')
    const [near, far] = [await connect(a, owner), await connect(b, editor)]
    const listed = [await near.join(project.id), await far.join(project.id)].map(({ presence }) => presence)
    // The node of the second may know of the first before it answers.
    await until('both nodes know both', () =>
      [near, far].every((one, i) => new Set([...(listed[i] ?? []), ...shown(one)].map(({ user }) => user.id)).size === 2),
    )
    return { a, b, project, owner, editor, near, far }
  }
  type Apart = Awaited<ReturnType<typeof apart>>

  /** A state set on one node is shown on the other, in both directions. */
  async function areJoined({ project, near, far }: Apart): Promise<void> {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      const word = randomUUID()
      expect(await from.ask('presence:set', { projectId: project.id, state: { word } })).toEqual({ ok: true })
      await until('the state is shown on the other node', () => shown(to).some(({ state }) => state?.word === word))
    }
  }

  it('B3 a presence state nested too deeply is refused, and one at the limit is shown on every node', async () => {
    const nodes = await apart()
    const { project, near, far } = nodes
    for (const depth of [9, 33, 101, 130])
      for (const state of [nested(depth), { a: lists(depth - 1) }]) {
        const answer = await near.ask('presence:set', { projectId: project.id, state })
        expect(answer.ok).toBe(false)
        expect(['validation', 'bad-request']).toContain(answer.error?.code)
      }
    const deepest = nested(8)
    expect(await near.ask('presence:set', { projectId: project.id, state: deepest })).toEqual({ ok: true })
    await until('shown', () => shown(far).some(({ state }) => JSON.stringify(state) === JSON.stringify(deepest)))
    await areJoined(nodes)
  })

  it('B3 names and states of any characters, and keys of any name, are shown on every node as they are', async () => {
    const nodes = await apart()
    const { project, near, far } = nodes
    const state = { constructor: 1, toString: 'x', '\u0000"\\': '\ud800', 'line\nbreak': ['</script>', 1e308, null, -0.5] }
    expect(await near.ask('presence:set', { projectId: project.id, state })).toEqual({ ok: true })
    await until('shown', () => shown(far).some((one) => (one.state as { toString: unknown } | null)?.toString === 'x'))
    expect(shown(far).at(-1)?.state).toEqual(state)
    await areJoined(nodes)
  })

  it('B3 what another node sends is checked: junk of any shape is dropped, and the node goes on', async () => {
    const nodes = await apart()
    const { a, project, owner, near, far } = nodes
    const node = randomUUID()
    const user = { id: owner.id, name: 'Somebody', avatarUrl: null }
    const presence = { user, since: new Date().toISOString(), state: null }
    const record = { room: `project:${project.id}`, userId: owner.id, presence, at: 1 }
    const head = { node, version: 1 }
    const changed = (part: object) => ({ say: 'changed', ...head, sights: [{ ...record, ...part }] })
    const junk: unknown[] = [
      ...[undefined, null, 0, '', 'x', '[', '{}', '[]', 'null', [], {}, nested(50), lists(500)],
      ...['constructor', '__proto__', 'toString', 'nothing'].map((say) => ({ say })),
      { say: 'news', rooms: Array(200_000).fill(record.room) },
      { say: 'news', rooms: [{}, null, 'project:', 'x'.repeat(10_000)] },
      { say: 'news', rooms: { length: 2 } },
      { say: 'changed', ...head, sights: Array(100_000).fill({}) },
      { say: 'changed', ...head, version: 1.5, sights: [] },
      { say: 'changed', ...head, node: '__proto__', sights: [record] },
      { say: 'all', ...head, part: 0, parts: 1e9, sights: [] },
      { say: 'all', ...head, part: -1, parts: 1, sights: [] },
      { say: 'alive', node, version: Number.MAX_SAFE_INTEGER + 2 },
      { say: 'ask', node: {} },
      { say: 'typing', projectId: project.id, targetId: 'x'.repeat(1_000), userId: owner.id, isTyping: 'yes' },
      changed({ userId: '__proto__' }),
      changed({ room: '__proto__' }),
      changed({ at: 'now' }),
      changed({ at: -1 }),
      changed({ presence: { ...presence, user: { ...user, name: 'x'.repeat(100_000) } } }),
      changed({ presence: { ...presence, state: nested(20) } }),
      changed({ presence: { ...presence, since: 'for ever' } }),
    ]
    const before = shown(far).length
    for (const word of junk) {
      a.app.io.serverSideEmit('word', word as string)
      a.app.io.serverSideEmit('word', JSON.stringify(word) ?? 'undefined')
    }
    await areJoined(nodes)
    expect(
      shown(far)
        .slice(before)
        .every(({ user }) => user.name !== 'Somebody' && user.name.length < 100),
    ).toBe(true)
    expect(near.socket.connected && far.socket.connected).toBe(true)
  })

  it('B3 a record from far in the future does not win for ever', async () => {
    const nodes = await apart()
    const { a, project, owner, near, far } = nodes
    const node = randomUUID()
    const presence = {
      user: { id: owner.id, name: owner.name, avatarUrl: null },
      since: new Date().toISOString(),
      state: { of: 'the future' },
    }
    for (const [version, at] of [1e15, Number.MAX_VALUE].entries())
      a.app.io.serverSideEmit(
        'word',
        JSON.stringify({
          say: 'changed',
          node,
          version,
          sights: [{ room: `project:${project.id}`, userId: owner.id, presence, at }],
        }),
      )
    await until('it is shown', () => shown(far).some(({ state }) => state?.of === 'the future'))
    // Clocks may differ by seconds.
    await until(
      'what is set here is shown there',
      async () => {
        await near.ask('presence:set', { projectId: project.id, state: { of: 'now' } })
        // No faster than a socket may ask.
        await new Promise((done) => setTimeout(done, 100))
        return shown(far).at(-1)?.state?.of === 'now'
      },
      20_000,
    )
  })

  it('B3 a node survives any content of its channels and its stream in Redis', async () => {
    const nodes = await apart()
    const { near, far } = nodes
    const client = new Client(redis.url)
    onTestFinished(() => client.disconnect())
    const channels = (await client.pubsub('CHANNELS', '*')) as string[]
    const streams = (await client.keys('*')).filter((key) => !key.includes(':limit:'))
    const [stream = channels[0]?.replace(/#.*/, '') ?? ''] = streams
    const random = createRandom(7)
    const uid = 'ffffffffffffffff'
    const kinds = Array.from({ length: 15 }, (_, type) => type)
    const bodies = [
      undefined,
      null,
      7,
      'x',
      [],
      { packet: null },
      { packet: ['error', 'x'] },
      { packet: ['connection', {}] },
      nested(90),
    ]
    const opts = { rooms: [], except: [], flags: {} }
    bodies.push({ opts, rooms: ['x'] }, { opts, close: true }, { packet: { type: 2, data: ['x', nested(60)] }, opts })
    bodies.push({ requestId: 'x', packet: ['word', '{}'] }, { opts, requestId: 'x' })
    const noise = Array.from({ length: 50 }, () =>
      Buffer.from(Array.from({ length: random.int(0, 200) }, () => random.int(0, 256))),
    )
    const deep = `{"opts":{"rooms":[],"except":[]},"packet":{"type":2,"nsp":"/","data":["x",${'['.repeat(20_000)}${']'.repeat(20_000)}]}}`
    for (const channel of channels) {
      for (const bytes of noise) await client.publish(channel, bytes)
      for (const type of kinds)
        for (const data of bodies) await client.publish(channel, Buffer.from(encode({ uid, nsp: '/', type, data })))
    }
    for (const type of [...kinds, 'x']) {
      for (const data of bodies)
        await client.xadd(stream, '*', 'uid', uid, 'nsp', '/', 'type', type, 'data', JSON.stringify(data) ?? '')
      await client.xadd(stream, '*', 'uid', uid, 'nsp', '/', 'type', type, 'data', deep)
    }
    await areJoined(nodes)
    // Nothing in Redis is an order to say something to people, or to send them away.
    expect(near.socket.connected && far.socket.connected).toBe(true)
    expect([near, far].flatMap(({ frames }) => frames.filter(({ name }) => name === 'x'))).toEqual([])
    // Nor is it read over and over.
    const reads = async () => Number(/cmdstat_xread:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0)
    const from = await reads()
    for (let n = 0; n < 20; n++) await areJoined(nodes)
    expect((await reads()) - from).toBeLessThan(100)
  })

  it('P1 a node with more people than fit in one message sends all of them to a node that starts late', async () => {
    const database = await createDatabase()
    const start = () =>
      startApp({ databaseUrl: database.url, env: { REDIS_URL: redis.url }, seams: { timings: { beatMs: 200 } } })
    const nodes = [await start()]
    onTestFinished(async () => {
      await Promise.all(nodes.map((node) => node.close()))
      await database.drop()
    })
    const [a] = nodes as [TestApp]
    const { project, owner, editor } = await createTeam(a, 'editor')
    // Records are by person and room: a room for each project and their own, which two hundred more make several messages of.
    const listeners = [await connect(a, owner), await connect(a, owner), await connect(a, owner)]
    await listeners[0]?.join(project.id)
    const first = await connect(a, editor)
    await first.join(project.id)
    const ids = await addProjects(a.db, { userId: owner.id, count: 230 })
    for (const [n, id] of ids.entries()) expect(await listeners[n % 3]?.join(id)).toMatchObject({ ok: true })
    nodes.push(await start())
    const late = nodes[1] as TestApp
    const viewer = await register(late, 'Vera Viewer')
    await addMember(owner, ids.at(-1) ?? '', viewer, 'viewer')
    await addMember(owner, project.id, viewer, 'viewer')
    const far = await connect(late, viewer)
    for (const id of [project.id, ids.at(-1) ?? ''])
      await until('they are seen there', async () => (await far.join(id)).presence.some(({ user }) => user.id === owner.id))
  })
})
