import pg from 'pg'
import { direct } from '../../support/hostile.ts'
import { buildServer } from '../../support/spawn-server.ts'
import { until } from '../../support/until.ts'
import { keepLoad, sleep } from '../support/drive.ts'
import { type Node, startNode } from '../support/node.ts'
import type { Scenario } from '../support/scenario.ts'
import type { Stage } from '../support/stage.ts'
import { populate } from '../support/world.ts'
import { startWriter, type Writer } from '../support/writer.ts'

const leads = (node: Node): Promise<boolean> =>
  node.metric('cutroom_consumer_leader').then(
    (value) => value === 1,
    () => false,
  )

/** The node that leads now; waits for one. */
async function leaderOf(nodes: readonly Node[]): Promise<Node> {
  let leader: Node | undefined
  await until('a leader', async () => {
    for (const node of nodes) if (node.alive() && (await leads(node))) leader = node
    return leader !== undefined
  })
  if (!leader) throw new Error('no leader')
  return leader
}

/** Kills the leader, so many times. @returns how long each takeover took, ms */
async function killLeaders(stage: Stage, nodes: readonly Node[], kills: number, beside: () => string): Promise<number[]> {
  const took: number[] = []
  for (let kill = 0; kill < kills; kill++) {
    await keepLoad(stage, 2_000, [(kill / kills) * 0.5, ((kill + 1) / kills) * 0.5], beside)
    const victim = await leaderOf(nodes)
    stage.mark(`kill node ${victim.index}`)
    const from = performance.now()
    await victim.kill()
    await leaderOf(nodes)
    took.push(performance.now() - from)
    await victim.start()
  }
  return took
}

/** Makes a node lead beside the leader, so many times for a moment. @returns how many times it did */
async function forceLeaders(stage: Stage, nodes: readonly Node[], times: number, beside: () => string): Promise<number> {
  const count = () => nodes.reduce((sum, node) => sum + node.output().split('forced to lead').length - 1, 0)
  for (let n = 0; n < times; n++) {
    stage.progress(0.5 + (n / times) * 0.3, `${beside()}, two leaders`)
    const leader = await leaderOf(nodes)
    const other = nodes.find((node) => node !== leader && node.alive())
    if (!other) continue
    const before = count()
    process.kill(other.pid(), 'SIGUSR2')
    await until('two leaders', () => count() > before)
    await sleep(350)
  }
  return count()
}

/** What the log and the effects say, by the database itself. */
async function judge(stage: Stage, db: pg.Pool, writer: Writer): Promise<void> {
  const number = async (text: string) => Number((await db.query<{ n: string }>(text)).rows[0]?.n)
  const created = `SELECT room, seq, payload->>'id' AS id, at FROM "Event" WHERE name = 'task:created'`
  const updated = `SELECT room, seq, payload->>'id' AS id, at FROM "Event" WHERE name = 'task:updated'`
  const unanswered = () => number(`SELECT count(*) AS n FROM (${created}) c WHERE id NOT IN (SELECT id FROM (${updated}) u)`)
  const unnoted = () =>
    number(
      `SELECT count(*) AS n FROM (${created}) c WHERE NOT EXISTS (SELECT FROM "Effect" e WHERE e.room = c.room AND e.seq = c.seq)`,
    )
  // As long as it goes on: a slow machine is behind for as long as it was slow.
  let left = Number.POSITIVE_INFINITY
  const goesOn = async () => {
    const now = (await unanswered()) + (await unnoted())
    const isLess = now < left
    left = now
    return isLess
  }
  while (
    left > 0 &&
    (await until('some to be handled', goesOn, 30_000).then(
      () => true,
      () => false,
    ))
  )
    await sleep(500)
  stage.zero('events that were not answered', await unanswered())
  stage.zero('events that were not noted', await unnoted())
  stage.zero(
    'events that were answered twice',
    await number(`SELECT count(*) AS n FROM (SELECT id FROM (${updated}) u GROUP BY id HAVING count(*) > 1) d`),
  )
  stage.zero(
    'rooms that were answered out of order',
    await number(`SELECT count(*) AS n FROM (SELECT room, array_agg(id ORDER BY seq) AS ids FROM (${created}) c GROUP BY room) c
      JOIN (SELECT room, array_agg(id ORDER BY seq) AS ids FROM (${updated}) u GROUP BY room) u USING (room) WHERE c.ids <> u.ids`),
  )
  const acked = writer.writes.filter(({ outcome }) => outcome === 'acked').map(({ key }) => key)
  const { rows } = await db.query<{ n: string }>(
    `SELECT count(*) AS n FROM unnest($1::text[]) AS k(key) WHERE NOT EXISTS (SELECT FROM "Event" WHERE "mutationId" = k.key)`,
    [acked],
  )
  stage.zero('answered writes that are not in the log', Number(rows[0]?.n))
  stage.zero('dead letters', await number('SELECT count(*) AS n FROM "DeadLetter"'))
  const again = await number('SELECT count(*) - count(DISTINCT (room, seq)) AS n FROM "Effect"')
  stage.show('events, of them noted more than once', `${await number(`SELECT count(*) AS n FROM (${created}) c`)}, ${again}`)
  const longest = `SELECT max(extract(epoch FROM u.at - c.at)) AS n FROM (${created}) c JOIN (${updated}) u USING (id)`
  stage.show('longest from an event to its answer', `${(await number(longest)).toFixed(1)} s`)
}

export const scenario: Scenario = {
  id: 'E1',
  title: 'consumers: 20 kills of the leader at 200 writes/s, 100 times two leaders, Postgres restarted hard',
  async run(stage) {
    const { entry, remove } = await buildServer('test/support/consumer-server.ts')
    stage.undo(remove)
    const postgres = await stage.ownPostgres()
    const databaseUrl = await postgres.database()
    const db = new pg.Pool({ connectionString: direct(databaseUrl), max: 2 })
    db.on('error', () => {})
    stage.undo(() => db.end())
    await db.query('CREATE TABLE "Effect" (room text, seq bigint); CREATE INDEX ON "Effect" (room, seq)')
    const nodes: Node[] = []
    for (const index of [0, 1, 2]) {
      const node = await startNode(index, { entry, databaseUrl, env: { CONSUMERS: 'labels,effects' } })
      stage.undo(() => node.close())
      nodes.push(node)
    }
    const [first] = nodes
    if (!first) throw new Error('no node')
    const world = await populate(first, { people: 20, projects: 20, members: 5 })
    const writer = startWriter({
      world,
      urls: nodes.map(({ url }) => url),
      perSecond: stage.short ? 60 : 200,
      seed: stage.random.int(0, 2 ** 31),
      compose: (_, place, key) => ({ method: 'POST', path: `/api/projects/${place.id}/tasks`, body: { title: key } }),
    })
    const beside = () => `${writer.acked()} writes answered`
    const took = await killLeaders(stage, nodes, stage.short ? 2 : 20, beside)
    const wanted = stage.short ? 4 : 100
    const forced = await forceLeaders(stage, nodes, wanted, beside)
    const crashes = stage.short ? 1 : 3
    for (let crash = 0; crash < crashes; crash++) {
      stage.mark('Postgres crashes')
      await postgres.crash()
      await sleep(500)
      await postgres.start()
      await keepLoad(stage, 3_000, [0.8 + (crash / crashes) * 0.2, 0.8 + ((crash + 1) / crashes) * 0.2], beside)
      await leaderOf(nodes)
    }
    await writer.stop()
    stage.progress(1, 'waiting until all is handled')
    await judge(stage, db, writer)
    stage.atMost('taken over after kill -9, longest', Math.max(...took), 5_000, 'ms')
    stage.holds(`two leaders, ${wanted} times`, forced >= wanted, String(forced))
    stage.show('kills', String(took.length))
    stage.show('writes answered', String(writer.acked()))
  },
}
