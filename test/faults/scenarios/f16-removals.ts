import { randomUUID } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createRandom, type Random } from '../../support/random.ts'
import type { JoinAck } from '../../support/sockets.ts'
import { percentile } from '../../support/statistics.ts'
import { until } from '../../support/until.ts'
import { judgeBaseline, judgeWrites, readLogOnDisk } from '../support/oracle.ts'
import type { Scenario } from '../support/scenario.ts'
import type { Stage } from '../support/stage.ts'
import { type Arrived, openTab, type Tab } from '../support/tab.ts'
import { type Place, populate } from '../support/world.ts'
import { type Http, openHttp, startWriter, type Writer } from '../support/writer.ts'

const LANES = 8
/** Offered, from what F1 and X1 offer down; the first of them that is answered in time is the burst. */
const RATES = [200, 120, 80]
/** A lane's removals are so far apart, for the same reason. */
const ROUND_MS = 800
const TRY_MS = 3_000
/** As many writes as come in this time may be without an answer. */
const IN_TIME_MS = 40
/** So many events after the removal every node has delivered, before the removed person's frames are counted. */
const BEYOND = 3

/** One time that access was lost, at one socket. */
interface Eviction {
  /** Ms from COMMIT, and from the answer of the removal, to `access:revoked`. */
  sinceCommit: number
  sinceAnswer: number
  /** The removal was asked on the socket's own node. */
  same: boolean
}

interface Tally {
  rounds: number
  evictions: Eviction[]
  /** What must never be. */
  after: string[]
  holes: string[]
  standing: string[]
  odd: string[]
  before: number
  refused: number
  joinedLate: number
  caughtUp: number
}
const newTally = (): Tally => ({
  rounds: 0,
  evictions: [],
  after: [],
  holes: [],
  standing: [],
  odd: [],
  before: 0,
  refused: 0,
  joinedLate: 0,
  caughtUp: 0,
})

interface Lane {
  number: number
  place: Place
  removed: { id: string; token: string }
  urls: string[]
  random: Random
  http: Http
  stage: Stage
}

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

/** One project with a burst in it: a member is added and removed, again and again. Ends when `next` says so. */
async function runLane(lane: Lane, next: () => Tally | null): Promise<void> {
  const { number, place, removed, urls, random, http, stage } = lane
  const room = `project:${place.id}`
  const owner = place.members[0]
  if (!owner) throw new Error('a project has an owner')
  const tabsOf = (token: string) => Promise.all(urls.map((url, node) => openTab(url, token, node)))
  const open: Tab[] = []
  stage.undo(() => {
    for (const tab of open) tab.close()
  })
  /** The owner's, one on each node: what a node has delivered. */
  const observers = await tabsOf(owner.token)
  open.push(...observers)
  for (const one of observers) await one.join(place.id, { activity: false })
  let tabs: Tab[] = []

  const send = async (method: string, path: string, body?: object) => {
    const node = random.int(0, urls.length - 1)
    const answer = await http.send(urls[node] ?? '', method, path, { token: owner.token, ...(body && { body }) })
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`)
    return { node, answeredAt: Date.now() }
  }
  const ofRoom = ({ frames }: Tab) =>
    frames.filter((frame): frame is Arrived & { meta: object } => frame.meta?.room === room).map((frame) => frame)
  const seqs = (tab: Tab) => ofRoom(tab).flatMap(({ meta }) => meta?.seq ?? [])
  let head = 0

  for (let tally = next(), round = 0; tally; tally = next(), round++) {
    // A socket may ask a hundred times at once, then twenty times a second: take others in time, at times with none in between.
    if (round % 25 === 0) {
      for (const tab of tabs) tab.close()
      tabs = await tabsOf(removed.token)
      open.push(...tabs)
    }
    const where = `lane ${number}, round ${round}`
    const due = pause(random.int(ROUND_MS * 0.8, ROUND_MS * 1.2))
    for (const { frames } of [...observers, ...tabs]) frames.length = 0
    await send('POST', `/api/projects/${place.id}/members`, { userId: removed.id, role: 'editor' })

    const acks = new Map<Tab, JoinAck>()
    const join = async (tab: Tab) => {
      const dice = random.next()
      const behind = dice < 0.4 ? null : dice < 0.7 ? random.int(0, 30) : random.int(100, 400)
      if (behind !== null) current.caughtUp++
      acks.set(tab, await tab.join(place.id, behind === null ? {} : { after: Math.max(0, head - behind) }))
    }
    const current = tally
    const early = tabs.filter(() => random.chance(0.6))
    await Promise.all(early.map(join))
    const stood = early.filter((tab) => acks.get(tab)?.ok === true)
    await pause(random.int(0, 40))
    let answer: () => void = () => {}
    const answered = new Promise<void>((done) => {
      answer = done
    })
    // Those who come late begin somewhere around the removal: while it is under way, or just behind it.
    const late = tabs
      .filter((tab) => !early.includes(tab))
      .map((tab) => (random.chance(0.25) ? answered : pause(random.int(0, 60))).then(() => join(tab)))
    const typing = observers.map((one) =>
      pause(random.int(0, 40)).then(() => one.socket.emit('typing', { projectId: place.id, targetId: place.id, isTyping: true })),
    )
    await pause(random.int(0, 30))
    const removal = await send('DELETE', `/api/projects/${place.id}/members/${removed.id}`).finally(answer)
    await Promise.all([...late, ...typing])

    const told = ({ frames }: Tab) =>
      frames.find(({ name, payload }) => name === 'member:left' && payload.projectId === place.id)?.meta
    await until(`${where}: every node has told the removal and more`, () =>
      observers.every((one) => (seqs(one).at(-1) ?? 0) >= (told(one)?.seq ?? Number.POSITIVE_INFINITY) + BEYOND),
    )
    // Whatever is still under way to them comes before this answer.
    await Promise.all(tabs.map((tab) => tab.ask('leave:project', { projectId: randomUUID() })))

    const at = observers[0] && told(observers[0])
    if (!at) throw new Error('the removal was told')
    head = at.seq
    tally.rounds++
    for (const one of observers) {
      const got = seqs(one)
      if (got.some((seq, n) => n > 0 && seq !== (got[n - 1] ?? 0) + 1))
        tally.holes.push(`${where}: the owner got ${got.join(' ')}`)
    }
    for (const tab of tabs) {
      const got = seqs(tab)
      const revoked = tab.frames.findIndex(({ name }) => name === 'access:revoked')
      const wrong = tab.frames.filter(({ name, payload, meta }, n) => {
        if (meta) return meta.room === room && meta.seq >= at.seq
        if (name === 'access:revoked' || !JSON.stringify(payload ?? null).includes(place.id)) return false
        return name === 'activity:new' ? Number(payload.seq) >= at.seq : revoked >= 0 && n > revoked
      })
      for (const frame of wrong)
        tally.after.push(
          `${where}: ${frame.name} #${frame.meta?.seq} on node ${tab.node}, ${frame.at - Date.parse(at.at)} ms after #${at.seq}`,
        )
      if (got.some((seq, n) => n > 0 && seq !== (got[n - 1] ?? 0) + 1)) tally.holes.push(`${where}: ${got.join(' ')}`)
      tally.before += got.length
      const ack = acks.get(tab)
      if (ack?.ok === false) {
        if (ack.error?.code === 'not-found') tally.refused++
        else tally.odd.push(`${where}: ${ack.error?.code}`)
      } else if (revoked < 0) tally.standing.push(`${where}: node ${tab.node}, head ${ack?.head}, removed at ${at.seq}`)
      else if (!stood.includes(tab)) tally.joinedLate++
      else {
        const arrived = tab.frames[revoked]?.at ?? Number.NaN
        const sinceCommit = arrived - Date.parse(at.at)
        tally.evictions.push({ sinceCommit, sinceAnswer: arrived - removal.answeredAt, same: tab.node === removal.node })
        stage.samples.at.push(stage.now())
        stage.samples.delay.push(Math.max(0, sinceCommit))
        stage.samples.node.push(tab.node)
        stage.samples.replayed.push(false)
      }
    }
    await due
  }
  for (const tab of open) tab.close()
}

/** The writer with the highest rate that is answered in time. */
async function fastest(stage: Stage, begin: (perSecond: number) => Writer): Promise<Writer> {
  for (const rate of RATES) {
    const writer = begin(rate)
    stage.progress(0, `trying ${rate} writes/s`)
    await pause(TRY_MS)
    const late = writer.writes.filter(({ outcome }) => outcome === 'running').length
    if (late < (rate * IN_TIME_MS) / 1000 || rate === RATES.at(-1)) return writer
    await writer.stop()
  }
  throw new RangeError('there are rates')
}

export const scenario: Scenario = {
  id: 'F16',
  title: 'members removed during a burst on three nodes, also while they join and catch up; then with Redis away',
  needsRedis: true,
  async run(stage) {
    const redis = await stage.redis()
    const nodes = await stage.nodes(3, { redisUrl: redis.url })
    const [first] = nodes
    if (!first) throw new Error('no node')
    const urls = nodes.map((node) => node.url)
    const world = await populate(first, { people: LANES * 2, projects: LANES, members: 1 })
    const http = openHttp()
    stage.undo(() => http.close())
    const writers: Writer[] = []
    stage.undo(() => Promise.all(writers.map((one) => one.stop())))
    const begin = (perSecond: number): Writer => {
      const made = startWriter({
        world,
        urls,
        perSecond,
        seed: stage.random.int(0, 2 ** 31),
        compose: (_random, place, key) => ({ method: 'POST', path: `/api/cuts/${place.cutId}/comments`, body: { body: key } }),
      })
      writers.push(made)
      return made
    }
    // More than the machine can do would measure its queues.
    const writer = await fastest(stage, begin)
    const lag = monitorEventLoopDelay({ resolution: 5 })

    async function phase(
      count: number,
      share: [from: number, to: number],
      beside: string,
    ): Promise<Tally & { perSecond: number }> {
      const tally = newTally()
      const began = performance.now()
      const acked = writer.acked()
      let given = 0
      const next = () => {
        stage.progress(share[0] + (share[1] - share[0]) * (tally.rounds / count), `${tally.rounds} removals ${beside}`)
        return given++ < count ? tally : null
      }
      lag.reset()
      lag.enable()
      const lanes = world.projects.map((place, number) => {
        const removed = world.people[LANES + number]
        if (!removed) throw new Error('a member to remove')
        return runLane({ number, place, removed, urls, random: createRandom(stage.random.int(0, 2 ** 31)), http, stage }, next)
      })
      await Promise.all(lanes)
      lag.disable()
      return { ...tally, perSecond: ((writer.acked() - acked) / (performance.now() - began)) * 1000 }
    }
    function judge(what: string, tally: Tally & { perSecond: number }, ms: number): void {
      const { evictions } = tally
      const far = evictions.filter(({ same }) => !same)
      const p99 = (list: Eviction[], of: (one: Eviction) => number) => percentile(list.map(of), 0.99)
      stage.zero(`${what}: frames after the removal at the removed person`, tally.after.length, tally.after)
      stage.zero(`${what}: holes and repeats before it, and at the owner`, tally.holes.length, tally.holes)
      stage.zero(`${what}: sockets that were not put out`, tally.standing.length, tally.standing)
      stage.zero(`${what}: joins refused for another reason`, tally.odd.length, tally.odd)
      stage.atMost(
        `${what}: commit → access:revoked on the other nodes, p99`,
        p99(far, (one) => one.sinceCommit),
        ms,
        'ms',
      )
      stage.show(
        `${what}: the same, p50 · on the node that was asked, p99 · answer → revoked, p99`,
        `${percentile(
          far.map((one) => one.sinceCommit),
          0.5,
        )} · ${p99(
          evictions.filter(({ same }) => same),
          (one) => one.sinceCommit,
        )} · ${p99(far, (one) => one.sinceAnswer)} ms`,
      )
      stage.show(`${what}: removals, writes/s during them`, `${tally.rounds}, ${Math.round(tally.perSecond)}`)
      stage.show(
        `${what}: evictions · let in late · refused · catching up · events before`,
        `${evictions.length} · ${tally.joinedLate} · ${tally.refused} · ${tally.caughtUp} · ${tally.before}`,
      )
      stage.show(`${what}: the harness's own delay, p99`, `${Math.round(lag.percentile(99) / 1e6)} ms`)
    }

    judge('with Redis', await phase(stage.short ? 40 : 1_000, [0, 0.75], 'with Redis'), 100)
    stage.mark('kill Redis')
    await redis.kill()
    judge('Redis away', await phase(stage.short ? 16 : 300, [0.75, 1], 'without Redis'), 400)
    await writer.stop()
    const log = await readLogOnDisk(stage.databaseUrl, world)
    judgeWrites(
      stage,
      log,
      writers.flatMap(({ writes }) => writes),
    )
    await judgeBaseline(stage, nodes)
  },
}
