import { alternate } from './alternate.ts'
import { type CpuUse, whileCounting } from './cpu.ts'
import { type LoopResult, startLoad } from './load.ts'
import { median, round, spread } from './numbers.ts'
import { bars } from './plot.ts'
import type { Asked, Bench, Result, Scenario } from './scenario.ts'
import { isPeer, REOPEN_MS, type Staged, SUBJECTS, withSubjects } from './stage.ts'
import { N_MARK } from './subject.ts'

interface Writes {
  id: string
  title: string
  projects: number
  connections: number
  /** Shares of the limit's writes/s, of the best peer's, and of the limit's CPU time per write. */
  asked: { limit: number; peers?: number; cpu?: number }
}

interface Round {
  perSecond: number
  p50: number
  p99: number
  /** µs per write. */
  server: number
  postgres: number
}

const MEMBERS = 4

/** Every project's members write in turn. */
const requestsOf = ({ running, world: { people, places } }: Staged) =>
  places.flatMap((place) =>
    place.members.flatMap((index) => {
      const person = people[index]
      return person ? [running.write(person, place, N_MARK)] : []
    }),
  )

function roundOf({ subject }: Staged, result: LoopResult, cpu: CpuUse): Round {
  if (result.failed > 0) throw new Error(`${subject.name}: ${result.failed} writes failed, the first with ${result.complaint}`)
  const perWrite = (ms: number) => (ms * 1000) / result.done
  const { perSecond, p50, p99 } = result
  return { perSecond, p50, p99, server: perWrite(cpu.server), postgres: perWrite(cpu.postgres) }
}

function judge(found: Map<string, Round[]>, peers: string[], asked: Writes['asked']): Asked[] {
  const of = (name: string, key: keyof Round) => median(found.get(name)?.map((one) => one[key]) ?? [])
  const best = Math.max(...peers.map((name) => of(name, 'perSecond')))
  const atLeast = (what: string, measured: number, least: number): Asked => ({
    what,
    asked: `≥ ${least.toFixed(2)}`,
    measured: round(measured),
    ok: measured >= least,
  })
  const verdicts = [atLeast('writes/s ÷ limit', of('cutroom', 'perSecond') / of('limit', 'perSecond'), asked.limit)]
  if (asked.peers !== undefined && peers.length > 0)
    verdicts.push(atLeast('writes/s ÷ best peer', of('cutroom', 'perSecond') / best, asked.peers))
  if (asked.cpu !== undefined) {
    const measured = of('cutroom', 'server') / of('limit', 'server')
    verdicts.push({
      what: 'server CPU per write ÷ limit',
      asked: `≤ ${asked.cpu.toFixed(2)}`,
      measured: round(measured),
      ok: measured <= asked.cpu,
    })
  }
  return verdicts
}

/** A scenario of writers who ask again as soon as they are answered. */
export function measureWrites({ id, title, projects, connections, asked }: Writes): Scenario {
  async function run(bench: Bench): Promise<Result> {
    const [rounds, ms, warmMs] = bench.quick ? [3, 900, 1_200] : [5, 4_000, 8_000]
    const plan = { people: projects * MEMBERS, projects, members: MEMBERS }
    const { pid: postgres } = await bench.postgres()
    return withSubjects(bench, plan, SUBJECTS, async (staged) => {
      const load = startLoad()
      try {
        const loop = (one: Staged, time: number) => load.loop({ requests: requestsOf(one), connections, ms: time })
        const measured = await alternate(staged, {
          rounds,
          warmUp: (one) => loop(one, warmMs),
          async measure(one) {
            await loop(one, REOPEN_MS)
            const { result, cpu } = await whileCounting({ server: one.running.pids, postgres }, () => loop(one, ms))
            return roundOf(one, result, cpu)
          },
          progress: (share, { subject }) => bench.progress(share, subject.name),
        })
        const found = new Map([...measured].map(([{ subject }, all]) => [subject.name, all]))
        const each = (name: string, key: keyof Round) => (found.get(name) ?? []).map((one) => one[key])
        const rate = (name: string) => round(median(each(name, 'perSecond')), 0)
        const peers = staged.map(({ subject }) => subject).filter(isPeer)
        const names = peers.map(({ name }) => name)
        const limit = found.has('limit') ? rate('limit') : null
        return {
          rows: staged.map(({ subject: { name, title: subject } }) => ({
            subject,
            'writes/s': spread(each(name, 'perSecond')),
            '÷ limit': limit === null ? '' : round(rate(name) / limit),
            'server µs/write': spread(each(name, 'server')),
            'Postgres µs/write': spread(each(name, 'postgres')),
            'p50 ms': spread(each(name, 'p50')),
            'p99 ms': spread(each(name, 'p99')),
          })),
          ours: rate('cutroom'),
          limit,
          ratio: limit === null ? null : round(rate('cutroom') / limit),
          peers: Object.fromEntries(names.map((name) => [name, rate(name)])),
          asked: judge(found, names, asked),
          figures: Object.fromEntries(found),
          plot: bars(
            title,
            'writes per second',
            staged.map(({ subject: { name, title: label } }) => ({ label, values: each(name, 'perSecond') })),
          ),
        }
      } finally {
        await load.close()
      }
    })
  }
  return { id, title, run }
}
