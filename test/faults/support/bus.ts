import { createRandom } from '../../support/random.ts'
import type { Redis } from '../../support/redis.ts'
import { percentile } from '../../support/statistics.ts'
import type { TcpProxy } from '../../support/tcp-proxy.ts'
import { type Crowd, startCrowd } from './crowd.ts'
import { conclude, judgePace, keepLoad, statusOf } from './drive.ts'
import type { Node } from './node.ts'
import { noTrouble, type Trouble, troubled } from './resp.ts'
import type { Stage } from './stage.ts'
import { startTypedClients, type TypedClients } from './typed-clients.ts'
import { populate, type World } from './world.ts'
import { startWriter, type Writer } from './writer.ts'

/** A stretch of time with one thing done to Redis, or nothing. */
export interface Phase {
  name: string
  calm: boolean
  /** Ms of the stage, and of the wall's clock. */
  from: number
  to: number
  wallFrom: number
  wallTo: number
}

export interface PhaseFigures {
  name: string
  calm: boolean
  /** Ms from commit to a client of another node. */
  delays: number[]
  /** Ms to answer a write. */
  writes: number[]
}

/** Three nodes whose way to Redis is in our hands: everything is written on the first, all sockets are on the others. */
export interface Bus {
  redis: Redis
  proxy: TcpProxy
  trouble: Trouble
  nodes: Node[]
  world: World
  crowd: Crowd
  typed: TypedClients
  writer: Writer
  /** Goes on for so long; `act` is done at its beginning. */
  phase(name: string, ms: number, options?: { calm?: boolean; act?: () => Promise<unknown> | undefined }): Promise<void>
  conclude(): Promise<PhaseFigures[]>
}

export async function openBus(
  stage: Stage,
  { perSecond, clients, total }: { perSecond: number; clients: number; total: number },
): Promise<Bus> {
  const redis = await stage.redis()
  const trouble = noTrouble()
  const down = troubled(trouble, createRandom(stage.random.int(0, 2 ** 31)))
  const proxy = await stage.proxy({ port: redis.port, down })
  // Each request is counted in Redis, as on a server that people use.
  const env = { RATE_LIMIT: '1000000' }
  const nodes = await stage.nodes(3, { redisUrl: `redis://127.0.0.1:${proxy.port}`, env })
  const [writes, ...reads] = nodes.map((node) => node.url)
  if (writes === undefined || !nodes[0]) throw new Error('no node')
  const world = await populate(nodes[0], { people: 10, projects: 20, members: 4 })
  const crowd = await startCrowd(stage, { world, urls: reads, size: clients })
  const typed = await startTypedClients(stage, world, reads, 3)
  const writer = startWriter({ world, urls: [writes], perSecond, seed: stage.random.int(0, 2 ** 31) })
  const phases: Phase[] = []
  let passed = 0

  return {
    redis,
    proxy,
    trouble,
    nodes,
    world,
    crowd,
    typed,
    writer,
    async phase(name, ms, { calm = false, act } = {}) {
      const phase: Phase = { name, calm, from: stage.now(), to: 0, wallFrom: Date.now(), wallTo: 0 }
      if (!calm) stage.mark(name)
      await act?.()
      const left = Math.max(0, ms - (stage.now() - phase.from))
      const beside = statusOf(writer, crowd)
      await keepLoad(stage, left, [passed / total, Math.min(1, (passed + ms) / total)], () => `${name}: ${beside()}`)
      passed += ms
      phases.push({ ...phase, to: stage.now(), wallTo: Date.now() })
    },
    async conclude() {
      await conclude(stage, { world, nodes, crowd, typed, writer })
      judgePace(stage, writer)
      return phases.map(({ name, calm, from, to, wallFrom, wallTo }) => ({
        name,
        calm,
        // By when it was committed: what a fault delays arrives when it is over.
        delays: stage.samples.delay.filter((delay, index) => {
          const committed = (stage.samples.at[index] ?? 0) - delay
          return committed >= from && committed < to
        }),
        writes: writer.latencies(wallFrom, wallTo),
      }))
    },
  }
}

/** Figures by name, in the order in which the names came first. */
function gather<T>(pairs: Iterable<readonly [name: string, figure: T]>): Map<string, T[]> {
  const all = new Map<string, T[]>()
  for (const [name, figure] of pairs) all.set(name, [...(all.get(name) ?? []), figure])
  return all
}

const p50and99 = (sample: readonly number[]) =>
  `${percentile(sample, 0.5).toFixed(1)} / ${percentile(sample, 0.99).toFixed(1)} ms`

/**
 * Judges each fault's phases, and its writes beside those of the calm phase just before: what else the machine does, it does
 * to both. Of the rounds the middle one counts.
 */
export function judgePhases(stage: Stage, figures: readonly PhaseFigures[]): void {
  const calm = figures.filter((figure) => figure.calm)
  stage.show('calm: to another node, p50 / p99', p50and99(calm.flatMap(({ delays }) => delays)))
  stage.show('calm: writes, p50 / p99', p50and99(calm.flatMap(({ writes }) => writes)))
  const faults = figures.map((figure, index) => ({ figure, before: figures.slice(0, index).findLast((one) => one.calm) }))
  const byName = gather(faults.filter(({ figure }) => !figure.calm).map((fault) => [fault.figure.name, fault] as const))
  for (const [name, rounds] of byName) {
    const delays = rounds.flatMap(({ figure }) => figure.delays)
    const above = rounds.map(({ figure, before }) => percentile(figure.writes, 0.99) - percentile(before?.writes ?? [], 0.99))
    stage.atMost(`${name}: to another node, p99`, percentile(delays, 0.99), 1_300, 'ms')
    stage.show(`${name}: to another node, p50`, `${percentile(delays, 0.5)} ms`)
    stage.show(`${name}: writes, p50 / p99`, p50and99(rounds.flatMap(({ figure }) => figure.writes)))
    stage.atMost(`${name}: writes, p99 above the calm before`, percentile(above, 0.5), 2, 'ms')
  }
}
