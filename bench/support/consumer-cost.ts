import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { consuming } from '../subjects/cutroom/index.ts'
import { alternate } from './alternate.ts'
import { type CpuUse, whileCounting } from './cpu.ts'
import { type Load, startLoad } from './load.ts'
import { median, round, spread } from './numbers.ts'
import { bars } from './plot.ts'
import type { Asked, Bench, Result, Scenario } from './scenario.ts'
import { REOPEN_MS } from './stage.ts'
import { N_MARK, type Running, type World } from './subject.ts'

const PROJECTS = 50
const MEMBERS = 4
export const CONNECTIONS = 16
export const PER_SECOND = 200

/** The server with some consumers. */
export interface Variant {
  /** In results.json. */
  name: string
  /** For people. */
  title: string
  env: Record<string, string>
  /** Called once, when its people are there. */
  prepare?: (running: Running, world: World) => Promise<void>
  /** SQL for what its consumers have left to others: answers a row while something is, and goes on without the rest of it. */
  backlog?: { isThere: string; skip: string }
}

export interface ConsumerCost {
  id: string
  title: string
  /** The first is what the others are compared with. */
  variants: readonly [Variant, ...Variant[]]
  /** The one for which figures are asked, and these. */
  asked: { variant: string; cpu: number; rate: number }
}

interface Site extends Variant {
  running: Running
  world: World
  db: pg.Client
}

/** CPU times in µs per write, of the server and of Postgres. */
interface Round {
  server: number
  postgres: number
  /** Writes a second, as fast as they are answered. */
  perSecond: number
}

const requestsOf = ({ running, world: { people, places } }: Site) =>
  places.flatMap((place) =>
    place.members.flatMap((index) => {
      const person = people[index]
      return person ? [running.write(person, place, N_MARK)] : []
    }),
  )

const BEHIND = `SELECT 1 FROM "Room" r CROSS JOIN "Consumer" e LEFT JOIN "Cursor" c ON c.consumer = e.name AND c.room = r.id
  WHERE r.head > coalesce(c.seq, 0) LIMIT 1`

/** Waits until a query finds nothing. @throws when that takes a minute */
async function whenNone({ name, db }: Site, sql: string): Promise<void> {
  for (const end = performance.now() + 60_000; (await db.query(sql)).rows.length > 0; await sleep(100))
    if (performance.now() > end) throw new Error(`${name}: the consumers do not catch up`)
}

/** Waits until consumers have passed all that was written, and what they have left to others is done. */
async function whenHandled(site: Site): Promise<void> {
  await whenNone(site, BEHIND)
  if (site.backlog) await whenNone(site, site.backlog.isThere)
}

/** The same without what is left to others: of writes as fast as can be that would be minutes. */
async function whenPassed(site: Site): Promise<void> {
  await whenNone(site, BEHIND)
  if (!site.backlog) return
  await site.db.query(site.backlog.skip)
  await whenNone(site, site.backlog.isThere)
}

async function write(load: Load, site: Site, ms: number): Promise<number> {
  const result = await load.loop({ requests: requestsOf(site), connections: CONNECTIONS, ms })
  if (result.failed > 0) throw new Error(`${site.name}: ${result.failed} writes failed, the first with ${result.complaint}`)
  await whenPassed(site)
  return result.perSecond
}

async function measure(bench: Bench, load: Load, site: Site, ms: number): Promise<Round> {
  const { pid: postgres } = await bench.postgres()
  await write(load, site, REOPEN_MS)
  const paced = async () => {
    const requests = requestsOf(site)
    const result = await load.pace({ requests, listeners: 0, perSecond: PER_SECOND, warmMs: 0, ms })
    // What consumers do with the last of them counts.
    await whenHandled(site)
    return result
  }
  const { result, cpu } = await whileCounting({ server: site.running.pids, postgres }, paced)
  const perWrite = (time: CpuUse[keyof CpuUse]) => (time * 1000) / result.done
  return { server: perWrite(cpu.server), postgres: perWrite(cpu.postgres), perSecond: await write(load, site, ms) }
}

async function startSite(bench: Bench, variant: Variant): Promise<Site> {
  const running = await consuming.start({ postgres: await bench.postgres(), env: variant.env })
  const world = await running.seed({ people: PROJECTS * MEMBERS, projects: PROJECTS, members: MEMBERS })
  await variant.prepare?.(running, world)
  const db = new pg.Client({ connectionString: running.databaseUrl })
  await db.connect()
  return { ...variant, running, world, db }
}

function present(sites: readonly Site[], found: Map<string, Round[]>, { title, variants: [base], asked }: ConsumerCost): Result {
  const each = (name: string, key: keyof Round) => (found.get(name) ?? []).map((one) => one[key])
  /** With ÷ without, round by round. */
  const ratios = (name: string, key: keyof Round) =>
    each(name, key).map((one, n) => one / (each(base.name, key)[n] ?? Number.NaN))
  const [cpu, rate] = [median(ratios(asked.variant, 'server')), median(ratios(asked.variant, 'perSecond'))]
  const verdicts: Asked[] = [
    {
      what: `server CPU per write at ${PER_SECOND}/s, with ÷ without`,
      asked: `≤ ${asked.cpu.toFixed(2)}`,
      measured: round(cpu),
      ok: cpu <= asked.cpu,
    },
    {
      what: 'writes/s at saturation, with ÷ without',
      asked: `≥ ${asked.rate.toFixed(2)}`,
      measured: round(rate),
      ok: rate >= asked.rate,
    },
  ]
  return {
    rows: sites.map(({ name, title: subject }) => ({
      subject,
      'server µs/write': spread(each(name, 'server')),
      '÷ none': spread(ratios(name, 'server')),
      'Postgres µs/write': spread(each(name, 'postgres')),
      '÷ none ': spread(ratios(name, 'postgres')),
      'writes/s': spread(each(name, 'perSecond')),
      '÷ none  ': spread(ratios(name, 'perSecond')),
    })),
    ours: round(median(each(asked.variant, 'perSecond')), 0),
    limit: round(median(each(base.name, 'perSecond')), 0),
    ratio: round(rate),
    peers: {},
    asked: verdicts,
    figures: Object.fromEntries(found),
    plot: bars(
      title,
      'writes per second',
      sites.map(({ name }) => ({ label: name, values: each(name, 'perSecond') })),
    ),
  }
}

/** The same server with some consumers and with others, measured in the same rounds. */
export function measureConsumers(cost: ConsumerCost): Scenario {
  async function run(bench: Bench): Promise<Result> {
    const [rounds, ms, warmMs] = bench.quick ? [2, 1_000, 600] : [7, 6_000, 8_000]
    const sites: Site[] = []
    const load = startLoad()
    try {
      for (const variant of cost.variants) sites.push(await startSite(bench, variant))
      const measured = await alternate(sites, {
        rounds,
        warmUp: (site) => write(load, site, warmMs),
        measure: (site) => measure(bench, load, site, ms),
        progress: (share, { name }) => bench.progress(share, name),
      })
      return present(sites, new Map([...measured].map(([{ name }, all]) => [name, all])), cost)
    } finally {
      await load.close()
      await Promise.all(sites.map(({ db }) => db.end()))
      await Promise.all(sites.map(({ running }) => running.stop()))
    }
  }
  return { id: cost.id, title: cost.title, run }
}
