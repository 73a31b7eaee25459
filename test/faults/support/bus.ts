import { createRandom } from '../../../src/demo/random.ts'
import type { Wire } from '../../setup/wire.ts'
import { type Crowd, startCrowd } from './crowd.ts'
import { conclude, goOn, standing } from './drive.ts'
import { type Folds, startFolds } from './folds.ts'
import type { Node } from './node.ts'
import type { Redis } from './redis.ts'
import { noTrouble, type Trouble, troubled } from './resp.ts'
import type { Stage } from './stage.ts'
import { percentile } from './statistics.ts'
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
  wire: Wire
  trouble: Trouble
  nodes: Node[]
  world: World
  crowd: Crowd
  folds: Folds
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
  const wire = await stage.wire({ port: redis.port, down })
  const nodes = await stage.nodes(3, { redisUrl: `redis://127.0.0.1:${wire.port}` })
  const [writes, ...reads] = nodes.map((node) => node.url)
  if (writes === undefined || !nodes[0]) throw new Error('no node')
  const world = await populate(nodes[0], { people: 10, projects: 20, members: 4 })
  const crowd = await startCrowd(stage, { world, urls: reads, size: clients })
  const folds = await startFolds(stage, world, reads, 3)
  const writer = startWriter({ world, urls: [writes], perSecond, seed: stage.random.int(0, 2 ** 31) })
  const phases: Phase[] = []
  let passed = 0

  return {
    redis,
    wire,
    trouble,
    nodes,
    world,
    crowd,
    folds,
    writer,
    async phase(name, ms, { calm = false, act } = {}) {
      const phase: Phase = { name, calm, from: stage.now(), to: 0, wallFrom: Date.now(), wallTo: 0 }
      if (!calm) stage.mark(name)
      await act?.()
      const left = Math.max(0, ms - (stage.now() - phase.from))
      const beside = standing(writer, crowd)
      await goOn(stage, left, [passed / total, Math.min(1, (passed + ms) / total)], () => `${name}: ${beside()}`)
      passed += ms
      phases.push({ ...phase, to: stage.now(), wallTo: Date.now() })
    },
    async conclude() {
      await conclude(stage, { world, nodes, crowd, folds, writer })
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

/** Phases with the same name together, in the order in which they came first. */
function gather(figures: readonly PhaseFigures[]): { name: string; delays: number[]; writes: number[][] }[] {
  const all = new Map<string, { name: string; delays: number[]; writes: number[][] }>()
  for (const { name, delays, writes } of figures) {
    const known = all.get(name) ?? { name, delays: [], writes: [] }
    for (const delay of delays) known.delays.push(delay)
    known.writes.push(writes)
    all.set(name, known)
  }
  return [...all.values()]
}

/** Of the p99 of each round the middle one: a moment in which the machine did something else is in one of them. */
const typical = (rounds: readonly number[][]): number =>
  percentile(
    rounds.map((writes) => percentile(writes, 0.99)),
    0.5,
  )

/** Judges each fault's phases beside the calm ones of the same run. */
export function judgePhases(stage: Stage, figures: readonly PhaseFigures[]): void {
  const calm = gather(figures.filter((figure) => figure.calm).map((figure) => ({ ...figure, name: 'calm' })))[0]
  const { delays: calmly = [], writes: rounds = [] } = calm ?? {}
  const calmWrites = typical(rounds)
  stage.tell('calm: to another node, p50 / p99', `${percentile(calmly, 0.5)} / ${percentile(calmly, 0.99)} ms`)
  stage.tell('calm: writes, p50 / p99', `${percentile(rounds.flat(), 0.5).toFixed(1)} / ${calmWrites.toFixed(1)} ms`)
  for (const { name, delays, writes } of gather(figures.filter((figure) => !figure.calm))) {
    stage.atMost(`${name}: to another node, p99`, percentile(delays, 0.99), 1_300, 'ms')
    stage.tell(`${name}: to another node, p50`, `${percentile(delays, 0.5)} ms`)
    stage.tell(`${name}: writes, p50 / p99`, `${percentile(writes.flat(), 0.5).toFixed(1)} / ${typical(writes).toFixed(1)} ms`)
    stage.atMost(`${name}: writes, p99 above the calm one`, typical(writes) - calmWrites, 2, 'ms')
  }
}
