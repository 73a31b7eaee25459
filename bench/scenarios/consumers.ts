import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { consuming } from '../subjects/cutroom/index.ts'
import { alternate } from '../support/alternate.ts'
import { type CpuUse, whileCounting } from '../support/cpu.ts'
import { type Load, startLoad } from '../support/load.ts'
import { median, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import type { Bench, Result, Scenario } from '../support/scenario.ts'
import { REOPEN_MS } from '../support/stage.ts'
import { N_MARK, type Running, type World } from '../support/subject.ts'

const PROJECTS = 50
const MEMBERS = 4
const CONNECTIONS = 16
const PER_SECOND = 200
/** What the server runs, by name: nothing, a consumer that does nothing with each comment, one that answers each with an event. */
const KINDS = { off: '', on: 'reads', answers: 'answers' } as const
type Kind = keyof typeof KINDS

interface Site {
  kind: Kind
  running: Running
  world: World
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

/** Waits until the consumer has passed all that was written. @throws when it does not */
async function whenHandled({ kind, running }: Site): Promise<void> {
  if (kind === 'off') return
  const client = new pg.Client({ connectionString: running.databaseUrl })
  await client.connect()
  try {
    const behind = `SELECT count(*)::int AS n FROM "Room" r LEFT JOIN "Cursor" c ON c.room = r.id WHERE r.head > coalesce(c.seq, 0)`
    for (const end = performance.now() + 60_000; ; await sleep(100)) {
      if ((await client.query<{ n: number }>(behind)).rows[0]?.n === 0) return
      if (performance.now() > end) throw new Error('the consumer does not catch up')
    }
  } finally {
    await client.end()
  }
}

async function measure(bench: Bench, load: Load, site: Site, ms: number): Promise<Round> {
  const { pid: postgres } = await bench.postgres()
  const requests = requestsOf(site)
  const loop = async (time: number) => {
    const result = await load.loop({ requests, connections: CONNECTIONS, ms: time })
    if (result.failed > 0) throw new Error(`${site.kind}: ${result.failed} writes failed, the first with ${result.complaint}`)
    return result
  }
  await loop(REOPEN_MS)
  await whenHandled(site)
  const paced = async () => {
    const result = await load.pace({ requests, listeners: 0, perSecond: PER_SECOND, warmMs: 0, ms })
    // What the consumer does with the last of them counts.
    await whenHandled(site)
    return result
  }
  const { result, cpu } = await whileCounting({ server: site.running.pids, postgres }, paced)
  const perWrite = (time: CpuUse[keyof CpuUse]) => (time * 1000) / result.done
  const { perSecond } = await loop(ms)
  await whenHandled(site)
  return { server: perWrite(cpu.server), postgres: perWrite(cpu.postgres), perSecond }
}

/** The same server without a consumer, with one, and with one that writes, measured in the same rounds. */
async function run(bench: Bench): Promise<Result> {
  const [rounds, ms, warmMs] = bench.quick ? [2, 1_500, 1_000] : [7, 6_000, 8_000]
  const sites: Site[] = []
  const load = startLoad()
  try {
    for (const kind of Object.keys(KINDS) as Kind[]) {
      const running = await consuming.start({ postgres: await bench.postgres(), env: { CONSUMER: KINDS[kind] } })
      const world = await running.seed({ people: PROJECTS * MEMBERS, projects: PROJECTS, members: MEMBERS })
      sites.push({ kind, running, world })
    }
    const measured = await alternate(sites, {
      rounds,
      async warmUp(site) {
        await load.loop({ requests: requestsOf(site), connections: CONNECTIONS, ms: warmMs })
        await whenHandled(site)
      },
      measure: (site) => measure(bench, load, site, ms),
      progress: (share, { kind }) => bench.progress(share, kind),
    })
    const found = new Map([...measured].map(([{ kind }, all]) => [kind, all]))
    const each = (kind: Kind, key: keyof Round) => (found.get(kind) ?? []).map((one) => one[key])
    /** With ÷ without, round by round. */
    const ratios = (kind: Kind, of: (one: Round) => number) =>
      (found.get(kind) ?? []).map((one, n) => of(one) / of(found.get('off')?.[n] ?? one))
    const cpu = median(ratios('on', ({ server }) => server))
    const rate = median(ratios('on', ({ perSecond }) => perSecond))
    return {
      rows: (Object.keys(KINDS) as Kind[]).map((kind) => ({
        subject: { off: 'no consumer', on: 'one that reads each comment', answers: 'one that answers each with an event' }[kind],
        'server µs/write': spread(each(kind, 'server')),
        '÷ none': spread(ratios(kind, ({ server }) => server)),
        'Postgres µs/write': spread(each(kind, 'postgres')),
        '÷ none ': spread(ratios(kind, ({ postgres }) => postgres)),
        'writes/s': spread(each(kind, 'perSecond')),
        '÷ none  ': spread(ratios(kind, ({ perSecond }) => perSecond)),
      })),
      ours: round(median(each('on', 'perSecond')), 0),
      limit: round(median(each('off', 'perSecond')), 0),
      ratio: round(rate),
      peers: {},
      asked: [
        {
          what: `server CPU per write at ${PER_SECOND}/s, with ÷ without`,
          asked: '≤ 1.10',
          measured: round(cpu),
          ok: cpu <= 1.1,
        },
        { what: 'writes/s at saturation, with ÷ without', asked: '≥ 0.85', measured: round(rate), ok: rate >= 0.85 },
      ],
      figures: Object.fromEntries(found),
      plot: bars(
        scenario.title,
        'writes per second',
        (Object.keys(KINDS) as Kind[]).map((label) => ({ label, values: each(label, 'perSecond') })),
      ),
    }
  } finally {
    await load.close()
    await Promise.all(sites.map(({ running }) => running.stop()))
  }
}

export const scenario: Scenario = {
  id: 'S14',
  title: `A consumer of the log: CPU per write at ${PER_SECOND}/s, and writes/s with ${CONNECTIONS} connections, with it and without`,
  run,
}
