// Checks the formulas of growth-model.ts: the same costs, as jobs that wait for each other.
import { createAgenda, createCores, createRandom } from './growth-agenda.ts'
import type { Costs } from './growth-inputs.ts'
import { ASSUMED, type Layout, type Workload } from './growth-model.ts'
import { percentile } from './numbers.ts'

export interface Simulated {
  writesPerSecond: number
  deliveriesPerSecond: number
  /** Shares of their CPU. */
  nodes: number
  postgres: number
  /** From a request's arrival to the last socket that receives its event on one node, ms. */
  p50: number
  p99: number
}

const WARM_MS = 500
const RUN_MS = 2_000
/** Hints and other small things are done in one go that often. */
const TICK_MS = 2

interface Feed {
  reading: boolean
  /** Arrivals of the writes that no read has seen yet. */
  waiting: number[]
}

/** One cell of the layout, since all are alike; standbys are one set of cores beside the primary's. */
export function simulate(costs: Costs, work: Workload, layout: Layout, projects: number): Simulated {
  const near = layout.nodes / layout.cells
  const inCell = Math.round(projects / layout.cells)
  const random = createRandom(1)
  const agenda = createAgenda()
  const nodes = Array.from({ length: near }, () => createCores(1))
  const primary = createCores(ASSUMED.postgresCores)
  const readers = layout.replicas === 0 ? primary : createCores(ASSUMED.postgresCores * layout.replicas)
  /** Of each project: how many sockets each node has. */
  const standing = Array.from({ length: inCell }, () => {
    const on = new Map<number, number>()
    for (let n = 0; n < work.sockets; n++) {
      const node = Math.floor(random() * near)
      on.set(node, (on.get(node) ?? 0) + 1)
    }
    return on
  })
  const rooms = new Float64Array(near)
  for (const on of standing) for (const node of on.keys()) rooms[node] = (rooms[node] ?? 0) + 1
  const locked = new Float64Array(inCell)
  const feeds = new Map<number, Feed>()
  const delays: number[] = []
  let [writes, deliveries, hints] = [0, 0, 0]
  const counts = (now: number) => now >= WARM_MS
  const pick = (count: number) => Math.floor(random() * count)

  /** The node was notified: its feed reads, emits to its sockets, and reads again if there was more by then. */
  function read(now: number, project: number, node: number, feed: Feed): void {
    feed.reading = true
    const seen = feed.waiting
    feed.waiting = []
    const asked = now + ASSUMED.wayMs
    agenda.add(asked, () => {
      const answered = readers.take(asked, costs.heard.postgres * seen.length, counts(asked)) + ASSUMED.wayMs
      agenda.add(answered, () => {
        const sockets = standing[project]?.get(node) ?? 0
        const us = seen.length * (costs.heard.node + sockets * costs.delivery)
        const told = nodes[node]?.take(answered, us, counts(answered)) ?? answered
        agenda.add(told, () => {
          if (counts(told)) {
            for (const at of seen) delays.push(told - at)
            deliveries += sockets * seen.length
          }
          if (feed.waiting.length > 0) read(told, project, node, feed)
          else feed.reading = false
        })
      })
    })
  }

  function news(now: number, project: number, from: number, at: number): void {
    for (const node of standing[project]?.keys() ?? []) {
      const heard = node === from ? now : now + 2 * ASSUMED.wayMs
      agenda.add(heard, () => {
        if (layout.hints === 'aimed' && node !== from) nodes[node]?.take(heard, costs.hint, counts(heard))
        const key = project * near + node
        const feed = feeds.get(key) ?? { reading: false, waiting: [] }
        feeds.set(key, feed)
        feed.waiting.push(at)
        if (!feed.reading) read(heard, project, node, feed)
      })
    }
  }

  function write(at: number): void {
    const [project, node] = [pick(inCell), pick(near)]
    const sent = (nodes[node]?.take(at, costs.write.node, counts(at)) ?? at) + ASSUMED.wayMs
    agenda.add(sent, () => {
      const done = primary.take(sent, costs.write.postgres, counts(sent))
      // A room is held from the stamp to the end of COMMIT.
      const committed = Math.max(done, locked[project] ?? 0) + 1_000 / costs.hotRoom
      locked[project] = committed
      if (layout.hints === 'all') hints++
      if (counts(at)) writes++
      agenda.add(committed + ASSUMED.wayMs, (now) => news(now, project, node, at))
    })
  }

  /** A request that makes no event. */
  function ask(at: number, cost: { node: number; postgres: number }, from: typeof primary): void {
    const sent = (nodes[pick(near)]?.take(at, cost.node, counts(at)) ?? at) + ASSUMED.wayMs
    agenda.add(sent, () => void from.take(sent, cost.postgres, counts(sent)))
  }

  /** At random, `perSecond` times in the mean. */
  function keep(perSecond: number, run: (now: number) => void): void {
    const again = (now: number) => agenda.add(now - (Math.log(1 - random()) * 1_000) / perSecond, (at) => [run(at), again(at)])
    again(0)
  }
  keep(inCell * work.writes, write)
  keep(inCell * work.lists, (at) => ask(at, costs.list, primary))
  keep((inCell * work.sockets) / work.staysS, (at) => ask(at, costs.join, readers))

  function tick(now: number): void {
    const idle = (work.sockets * inCell * costs.socket * TICK_MS) / 1_000 / near
    for (const node of nodes) node.take(now, (hints * costs.hint * (near - 1)) / near + idle, counts(now))
    hints = 0
    agenda.add(now + TICK_MS, tick)
  }
  agenda.add(0, tick)
  for (let node = 0; node < near; node++) {
    const sweep = (now: number) => {
      const open = rooms[node] ?? 0
      readers.take(now, open * costs.room.postgres, counts(now))
      nodes[node]?.take(now, open * costs.room.node, counts(now))
      agenda.add(now + 1_000, sweep)
    }
    agenda.add(random() * 1_000, sweep)
  }

  for (let job = agenda.next(); job && job.at < WARM_MS + RUN_MS; job = agenda.next()) job.run(job.at)
  const perSecond = (count: number) => (count * layout.cells * 1_000) / RUN_MS
  return {
    writesPerSecond: perSecond(writes),
    deliveriesPerSecond: perSecond(deliveries),
    nodes: nodes.reduce((sum, node) => sum + node.used(RUN_MS), 0) / near,
    postgres: primary.used(RUN_MS),
    p50: percentile(delays, 0.5),
    p99: percentile(delays, 0.99),
  }
}
