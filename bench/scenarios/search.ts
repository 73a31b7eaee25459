import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { consuming } from '../subjects/cutroom/index.ts'
import { alternate } from '../support/alternate.ts'
import { fillTexts, makeWords, type Words } from '../support/cutroom-texts.ts'
import { type Load, startLoad } from '../support/load.ts'
import { median, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import type { Bench, Result, Scenario } from '../support/scenario.ts'
import { REOPEN_MS } from '../support/stage.ts'
import { N_MARK, nOf, type Running, type World } from '../support/subject.ts'

const PROJECTS = 50
/** All of them in all projects. */
const PEOPLE = 4
const COMMENTS = 100_000
const CONNECTIONS = 16

interface Site {
  kind: 'off' | 'on'
  running: Running
  world: World
}

/** All that ship and read what is written here; none of them is in the server that is measured beside. */
const CONSUMERS = ['media', 'missed', 'notifications', 'search']

/** Writes a second, and how long the consumers needed for what they had not read by the end of them. */
interface Round {
  perSecond: number
  backlogMs: number
}

const requestsOf = ({ running, world: { people, places } }: Site) =>
  places.flatMap((place) =>
    place.members.flatMap((index) => {
      const person = people[index]
      return person ? [running.write(person, place, N_MARK)] : []
    }),
  )

async function withClient<T>({ running }: Site, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: running.databaseUrl })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Waits for a row. @returns ms @throws after ten minutes */
async function whenThere(site: Site, sql: string): Promise<number> {
  const from = performance.now()
  return withClient(site, async (client) => {
    for (; performance.now() < from + 600_000; await sleep(50))
      if ((await client.query(sql)).rows.length > 0) return performance.now() - from
    throw new Error(`the consumers do not catch up: ${sql}`)
  })
}

const CAUGHT_UP = `SELECT 1 WHERE NOT EXISTS (SELECT FROM "Room" r CROSS JOIN "Consumer" e
  LEFT JOIN "Cursor" c ON c.consumer = e.name AND c.room = r.id WHERE r.head > coalesce(c.seq, 0))`
const whenCaughtUp = (site: Site): Promise<number> => (site.kind === 'on' ? whenThere(site, CAUGHT_UP) : Promise.resolve(0))

async function write(load: Load, site: Site, ms: number): Promise<Round> {
  const loop = async (time: number) => {
    const result = await load.loop({ requests: requestsOf(site), connections: CONNECTIONS, ms: time })
    if (result.failed > 0) throw new Error(`${site.kind}: ${result.failed} writes failed, the first with ${result.complaint}`)
    return result
  }
  await loop(REOPEN_MS)
  await whenCaughtUp(site)
  const { perSecond } = await loop(ms)
  return { perSecond, backlogMs: await whenCaughtUp(site) }
}

/** One search by a member of all projects. @returns ms, and the number of hits */
async function ask({ running, world: { people } }: Site, q: string): Promise<{ ms: number; hits: number }> {
  const from = performance.now()
  const answer = await fetch(`${running.urls[0]}/api/search?q=${encodeURIComponent(q)}`, {
    headers: { authorization: `Bearer ${people[0]?.token}` },
  })
  const { groups } = (await answer.json()) as { groups: { hits: unknown[] }[] }
  return { ms: performance.now() - from, hits: groups.reduce((sum, { hits }) => sum + hits.length, 0) }
}

/** From the answer to a write to the first search that finds it, ms. */
async function findNew(site: Site, n: number): Promise<number> {
  const { people, places } = site.world
  const [person, place] = [people[0], places[n % places.length]]
  if (!person || !place) throw new Error('nobody is there')
  const { url, method, headers, body } = site.running.write(person, place, nOf(n))
  const written = await fetch(url, { method, headers, body })
  if (written.status !== 201) throw new Error(`a write failed with ${written.status}`)
  const from = performance.now()
  while ((await ask(site, nOf(n))).hits === 0) if (performance.now() > from + 10_000) throw new Error('a comment is not found')
  return performance.now() - from
}

const kindsOf = ({ rare, common, beginning, typo }: Words): Record<string, () => string> => ({
  'a word': rare,
  'two words': () => `${common()} ${rare()}`,
  'a beginning of three letters': beginning,
  'the commonest words': common,
  'a typo': typo,
})

/** Times of searches of each kind, in turn. */
async function searchAll(site: Site, words: Words, each: number): Promise<Map<string, number[]>> {
  const kinds = Object.entries(kindsOf(words))
  const times = new Map(kinds.map(([kind]) => [kind, [] as number[]]))
  for (let n = 0; n < each; n++) for (const [kind, make] of kinds) times.get(kind)?.push((await ask(site, make())).ms)
  return times
}

const atShare = (all: readonly number[], share: number): number =>
  all.toSorted((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * share))] ?? Number.NaN

async function run(bench: Bench): Promise<Result> {
  const [rounds, ms, each, comments] = bench.quick ? [2, 1_500, 20, COMMENTS / 10] : [5, 5_000, 100, COMMENTS]
  const sites: Site[] = []
  const load = startLoad()
  try {
    for (const kind of ['off', 'on'] as const) {
      const env = { WITHOUT: kind === 'off' ? CONSUMERS.join() : '' }
      const running = await consuming.start({ postgres: await bench.postgres(), env })
      sites.push({ kind, running, world: await running.seed({ people: PEOPLE, projects: PROJECTS, members: PEOPLE }) })
    }
    const measured = await alternate(sites, {
      rounds,
      warmUp: (site) => write(load, site, ms / 2),
      measure: (site) => write(load, site, ms),
      progress: (share, { kind }) => bench.progress(share / 2, `writes, consumers ${kind}`),
    })
    const [off = [], on = []] = sites.map((site) => measured.get(site))
    const ratios = on.map(({ perSecond }, n) => perSecond / (off[n]?.perSecond ?? Number.NaN))
    const site = sites[1] as Site
    const soon = []
    for (let n = 0; n < each / 5; n++) soon.push(await findNew(site, 9_000_000 + n))
    bench.progress(0.6, `${comments} comments`)
    const words = makeWords()
    await fillTexts(site.running.databaseUrl, site.world, words, comments)
    const builtMs = await whenThere(site, 'SELECT 1 FROM "SearchBuild" WHERE "builtAt" IS NOT NULL')
    await withClient(site, (client) => client.query('VACUUM ANALYZE'))
    bench.progress(0.8, 'searches')
    await searchAll(site, words, 5)
    const times = await searchAll(site, words, each)
    const all = [...times.values()].flat()
    const [p95, rate, backlog] = [atShare(all, 0.95), median(ratios), Math.max(...on.map(({ backlogMs }) => backlogMs)) / 1000]
    const found = Math.max(...soon) / 1000
    bench.note(`${comments} comments were built into the index in ${round(builtMs / 1000)} s; writes beside the consumers:`)
    return {
      rows: [
        ...[...times].map(([kind, of]) => ({
          subject: kind,
          p50: `${round(atShare(of, 0.5))} ms`,
          p95: `${round(atShare(of, 0.95))} ms`,
        })),
        { subject: 'writes/s with all consumers ÷ without any', p50: spread(ratios), p95: '' },
        {
          subject: 'from a write to the search that finds it',
          p50: `${round(atShare(soon, 0.5))} ms`,
          p95: `${round(atShare(soon, 0.95))} ms`,
        },
      ],
      ours: round(p95),
      limit: null,
      ratio: round(rate),
      peers: {},
      asked: [
        { what: 'p95 of all searches, ms', asked: '≤ 50', measured: round(p95), ok: p95 <= 50 },
        { what: 'a new comment is found, s', asked: '≤ 2', measured: round(found), ok: found <= 2 },
        { what: 'writes/s at saturation, with ÷ without', asked: '≥ 0.85', measured: round(rate), ok: rate >= 0.85 },
        { what: 'backlog is gone, s', asked: '≤ 30', measured: round(backlog), ok: backlog <= 30 },
      ],
      figures: { off, on, soon, times: Object.fromEntries(times), builtMs },
      plot: bars(
        scenario.title,
        'ms',
        [...times].map(([label, values]) => ({ label, values })),
      ),
    }
  } finally {
    await load.close()
    await Promise.all(sites.map(({ running }) => running.stop()))
  }
}

export const scenario: Scenario = {
  id: 'S16',
  title: `Searches over ${COMMENTS.toLocaleString('en')} comments in ${PROJECTS} projects, and writes/s with all consumers and without`,
  run,
}
