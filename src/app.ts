import Fastify, { type FastifyInstance, LogController } from 'fastify'
import type { Config } from './config.ts'
import { openDatabase } from './db/client.ts'
import { activityOf } from './features/activity/serialize.ts'
import { authRoutes } from './features/auth/routes.ts'
import { commentRoutes } from './features/comments/routes.ts'
import { cutRoutes } from './features/cuts/routes.ts'
import { meRoutes } from './features/me/routes.ts'
import { memberRoutes } from './features/members/routes.ts'
import { projectRoutes } from './features/projects/routes.ts'
import { roomRoutes } from './features/rooms/routes.ts'
import { taskRoutes } from './features/tasks/routes.ts'
import { vibeRoutes } from './features/vibes/routes.ts'
import { authPlugin } from './http/auth.ts'
import { docsPlugin } from './http/docs.ts'
import { endpointsPlugin } from './http/endpoints.ts'
import { errorsPlugin, refuse } from './http/errors.ts'
import { stoppingPlugin } from './http/graceful-shutdown.ts'
import { createAnswerHeaders, headersPlugin } from './http/headers.ts'
import { healthPlugin } from './http/health.ts'
import { inFlightPlugin } from './http/in-flight.ts'
import { loggerOptions } from './http/logger.ts'
import { createMetrics, metricsPlugin } from './http/metrics.ts'
import { createOrigins } from './http/origins.ts'
import { refuseUnparsed, refuseUnrouted } from './http/raw-refusals.ts'
import { securityPlugin } from './http/security.ts'
import { contractPlugin } from './http/validation.ts'
import { createPurge } from './jobs/purge.ts'
import { createRetention } from './jobs/retention.ts'
import { packageVersion } from './lib/package-version.ts'
import { type RoomsOptions, registerRooms } from './rooms/index.ts'
import { LIMITS } from './rooms/sockets/connection-limits.ts'

/** JSON bodies, bytes: a comment is 10,000 characters, the longest lyrics are well below. */
const BODY_LIMIT = 256 * 1024

/** What tests and benches may change. */
export type Seams = Partial<Pick<RoomsOptions, 'beforeCommit' | 'timings' | 'limits'>>

/**
 * Cutroom on a migrated database, not yet listening; `close` ends all that it opened.
 * @param databaseUrl where the rows are
 * @param seams for tests and benches only
 */
export async function buildApp(config: Config, databaseUrl: string, seams: Seams = {}): Promise<FastifyInstance> {
  const headers = createAnswerHeaders(config)
  const origins = createOrigins(config, (fields, line) => app.log.warn(fields, line))
  const app: FastifyInstance = Fastify({
    logger: loggerOptions(config),
    // One proxy, the nearest: what stands in X-Forwarded-For before its own word, the visitor may have written.
    trustProxy: config.trustProxy && ((_address, hop) => hop === 0),
    bodyLimit: BODY_LIMIT,
    requestTimeout: 30_000,
    // Idle connections end, in either direction: so does an answer that is not read.
    connectionTimeout: 30_000,
    // A request without the end of its headers is closed within 6 s.
    http: { headersTimeout: 4_000, connectionsCheckingInterval: 1_000 },
    // Odd addresses, refused before there is a route.
    frameworkErrors: (error, request, reply) => refuse(error, request, reply.headers(headers.ofRefusal(request.headers.origin))),
    clientErrorHandler(error, socket) {
      app.log.debug({ reason: error.code }, 'http: a request could not be parsed')
      refuseUnparsed(error, socket, headers)
    },
    // stoppingPlugin answers in the words of the contract.
    return503OnClosing: false,
    // A proxy may name requests; a stranger may not.
    requestIdHeader: config.trustProxy && 'x-request-id',
    genReqId: () => crypto.randomUUID(),
    logController: new LogController({ disableRequestLogging: !['debug', 'trace'].includes(config.logLevel) }),
  })
  const database = openDatabase(databaseUrl, {
    connections: config.databasePool,
    onError: (error) => app.log.warn({ err: error }, 'database: a connection was lost'),
  })
  app.addHook('onClose', () => database.close())
  const { query } = database
  const metrics = createMetrics()

  try {
    // Loaded where it is used: it takes a tenth of the time to start.
    const redis =
      config.redisUrl === undefined
        ? undefined
        : await (await import('./redis.ts')).openRedis(
            config.redisUrl,
            { readers: database.readers, prefix: config.redisPrefix },
            (up, error) =>
              up
                ? app.log.info('redis: back')
                : app.log.warn({ reason: error?.message }, 'redis: away, other nodes find news by the sweep'),
          )
    app.addHook('onClose', async () => redis?.close())
    await app.register(errorsPlugin)
    await app.register(headersPlugin, { config, headers, origins })
    await app.register(stoppingPlugin)
    await app.register(contractPlugin)
    await app.register(authPlugin, { config, query, origins })
    await app.register(inFlightPlugin, { config })
    await app.register(endpointsPlugin, { config, query })
    await app.register(securityPlugin, { config, redis })
    await app.register(docsPlugin, { config })
    await registerRooms(app, {
      database,
      query,
      redis,
      path: config.socketPath,
      corsOrigins: config.corsOrigins,
      verify: app.tokens.verify,
      handshakeCaller: app.tokens.handshakeCaller,
      principalOf: app.tokens.principalOf,
      mayConnect: app.tokens.mayUseCookies,
      noteOrigin: origins.note,
      behindProxy: config.trustProxy,
      limits: config.rateLimit === null ? null : LIMITS,
      activityOf,
      measurements: metrics.measurements,
      ...seams,
    })
    refuseUnrouted(app.server, config.socketPath, headers)
    await app.register(healthPlugin, { database })
    await app.register(metricsPlugin, { config, metrics, database, redis, version: packageVersion() })
    const retention = createRetention({
      pool: database.pool,
      retentionSeconds: config.eventRetention,
      sessionSeconds: config.refreshTokenTtl,
      onSwept: (swept) => app.log.info(swept, 'retention: sweep finished'),
      onError: (error) => app.log.warn({ err: error }, 'retention: sweep failed, the next one tries again'),
    })
    app.addHook('onClose', () => retention.close())
    const purge = createPurge({
      pool: database.pool,
      onPurged: (projects) => app.log.info({ projects }, 'purge: rows of deleted projects removed'),
      onError: (error) => app.log.warn({ err: error }, 'purge: failed, the next round tries again'),
    })
    app.addHook('onClose', () => purge.close())

    const { prisma } = database
    authRoutes(app, { config, prisma })
    meRoutes(app, { database })
    projectRoutes(app, { ...database, purge })
    memberRoutes(app, database)
    taskRoutes(app, database)
    vibeRoutes(app, database)
    cutRoutes(app, database)
    commentRoutes(app, database)
    roomRoutes(app, database)
    await app.ready()
    return app
  } catch (error) {
    await app.close()
    throw error
  }
}
