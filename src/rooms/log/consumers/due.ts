import { setTimeout as sleep } from 'node:timers/promises'
import type { Query, Statement } from '../../../db/client.ts'
import type { Commit } from '../commit.ts'
import type { Job } from './consumer.ts'
import type { ConsumerReport } from './report.ts'
import { runLimited } from './run-limited.ts'
import { errorText, isSuperseded } from './settlement.ts'
import { type Claim, endDue, repeatDue, statements } from './statements.ts'
import type { ConsumerTimings } from './timings.ts'

export interface DueOptions {
  jobs: readonly Job[]
  query: Query
  commit: Commit
  /** Of the leader; ends with `signal`. */
  term: { id: string; signal: AbortSignal }
  report: ConsumerReport
  timings: ConsumerTimings
}

interface DueRow {
  consumer: string
  key: string
  at: Date
  payload: unknown
  attempt: number
}

/** Varies a time by half, so that nothing marches in step. */
export const around = (ms: number): number => ms * (0.5 + Math.random())

/** Runs the rows that are due, each claimed by one statement. */
export class DueRows {
  readonly #options: DueOptions
  readonly #byName: ReadonlyMap<string, Job>
  /** What runs, by job. */
  readonly #running = new Map<string, Map<DueRow, Promise<void>>>()
  /** Claims of other terms, as the last look found them. */
  #others: readonly Claim[] = []
  #lookAt = performance.now()
  #claiming: Promise<void> | null = null
  #claimAgain = false
  #releaseFirst = false

  constructor(options: DueOptions) {
    this.#options = options
    this.#byName = new Map(options.jobs.map((job) => [job.name, job]))
  }

  /**
   * Frees what another leader has claimed, once two looks have found it: the last claim of one that is gone may have been committed after
   * this term began.
   */
  async freeAbandoned(): Promise<void> {
    const { jobs, query, term, timings } = this.#options
    if (performance.now() < this.#lookAt) return
    this.#lookAt = performance.now() + timings.abandonedMs
    const column = (name: keyof Claim) => this.#others.map((claim) => claim[name])
    const values = [jobs.map(({ name }) => name), term.id, column('consumer'), column('key'), column('term')]
    this.#others = await query<Claim>({ text: statements.abandoned, values })
  }

  /** As `claim`; what was claimed and does not run here is free again first: the answer to that claim was lost. */
  releaseAndClaim(): Promise<void> {
    this.#releaseFirst = true
    return this.claim()
  }

  /** Claims what is due, as far as there is room for it, and starts it. */
  claim(): Promise<void> {
    if (this.#claiming) this.#claimAgain = true
    this.#claiming ??= this.#claimAll().finally(() => {
      this.#claiming = null
    })
    return this.#claiming
  }

  /** Resolves when nothing runs any more, after the end of the term. */
  async finished(): Promise<void> {
    await this.#claiming?.catch(() => {})
    await Promise.all([...this.#running.values()].flatMap((rows) => [...rows.values()]))
  }

  async #claimAll(): Promise<void> {
    const { jobs, query, term } = this.#options
    do {
      this.#claimAgain = false
      if (term.signal.aborted) return
      if (this.#releaseFirst) await this.#release()
      if (term.signal.aborted) return
      const free = jobs.flatMap(({ name, parallel = 1 }) => {
        const places = parallel - (this.#running.get(name)?.size ?? 0)
        return places > 0 ? [{ name, places }] : []
      })
      if (free.length === 0) return
      const values = [free.map(({ name }) => name), free.map(({ places }) => places), term.id]
      for (const row of await query<DueRow>({ text: statements.claim, values })) this.#start(row)
    } while (this.#claimAgain)
  }

  async #release(): Promise<void> {
    const { query, term } = this.#options
    const rows = [...this.#running.values()].flatMap((running) => [...running.keys()])
    await query({ text: statements.release, values: [term.id, rows.map((row) => row.consumer), rows.map((row) => row.key)] })
    this.#releaseFirst = false
  }

  #start(row: DueRow): void {
    const job = this.#byName.get(row.consumer)
    if (!job) return
    const running = this.#running.get(job.name) ?? new Map<DueRow, Promise<void>>()
    this.#running.set(job.name, running)
    const ended = this.#run(job, row).finally(() => {
      running.delete(row)
      // There may be more of it than had room.
      this.claim().catch(this.#options.report.error)
    })
    running.set(row, ended)
  }

  async #run(job: Job, row: DueRow): Promise<void> {
    const { commit, term, report, timings } = this.#options
    const { key, payload, attempt } = row
    const claim = { consumer: job.name, key, term: term.id }
    const recurs = job.every !== undefined && key === ''
    try {
      const limits = { outer: term.signal, limitMs: Number.POSITIVE_INFINITY, closeMs: timings.closeMs }
      const write = await runLimited((signal) => job.run({ key, payload, attempt, signal }), limits)
      await commit(null, async (all) => {
        all.assert(recurs && job.every ? repeatDue(claim, around(job.every.everyMs) / 1000) : endDue(claim, row.at))
        await write?.(all)
      })
      report.consumed(job.name, 'handled', 1)
    } catch (error) {
      if (isSuperseded(error)) return
      const values = [job.name, key, term.id]
      if (term.signal.aborted) return void (await this.#record({ text: statements.unfinished, values }))
      const delayMs = [...timings.retriesMs, ...(job.laterRetriesMs ?? [])][Math.max(attempt - 1, 0)]
      const last = timings.retriesMs.at(-1) ?? 0
      const isLast = delayMs === undefined && !recurs
      const seconds = Math.min(delayMs ?? last, job.every && recurs ? job.every.everyMs : Number.POSITIVE_INFINITY) / 1000
      const failed = [...values, errorText(error), seconds, isLast, row.at.toISOString()]
      const gone = (await this.#record({ text: statements.failed, values: failed })) ?? isLast
      report.consumed(job.name, gone ? 'given-up' : 'failed', 1)
      report.failed({ consumer: job.name, key }, attempt, error, gone ? null : seconds)
    }
  }

  /**
   * Changes a claimed row, if need be when the database is back. What the end of the term leaves, the next leader finds.
   * @returns whether it is given up now; nothing where it was not changed
   */
  async #record(statement: Statement): Promise<boolean | undefined> {
    const { query, term, report, timings } = this.#options
    for (;;)
      try {
        return (await query<{ gone?: boolean }>(statement))[0]?.gone
      } catch (error) {
        if (term.signal.aborted) return undefined
        report.error(error)
        await sleep(timings.tickMs, undefined, { signal: term.signal }).catch(() => {})
      }
  }
}
