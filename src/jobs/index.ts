import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Database } from '../db/client.ts'
import type { Consumer, Job } from '../rooms/log/consumers/consumer.ts'
import { type ConsumerEngine, startConsumers } from '../rooms/log/consumers/engine.ts'
import type { ConsumerReport } from '../rooms/log/consumers/report.ts'
import type { ConsumerTimings } from '../rooms/log/consumers/timings.ts'
import type { ConsumerMeasurements } from '../rooms/measurements.ts'
import { type Objects, objectsJob } from './objects.ts'
import { purgeJob } from './purge.ts'
import { type ProjectTable, retentionJob } from './retention.ts'

declare module 'fastify' {
  interface FastifyInstance {
    consumers: ConsumerEngine
  }
}

/** What consumers and jobs are made of. */
export interface JobContext {
  database: Database
  /** The tables with rows of projects, what others refer to first. */
  tables: readonly ProjectTable[]
  retentionSeconds: number | null
  sessionSeconds: number
  /** The durable readers of the log. */
  consumers: readonly Consumer[]
  /** The jobs of features. */
  jobs: readonly Job[]
  objects: Objects
}

/** What tests and benches may change. */
export interface JobSeams {
  consumers?: readonly Consumer[]
  /** Names of consumers that are left out. */
  without?: readonly string[]
  jobs?: readonly Job[]
  timings?: Partial<ConsumerTimings>
  /** Leads without the lock, whatever other nodes do. */
  alwaysLead?: boolean
}

/** Work at a time. Nothing else here has a schedule. */
function jobsOf(
  { database, tables, retentionSeconds, sessionSeconds, objects }: JobContext,
  consumers: readonly string[],
  log: FastifyBaseLogger,
): readonly Job[] {
  const { pool } = database.jobs
  return [
    retentionJob({ pool, retentionSeconds, sessionSeconds, consumers }, (swept) => log.info(swept, 'retention: sweep finished')),
    purgeJob({ pool, tables, onPurged: (projects) => log.info({ projects }, 'purge: deleted projects are gone') }),
    objectsJob(objects, (swept) => log.info({ objects: swept }, 'files: what no file has is gone')),
  ]
}

/** Log lines of the engine. */
function createReport(log: FastifyBaseLogger, { consumed }: ConsumerMeasurements): ConsumerReport {
  return {
    consumed,
    failed(work, attempt, err, delay) {
      if (delay !== null) log.warn({ ...work, attempt, err }, `consumers: failed, tried again in ${Math.ceil(delay)} s`)
      else log.error({ ...work, attempt, err }, 'consumers: given up, see cutroom consumers')
    },
    lost: (consumer, room, count) =>
      log.error({ consumer, room, count }, 'consumers: retention took events that were not read: EVENT_RETENTION is too short'),
    leads: (isLeader) => log.info(isLeader ? 'consumers: this node leads' : 'consumers: this node leads no more'),
    error: (err) => log.warn({ err }, 'consumers: failed, the next look tries again'),
  }
}

/** Starts consumers and jobs, which end with the app. */
export async function startJobs(
  app: FastifyInstance,
  { measurements, seams = {}, ...context }: JobContext & { measurements: ConsumerMeasurements; seams: JobSeams | undefined },
): Promise<void> {
  const { commitJob: commit, log, onNews } = app.rooms
  const consumers = [...context.consumers.filter(({ name }) => !seams.without?.includes(name)), ...(seams.consumers ?? [])]
  const names = consumers.map(({ name }) => name)
  const engine = await startConsumers({
    database: context.database,
    consumers,
    jobs: [...jobsOf(context, names, app.log), ...context.jobs, ...(seams.jobs ?? [])],
    commit,
    epoch: log.epoch,
    report: createReport(app.log, measurements),
    timings: seams.timings,
    alwaysLead: seams.alwaysLead,
  })
  app.decorate('consumers', engine)
  app.addHook('onClose', () => engine.close())
  onNews(engine.wake)
}
