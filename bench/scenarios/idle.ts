import { setTimeout as sleep } from 'node:timers/promises'
import { collectable } from '../support/collect.ts'
import { cpuOf, memoryOf } from '../support/cpu.ts'
import { startCrowd } from '../support/crowd.ts'
import { median, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import type { Bench, Result, Scenario } from '../support/scenario.ts'
import { isPeer } from '../support/stage.ts'
import type { Subject, World } from '../support/subject.ts'

const BARE = 'socket-io'
const MEMBERS = 10
const OPENING = 50
/** Until the events of the joins have been sent. */
const SETTLE_MS = 2_500
/** In which their CPU time is counted. */
const IDLE_MS = 3_000

interface Round {
  /** KiB of resident memory, each. */
  held: number
  asLeft: number
  /** ms of CPU per second and 1,000 sockets. */
  idle: number
  joinMs: number
}
interface Home {
  databaseUrl?: string
  world?: World
}

/** A new process each time: memory that was taken once does not come back. */
async function measure(bench: Bench, subject: Subject, sockets: number, home: Home): Promise<Round> {
  const { env, collect } = await collectable()
  const known = home.databaseUrl === undefined ? {} : { databaseUrl: home.databaseUrl }
  const running = await subject.start({ postgres: await bench.postgres(), env, ...known })
  const crowd = startCrowd()
  try {
    home.world ??= await running.seed({ people: sockets, projects: sockets / MEMBERS, members: MEMBERS })
    home.databaseUrl = running.databaseUrl
    const { people, places } = home.world
    const specs = places.flatMap((place) =>
      place.members.flatMap((index) => {
        const person = people[index]
        return person ? [running.connect(person, [place])] : []
      }),
    )
    // What is loaded and compiled once is no socket's.
    await crowd.open({ specs: specs.slice(0, 200), atOnce: OPENING })
    await crowd.cut()
    await sleep(SETTLE_MS)
    await collect()
    const before = memoryOf(running.pids)
    const start = performance.now()
    await crowd.open({ specs, atOnce: OPENING })
    const joined = performance.now() - start
    await sleep(SETTLE_MS)
    const cpu = cpuOf(running.pids)
    await sleep(bench.quick ? 0 : IDLE_MS)
    const idle = bench.quick ? Number.NaN : ((cpuOf(running.pids) - cpu) / IDLE_MS / sockets) * 1e6
    const asLeft = memoryOf(running.pids)
    await collect()
    const each = (bytes: number) => (bytes - before) / 1024 / sockets
    return { held: each(memoryOf(running.pids)), asLeft: each(asLeft), idle, joinMs: joined / sockets }
  } finally {
    await crowd.close()
    await running.stop()
  }
}

/** Each is in a project of ten and sends nothing. Resident memory of the server after a collection, less what it was without them. */
async function run(bench: Bench): Promise<Result> {
  const sockets = bench.quick ? 2_000 : 5_000
  const rounds = bench.quick ? 1 : 2
  const subjects = await bench.subjects(...(bench.quick ? ['cutroom', BARE] : ['cutroom', BARE, 'feathers', 'parse']))
  const found = new Map<Subject, Round[]>(subjects.map((subject) => [subject, []]))
  const homes = new Map<Subject, Home>(subjects.map((subject) => [subject, {}]))
  for (let n = 0; n < rounds; n++) {
    for (const [at, subject] of subjects.entries()) {
      bench.progress((n * subjects.length + at) / (rounds * subjects.length), subject.name)
      // Peers are shown, and not what is asked about: once is enough.
      if (isPeer(subject) && subject.name !== BARE && n > 0) continue
      found.get(subject)?.push(await measure(bench, subject, sockets, homes.get(subject) ?? {}))
    }
  }
  const each = (subject: Subject, key: keyof Round) => (found.get(subject) ?? []).map((one) => one[key])
  const held = (name: string) => {
    const subject = subjects.find((one) => one.name === name)
    return round(subject ? median(each(subject, 'held')) : Number.NaN)
  }
  const ratio = round(held('cutroom') / held(BARE))
  const peers = subjects.filter((subject) => isPeer(subject) && subject.name !== BARE)
  return {
    rows: subjects.map((subject) => ({
      subject: `${subject.title}, ${sockets} sockets`,
      'KiB/socket': spread(each(subject, 'held')),
      '÷ bare': round(held(subject.name) / held(BARE)),
      'before a collection': spread(each(subject, 'asLeft')),
      'CPU ms/s per 1,000': spread(each(subject, 'idle')),
      'ms to join': spread(each(subject, 'joinMs')),
    })),
    ours: held('cutroom'),
    limit: held(BARE),
    ratio,
    peers: Object.fromEntries(peers.map(({ name }) => [name, held(name)])),
    asked: [{ what: 'memory per idle socket ÷ bare Socket.IO', asked: '≤ 1.15', measured: ratio, ok: ratio <= 1.15 }],
    figures: Object.fromEntries([...found].map(([{ name }, all]) => [name, all])),
    plot: bars(
      scenario.title,
      'KiB per socket',
      subjects.map((subject) => ({ label: subject.title.replace(/ \(.*/, ''), values: each(subject, 'held') })),
    ),
  }
}

export const scenario: Scenario = {
  id: 'S5',
  title: 'Memory per idle socket, 5,000 sockets in projects of ten (KiB)',
  run,
}
