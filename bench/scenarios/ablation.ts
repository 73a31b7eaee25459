import { type Ablation, ablations } from '../subjects/cutroom/ablations.ts'
import { ablated } from '../subjects/cutroom/index.ts'
import { alternate } from '../support/alternate.ts'
import { type Crowd, startCrowd } from '../support/crowd.ts'
import { appendEvents } from '../support/cutroom-rows.ts'
import { type Load, startLoad } from '../support/load.ts'
import { median, percentile, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import type { Bench, Result, Row, Scenario } from '../support/scenario.ts'
import { type HttpRequest, N_MARK, type Running, type World } from '../support/subject.ts'

const PROJECTS = 50
const MEMBERS = 4
const CONNECTIONS = 16
/** Events that a client misses, and sockets that are opened at a time. */
const BEHIND = 500
const OPENING = 50

/** A server with all its parts, or without one of them. */
interface Site {
  without: Ablation | null
  running: Running
  world: World
}

interface Workers {
  load: Load
  crowd: Crowd
}

/** One kind of work, with the parts that it shows the gain of. */
interface Work {
  title: string
  parts: Ablation[]
  prepare(site: Site, workers: Workers): Promise<unknown>
  /** How many a second in about `ms`. */
  measure(site: Site, workers: Workers, ms: number): Promise<number>
}

/** By each member of each project. */
const byMembers = <T>(
  { world: { people, places } }: Site,
  make: (person: World['people'][number], place: World['places'][number]) => T,
) =>
  places.flatMap((place) =>
    place.members.flatMap((index) => {
      const person = people[index]
      return person ? [make(person, place)] : []
    }),
  )

async function loop({ load }: Workers, requests: HttpRequest[], ms: number): Promise<number> {
  const { failed, complaint, perSecond } = await load.loop({ requests, connections: CONNECTIONS, ms })
  if (failed > 0) throw new Error(`${failed} requests failed, the first with ${complaint}`)
  return perSecond
}

const write = (site: Site, workers: Workers, ms: number) =>
  loop(
    workers,
    byMembers(site, (person, place) => site.running.write(person, place, N_MARK)),
    ms,
  )

const works: Work[] = [
  {
    title: 'comments written, each delivered to 4 sockets',
    parts: ['scope cache', 'batch', 'many rooms in one query'],
    prepare: (site, { crowd }) =>
      crowd.open({ specs: byMembers(site, (person, place) => site.running.connect(person, [place])), atOnce: OPENING }),
    measure: write,
  },
  {
    title: 'lists of 50 comments',
    parts: ['response cache'],
    prepare: (site, workers) => write(site, workers, 2_000),
    measure: (site, workers, ms) =>
      loop(
        workers,
        byMembers(site, (person, place) => site.running.list(person, place)),
        ms,
      ),
  },
  {
    title: `clients that come back ${BEHIND} events behind`,
    parts: ['replay cache'],
    prepare: ({ running, world }) => appendEvents(running.databaseUrl, world.places, BEHIND),
    async measure(site, { crowd }) {
      const specs = byMembers(site, (person, place) => ({ ...site.running.connect(person, [place]), after: 0 }))
      const { liveMs, events } = await crowd.open({ specs, atOnce: specs.length })
      await crowd.cut()
      if (events.some((received) => received !== BEHIND)) throw new Error(`a client went live without its ${BEHIND} events`)
      return (specs.length / percentile(liveMs, 1)) * 1000
    },
  },
]

async function open(bench: Bench, without: Ablation | null): Promise<Site> {
  const running = await ablated.start({ postgres: await bench.postgres(), env: { WITHOUT: without ?? '' } })
  return { without, running, world: await running.seed({ people: PROJECTS * MEMBERS, projects: PROJECTS, members: MEMBERS }) }
}

/** The rates of the server with all its parts, and of those without one, round by round. */
async function compare(bench: Bench, { title, parts, prepare, measure }: Work): Promise<Map<Ablation | null, number[]>> {
  const [rounds, ms] = bench.quick ? [3, 700] : [9, 3_000]
  const sites: Site[] = []
  const workers = { load: startLoad(), crowd: startCrowd() }
  try {
    for (const without of [null, ...parts]) sites.push(await open(bench, without))
    for (const site of sites) await prepare(site, workers)
    const measured = await alternate(sites, {
      rounds,
      warmUp: (site) => measure(site, workers, 2 * ms),
      measure: (site) => measure(site, workers, ms),
      progress: (share, { without }) => bench.progress(share, `${title}, without ${without ?? 'nothing'}`),
    })
    return new Map([...measured].map(([{ without }, rates]) => [without, rates]))
  } finally {
    await Promise.all([workers.load.close(), workers.crowd.close()])
    await Promise.all(sites.map(({ running }) => running.stop()))
  }
}

/** Takes each optimisation out in turn: the server with all of them and those without one are measured in the same rounds. */
async function run(bench: Bench): Promise<Result> {
  const rows: Row[] = []
  const ratios = new Map<Ablation, number[]>()
  const figures: Record<string, unknown> = {}
  for (const work of works) {
    const rates = await compare(bench, work)
    const all = rates.get(null) ?? []
    figures[work.title] = Object.fromEntries(rates)
    rows.push({ subject: work.title, 'per second': spread(all), 'without ÷ with': '' })
    for (const part of work.parts) {
      const without = rates.get(part) ?? []
      const each = without.map((rate, n) => rate / (all[n] ?? Number.NaN))
      ratios.set(part, each)
      rows.push({ subject: `  without ${part}`, 'per second': spread(without), 'without ÷ with': spread(each) })
    }
  }
  const medians = [...ratios].map(([part, each]) => [part, round(median(each))] as const)
  return {
    rows,
    ours: Number.NaN,
    limit: null,
    ratio: null,
    peers: Object.fromEntries(medians),
    asked: medians.map(([part, ratio]) => ({
      what: `rate without ${part} ÷ with`,
      asked: '< 1',
      measured: ratio,
      ok: ratio < 1,
    })),
    figures,
    plot: bars(
      scenario.title,
      'rate without ÷ with',
      [...ratios].map(([label, values]) => ({ label, values })),
    ),
  }
}

export const scenario: Scenario = {
  id: 'S11',
  title: `Ablation: ${Object.keys(ablations).length} optimisations, each taken out in turn (rate without it ÷ with it)`,
  run,
}
