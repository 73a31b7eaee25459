import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { RoomId } from '@cutroom/contract'
import type { Query } from '../../../db/client.ts'
import { guarded } from '../../../lib/guarded.ts'
import type { Commit } from '../commit.ts'
import type { Fingerprinted } from '../history.ts'
import type { Consumer, Job } from './consumer.ts'
import { DueRows } from './due.ts'
import { createConsumerReader } from './reader.ts'
import type { ConsumerReport } from './report.ts'
import { ConsumerRunner, type Move } from './runner.ts'
import { createSettlement } from './settlement.ts'
import { LARGE_ROOMS, MAX_BEHIND, MAX_RETRIES, type Place, statements } from './statements.ts'
import type { ConsumerTimings } from './timings.ts'

export interface TermOptions {
  consumers: readonly Consumer[]
  jobs: readonly Job[]
  /** On connections of their own. */
  query: Query
  commit: Commit
  /** Of the log. */
  epoch: () => string
  /** Of the history that is read; the term ends with it. */
  fingerprint: string
  report: ConsumerReport
  timings: ConsumerTimings
}

/** What a node does while it leads. */
export interface Term {
  /** Ends with the term. */
  signal: AbortSignal
  /** Rooms that may have new events. Lost, repeated and shuffled ones do no harm. */
  wake(rooms: Iterable<RoomId>): void
  /** Resolves when nothing runs any more, after the end of the term. */
  finished(): Promise<void>
}

/** So many notifications a second and more are those of a busy server. */
const BUSY_PER_S = 300

/**
 * Gathers rooms that may have something to read. On a busy server for longer, so that more events of a room are handled together: 0.80
 * of the writes per second with all consumers on, 0.71 without (`npm run bench -- search --quick`).
 */
function createGathering({ timings }: TermOptions, signal: AbortSignal, wake: (rooms: readonly RoomId[]) => void) {
  const rooms = new Set<RoomId>()
  let timer: NodeJS.Timeout | undefined
  let lengthMs = timings.gatherMs
  let [count, since] = [0, performance.now()]

  function end(): void {
    timer = undefined
    const passedMs = performance.now() - since
    if (passedMs >= timings.gatherBusyMs) {
      lengthMs = (count * 1000) / passedMs >= BUSY_PER_S ? timings.gatherBusyMs : timings.gatherMs
      count = 0
      since += passedMs
    }
    const gathered = [...rooms]
    rooms.clear()
    wake(gathered)
  }
  signal.addEventListener('abort', () => clearTimeout(timer))
  return (more: Iterable<RoomId>): void => {
    if (signal.aborted) return
    for (const room of more) rooms.add(room)
    count++
    timer ??= setTimeout(end, lengthMs)
  }
}

/** Finds rooms with something to read that no notification named. */
function createSweep({ query, timings }: TermOptions, runners: ReadonlyMap<string, ConsumerRunner>): () => Promise<void> {
  let nextAt = 0
  return async () => {
    if (runners.size === 0 || performance.now() < nextAt) return
    const [counted] = await query<{ rooms: number }>({ text: statements.rooms, values: [] })
    const values = [[...runners.keys()], MAX_BEHIND]
    const behind = await query<{ consumer: string; room: RoomId }>({ text: statements.behind, values })
    const byConsumer = new Map([...runners.keys()].map((name) => [name, [] as RoomId[]]))
    for (const { consumer, room } of behind) byConsumer.get(consumer)?.push(room)
    for (const [name, rooms] of byConsumer) runners.get(name)?.wake(rooms)
    const areAllFound = [...byConsumer.values()].every((rooms) => rooms.length < MAX_BEHIND)
    const isRare = (counted?.rooms ?? 0) >= LARGE_ROOMS && areAllFound
    nextAt = performance.now() + (isRare ? timings.sweepLargeMs : timings.sweepMs)
  }
}

/** Finds the retries whose time has come. */
async function lookForRetries({ query }: TermOptions, runners: ReadonlyMap<string, ConsumerRunner>): Promise<void> {
  if (runners.size === 0) return
  type Row = { consumer: string; room: RoomId; seq: string; beside: boolean }
  const rows = await query<Row>({ text: statements.retries, values: [[...runners.keys()], MAX_RETRIES] })
  for (const { consumer, room, seq, beside } of rows) {
    const place: Place = { consumer, room, seq: Number(seq) }
    if (beside) runners.get(consumer)?.retry([place])
    else runners.get(consumer)?.wake([room])
  }
}

/** Runs the work of a leader until `outer` ends, or another history is seen. */
export function openTerm(options: TermOptions, outer: AbortSignal): Term {
  const { consumers, jobs, query, commit, epoch, fingerprint, report, timings } = options
  const own = new AbortController()
  const signal = AbortSignal.any([outer, own.signal])
  // Each handler that runs listens to it.
  setMaxListeners(0, signal)
  const context = {
    signal,
    reader: createConsumerReader(query, epoch),
    settlement: createSettlement(commit, fingerprint),
    async save(consumer: string, moves: readonly Move[]) {
      const column = <K extends keyof Move>(name: K) => moves.map((move) => move[name])
      const values = [consumer, column('room'), column('from'), column('to'), fingerprint]
      return new Set((await query<{ room: RoomId }>({ text: statements.save, values })).map(({ room }) => room))
    },
    report,
    timings,
  }
  const runners = new Map(consumers.map((consumer) => [consumer.name, new ConsumerRunner(consumer, context)]))
  const due = new DueRows({ jobs, query, commit, term: { id: randomUUID(), signal }, report, timings })
  const sweep = createSweep(options, runners)
  let ticking: Promise<void> | null = null
  const gather = createGathering(options, signal, (rooms) => {
    for (const runner of runners.values()) runner.wake(rooms)
  })

  let isUnclaimed = false
  const whole = async () => {
    const [server] = await query<Fingerprinted>({ text: statements.server, values: [] })
    if (server?.fingerprint !== fingerprint) own.abort(new Error('the database has changed'))
    if (signal.aborted) return
    for (const runner of runners.values()) runner.tick()
    // First of all: what this term has claimed is not given to others.
    if (!isUnclaimed) await query({ text: statements.unclaim, values: [jobs.map(({ name }) => name)] })
    isUnclaimed = true
    await due.freeAbandoned()
    // Not waited for: it goes on as long as rows end faster than they are claimed.
    due.releaseAndClaim().catch(onFailed)
    await lookForRetries(options, runners)
    await sweep()
  }
  const onFailed = (error: unknown) => {
    if (!signal.aborted) report.error(error)
  }
  const tick = () => {
    if (signal.aborted) return
    ticking ??= whole()
      .catch(onFailed)
      .finally(() => {
        ticking = null
      })
  }
  tick()
  const timers = [
    setInterval(guarded(report.error, tick), timings.tickMs),
    setInterval(
      guarded(report.error, () => Promise.all([...runners.values()].map((runner) => runner.save()))),
      timings.saveMs,
    ),
  ]
  signal.addEventListener('abort', () => {
    for (const timer of timers) clearInterval(timer)
  })

  return {
    signal,
    wake(rooms) {
      if (runners.size > 0) gather(rooms)
    },
    async finished() {
      await ticking
      await Promise.all([due.finished(), ...[...runners.values()].map((runner) => runner.finished())])
    },
  }
}
