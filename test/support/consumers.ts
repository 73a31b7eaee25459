import type { EventName, RoomId } from '@cutroom/contract'
import type pg from 'pg'
import { onTestFinished } from 'vitest'
import type { Seams } from '../../src/app.ts'
import type { Consumer, Delivery, DueWork, FinalWrite, Job } from '../../src/rooms/log/consumers/consumer.ts'
import type { ConsumerTimings } from '../../src/rooms/log/consumers/timings.ts'
import { startApp, type TestApp } from './app.ts'
import { createDatabase } from './database.ts'
import { until } from './until.ts'

/** As fast as a test wants it. */
export const QUICK: Partial<ConsumerTimings> = {
  gatherMs: 2,
  gatherBusyMs: 20,
  saveMs: 20,
  tickMs: 20,
  sweepMs: 20,
  lockMs: 50,
  retriesMs: [20, 20, 20, 20],
}

export interface Handled {
  name: string
  room: string
  seq: number
  attempt: number
  payload: Record<string, unknown>
}

/** A consumer that keeps what it is told; `answer` may fail, or return what to write. */
export function recorder(
  name: string,
  events: readonly EventName[],
  options: Partial<Omit<Consumer, 'name' | 'events' | 'handle'>> & {
    answer?: (delivery: Delivery) => Promise<FinalWrite | undefined> | FinalWrite | undefined
  } = {},
): { consumer: Consumer; handled: Handled[]; in: (room: RoomId) => number[] } {
  const handled: Handled[] = []
  const { answer, ...rest } = options
  const consumer: Consumer = {
    ...rest,
    name,
    events,
    async handle(delivery) {
      const { event, attempt } = delivery
      handled.push({ name: event.name, room: event.meta.room, seq: event.meta.seq, attempt, payload: event.payload })
      return answer?.(delivery)
    },
  }
  return { consumer, handled, in: (room) => handled.filter((each) => each.room === room).map(({ seq }) => seq) }
}

/** A job that keeps what it is given; `answer` may fail, or return what to write. */
export function jobRecorder(
  name: string,
  answer: (work: DueWork) => Promise<FinalWrite | undefined> | FinalWrite | undefined = () => undefined,
  options: Partial<Job> = {},
) {
  const ran: { key: string; payload: unknown; attempt: number }[] = []
  const job: Job = {
    ...options,
    name,
    async run(work) {
      ran.push({ key: work.key, payload: work.payload, attempt: work.attempt })
      return answer(work)
    },
  }
  return { job, ran }
}

/** The rows of a job, by key. */
export async function dueRowsOf({ db }: Pick<TestApp, 'db'>, name: string) {
  type Row = { key: string; attempt: number; at: Date; failedAt: Date | null; claimedBy: string | null }
  const sql = 'SELECT key, attempt, at, "failedAt", "claimedBy" FROM "Due" WHERE consumer = $1 ORDER BY key'
  return (await db.query<Row>(sql, [name])).rows
}

/** A node with consumers and jobs of a test, closed when the test ends. */
export async function startWith(
  jobs: NonNullable<Seams['jobs']>,
  options: { databaseUrl?: string; env?: Record<string, string> } = {},
): Promise<TestApp> {
  const app = await startApp({ ...options, seams: { jobs: { ...jobs, timings: { ...QUICK, ...jobs.timings } } } })
  onTestFinished(() => app.close())
  return app
}

/** A database for the nodes of one test. */
export async function ownDatabase(): Promise<string> {
  const { url, drop } = await createDatabase()
  onTestFinished(drop)
  return url
}

/**
 * Waits until each consumer, or the one named, has handled all that was written so far; but for events that a test has made up, which
 * cannot be read.
 */
export async function consumed(db: pg.Pool, name?: string): Promise<void> {
  const sql = `SELECT 1 FROM "Room" r CROSS JOIN "Consumer" k LEFT JOIN "Cursor" c ON c.consumer = k.name AND c.room = r.id
    WHERE k.name = coalesce($1, k.name) AND r.head > coalesce(c.seq, 0)
      AND NOT EXISTS (SELECT FROM "Retry" t WHERE t.consumer = k.name AND t.room = r.id) LIMIT 1`
  await until('the consumers to have handled all', async () => (await db.query(sql, [name ?? null])).rows.length === 0)
}
