import fp from 'fastify-plugin'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Database } from '../db/client.ts'
import { problem } from '../errors.ts'

/** A probe wants to know now, not when a silent database is given up. */
const READY_MS = 2_000
const noAnswer = (ms: number) =>
  new Promise<never>((_, reject) => setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms).unref())

/** `/healthz`: the process lives. `/readyz`: it may be sent work. `/metrics`: for Prometheus. */
export const operationsPlugin = fp<{ database: Database }>(
  async (app, { database }) => {
    const registry = new Registry()
    collectDefaultMetrics({ register: registry, prefix: 'cutroom_' })
    const requests = new Histogram({
      name: 'cutroom_http_request_seconds',
      help: 'Time to answer, by route',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
      registers: [registry],
    })
    new Gauge({
      name: 'cutroom_sockets',
      help: 'Connected sockets',
      registers: [registry],
      collect() {
        this.set(app.rooms.counts().sockets)
      },
    })
    new Gauge({
      name: 'cutroom_feeds',
      help: 'Rooms that are fed here',
      registers: [registry],
      collect() {
        this.set(app.rooms.counts().feeds)
      },
    })

    new Counter({
      name: 'cutroom_slow_sockets_total',
      help: 'Sockets that read too slowly: parked in a room until they read again, or closed',
      labelNames: ['outcome'] as const,
      registers: [registry],
      collect() {
        const { pauses, closed } = app.rooms.counts().slow
        this.reset()
        this.inc({ outcome: 'parked' }, pauses)
        this.inc({ outcome: 'closed' }, closed)
      },
    })

    app.addHook('onResponse', (request, reply, done) => {
      const labels = { method: request.method, route: request.routeOptions.url ?? 'none', status: String(reply.statusCode) }
      requests.observe(labels, reply.elapsedTime / 1000)
      done()
    })

    const quiet = { logLevel: 'warn' as const, schema: { hide: true }, config: { rateLimit: false as const } }
    app.get('/healthz', quiet, async () => ({ status: 'ok' }))
    app.get('/readyz', quiet, async () => {
      try {
        // A standby can be read, and no more.
        const standby = 'SELECT WHERE pg_is_in_recovery()'
        const { rowCount } = await Promise.race([database.probe.query(standby), noAnswer(READY_MS)])
        if (rowCount !== 0) throw new Error('DATABASE_URL leads to a standby')
      } catch (cause) {
        throw problem('unavailable', 'The database cannot be reached', { retryAfter: 1 }, { cause })
      }
      return { status: 'ready' }
    })
    app.get('/metrics', quiet, async (_request, reply) => reply.type(registry.contentType).send(await registry.metrics()))
  },
  { name: 'cutroom-operations' },
)
