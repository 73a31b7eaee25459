import { alternate } from '../support/alternate.ts'
import { startCounting } from '../support/counting.ts'
import { whileCounting } from '../support/cpu.ts'
import { fillProject } from '../support/cutroom-fill.ts'
import { openHttp, prepare } from '../support/http.ts'
import { type Load, startLoad } from '../support/load.ts'
import { median, round, spread } from '../support/numbers.ts'
import { bars } from '../support/plot.ts'
import type { Asked, Bench, Result, Row, Scenario } from '../support/scenario.ts'
import { isPeer, type Staged, SUBJECTS, withSubjects } from '../support/stage.ts'
import { type HttpRequest, nOf } from '../support/subject.ts'

const PROJECTS = 10
const MEMBERS = 4
const COMMENTS = 50
const CONNECTIONS = 16
const SNAPSHOTS = [1_000, 10_000]

interface Round {
  perSecond: number
  p50: number
  p99: number
  /** µs per request. */
  server: number
  postgres: number
}

/** One kind of request that a subject answers. */
interface Reading {
  staged: Staged
  title: string
  requests: HttpRequest[]
  connections: number
}

const pairs = ({ world: { people, places } }: Staged) =>
  places.slice(0, PROJECTS).flatMap((place) => {
    const person = people[place.members[0] ?? -1]
    return person ? [{ person, place }] : []
  })

/** Comments to list, written over HTTP. */
async function write(staged: Staged): Promise<void> {
  const http = openHttp(staged.running.urls[0] ?? '')
  const waiting = pairs(staged).flatMap(({ person, place }, p) =>
    Array.from({ length: COMMENTS }, (_, n) => prepare(staged.running.write(person, place, nOf(p * COMMENTS + n)))),
  )
  try {
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let request = waiting.pop(); request !== undefined; request = waiting.pop()) await http.send(request, '')
      }),
    )
    const complaint = http.complaint()
    if (complaint !== null) throw new Error(`${staged.subject.name}: a write failed with ${complaint}`)
  } finally {
    http.close()
  }
}

async function ask({ url, headers }: HttpRequest): Promise<{ status: number; text: string; bytes: number }> {
  const answer = await fetch(url, { headers: { 'accept-encoding': 'identity', ...headers } })
  const text = await answer.text()
  // Over the wire: `text` is decoded.
  return { status: answer.status, text, bytes: Number(answer.headers.get('content-length') ?? text.length) }
}

/** @throws where the answer does not hold them all */
async function listing(staged: Staged): Promise<Reading> {
  const requests = pairs(staged).map(({ person, place }) => staged.running.list(person, place))
  for (const request of requests) {
    const { status, text } = await ask(request)
    const found = text.split('"body"').length - 1
    if (status !== 200 || found !== COMMENTS)
      throw new Error(`${staged.subject.name} lists ${found} comments: ${status} ${text.slice(0, 200)}`)
  }
  return { staged, title: staged.subject.title, requests, connections: CONNECTIONS }
}

/** More than are asked for while an answer is kept. */
const DISTINCT = 2_000

/**
 * The same lists, each time at another address: from behind an id that sorts before all comments. So none is answered from memory.
 * A cursor names its list: that of a first page is taken, and its id replaced.
 */
async function anew(staged: Staged): Promise<Reading> {
  const lists = await Promise.all(
    pairs(staged).map(async ({ person, place }) => {
      const request = staged.running.list(person, place)
      const first = new URL(request.url)
      first.searchParams.set('limit', '1')
      const answer = await fetch(first, { headers: request.headers })
      const { nextCursor } = (await answer.json()) as { nextCursor: string }
      return { request, begin: (JSON.parse(Buffer.from(nextCursor, 'base64url').toString()) as unknown[]).slice(0, -1) }
    }),
  )
  const requests = Array.from({ length: DISTINCT }, (_, n) => n).flatMap((n) =>
    lists.map(({ request, begin }) => {
      const id = `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
      const cursor = Buffer.from(JSON.stringify([...begin, id])).toString('base64url')
      return { ...request, url: `${request.url}${request.url.includes('?') ? '&' : '?'}cursor=${cursor}` }
    }),
  )
  return { staged, title: `Cutroom, list of ${COMMENTS}, rows read anew`, requests, connections: CONNECTIONS }
}

/** One comment of each project, by a client that has it. @throws where it is not answered 304 */
async function known(staged: Staged): Promise<Reading> {
  const requests: HttpRequest[] = []
  for (const { person, place } of pairs(staged)) {
    const { url, headers } = staged.running.list(person, place)
    const { data } = JSON.parse((await ask({ url, headers, method: 'GET', body: '' })).text) as { data: { id: string }[] }
    const comment = `${new URL(url).origin}/api/comments/${data[0]?.id}`
    const etag = (await fetch(comment, { headers })).headers.get('etag')
    const request: HttpRequest = { url: comment, method: 'GET', headers: { ...headers, 'if-none-match': etag ?? '' }, body: '' }
    const { status } = await ask(request)
    if (status !== 304) throw new Error(`a comment that is known was answered with ${status}`)
    requests.push(request)
  }
  return { staged, title: 'Cutroom, one that is known (304)', requests, connections: CONNECTIONS }
}

/** The same page, as it is and in each coding. */
async function snapshots(staged: Staged, entities: number, at: number): Promise<Reading[]> {
  const { running, world } = staged
  const place = world.places[PROJECTS + at]
  const person = world.people[place?.members[0] ?? -1]
  if (!place || !person) throw new Error('no place for a snapshot')
  await fillProject(running.databaseUrl, person, place, entities)
  const { headers, ...request } = { ...running.list(person, place), url: `${running.urls[0]}/api/projects/${place.id}/snapshot` }
  const readings: Reading[] = []
  for (const [kind, coding] of [
    ['', 'identity'],
    [', compressed (gzip)', 'gzip'],
    [', compressed (br)', 'br'],
  ] as const) {
    const asking: HttpRequest = { ...request, headers: { ...headers, 'accept-encoding': coding } }
    const { status, text, bytes } = await ask(asking)
    const found = text.split('"createdAt"').length - 1
    if (status !== 200) throw new Error(`no snapshot: ${status} ${text.slice(0, 200)}`)
    const page = `first page of a snapshot of ${entities} entities${kind}`
    const title = `Cutroom, ${page} (${found} dated, ${Math.round(bytes / 1024)} KiB)`
    readings.push({ staged, title, requests: [asking], connections: 2 })
  }
  return readings
}

/** Statements and rows of one 304. */
async function rowsOfKnown(bench: Bench): Promise<{ statements: number; rows: number }> {
  const counting = await startCounting()
  try {
    const databaseUrl = await counting.migrated()
    const [subject] = await bench.subjects('cutroom')
    if (!subject) throw new Error('no Cutroom')
    const running = await subject.start({ postgres: await bench.postgres(), databaseUrl })
    try {
      const world = await running.seed({ people: PROJECTS * MEMBERS, projects: PROJECTS, members: MEMBERS })
      const staged = { subject, running, world }
      await write(staged)
      const { requests } = await known(staged)
      const many = Array.from({ length: 20 }, () => requests).flat()
      const { counts } = await counting.count(databaseUrl, async () => {
        for (const request of many) await ask(request)
      })
      // A sweep of the log's positions once a second is among them, which is why the figure is rounded.
      return { statements: counts.statements / many.length, rows: counts.rows / many.length }
    } finally {
      await running.stop()
    }
  } finally {
    await counting.close()
  }
}

async function measure(bench: Bench, load: Load, { staged, requests, connections }: Reading, ms: number): Promise<Round> {
  const { pid: postgres } = await bench.postgres()
  const { result, cpu } = await whileCounting({ server: staged.running.pids, postgres }, () =>
    load.loop({ requests, connections, ms }),
  )
  if (result.failed > 0)
    throw new Error(`${staged.subject.name}: ${result.failed} reads failed, the first with ${result.complaint}`)
  const each = (cpuMs: number) => (cpuMs * 1000) / result.done
  const { perSecond, p50, p99 } = result
  return { perSecond, p50, p99, server: each(cpu.server), postgres: each(cpu.postgres) }
}

async function run(bench: Bench): Promise<Result> {
  const [rounds, ms, warmMs] = bench.quick ? [2, 500, 400] : [5, 2_000, 2_000]
  const projects = PROJECTS + SNAPSHOTS.length
  return withSubjects(bench, { people: projects * MEMBERS, projects, members: MEMBERS }, SUBJECTS, async (all) => {
    const load = startLoad()
    try {
      const lists: Reading[] = []
      for (const staged of all) {
        await write(staged)
        lists.push(await listing(staged))
      }
      const ours = all.find(({ subject }) => subject.name === 'cutroom')
      if (!ours) throw new Error('no Cutroom')
      const again = await anew(ours)
      const others: Reading[] = [again, await known(ours)]
      for (const [at, entities] of SNAPSHOTS.entries()) others.push(...(await snapshots(ours, entities, at)))
      const measured = await alternate([...lists, ...others], {
        rounds,
        warmUp: (one) => measure(bench, load, one, warmMs),
        measure: (one) => measure(bench, load, one, ms),
        progress: (share, { title }) => bench.progress(share, title),
      })
      const each = (one: Reading, key: keyof Round) => (measured.get(one) ?? []).map((found) => found[key])
      const rate = (name: string) => {
        const one = lists.find(({ staged }) => staged.subject.name === name)
        return one ? round(median(each(one, 'perSecond')), 0) : null
      }
      const rowOf = (one: Reading): Row => ({
        subject: lists.includes(one) ? `${one.title}, list of ${COMMENTS}` : one.title,
        'per second': spread(each(one, 'perSecond')),
        '÷ limit': lists.includes(one) ? round(median(each(one, 'perSecond')) / (rate('limit') ?? Number.NaN)) : '',
        'server µs': spread(each(one, 'server')),
        'Postgres µs': spread(each(one, 'postgres')),
        'p50 ms': spread(each(one, 'p50')),
        'p99 ms': spread(each(one, 'p99')),
      })
      const counted = await rowsOfKnown(bench)
      const peers = all.map(({ subject }) => subject.name).filter((name) => isPeer({ name }))
      const best = Math.max(...peers.map((name) => rate(name) ?? 0))
      const asked: Asked[] = []
      const cutroom = rate('cutroom') ?? Number.NaN
      if (peers.length > 0)
        asked.push({ what: 'lists/s ÷ best peer', asked: '≥ 2.00', measured: round(cutroom / best), ok: cutroom / best >= 2 })
      asked.push({ what: 'rows read by a 304', asked: '≤ 1', measured: round(counted.rows, 1), ok: round(counted.rows, 1) <= 1 })
      bench.note(
        `lists are answered from memory while a project's log stands still; with the rows read anew each time they come at ${round(median(each(again, 'perSecond')) / best)} × the best peer`,
      )
      bench.note(`a 304 takes ${round(counted.statements)} statements`)
      return {
        rows: [...lists, ...others].map(rowOf),
        ours: cutroom,
        limit: rate('limit'),
        ratio: rate('limit') === null ? null : round(cutroom / (rate('limit') ?? 1)),
        peers: Object.fromEntries(peers.map((name) => [name, rate(name) ?? 0])),
        asked,
        figures: { ...Object.fromEntries([...measured].map(([{ title }, found]) => [title, found])), unchanged: counted },
        plot: bars(
          scenario.title,
          `lists of ${COMMENTS} comments per second`,
          lists.map((one) => ({ label: one.title.replace(/ \(.*/, ''), values: each(one, 'perSecond') })),
        ),
      }
    } finally {
      await load.close()
    }
  })
}

export const scenario: Scenario = {
  id: 'S7',
  title: `Reads: a list of ${COMMENTS} comments, one that is known, a whole project (per second)`,
  run,
}
