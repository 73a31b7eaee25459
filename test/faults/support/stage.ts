import { createRandom, type Random } from '../../support/random.ts'
import { type Redis, startRedis } from '../../support/redis.ts'
import { openTcpProxy, type TcpProxy, type TcpProxyOptions } from '../../support/tcp-proxy.ts'
import { type Node, type NodeOptions, startNode } from './node.ts'
import { type Postgres, type PostgresOptions, startPostgres } from './postgres.ts'
import { type Figure, type Mark, noSamples, type Samples } from './scenario.ts'

/** What a scenario has to work with. Everything made here is gone when it ends. */
export interface Stage {
  random: Random
  /** The few seconds of `--short`, and of `npm test`. */
  short: boolean
  /** How long to go on: `--seconds`, else what is named here. */
  seconds(long: number, short: number): number
  /** A fresh migrated database. */
  databaseUrl: string
  /** A Postgres of one's own, to be hurt. */
  ownPostgres(options?: PostgresOptions): Promise<Postgres>
  nodes(count: number, options?: Partial<Omit<NodeOptions, 'entry'>>): Promise<Node[]>
  redis(): Promise<Redis>
  proxy(options: TcpProxyOptions): Promise<TcpProxy>
  /** Runs when the scenario ends, however it does; the last first. */
  undo(end: () => unknown): void
  /** How far it is, 0 to 1, and what else there is to say. */
  progress(share: number, beside?: string): void
  /** Ms since the scenario began. */
  now(): number
  /** Something is done now: a line in the plot. */
  mark(label: string): void
  marks: Mark[]
  samples: Samples
  figures: Figure[]
  /** A promise: must be 0. `what` names what there should be none of; the first few are printed below the table. */
  zero(what: string, count: number, examples?: readonly string[]): void
  /** A promise that is not a count. */
  holds(what: string, ok: boolean, measured?: string): void
  /** A figure that was asked for: at most so much. */
  atMost(what: string, value: number, asked: number, unit: string): void
  /** A figure for which nothing was asked. */
  show(what: string, measured: string): void
  notes: string[]
}

export interface StageOptions {
  /** The built server. */
  entry: string
  databaseUrl: string
  seed: number
  short: boolean
  seconds?: number | undefined
  progress?: (share: number, beside: string) => void
}

/** Figures as people read them. */
export const show = (value: number, unit: string): string =>
  Number.isNaN(value) ? 'nothing measured' : `${value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${unit}`.trim()

/** Opens the stage of one scenario; `close` ends all that was started on it. */
export function openStage(options: StageOptions): Stage & { close(): Promise<void> } {
  const { entry, databaseUrl, short } = options
  const began = performance.now()
  const ends: (() => unknown)[] = []
  const figures: Figure[] = []
  const marks: Mark[] = []
  const notes: string[] = []
  const now = () => performance.now() - began
  const undo = (end: () => unknown) => void ends.push(end)
  async function kept<T extends { close(): unknown }>(making: Promise<T>): Promise<T> {
    const made = await making
    undo(() => made.close())
    return made
  }
  return {
    random: createRandom(options.seed),
    short,
    seconds: (long, brief) => options.seconds ?? (short ? brief : long),
    databaseUrl,
    ownPostgres: (wanted) => kept(startPostgres(wanted)),
    async nodes(count, more = {}) {
      const starting = Array.from({ length: count }, (_, index) => kept(startNode(index, { entry, databaseUrl, ...more })))
      // All of them have started or failed before a failure is thrown: none is left behind.
      await Promise.allSettled(starting)
      return Promise.all(starting)
    },
    redis: () => kept(startRedis()),
    proxy: (wanted) => kept(openTcpProxy(wanted)),
    undo,
    progress: (share, beside = '') => options.progress?.(share, beside),
    now,
    mark: (label) => void marks.push({ at: now(), label }),
    marks,
    samples: noSamples(),
    figures,
    zero(what, count, examples = []) {
      figures.push({ what, asked: '0', measured: String(count), ok: count === 0, invariant: true })
      if (count > 0) for (const example of examples.slice(0, 5)) notes.push(`${what}: ${example}`)
    },
    holds: (what, ok, measured = ok ? 'yes' : 'no') => void figures.push({ what, asked: 'yes', measured, ok, invariant: true }),
    atMost: (what, value, asked, unit) =>
      void figures.push({
        what,
        asked: `≤ ${show(asked, unit)}`,
        measured: show(value, unit),
        ok: value <= asked,
        invariant: false,
      }),
    show: (what, measured) => void figures.push({ what, asked: '', measured, ok: true, invariant: false }),
    notes,
    async close() {
      for (const end of ends.reverse()) await end()
    },
  }
}
