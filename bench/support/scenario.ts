import type { BenchPostgres } from './postgres.ts'
import type { Subject } from './subject.ts'

/** One file of scenarios/, which exports it as `scenario`. The file's name is what the command line calls it. */
export interface Scenario {
  /** S1 … S10 of the results; they run in this order. */
  id: string
  title: string
  run(bench: Bench): Promise<Result>
}

/** What a scenario is given. */
export interface Bench {
  /** Ends within 40 s, all in all; figures may be coarse. */
  quick: boolean
  /** From 0 to 1, with a few words about the step. */
  progress(share: number, beside?: string): void
  /** The one Postgres of the run, started when first asked for; run.ts closes it. */
  postgres(): Promise<BenchPostgres>
  /** The subjects of these names that can run here; which cannot is printed on stderr. `cutroom` must. */
  subjects(...names: string[]): Promise<Subject[]>
  /** Printed under the table and kept in results.json. */
  note(text: string): void
}

export interface Result {
  /** For people: `subject` is the first column, the others are named by their keys. */
  rows: Row[]
  /** The scenario's one figure of Cutroom, and the figure it is compared with. Null where it was not measured. */
  ours: number
  limit: number | null
  /** ours ÷ limit, or ÷ what is in its place; `asked` says which way is better. */
  ratio: number | null
  peers: Record<string, number>
  asked: Asked[]
  /** All else that results.json keeps: each figure's rounds, CPU times. */
  figures?: unknown
  /** A whole SVG, see plot.ts. */
  plot?: string
}

export type Row = { subject: string } & Record<string, string | number>

/** A figure that the issue asks for. */
export interface Asked {
  /** e.g. `writes/s ÷ limit` */
  what: string
  /** e.g. `≥ 0.80` */
  asked: string
  measured: number
  ok: boolean
}
