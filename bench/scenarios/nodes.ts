import { alternate } from '../support/alternate.ts'
import { whileCounting } from '../support/cpu.ts'
import { type Crowd, startCrowd } from '../support/crowd.ts'
import { type Load, startLoad } from '../support/load.ts'
import { median, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import { findRedis } from '../support/redis.ts'
import type { Bench, Result, Scenario } from '../support/scenario.ts'
import { N_MARK, type Running, type Subject, type World } from '../support/subject.ts'

const PROJECTS = 50
const MEMBERS = 4
const CONNECTIONS = 16
/** The people of the room of `fan-out`, with as many tabs. */
const PEOPLE = 100
const WINDOW = 4
const OPENING = 50

/** One node or two on one database, with sockets spread evenly. */
interface Site {
  nodes: number
  running: Running
  /** For writes: 50 projects. For deliveries: one room. */
  writers: World
  room: World
  crowd: Crowd
}
type Kind = 'write' | 'fan'
interface Trial {
  site: Site
  kind: Kind
}
interface Round {
  perSecond: number
  /** µs each, of all nodes. */
  server: number
  postgres: number
}

/** What is asked of the first node, asked of another. */
function atNode<T extends { url: string }>(running: Running, node: number, request: T): T {
  const [first = '', url = ''] = [running.urls[0], running.urls[node % running.urls.length]]
  return { ...request, url: url + request.url.slice(first.length) }
}

const writesOf = ({ running, writers: { people, places } }: Site, node: number) =>
  places.flatMap((place) =>
    place.members.flatMap((index) => {
      const person = people[index]
      return person ? [atNode(running, node, running.write(person, place, N_MARK))] : []
    }),
  )

/** As many connections in sum, half of them to each node. With one node both halves ask the same. */
async function write(site: Site, loads: readonly Load[], ms: number): Promise<{ done: number; perSecond: number }> {
  const results = await Promise.all(
    loads.map((load, n) => load.loop({ requests: writesOf(site, n), connections: CONNECTIONS / loads.length, ms })),
  )
  const failed = results.find((one) => one.failed > 0)
  if (failed) throw new Error(`${failed.failed} writes failed, the first with ${failed.complaint}`)
  const sum = (key: 'done' | 'perSecond') => results.reduce((total, one) => total + one[key], 0)
  return { done: sum('done'), perSecond: sum('perSecond') }
}

async function fan({ running, room, crowd }: Site, sockets: number, ms: number): Promise<{ done: number; perSecond: number }> {
  const [place] = room.places
  if (!place) throw new Error('no room')
  const requests = room.people.slice(0, 8).map((person) => running.write(person, place, N_MARK))
  const result = await crowd.fan({ requests, listeners: sockets, window: WINDOW, ms })
  if (result.complaint !== null || result.missing > 0)
    throw new Error(`${result.missing} deliveries are missing; ${result.complaint ?? 'all writes were answered well'}`)
  return { done: result.deliveries, perSecond: result.perSecond }
}

async function open(bench: Bench, subject: Subject, nodes: number, redis: string, sockets: number): Promise<Site> {
  const running = await subject.start({ postgres: await bench.postgres(), nodes, env: { REDIS_URL: redis } })
  const crowd = startCrowd()
  try {
    const writers = await running.seed({ people: PROJECTS * MEMBERS, projects: PROJECTS, members: MEMBERS })
    const room = await running.seed({ people: PEOPLE, projects: 1, members: PEOPLE })
    const specs = Array.from({ length: sockets }, (_, n) => n).flatMap((n) => {
      const person = room.people[n % PEOPLE]
      return person ? [atNode(running, n, running.connect(person, room.places))] : []
    })
    await crowd.open({ specs, atOnce: OPENING })
    return { nodes, running, writers, room, crowd }
  } catch (error) {
    await crowd.close()
    await running.stop()
    throw error
  }
}

async function measure(bench: Bench, loads: readonly Load[], { site, kind }: Trial, sockets: number, ms: number): Promise<Round> {
  const { pid: postgres } = await bench.postgres()
  const work = () => (kind === 'write' ? write(site, loads, ms) : fan(site, sockets, ms))
  const { result, cpu } = await whileCounting({ server: site.running.pids, postgres }, work)
  const each = (cpuMs: number) => (cpuMs * 1000) / result.done
  return { perSecond: result.perSecond, server: each(cpu.server), postgres: each(cpu.postgres) }
}

const skipped = (why: string): Result => {
  console.error(`\n!!! SKIPPED: ${why}\n`)
  return { rows: [], ours: Number.NaN, limit: null, ratio: null, peers: {}, asked: [], figures: { skipped: why } }
}

const titles: Record<Kind, string> = { write: 'writes', fan: 'deliveries' }

async function compare(bench: Bench, sites: readonly Site[], sockets: number): Promise<Result> {
  const [rounds, ms] = bench.quick ? [3, 800] : [7, 2_000]
  const loads = [startLoad(), startLoad()]
  try {
    const kinds: Kind[] = ['write', 'fan']
    const trials = kinds.flatMap((kind) => sites.map((site): Trial => ({ site, kind })))
    const measured = await alternate(trials, {
      rounds,
      warmUp: (trial) => measure(bench, loads, trial, sockets, ms),
      measure: (trial) => measure(bench, loads, trial, sockets, ms),
      progress: (share, { kind, site }) => bench.progress(share, `${titles[kind]}, nodes: ${site.nodes}`),
    })
    const each = (kind: Kind, nodes: number, key: keyof Round) =>
      [...measured].flatMap(([trial, all]) =>
        trial.kind === kind && trial.site.nodes === nodes ? all.map((one) => one[key]) : [],
      )
    const times = (kind: Kind) => round(median(each(kind, 2, 'perSecond')) / median(each(kind, 1, 'perSecond')))
    // Two nodes do twice as much as one where each has a core of its own, less what each piece costs more.
    const capacity = (kind: Kind) => round((2 * median(each(kind, 1, 'server'))) / median(each(kind, 2, 'server')))
    bench.note(
      `Load, Postgres, Redis and both nodes share the cores: two nodes did ${times('fan')} × the deliveries of one. By the CPU time of each delivery two nodes with a core each would do ${capacity('fan')} × as many, and ${capacity('write')} × the writes.`,
    )
    const atLeast = (what: string, value: number) => ({ what, asked: '≥ 1.50', measured: value, ok: value >= 1.5 })
    return {
      rows: trials.map(({ kind, site: { nodes } }) => ({
        subject: `Cutroom, ${nodes === 1 ? 'one node' : 'two nodes'}, ${titles[kind]}`,
        'per second': spread(each(kind, nodes, 'perSecond')),
        '÷ one': nodes === 1 ? '' : times(kind),
        'by CPU': nodes === 1 ? '' : capacity(kind),
        'servers µs': spread(each(kind, nodes, 'server')),
        'Postgres µs': spread(each(kind, nodes, 'postgres')),
      })),
      ours: round(median(each('fan', 2, 'perSecond')), 0),
      limit: round(median(each('fan', 1, 'perSecond')), 0),
      ratio: times('fan'),
      peers: {},
      asked: [atLeast('deliveries of two nodes ÷ one, by CPU time', capacity('fan'))],
      figures: Object.fromEntries([...measured].map(([{ kind, site }, all]) => [`${kind} ${site.nodes}`, all])),
      plot: bars(
        scenario.title,
        'per second',
        trials.map(({ kind, site: { nodes } }) => ({
          label: `${titles[kind]}, nodes: ${nodes}`,
          values: each(kind, nodes, 'perSecond'),
        })),
      ),
    }
  } finally {
    for (const load of loads) await load.close()
  }
}

/** S1 and S4 once more: one node, and two that reach each other through Redis, with half of the connections and sockets each. */
async function run(bench: Bench): Promise<Result> {
  const redis = await findRedis()
  if (!redis) return skipped('two nodes need Redis: install redis-server, or run one on 127.0.0.1:6379')
  const [subject] = await bench.subjects('cutroom')
  if (!subject) throw new Error('no Cutroom')
  const sites: Site[] = []
  const sockets = 1_000
  try {
    for (const nodes of [1, 2]) {
      bench.progress(0, `nodes: ${nodes}`)
      sites.push(await open(bench, subject, nodes, redis.url, sockets))
    }
    return await compare(bench, sites, sockets)
  } finally {
    for (const { crowd, running } of sites) {
      await crowd.close()
      await running.stop()
    }
    await redis.close()
  }
}

export const scenario: Scenario = {
  id: 'S10',
  title:
    'Two nodes with Redis beside one: writes to 50 projects, deliveries to 1,000 sockets of one room (per second, all nodes)',
  run,
}
