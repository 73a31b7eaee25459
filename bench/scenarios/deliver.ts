import { setTimeout as sleep } from 'node:timers/promises'
import { alternate } from '../support/alternate.ts'
import { type CpuUse, whileCounting } from '../support/cpu.ts'
import { type PaceResult, startLoad } from '../support/load.ts'
import { median, percentile, round, spread } from '../support/numbers.ts'
import { lines } from '../support/plot.ts'
import type { Asked, Bench, Result, Scenario } from '../support/scenario.ts'
import { isPeer, REOPEN_MS, type Staged, SUBJECTS, withSubjects } from '../support/stage.ts'
import { N_MARK } from '../support/subject.ts'

const PROJECTS = 20
const MEMBERS = 10
const PER_SECOND = 200
/** Shares of deliveries whose delay is plotted and printed. */
const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995]
/** Equal steps on the plot for each tenth of what is left: 90 %, 99 %, 99.9 %. */
const nines = (share: number) => -Math.log10(1 - share)

/** ms; CPU in µs per write. */
interface Round {
  p50: number
  p99: number
  p999: number
  answerP50: number
  missing: number
  repeated: number
  server: number
  postgres: number
  curve: number[]
}

/** One socket for each member of each project. */
const socketsOf = ({ running, world: { people, places } }: Staged) =>
  places.flatMap((place) =>
    place.members.flatMap((index) => {
      const person = people[index]
      return person ? [running.connect(person, [place])] : []
    }),
  )

/** The first member of each project writes, one project after the other. */
const requestsOf = ({ running, world: { people, places } }: Staged) =>
  places.flatMap((place) => {
    const person = people[place.members[0] ?? -1]
    return person ? [running.write(person, place, N_MARK)] : []
  })

function roundOf({ subject }: Staged, result: PaceResult, cpu: CpuUse): Round {
  const { done, delays, answers, failed, complaint, missing, repeated } = result
  if (failed > 0) throw new Error(`${subject.name}: ${failed} writes failed, the first with ${complaint}`)
  if (subject.name === 'cutroom' && missing + repeated > 0)
    throw new Error(`the promise is broken: ${missing} deliveries are missing, ${repeated} came again`)
  const [p50 = 0, p99 = 0, p999 = 0] = [0.5, 0.99, 0.999].map((share) => percentile(delays, share))
  return {
    p50,
    p99,
    p999,
    answerP50: median(answers),
    missing,
    repeated,
    server: (cpu.server * 1000) / done,
    postgres: (cpu.postgres * 1000) / done,
    curve: SHARES.map((share) => round(percentile(delays, share))),
  }
}

function judge(of: (name: string, key: 'p99') => number, peers: readonly string[]): Asked[] {
  const atMost = (what: string, measured: number, most: number): Asked => ({
    what,
    asked: `≤ ${most.toFixed(2)}`,
    measured: round(measured),
    ok: measured <= most,
  })
  const best = Math.min(...peers.map((name) => of(name, 'p99')))
  return [
    atMost('p99 ÷ limit', of('cutroom', 'p99') / of('limit', 'p99'), 1.5),
    ...(peers.length > 0 ? [atMost('p99 ÷ best peer', of('cutroom', 'p99') / best, 1)] : []),
  ]
}

/**
 * The clock starts when a write leaves and stops when the comment is in the hands of a socket. Writes leave on time whether or not
 * the earlier ones were answered. Sockets of all subjects stay open through all rounds; those of the others are silent.
 */
async function run(bench: Bench): Promise<Result> {
  const [rounds, ms, warmMs] = bench.quick ? [2, 800, 100] : [5, 8_000, 500]
  const { pid: postgres } = await bench.postgres()
  const plan = { people: PROJECTS * MEMBERS, projects: PROJECTS, members: MEMBERS }
  return withSubjects(bench, plan, SUBJECTS, async (staged) => {
    const load = startLoad()
    try {
      bench.progress(0, 'opening sockets')
      await load.listen(staged.flatMap(socketsOf))
      const rush = (one: Staged, time: number) => load.loop({ requests: requestsOf(one), connections: 16, ms: time })
      const pace = (one: Staged, time: number) =>
        load.pace({
          requests: requestsOf(one),
          listeners: MEMBERS,
          perSecond: PER_SECOND,
          warmMs,
          ms: time,
        })
      const measured = await alternate(staged, {
        rounds,
        // As many as come, since what is measured is too few to compile much of a server.
        warmUp: (one) => rush(one, bench.quick ? 1_000 : 5_000),
        async measure(one) {
          await rush(one, REOPEN_MS)
          // What the rush left behind is delivered first.
          await sleep(REOPEN_MS)
          const { result, cpu } = await whileCounting({ server: one.running.pids, postgres }, () => pace(one, ms))
          return roundOf(one, result, cpu)
        },
        progress: (share, { subject }) => bench.progress(share, subject.name),
      })
      const found = new Map([...measured].map(([{ subject }, all]) => [subject.name, all]))
      const each = (name: string, key: Exclude<keyof Round, 'curve'>) => (found.get(name) ?? []).map((one) => one[key])
      const of = (name: string, key: Exclude<keyof Round, 'curve'>) => round(median(each(name, key)))
      const peers = staged.map(({ subject }) => subject.name).filter((name) => isPeer({ name }))
      const limit = found.has('limit') ? of('limit', 'p99') : null
      return {
        rows: staged.map(({ subject: { name, title: subject } }) => ({
          subject,
          'p50 ms': spread(each(name, 'p50')),
          'p99 ms': spread(each(name, 'p99')),
          'p99 ÷ limit': limit === null ? '' : round(of(name, 'p99') / limit),
          'p99.9 ms': spread(each(name, 'p999')),
          'answer p50 ms': spread(each(name, 'answerP50')),
          'server µs/write': spread(each(name, 'server')),
          'Postgres µs/write': spread(each(name, 'postgres')),
          'missing, repeated':
            each(name, 'missing').reduce((sum, n) => sum + n, 0) + each(name, 'repeated').reduce((sum, n) => sum + n, 0),
        })),
        ours: of('cutroom', 'p99'),
        limit,
        ratio: limit === null ? null : round(of('cutroom', 'p99') / limit),
        peers: Object.fromEntries(peers.map((name) => [name, of(name, 'p99')])),
        asked: judge(of, peers),
        figures: Object.fromEntries(found),
        plot: lines(
          scenario.title,
          {
            x: {
              label: 'share of deliveries',
              ticks: [0.1, 0.5, 0.9, 0.99, 0.999].map((share) => [nines(share), `${round(share * 100, 1)} %`]),
            },
            y: { label: 'from request to delivery, ms', log: true },
          },
          staged.map(({ subject: { name, title: label } }) => ({
            label,
            points: SHARES.map((share, n) => [
              nines(share),
              median((found.get(name) ?? []).map(({ curve }) => curve[n] ?? Number.NaN)),
            ]),
          })),
        ),
      }
    } finally {
      await load.close()
    }
  })
}

export const scenario: Scenario = {
  id: 'S3',
  title: `Request to delivery, ${PER_SECOND} writes/s, ${PROJECTS} projects, ${PROJECTS * MEMBERS} sockets (ms)`,
  run,
}
