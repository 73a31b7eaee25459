import type { RoomId } from '@cutroom/contract'
import type { Database } from '../../../db/client.ts'
import type { Fingerprinted } from '../history.ts'
import { around } from './due.ts'
import { type ConsumerLag, readLag } from './inspect.ts'
import { runForLeader } from './leadership.ts'
import { statements } from './statements.ts'
import { openTerm, type Term, type TermOptions } from './term.ts'
import { CONSUMER_TIMINGS, type ConsumerTimings } from './timings.ts'

export interface EngineOptions extends Omit<TermOptions, 'query' | 'timings' | 'fingerprint'> {
  database: Pick<Database, 'jobs'>
  /** For tests: shorter than CONSUMER_TIMINGS. */
  timings?: Partial<ConsumerTimings> | undefined
  /** For tests: leads without the lock, whatever other nodes do. */
  alwaysLead?: boolean | undefined
}

/** Runs the consumers and jobs of this node while it is the leader. */
export interface ConsumerEngine {
  /** Rooms that may have new events. Lost, repeated and shuffled ones do no harm. */
  wake(rooms: Iterable<RoomId>): void
  isLeader(): boolean
  /** How far each consumer is behind. */
  lag(): Promise<ConsumerLag[]>
  /** Ends what runs, and waits for it. */
  close(): Promise<void>
}

/** The names, once each. @throws RangeError */
function assertNames(options: Pick<EngineOptions, 'consumers' | 'jobs'>): void {
  const names = [...options.consumers, ...options.jobs].map(({ name }) => name)
  for (const name of names)
    if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new RangeError(`${name} is no name for a consumer or a job`)
  if (new Set(names).size < names.length) throw new RangeError('Two consumers or jobs have one name')
}

/**
 * Enrols the consumers that are new, then runs for leader. What is committed after it resolves, they are told.
 * @throws RangeError where names are wrong, and what the database says
 */
export async function startConsumers(options: EngineOptions): Promise<ConsumerEngine> {
  assertNames(options)
  const { consumers, jobs, database, report, alwaysLead = false } = options
  const timings = { ...CONSUMER_TIMINGS, ...options.timings }
  const { pool, query } = database.jobs
  if (consumers.length > 0) await query({ text: statements.enrol, values: [consumers.map(({ name }) => name)] })
  const recurring = jobs.flatMap(({ name, every }) => (every ? [{ name, seconds: around(every.firstMs) / 1000 }] : []))
  const first = [recurring.map(({ name }) => name), recurring.map(({ seconds }) => seconds)]
  if (recurring.length > 0) await query({ text: statements.recur, values: first })

  let term: Term | null = null
  async function lead(signal: AbortSignal): Promise<void> {
    const [server] = await query<Fingerprinted>({ text: statements.server, values: [] })
    const opened = openTerm({ ...options, query, timings, fingerprint: server?.fingerprint ?? '' }, signal)
    term = opened
    report.leads(true)
    await new Promise((ended) => {
      if (opened.signal.aborted) ended(null)
      else opened.signal.addEventListener('abort', ended)
    })
    term = null
    report.leads(false)
    await opened.finished()
  }
  const leadership = runForLeader({ pool, lead, onError: report.error, lockMs: timings.lockMs, alwaysLead })

  return {
    wake: (rooms) => term?.wake(rooms),
    isLeader: () => term !== null,
    lag: async () => (consumers.length > 0 ? readLag(query) : []),
    close: () => leadership.close(),
  }
}
