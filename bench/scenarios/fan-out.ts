import { alternate } from '../support/alternate.ts'
import { cpuOf, whileCounting } from '../support/cpu.ts'
import { type Crowd, startCrowd } from '../support/crowd.ts'
import { median, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import type { Asked, Bench, Result, Row, Scenario } from '../support/scenario.ts'
import { type Staged, withSubjects } from '../support/stage.ts'
import { N_MARK } from '../support/subject.ts'

const BARE = 'socket-io'
const PEERS = ['feathers', 'parse']
/** Writes whose events are on their way: enough that the server always has one to deliver. */
const WINDOW = 4
const OPENING = 50
/** Each with as many tabs: each join lists the people present, which is a figure of its own. */
const PEOPLE = 100

interface Round {
  perSecond: number
  /** µs per delivery. */
  server: number
  crowd: number
  postgres: number
  bytes: number
}
type Figure = Exclude<keyof Round, 'bytes'>

interface Size {
  sockets: number
  rounds: Map<string, Round[]>
}

async function measure(
  { subject, running, world }: Staged,
  crowd: Crowd,
  postgres: number | null,
  listeners: number,
  ms: number,
) {
  const [place] = world.places
  if (!place) throw new Error('no place')
  const requests = place.members.slice(0, 8).flatMap((index) => {
    const person = world.people[index]
    return person ? [running.write(person, place, N_MARK)] : []
  })
  const before = cpuOf([crowd.pid])
  const { result, cpu } = await whileCounting({ server: running.pids, postgres }, () =>
    crowd.fan({ requests, listeners, window: WINDOW, ms }),
  )
  if (result.complaint !== null) throw new Error(`${subject.name}: a write failed with ${result.complaint}`)
  if (result.missing !== 0)
    throw new Error(`${subject.name}: ${result.missing} deliveries of ${result.writes * listeners} are missing`)
  const each = (cpuMs: number) => (cpuMs * 1000) / result.deliveries
  const { perSecond, bytes } = result
  return { perSecond, server: each(cpu.server), postgres: each(cpu.postgres), crowd: each(cpuOf([crowd.pid]) - before), bytes }
}

/** Opens as many sockets as are missing in each crowd, and lets all subjects deliver to them in turn. */
async function size(bench: Bench, staged: Staged[], crowds: Map<Staged, Crowd>, from: number, sockets: number): Promise<Size> {
  const [rounds, ms] = bench.quick ? [2, 800] : sockets > 1_000 ? [3, 1_500] : [5, 1_500]
  const { pid } = await bench.postgres()
  for (const [one, crowd] of crowds) {
    const { running, world } = one
    bench.progress(0, `${sockets} sockets of ${one.subject.name}`)
    const specs = Array.from({ length: sockets - from }, (_, n) => world.people[n % PEOPLE]).flatMap((person) =>
      person ? [running.connect(person, world.places)] : [],
    )
    await crowd.open({ specs, atOnce: OPENING })
  }
  const run = (one: Staged, time: number) => measure(one, crowds.get(one) as Crowd, pid, sockets, time)
  const measured = await alternate(staged, {
    rounds,
    warmUp: (one) => run(one, ms / 2),
    measure: (one) => run(one, ms),
    progress: (share, { subject }) => bench.progress(share, `${subject.name}, ${sockets} sockets`),
  })
  return { sockets, rounds: new Map([...measured].map(([{ subject }, all]) => [subject.name, all])) }
}

const of = ({ rounds }: Size, name: string, key: Figure) => median(rounds.get(name)?.map((one) => one[key]) ?? [])

function judge(at: Size, peers: readonly string[]): Asked[] {
  const ours = of(at, 'cutroom', 'perSecond')
  const best = Math.max(...peers.map((name) => of(at, name, 'perSecond')))
  const atLeast = (what: string, measured: number, least: number): Asked => ({
    what: `${what}, ${at.sockets} sockets`,
    asked: `≥ ${least.toFixed(2)}`,
    measured: round(measured),
    ok: measured >= least,
  })
  return [
    atLeast('deliveries/s ÷ bare Socket.IO', ours / of(at, BARE, 'perSecond'), 0.95),
    ...(peers.length > 0 ? [atLeast('deliveries/s ÷ best peer', ours / best, 1.5)] : []),
  ]
}

function rowsOf(at: Size, staged: Staged[]): Row[] {
  return staged.map(({ subject: { name, title } }) => {
    const rounds = at.rounds.get(name) ?? []
    const each = (key: Figure) => spread(rounds.map((one) => one[key]))
    return {
      subject: `${title}, ${at.sockets} sockets`,
      'deliveries/s': each('perSecond'),
      '÷ bare': round(of(at, name, 'perSecond') / of(at, BARE, 'perSecond')),
      'server µs/delivery': each('server'),
      'CPU ÷ bare': round(of(at, name, 'server') / of(at, BARE, 'server')),
      'crowd µs/delivery': each('crowd'),
      'bytes of one': rounds[0]?.bytes ?? 0,
    }
  })
}

/**
 * All sockets are in one room and receive comments that are written over HTTP; the next one is written when all have received
 * the fourth before it. What is counted is what came to the sockets.
 */
async function run(bench: Bench): Promise<Result> {
  const sizes = bench.quick ? [1_000] : [1_000, 5_000]
  return withSubjects(bench, { people: PEOPLE, projects: 1, members: PEOPLE }, ['cutroom', BARE, ...PEERS], async (staged) => {
    const crowds = new Map<Staged, Crowd>()
    try {
      for (const one of staged) crowds.set(one, startCrowd())
      const measured: Size[] = []
      for (const [n, sockets] of sizes.entries())
        measured.push(await size(bench, staged, crowds, n === 0 ? 0 : (sizes[n - 1] ?? 0), sockets))
      const [first] = measured
      if (!first) throw new Error('nothing was measured')
      const peers = staged.map(({ subject }) => subject.name).filter((name) => PEERS.includes(name))
      const rate = (name: string) => round(of(first, name, 'perSecond'), 0)
      return {
        rows: measured.flatMap((at) => rowsOf(at, staged)),
        ours: rate('cutroom'),
        limit: rate(BARE),
        ratio: round(rate('cutroom') / rate(BARE)),
        peers: Object.fromEntries(peers.map((name) => [name, rate(name)])),
        asked: measured.flatMap((at) => judge(at, peers)),
        figures: Object.fromEntries(measured.map((at) => [at.sockets, Object.fromEntries(at.rounds)])),
        plot: bars(
          scenario.title,
          'deliveries per second',
          measured.flatMap((at) =>
            staged.map(({ subject: { name, title } }) => ({
              label: `${title.replace(/ \(.*/, '')}, ${at.sockets}`,
              values: at.rounds.get(name)?.map((one) => one.perSecond) ?? [],
            })),
          ),
        ),
      }
    } finally {
      for (const crowd of crowds.values()) await crowd.close()
    }
  })
}

export const scenario: Scenario = {
  id: 'S4',
  title: 'Fan-out: one room of 1,000 and of 5,000 sockets (deliveries per second)',
  run,
}
