import pg from 'pg'
import { alternate } from '../support/alternate.ts'
import { whileCounting } from '../support/cpu.ts'
import { fillComments, fillLog } from '../support/cutroom-fill.ts'
import { type Load, type LoopResult, startLoad } from '../support/load.ts'
import { median, percentile, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import { openRaw, type RawSocket } from '../support/raw-socket.ts'
import type { Bench, Result, Scenario } from '../support/scenario.ts'
import { type HttpRequest, N_MARK, type Person, type Place, type Running, type World } from '../support/subject.ts'

const PROJECTS = 50
const MEMBERS = 4
const CONNECTIONS = 16
const BEHIND = 100
const COMERS = 4
const SOCKETS = 8

interface Old {
  events: number
  running: Running
  world: World
}
type Kind = 'write' | 'join' | 'list'
interface Trial {
  old: Old
  kind: Kind
}
interface Round {
  perSecond: number
  p50: number
  /** µs per operation. */
  server: number
  postgres: number
}

const kinds: Record<Kind, string> = { write: 'create a comment', join: `join, ${BEHIND} events behind`, list: 'list of 50' }

const pairs = ({ world: { people, places } }: Old): { person: Person; place: Place }[] =>
  places.flatMap((place) => place.members.flatMap((index) => (people[index] ? [{ person: people[index], place }] : [])))

async function heads(old: Old): Promise<Map<string, number>> {
  const client = new pg.Client({ connectionString: old.running.databaseUrl })
  await client.connect()
  try {
    const { rows } = await client.query<{ id: string; head: string }>(`SELECT id, head FROM "Room" WHERE id LIKE 'project:%'`)
    return new Map(rows.map(({ id, head }) => [id.slice('project:'.length), Number(head)]))
  } finally {
    await client.end()
  }
}

interface Comer {
  sockets: RawSocket[]
  /** Events that came to them late. */
  replayed: number
}

/** A socket may ask for 20 things a second and 100 at once: each comer has several, and takes them in turn. */
async function arrive({ running, world }: Old): Promise<Comer[]> {
  const comers: Comer[] = []
  for (const { token } of world.people.slice(0, COMERS)) {
    const comer: Comer = { sockets: [], replayed: 0 }
    comers.push(comer)
    for (let n = 0; n < SOCKETS; n++)
      comer.sockets.push(
        await openRaw(running.urls[0] ?? '', { token }, (text) => {
          if (text.includes('"replayed":true')) comer.replayed++
        }),
      )
  }
  return comers
}

/** They come into one project after the other, receive what they missed, and leave. No other socket is there. */
async function comeAndGo({ world: { places } }: Old, at: Map<string, number>, comers: Comer[], ms: number): Promise<LoopResult> {
  const took: number[] = []
  const start = performance.now()
  async function come({ sockets }: Comer, first: number): Promise<void> {
    for (let n = 0; performance.now() < start + ms; n++) {
      const projectId = places[(first + n) % places.length]?.id ?? ''
      const socket = sockets[n % sockets.length]
      if (!socket) throw new Error('there is no socket')
      const began = performance.now()
      const after = (at.get(projectId) ?? 0) - BEHIND
      const answer = (await socket.ask('join:project', { projectId, after, activity: false })) as { ok: boolean; mode: string }
      took.push(performance.now() - began)
      if (!answer.ok || answer.mode !== 'resumed') throw new Error(`a join was answered with ${JSON.stringify(answer)}`)
      await socket.ask('leave:project', { projectId })
    }
  }
  await Promise.all(comers.map((comer, n) => come(comer, Math.floor((n * places.length) / comers.length))))
  const perSecond = (took.length / (performance.now() - start)) * 1000
  const replayed = comers.reduce((sum, comer) => sum + comer.replayed, 0)
  if (replayed !== took.length * BEHIND) throw new Error(`${took.length} joins brought ${replayed} events`)
  return { done: took.length, failed: 0, complaint: null, perSecond, p50: percentile(took, 0.5), p99: percentile(took, 0.99) }
}

function requestsOf(kind: Kind, old: Old): HttpRequest[] {
  const { running } = old
  if (kind === 'write') return pairs(old).map(({ person, place }) => running.write(person, place, N_MARK))
  return pairs(old).map(({ person, place }) => running.list(person, place))
}

async function measure(bench: Bench, load: Load, { old, kind }: Trial, ms: number): Promise<Round> {
  const { pid: postgres } = await bench.postgres()
  const comers = kind === 'join' ? await arrive(old) : []
  const at = await heads(old)
  const work = () =>
    kind === 'join'
      ? comeAndGo(old, at, comers, ms)
      : load.loop({ requests: requestsOf(kind, old), connections: CONNECTIONS, ms })
  const { result, cpu } = await whileCounting({ server: old.running.pids, postgres }, work).finally(() =>
    Promise.all(comers.flatMap(({ sockets }) => sockets.map((socket) => socket.close()))),
  )
  if (result.failed > 0) throw new Error(`${result.failed} requests failed, the first with ${result.complaint}`)
  const each = (cpuMs: number) => (cpuMs * 1000) / result.done
  return { perSecond: result.perSecond, p50: result.p50, server: each(cpu.server), postgres: each(cpu.postgres) }
}

/** Comments grow with the log, one in ten; the first page of each cut is full either way. */
async function grow(bench: Bench, events: number): Promise<Old> {
  const [subject] = await bench.subjects('cutroom')
  if (!subject) throw new Error('no Cutroom')
  const running = await subject.start({ postgres: await bench.postgres() })
  try {
    // All people are in every project that a socket joins.
    const world = await running.seed({ people: MEMBERS, projects: PROJECTS, members: MEMBERS })
    await fillComments(running.databaseUrl, world, Math.max(60, events / 10 / PROJECTS))
    await fillLog(running.databaseUrl, world.places, events)
    return { events, running, world }
  } catch (error) {
    await running.stop()
    throw error
  }
}

async function run(bench: Bench): Promise<Result> {
  const [few, many] = bench.quick ? [10_000, 100_000] : [10_000, 1_000_000]
  const [rounds, ms] = bench.quick ? [3, 700] : [7, 2_000]
  const grown: Old[] = []
  const load = startLoad()
  try {
    for (const events of [few, many]) {
      bench.progress(0, `${events} events`)
      grown.push(await grow(bench, events))
    }
    const names = Object.keys(kinds) as Kind[]
    const trials = names.flatMap((kind) => grown.map((old): Trial => ({ old, kind })))
    const measured = await alternate(trials, {
      rounds,
      warmUp: (trial) => measure(bench, load, trial, ms),
      measure: (trial) => measure(bench, load, trial, ms),
      progress: (share, { kind, old }) => bench.progress(share, `${kinds[kind]}, ${old.events} events`),
    })
    const each = (kind: Kind, events: number, key: keyof Round) =>
      [...measured].flatMap(([trial, all]) =>
        trial.kind === kind && trial.old.events === events ? all.map((one) => one[key]) : [],
      )
    const slower = (kind: Kind) => round(median(each(kind, few, 'perSecond')) / median(each(kind, many, 'perSecond')))
    const worst = Math.max(...names.map(slower))
    return {
      rows: trials.map(({ kind, old: { events } }) => ({
        subject: `Cutroom, ${kinds[kind]}, ${events} events`,
        'per second': spread(each(kind, events, 'perSecond')),
        'few ÷ many': events === many ? slower(kind) : '',
        'p50 ms': spread(each(kind, events, 'p50')),
        'server µs': spread(each(kind, events, 'server')),
        'Postgres µs': spread(each(kind, events, 'postgres')),
      })),
      ours: round(median(each('write', many, 'perSecond')), 0),
      limit: round(median(each('write', few, 'perSecond')), 0),
      ratio: worst,
      peers: {},
      asked: names.map((kind) => ({
        what: `${kinds[kind]}: per second with ${few} ÷ with ${many} events`,
        asked: '≤ 1.20',
        measured: slower(kind),
        ok: slower(kind) <= 1.2,
      })),
      figures: Object.fromEntries([...measured].map(([{ kind, old }, all]) => [`${kind} ${old.events}`, all])),
      plot: bars(
        scenario.title,
        'per second',
        trials.map(({ kind, old: { events } }) => ({
          label: `${kinds[kind]}, ${events}`,
          values: each(kind, events, 'perSecond'),
        })),
      ),
    }
  } finally {
    await load.close()
    await Promise.all(grown.map(({ running }) => running.stop()))
  }
}

export const scenario: Scenario = {
  id: 'S8',
  title: 'Growth: with 10 thousand and with 1 million events in the log (per second)',
  run,
}
