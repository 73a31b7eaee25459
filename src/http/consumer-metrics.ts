import type { FastifyInstance } from 'fastify'
import { Counter, Gauge, type Registry } from 'prom-client'
import type { ConsumerLag } from '../rooms/log/consumers/inspect.ts'
import type { ConsumerMeasurements } from '../rooms/measurements.ts'

/** The counter of consumers and jobs. Their names are those of the source. */
export function countConsumers(registry: Registry): ConsumerMeasurements {
  const consumed = new Counter({
    name: 'cutroom_consumed_total',
    help: 'Events of a consumer, or rows of a job, by how they ended on this node: handled, failed (and tried again), given-up, lost to retention',
    labelNames: ['consumer', 'outcome'] as const,
    registers: [registry],
  })
  return { consumed: (consumer, outcome, count) => consumed.inc({ consumer, outcome }, count) }
}

/** For one scrape, and others of the same moment: each look reads the positions of all rooms. */
const LAG_MS = 1_000

/** Gauges of the leader, read when they are asked for; on other nodes they have no values. */
export function registerConsumerGauges(app: FastifyInstance, registry: Registry): void {
  let read: { at: number; lag: Promise<ConsumerLag[]> } | null = null
  const lag = (): Promise<ConsumerLag[]> => {
    if (!app.consumers.isLeader()) return Promise.resolve([])
    if (read === null || performance.now() - read.at > LAG_MS) read = { at: performance.now(), lag: app.consumers.lag() }
    return read.lag
  }
  const byConsumer = (name: string, help: string, value: (lag: ConsumerLag) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['consumer'] as const,
      registers: [registry],
      async collect() {
        // Without the database there is no value.
        const all = await lag().catch(() => [])
        this.reset()
        for (const each of all) this.set({ consumer: each.consumer }, value(each))
      },
    })
  byConsumer('cutroom_consumer_lag_events', 'Events that a consumer has not passed, on the leader', ({ events }) => events)
  byConsumer(
    'cutroom_consumer_lag_seconds',
    'Age of the oldest event that a consumer has not passed, on the leader',
    ({ seconds }) => seconds,
  )
  byConsumer('cutroom_consumer_retries', 'Failed events that are tried again, on the leader', ({ retries }) => retries)
  byConsumer('cutroom_consumer_dead_letters', 'Events that were given up, on the leader', ({ deadLetters }) => deadLetters)
  new Gauge({
    name: 'cutroom_consumer_leader',
    help: '1 on the node that runs consumers and jobs, 0 on the others',
    registers: [registry],
    collect() {
      this.set(app.consumers.isLeader() ? 1 : 0)
    },
  })
}
