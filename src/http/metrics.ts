import { createHash, timingSafeEqual } from 'node:crypto'
import { events } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Config } from '../config.ts'
import type { Database } from '../db/client.ts'
import { problem } from '../errors.ts'
import type { SharedRedis } from '../redis.ts'
import type { ConsumerMeasurements, Measurements } from '../rooms/measurements.ts'
import { bearer } from './auth.ts'
import { countConsumers, registerConsumerGauges } from './consumer-metrics.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** It lasts as long as its client wants, which is no time to answer. */
    staysOpen: boolean
  }
}

const COMMIT_ORIGINS = ['request', 'job'] as const
const COMMIT_OUTCOMES = ['committed', 'refused', 'unavailable', 'failed'] as const
const MODES = ['live', 'resumed', 'reset'] as const
const ROOMS = ['project', 'user'] as const

export interface Metrics {
  registry: Registry
  /** Where the rooms, and their consumers, report to. */
  measurements: Measurements & ConsumerMeasurements
}

/** The registry of one server, with what the rooms report. Every label has a closed set of values. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const commits = new Histogram({
    name: 'cutroom_commit_seconds',
    help: 'Time of a write from its call to its end, with waiting for a connection and repeated attempts',
    labelNames: ['by', 'outcome'] as const,
    buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 10],
    registers,
  })
  const lag = new Histogram({
    name: 'cutroom_delivery_lag_seconds',
    help: 'From the stamp inside COMMIT (clock of the database) to the emit to the sockets of this node (its own clock)',
    buckets: [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers,
  })
  const committed = new Counter({
    name: 'cutroom_events_total',
    help: 'Events that commits of this node brought into the log, by name',
    labelNames: ['event'] as const,
    registers,
  })
  const joins = new Counter({
    name: 'cutroom_joins_total',
    help: 'Joins answered, by kind of room and by mode: live, resumed after a position, or reset',
    labelNames: ['room', 'mode'] as const,
    registers,
  })
  const replayed = new Counter({
    name: 'cutroom_replayed_events_total',
    help: 'Events sent to sockets that catch up, one for each event and socket',
    registers,
  })
  // A series that is missing until its first event hides that event from rate().
  for (const by of COMMIT_ORIGINS) for (const outcome of COMMIT_OUTCOMES) commits.zero({ by, outcome })
  for (const event of Object.keys(events)) committed.inc({ event }, 0)
  for (const room of ROOMS) for (const mode of MODES) joins.inc({ room, mode }, 0)

  return {
    registry,
    measurements: {
      commit: (by, outcome, seconds) => commits.observe({ by, outcome }, seconds),
      committed: (event, count) => committed.inc({ event }, count),
      // Two clocks: where this one is behind, the lag counts as none.
      delivered: (at) => lag.observe(Math.max(0, Date.now() - Date.parse(at)) / 1000),
      joined: (room, mode) => joins.inc({ room, mode }),
      replayed: (count) => replayed.inc(count),
      ...countConsumers(registry),
    },
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/**
 * Whether an Authorization header carries this token. Digests have one length, and comparing them takes the same time wherever
 * they differ.
 */
function carries(header: string | undefined, token: Buffer): boolean {
  const given = bearer(header)
  return given !== null && timingSafeEqual(digest(given), token)
}

interface MetricsOptions {
  config: Config
  metrics: Metrics
  database: Database
  redis: SharedRedis | undefined
  /** Of Cutroom, as in package.json. */
  version: string
}

/** Gauges are read when they are asked for. */
function registerGauges(app: FastifyInstance, { metrics, database, redis, version }: MetricsOptions): void {
  const registers = [metrics.registry]
  const pools = {
    requests: database.pool,
    delivery: database.readers,
    pages: database.pages.pool,
    jobs: database.jobs.pool,
    probe: database.probe,
  }
  new Gauge({
    name: 'cutroom_build_info',
    help: 'Always 1; the version of Cutroom and of Node',
    labelNames: ['version', 'node'] as const,
    registers,
  }).set({ version, node: process.versions.node }, 1)
  new Gauge({
    name: 'cutroom_sockets',
    help: 'Connected sockets',
    registers,
    collect() {
      this.set(app.rooms.counts().sockets)
    },
  })
  new Gauge({
    name: 'cutroom_event_streams',
    help: 'Clients without a socket that are told of events: open streams, and polls that wait',
    labelNames: ['form'] as const,
    registers,
    collect() {
      const { streams, polls } = app.rooms.streams.counts()
      this.set({ form: 'stream' }, streams)
      this.set({ form: 'poll' }, polls)
    },
  })
  new Gauge({
    name: 'cutroom_feeds',
    help: 'Rooms that are fed here',
    registers,
    collect() {
      this.set(app.rooms.counts().feeds)
    },
  })
  new Counter({
    name: 'cutroom_slow_sockets_total',
    help: 'Sockets that read too slowly: parked in a room until they read again, or closed',
    labelNames: ['outcome'] as const,
    registers,
    collect() {
      const { pauses, closed } = app.rooms.counts().slow
      this.reset()
      this.inc({ outcome: 'parked' }, pauses)
      this.inc({ outcome: 'closed' }, closed)
    },
  })
  new Gauge({
    name: 'cutroom_database_connections',
    help: 'Open connections to Postgres by pool and state: used by a request or a transaction, or idle',
    labelNames: ['pool', 'state'] as const,
    registers,
    collect() {
      for (const [pool, { totalCount, idleCount }] of Object.entries(pools)) {
        this.set({ pool, state: 'used' }, totalCount - idleCount)
        this.set({ pool, state: 'idle' }, idleCount)
      }
    },
  })
  new Gauge({
    name: 'cutroom_database_waiting',
    help: 'Queries and transactions that wait for a connection, by pool',
    labelNames: ['pool'] as const,
    registers,
    collect() {
      for (const [pool, { waitingCount }] of Object.entries(pools)) this.set({ pool }, waitingCount)
    },
  })
  new Gauge({
    name: 'cutroom_http_requests_waiting',
    help: 'Requests that wait because their person, or visitors together, have as many under way as they may',
    registers,
    collect() {
      this.set(app.requestsWaiting())
    },
  })
  new Gauge({
    name: 'cutroom_downloads',
    help: 'Downloads of files under way',
    registers,
    collect() {
      this.set(app.downloads.running())
    },
  })
  if (redis)
    new Gauge({
      name: 'cutroom_redis_up',
      help: '1 while Redis answers, 0 while it is away; missing without REDIS_URL',
      registers,
      collect() {
        this.set(redis.healthy() ? 1 : 0)
      },
    })
}

/** `/metrics` for Prometheus; with METRICS_TOKEN for those who send it as a bearer token. */
export const metricsPlugin = fp<MetricsOptions>(
  async (app, options) => {
    const { registry } = options.metrics
    collectDefaultMetrics({ register: registry, prefix: 'cutroom_' })
    registerGauges(app, options)
    registerConsumerGauges(app, registry)
    const requests = new Histogram({
      name: 'cutroom_http_request_seconds',
      help: 'Time to answer, by route; without event streams and polls that waited',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers: [registry],
    })
    app.decorateRequest('staysOpen', false)
    app.addHook('onResponse', (request, reply, done) => {
      if (request.staysOpen) {
        done()
        return
      }
      const labels = { method: request.method, route: request.routeOptions.url ?? 'none', status: String(reply.statusCode) }
      requests.observe(labels, reply.elapsedTime / 1000)
      done()
    })

    const { metricsToken } = options.config
    const token = metricsToken === undefined ? null : digest(metricsToken)
    const quiet = { logLevel: 'warn' as const, schema: { hide: true }, config: { rateLimit: false as const } }
    app.get('/metrics', quiet, async ({ headers }, reply) => {
      if (token && !carries(headers.authorization, token))
        throw problem(
          headers.authorization === undefined ? 'token-missing' : 'token-invalid',
          'Send METRICS_TOKEN as a bearer token',
        )
      return reply.type(registry.contentType).send(await registry.metrics())
    })
  },
  { name: 'cutroom-metrics', dependencies: ['cutroom-in-flight', 'cutroom-downloads'] },
)
