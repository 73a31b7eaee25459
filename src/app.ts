import type { FastifyInstance } from 'fastify'
import { type Authorizer, createAuthorizer } from './access/authorize.ts'
import type { Config } from './config.ts'
import { type Database, openDatabase } from './db/client.ts'
import { loadDialects } from './dialects/index.ts'
import { type Extensions, openExtensions } from './extensions/open.ts'
import { activityRoutes } from './features/activity/routes.ts'
import { createActivityReader } from './features/activity/serialize.ts'
import type { HashCost } from './features/auth/password.ts'
import { authRoutes } from './features/auth/routes.ts'
import { conversationRoutes } from './features/conversations/routes.ts'
import { mediaConsumer } from './features/files/processing.ts'
import { type FileSeams, openFileServices } from './features/files/services.ts'
import { invitationsJob } from './features/invitations/expiry.ts'
import { mailRoutes } from './features/mail/routes.ts'
import { openMail } from './features/mail/services.ts'
import { meRoutes } from './features/me/routes.ts'
import { notificationsConsumer } from './features/notifications/consumer.ts'
import { notificationRoutes } from './features/notifications/routes.ts'
import { roomRoutes } from './features/rooms/routes.ts'
import { scheduleBuild, searchBuildJob } from './features/search/build.ts'
import { searchConsumer } from './features/search/consumer.ts'
import { createIndexWriter } from './features/search/index-writer.ts'
import { searchRoutes } from './features/search/routes.ts'
import type { RouteContext } from './features/shared/noun.ts'
import { openWebhooks, type WebhookSeams } from './features/webhooks/services.ts'
import { authPlugin } from './http/auth.ts'
import { bodyTimeoutPlugin } from './http/body-timeout.ts'
import { compressionPlugin } from './http/compression.ts'
import { consolePlugin } from './http/console.ts'
import { docsPlugin } from './http/docs.ts'
import { downloadsPlugin } from './http/downloads.ts'
import { endpointsPlugin } from './http/endpoints.ts'
import { errorsPlugin } from './http/errors.ts'
import { stoppingPlugin } from './http/graceful-shutdown.ts'
import { createAnswerHeaders, headersPlugin } from './http/headers.ts'
import { healthPlugin } from './http/health.ts'
import { inFlightPlugin } from './http/in-flight.ts'
import { createMetrics, metricsPlugin } from './http/metrics.ts'
import { createOrigins } from './http/origins.ts'
import { proxyHintsPlugin } from './http/proxy-hints.ts'
import { refuseUnrouted } from './http/raw-refusals.ts'
import type { ResponseCache } from './http/response-cache.ts'
import { securityPlugin } from './http/security.ts'
import { createServer } from './http/server.ts'
import { contractPlugin } from './http/validation.ts'
import { type JobSeams, startJobs } from './jobs/index.ts'
import { packageVersion } from './lib/package-version.ts'
import { nouns, projectTables } from './nouns.ts'
import type { SharedRedis } from './redis.ts'
import { type RoomsOptions, registerRooms } from './rooms/index.ts'
import { LIMITS } from './rooms/sockets/connection-limits.ts'

/** What tests and benches may change. A part that is adapted or replaced shows what it gains. */
export interface Seams
  extends Partial<
      Pick<RoomsOptions, 'beforeCommit' | 'timings' | 'limits' | 'adaptLog' | 'createReplayCaches' | 'dialects' | 'mayEnter'>
    >,
    FileSeams {
  adaptDatabase?: (database: Database) => Database
  adaptAuthorizer?: (authorizer: Authorizer) => Authorizer
  responseCache?: ResponseCache
  /** Of passwords that are set from now on. */
  hashCost?: HashCost | undefined
  jobs?: JobSeams
  webhooks?: WebhookSeams
  /** Where the page was built; '': nowhere. */
  consoleFolder?: string
}

const unchanged = <T>(part: T): T => part

/** The Redis of `REDIS_URL`, if there is one; it ends with the app. */
async function openRedis(app: FastifyInstance, config: Config, { readers }: Database): Promise<SharedRedis | undefined> {
  if (config.redisUrl === undefined) return undefined
  // Loaded where it is used: it takes a tenth of the time to start.
  const { openRedis } = await import('./redis.ts')
  const redis = await openRedis(config.redisUrl, { readers, prefix: config.redisPrefix }, (up, error) => {
    if (up) app.log.info('redis: connected again')
    else app.log.warn({ reason: error?.message }, 'redis: connection lost, nodes find each other’s events by polling')
  })
  app.addHook('onClose', async () => redis.close())
  return redis
}

/** The connections to the database. */
const openPools = (app: FastifyInstance, { databasePool }: Config, databaseUrl: string): Database =>
  openDatabase(databaseUrl, {
    connections: databasePool,
    onError: (error) => app.log.warn({ err: error }, 'database: a connection was lost'),
  })

/** The extensions of `EXTENSIONS_DIR`, as `app.extensions`. */
async function loadInto(app: FastifyInstance, { extensionsDir }: Config): Promise<Extensions> {
  const extensions = await openExtensions(extensionsDir, {
    onRefused: (extension, room, err) =>
      app.log.warn({ extension, room, err }, 'extensions: an authoriser failed, its room stays closed'),
  })
  if (extensions.ids.length > 0) app.log.info({ extensions: extensions.ids }, 'extensions: loaded')
  app.decorate('extensions', extensions)
  return extensions
}

/** What of the configuration is for the rooms. */
const settingsOf = (config: Config) => ({
  path: config.socketPath,
  corsOrigins: config.corsOrigins,
  behindProxy: config.trustProxy,
  limits: config.rateLimit === null ? null : LIMITS,
  dialect: config.dialect,
})

interface FeatureOptions extends Pick<RouteContext, 'config' | 'authorizer' | 'files'> {
  database: Database
  hashCost: HashCost | undefined
}

/** All routes below `/api`. */
function featureRoutes(app: FastifyInstance, { config, database, authorizer, files, hashCost }: FeatureOptions): void {
  const { prisma, query } = database
  authRoutes(app, { config, prisma, query, hashCost })
  mailRoutes(app, { config, database })
  meRoutes(app, { database, nouns, hashCost })
  notificationRoutes(app, database)
  for (const { routes } of nouns) routes(app, { ...database, config, authorizer, files })
  activityRoutes(app, { ...database, nouns, retentionSeconds: config.eventRetention })
  conversationRoutes(app, database)
  searchRoutes(app, database.pages.query, config.searchLanguage)
  roomRoutes(app, { ...database, nouns })
}

/**
 * Cutroom on a migrated database, not yet listening; `close` ends all that it opened.
 * @param databaseUrl where the rows are
 * @param seams for tests and benches only
 */
export async function buildApp(config: Config, databaseUrl: string, seams: Seams = {}): Promise<FastifyInstance> {
  const headers = createAnswerHeaders(config)
  const origins = createOrigins(config, (fields, line) => app.log.warn(fields, line))
  const app = createServer(config, headers)
  const { adaptDatabase = unchanged, adaptAuthorizer = unchanged, responseCache } = seams
  const database = adaptDatabase(openPools(app, config, databaseUrl))
  app.addHook('onClose', () => database.close())
  const { query, jobs } = database
  const metrics = createMetrics()

  try {
    const extensions = await loadInto(app, config)
    const redis = await openRedis(app, config, database)
    await app.register(errorsPlugin)
    await app.register(headersPlugin, { config, headers, origins })
    await app.register(proxyHintsPlugin, { config })
    await app.register(bodyTimeoutPlugin, { headers })
    await app.register(compressionPlugin)
    await app.register(stoppingPlugin)
    await app.register(contractPlugin)
    await app.register(authPlugin, { config, query, origins })
    await app.register(inFlightPlugin, { config })
    const authorizer = adaptAuthorizer(createAuthorizer(Object.assign({}, ...nouns.map(({ targets }) => targets))))
    await app.register(endpointsPlugin, { config, query, authorizer, cache: responseCache })
    await app.register(securityPlugin, { config, redis })
    await app.register(downloadsPlugin, { config })
    await app.register(docsPlugin, { config })
    await app.register(consolePlugin, { config, folder: seams.consoleFolder })
    const activityOf = createActivityReader(nouns)
    await registerRooms(app, {
      ...settingsOf(config),
      database,
      query,
      redis,
      verify: app.tokens.verifyOnce,
      handshakeCaller: app.tokens.handshakeCaller,
      principalOf: app.tokens.principalOf,
      mayConnect: app.tokens.mayUseCookies,
      noteOrigin: origins.note,
      activityOf,
      mayEnter: extensions.mayEnter,
      measurements: metrics.measurements,
      dialects: await loadDialects(config.dialects, { query, authorizer }),
      ...seams,
    })
    refuseUnrouted(app.server, config.socketPath, headers)
    await app.register(healthPlugin, { database })
    await app.register(metricsPlugin, { config, metrics, database, redis, version: packageVersion() })
    const searchWriter = createIndexWriter(jobs.query, config.searchLanguage)
    const files = openFileServices(app, config, database, seams)
    const mail = await openMail(app, config, jobs, activityOf)
    const webhooks = await openWebhooks(app, config, jobs, seams.webhooks)
    await startJobs(app, {
      ...files,
      database,
      consumers: [
        mediaConsumer(files, jobs),
        notificationsConsumer(activityOf),
        searchConsumer(searchWriter),
        ...mail.consumers,
        webhooks.consumer,
        ...extensions.consumers(app.rooms.sendToCustomRoom),
      ],
      tables: projectTables,
      jobs: [
        ...mail.jobs,
        webhooks.job,
        invitationsJob(),
        searchBuildJob(jobs.query, searchWriter, (things) => app.log.info({ things }, 'search: the index was built')),
      ],
      retentionSeconds: config.eventRetention,
      sessionSeconds: config.refreshTokenTtl,
      measurements: metrics.measurements,
      seams: seams.jobs,
    })
    await scheduleBuild(query, config.searchLanguage)
    featureRoutes(app, { config, database, authorizer, files, hashCost: seams.hashCost })
    await app.ready()
    return app
  } catch (error) {
    await app.close()
    throw error
  }
}
