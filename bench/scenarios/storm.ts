import { setTimeout as sleep } from 'node:timers/promises'
import { type CountingPostgres, startCounting } from '../support/counting.ts'
import { cpuOf } from '../support/cpu.ts'
import { startCrowd } from '../support/crowd.ts'
import { appendEvents } from '../support/cutroom-rows.ts'
import { median, percentile, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import type { Bench, Result, Scenario } from '../support/scenario.ts'
import type { Running, Subject, World } from '../support/subject.ts'

const BARE = 'socket-io'
const PROJECTS = 20
const BEHIND = 100

/** Seconds, reads per project, ms of CPU per client. */
interface Wave {
  all: number
  half: number
  logReads: number
  rows: number
  statements: number
  server: number
  crowd: number
}

/** @param counting where the log is, for who resumes */
async function wave(running: Running, { people, places }: World, counting: CountingPostgres | null): Promise<Wave> {
  const specs = places.flatMap((place) =>
    place.members.flatMap((index) => {
      const person = people[index]
      return person ? [{ ...running.connect(person, [place]), ...(counting && { after: BEHIND }) }] : []
    }),
  )
  const crowd = startCrowd()
  try {
    const [server, clients] = [cpuOf(running.pids), cpuOf([crowd.pid])]
    const open = () => crowd.open({ specs, atOnce: specs.length })
    const { result, counts } = counting ? await counting.count(running.databaseUrl, open) : { result: await open(), counts: null }
    const { liveMs, events } = result
    const each = (ms: number) => ms / specs.length
    const cpu = { server: each(cpuOf(running.pids) - server), crowd: each(cpuOf([crowd.pid]) - clients) }
    const wrong = events.filter((received) => received !== (counting ? BEHIND : 0)).length
    if (wrong > 0) throw new Error(`the promise is broken: ${wrong} clients went live without their ${BEHIND} events`)
    return {
      ...cpu,
      all: percentile(liveMs, 1) / 1000,
      half: percentile(liveMs, 0.5) / 1000,
      logReads: (counts?.logReads ?? Number.NaN) / PROJECTS,
      rows: (counts?.logRows ?? Number.NaN) / PROJECTS,
      statements: (counts?.statements ?? Number.NaN) / specs.length,
    }
  } finally {
    await crowd.close()
  }
}

interface Plan {
  size: number
  waves: number
  /** Of the scenario's progress. */
  from: number
  databaseUrl: string
  counting: CountingPostgres
}

async function measure(bench: Bench, subject: Subject, { size, waves, from, databaseUrl, counting }: Plan): Promise<Wave[]> {
  const running = await subject.start({ postgres: await bench.postgres(), databaseUrl })
  const resumes = subject.name === 'cutroom'
  try {
    const world = await running.seed({ people: size, projects: PROJECTS, members: size / PROJECTS })
    if (resumes) await appendEvents(databaseUrl, world.places, 2 * BEHIND)
    const found: Wave[] = []
    // The first wave finds a server whose code never ran.
    for (let n = 0; n <= waves; n++) {
      bench.progress(from + (0.5 * n) / (waves + 1), subject.name)
      const one = await wave(running, world, resumes ? counting : null)
      if (n > 0) found.push(one)
      // A short disconnect is not announced: by then the grace period is over.
      await sleep(bench.quick ? 500 : 5_000)
    }
    return found
  } finally {
    await running.stop()
  }
}

/**
 * All clients come at once, each with what it has; live is who is in the room and has the rest. No other subject
 * can catch up: bare Socket.IO shows what the connections cost by themselves.
 */
async function run(bench: Bench): Promise<Result> {
  const size = bench.quick ? 500 : 2_000
  const waves = bench.quick ? 2 : 3
  const found = new Map<Subject, Wave[]>()
  const counting = await startCounting()
  try {
    const databaseUrl = await counting.migrated()
    for (const [n, subject] of (await bench.subjects('cutroom', BARE)).entries())
      found.set(subject, await measure(bench, subject, { size, waves, from: n / 2, databaseUrl, counting }))
  } finally {
    await counting.close()
  }
  const named = (name: string) => [...found].find(([subject]) => subject.name === name)?.[1] ?? []
  const of = (name: string, key: keyof Wave) => round(median(named(name).map((one) => one[key])))
  const atMost = (what: string, key: keyof Wave, most: number) => {
    const measured = of('cutroom', key)
    return { what, asked: `≤ ${most}`, measured, ok: measured <= most }
  }
  return {
    rows: [...found].map(([subject, all]) => {
      const each = (key: keyof Wave) => spread(all.map((one) => one[key]))
      return {
        subject: subject.name === BARE ? `${subject.title}, without catching up` : subject.title,
        'all live s': each('all'),
        'half live s': each('half'),
        'log reads/project': each('logReads'),
        'rows/project': each('rows'),
        'statements/client': each('statements'),
        'server ms/client': each('server'),
        'crowd ms/client': each('crowd'),
      }
    }),
    ours: of('cutroom', 'all'),
    limit: of(BARE, 'all'),
    ratio: round(of('cutroom', 'all') / of(BARE, 'all')),
    peers: {},
    asked: [atMost(`all ${size} live, seconds`, 'all', 10), atMost('log reads per project', 'logReads', 1)],
    figures: Object.fromEntries([...found].map(([{ name }, all]) => [name, all])),
    plot: bars(
      scenario.title,
      'seconds until all are live',
      [...found].map(([{ title }, all]) => ({ label: title.replace(/ \(.*/, ''), values: all.map((one) => one.all) })),
    ),
  }
}

export const scenario: Scenario = {
  id: 'S6',
  title: `Reconnect storm: 2,000 clients at once, each ${BEHIND} events behind in one of ${PROJECTS} projects`,
  run,
}
