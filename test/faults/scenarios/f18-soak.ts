import { mkdir, writeFile } from 'node:fs/promises'
import { fitLine, grouped } from '../../support/statistics.ts'
import { until } from '../../support/until.ts'
import { startCrowd } from '../support/crowd.ts'
import { conclude, keepLoad, statusOf } from '../support/drive.ts'
import { keepLog } from '../support/kept-log.ts'
import { type MemorySample, plotMemory } from '../support/memory.ts'
import type { Node } from '../support/node.ts'
import type { Scenario } from '../support/scenario.ts'
import type { Stage } from '../support/stage.ts'
import { startTypedClients } from '../support/typed-clients.ts'
import { populate } from '../support/world.ts'
import { startWriter } from '../support/writer.ts'

const SOCKETS = 500
const COMING_PER_SECOND = 20
const PER_SECOND = 75
const SAMPLE_MS = 2_000
/** The first part is warming up: code is compiled, pools and heaps grow to their size. */
const WARM = 0.25
/** In less a heap does nothing but grow to its size. */
const LONG_MS = 180_000
const MB = 2 ** 20

/** The lowest value of each stretch of time: what is left when rubbish was collected. */
function lows(
  samples: readonly MemorySample[],
  of: (sample: MemorySample) => number,
  everyMs: number,
): { x: number; y: number }[] {
  const stretches = grouped(samples, ({ at }) => Math.floor(at / everyMs))
  return [...stretches].map(([stretch, list]) => ({ x: (stretch * everyMs) / 60_000, y: Math.min(...list.map(of)) / MB }))
}

/** What the lowest of a third may lie above that of the third before: what the allocator keeps moves by as much either way. */
const NOISE = 2

/**
 * Memory after the warm-up, node by node: a line through the lows of what is in use, in the heap and outside, must not rise by
 * more than its own error, nor by much in any case, and what the process holds must have come to rest.
 */
function judgeMemory(stage: Stage, samples: readonly MemorySample[], from: number, to: number): void {
  const stretchMs = Math.max(5_000, Math.min(30_000, (to - from) / 15))
  const isLong = to - from > LONG_MS
  for (const [node, own] of [...grouped(samples, (sample) => sample.node)].sort(([a], [b]) => a - b)) {
    const warm = own.filter(({ at }) => at >= from && at < to).map((sample) => ({ ...sample, at: sample.at - from }))
    for (const kind of ['heap', 'external', 'rss'] as const) {
      const of = (sample: MemorySample) => sample[kind]
      const { slope, error } = fitLine(lows(warm, of, stretchMs))
      // Between two great collections lie a minute and more: what never goes away shows in the lowest of a longer time.
      const thirds = lows(warm, of, (to - from) / 3).map(({ y }) => y)
      const [, middle = Number.NaN, last = Number.NaN] = thirds
      if (isLong && kind === 'rss')
        stage.atMost(`node ${node}: ${kind}, last third above the one before`, 100 * (last / middle - 1), NOISE, '%')
      else if (isLong) {
        stage.atMost(`node ${node}: ${kind}, slope less two standard errors`, slope - 2 * error, 0, 'MB/min')
        stage.atMost(`node ${node}: ${kind}, slope`, slope, 1, 'MB/min')
      }
      stage.show(
        `node ${node}: ${kind}, slope ± standard error; lowest of each third`,
        `${slope.toFixed(2)} ± ${error.toFixed(2)} MB/min; ${thirds.map(Math.round).join(', ')} MB`,
      )
    }
  }
}

const handlesOf = (node: Node) => node.metric('cutroom_nodejs_active_handles')

export const scenario: Scenario = {
  id: 'F18',
  title: `a soak: ${SOCKETS} sockets of which ${COMING_PER_SECOND} a second come and go, ${PER_SECOND} writes/s, retention`,
  needsRedis: true,
  async run(stage) {
    const lastsMs = stage.seconds(600, 20) * 1000
    const redis = await stage.redis()
    const nodes = await stage.nodes(3, { redisUrl: redis.url, env: { EVENT_RETENTION: '60s' } })
    const [first] = nodes
    if (!first) throw new Error('no node')
    const urls = nodes.map(({ url }) => url)
    const world = await populate(first, { people: 40, projects: 20, members: 5 })
    const kept = keepLog(stage, world)
    const handles = await Promise.all(nodes.map(handlesOf))

    const crowd = await startCrowd(stage, { world, urls, size: SOCKETS })
    const typed = await startTypedClients(stage, world, urls, 3)
    const writer = startWriter({ world, urls, perSecond: PER_SECOND, seed: stage.random.int(0, 2 ** 31) })
    crowd.churn(COMING_PER_SECOND)
    const began = stage.now()
    const samples: MemorySample[] = []
    const unanswered: string[] = []
    const sample = async (node: Node) => {
      const at = stage.now()
      const names = ['nodejs_heap_size_used_bytes', 'nodejs_external_memory_bytes', 'process_resident_memory_bytes']
      const [heap = 0, external = 0, rss = 0] = await Promise.all(names.map((name) => node.metric(`cutroom_${name}`)))
      samples.push({ at, node: node.index, heap, external, rss })
    }
    const timer = setInterval(() => {
      for (const node of nodes) sample(node).catch((error: Error) => void unanswered.push(error.message))
    }, SAMPLE_MS)
    stage.undo(() => clearInterval(timer))
    await keepLoad(stage, lastsMs, [0, 1], statusOf(writer, crowd))
    clearInterval(timer)
    crowd.churn(0)
    const ended = stage.now()
    const { seen } = await conclude(stage, { world, nodes, crowd, writer, typed, readLog: kept.read, withinMs: 60_000 })
    for (const { key, status, tries } of writer.writes.filter(({ outcome }) => outcome === 'unknown'))
      stage.notes.push(`given up: ${key} after ${tries} tries, the last answer was ${status}`)
    if (unanswered.length > 0) stage.notes.push(`${unanswered.length} questions for metrics without an answer: ${unanswered[0]}`)
    stage.zero('resets', seen.ledger.resets + typed.resets())
    const left: string[] = []
    for (const [index, node] of nodes.entries()) {
      const before = handles[index] ?? 0
      // Connections to Postgres stay for a quiet minute.
      await until('', async () => (await handlesOf(node)) <= before, 90_000).catch(async () => {
        left.push(`node ${index}: ${await handlesOf(node)} handles, ${before} before`)
      })
    }
    stage.zero('nodes with more handles than before', left.length, left)
    judgeMemory(stage, samples, began + (ended - began) * WARM, ended)
    const out = new URL('../out/', import.meta.url)
    await mkdir(out, { recursive: true })
    await writeFile(
      new URL('F18-memory.svg', out),
      plotMemory(`F18  memory over ${Math.round((ended - began) / 60_000)} min`, samples),
    )
    stage.notes.push('plot: test/faults/out/F18-memory.svg')
  },
}
