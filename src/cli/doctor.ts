import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { type Config, ConfigError } from '../config.ts'
import { openDatabase } from '../db/client.ts'
import { migrationsPending } from '../db/migrate.ts'
import { checkServer, checkTables, checkVersion, UnfitDatabaseError } from '../db/preflight.ts'
import { prepareConnection, schemaOf } from '../db/session-settings.ts'
import { loadExtensions } from '../extensions/load.ts'
import { checkRetention } from '../features/webhooks/retention.ts'
import { makeFolder } from '../lib/folders.ts'
import { packageVersion } from '../lib/package-version.ts'
import { openMailer } from '../ports/mail/open-mailer.ts'
import { openStorage } from '../ports/storage/open-storage.ts'
import { loadConfig } from './configure.ts'
import { paint } from './output.ts'
import { isServersSecret, reach } from './store.ts'

/** What a look at one thing gives. `warn`: it works, and will not always; `fail`: it does not work. */
type Verdict = 'ok' | 'warn' | 'fail'

/** Free bytes below which the disk is nearly full. */
const LITTLE_SPACE = 1024 ** 3
/** Difference of two clocks that matters, ms: tokens and times of events are compared between nodes. */
const CLOCK_MS = 2_000
const REDIS_MS = 3_000

const marks = { ok: ['green', 'ok  '], warn: ['yellow', 'warn'], fail: ['red', 'FAIL'] } as const

/** Says each verdict at once, and remembers whether one was bad. */
function createReport() {
  let failed = false
  const say = (verdict: Verdict, area: string, line: string) => {
    failed ||= verdict === 'fail'
    const [colour, mark] = marks[verdict]
    console.log(`${paint(colour, mark)}  ${area.padEnd(9)} ${line}`)
  }
  return { say, failed: () => failed }
}
type Say = ReturnType<typeof createReport>['say']

/** @returns whether DATA_DIR can be written */
async function lookAtDisk({ dataDir, databaseUrl }: Config, say: Say): Promise<boolean> {
  try {
    makeFolder(dataDir)
  } catch (error) {
    say('fail', 'disk', `DATA_DIR ${dataDir} cannot be written (${(error as NodeJS.ErrnoException).code}): name another folder`)
    return false
  }
  const { bavail, bsize } = await statfs(dataDir)
  const free = bavail * bsize
  const size = `${(free / LITTLE_SPACE).toFixed(1)} GiB free in ${dataDir}`
  if (free >= LITTLE_SPACE) say('ok', 'disk', size)
  else say('warn', 'disk', `${size}: ${databaseUrl === undefined ? 'the embedded database needs room to grow' : 'make room'}`)
  return true
}

/** Loads the extensions, which runs their code. */
async function lookAtExtensions({ extensionsDir }: Config, say: Say): Promise<void> {
  if (extensionsDir === undefined) return
  try {
    const loaded = await loadExtensions(extensionsDir)
    if (loaded.length > 0) say('ok', 'extend', loaded.map(({ id }) => id).join(', '))
    else say('warn', 'extend', `EXTENSIONS_DIR ${extensionsDir} has none: NAME.mjs or NAME/index.js`)
  } catch (error) {
    for (const line of (error as Error).message.split('\n')) say('fail', 'extend', line)
  }
}

/** Stores, reads and removes an object. */
async function lookAtFiles(config: Config, say: Say): Promise<void> {
  const { s3 } = config
  const place = s3 ? `${s3.endpoint}/${s3.bucket}/${s3.prefix}` : join(config.dataDir, 'files')
  try {
    const storage = openStorage(config)
    await storage.check().finally(() => storage.close())
    say('ok', 'files', `an object was stored, read and removed in ${place}`)
  } catch (error) {
    const { message, cause } = error as Error
    const cure = s3 ? 'correct S3_*, and allow to get, put, delete and list objects' : 'make room, or name another DATA_DIR'
    say('fail', 'files', `${place} cannot be used: ${(cause as Error | undefined)?.message || message}; ${cure}`)
  }
}

async function lookAtMail(config: Config, say: Say): Promise<void> {
  if (!config.mail) return say('ok', 'mail', 'SMTP_URL is not set: no mail is sent, the log has the links')
  const { host, port } = config.mail.smtp
  const mailer = await openMailer(config.mail, () => {})
  try {
    await mailer.check()
    say('ok', 'mail', `${host}:${port} answers, and takes the login`)
  } catch (error) {
    say('fail', 'mail', `${host}:${port} cannot be used: ${(error as Error).message}; correct SMTP_URL, or start the mail server`)
  } finally {
    mailer.close()
  }
}

function lookAtOrigins({ publicUrl, port, corsOrigins, production, secureCookies, trustProxy }: Config, say: Say): void {
  if (publicUrl === undefined)
    say(
      production ? 'warn' : 'ok',
      'origins',
      production
        ? 'PUBLIC_URL is not set: cookies are not Secure, set it to https://…'
        : `PUBLIC_URL is not set: http://localhost:${port}`,
    )
  else if (!secureCookies)
    say(production ? 'warn' : 'ok', 'origins', `PUBLIC_URL ${publicUrl} is not https: cookies are not Secure`)
  else say('ok', 'origins', `PUBLIC_URL ${publicUrl}`)
  if (secureCookies && !trustProxy)
    say('warn', 'origins', 'TRUST_PROXY is false, though TLS is the proxy’s: all visitors would have the proxy’s address')
  say(
    'ok',
    'origins',
    corsOrigins.length === 0 ? 'CORS_ORIGINS is empty: pages of this host only' : `pages of ${corsOrigins.join(', ')}`,
  )
}

async function lookAtRedis({ redisUrl }: Config, say: Say): Promise<void> {
  if (redisUrl === undefined) {
    say('ok', 'redis', 'REDIS_URL is not set: right for one node; several find each other’s events within a second')
    return
  }
  const { Redis } = await import('ioredis')
  const redis = new Redis(redisUrl, {
    lazyConnect: true,
    connectTimeout: REDIS_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  redis.on('error', () => {})
  try {
    await redis.connect()
    const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'of unknown version'
    say('ok', 'redis', `Redis ${version}`)
  } catch (error) {
    say('fail', 'redis', `REDIS_URL cannot be used: ${(error as Error).message}; start Redis, or correct address and password`)
  } finally {
    redis.disconnect()
  }
}

async function lookAtTables(client: pg.Client, url: string, say: Say): Promise<boolean> {
  const pending = await migrationsPending(client)
  if (pending > 0) {
    say('warn', 'database', `${pending} migrations are to come: cutroom migrate, or the next start, applies them`)
    return false
  }
  await checkTables(client, schemaOf(url))
  say('ok', 'database', 'tables up to date, and its role may use them')
  return true
}

/** @returns whether the tables are there */
async function lookAtDatabase(url: string, config: Config, say: Say): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, application_name: 'cutroom doctor', connectionTimeoutMillis: 10_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await checkVersion(client)
    await prepareConnection(client, schemaOf(url))
    await checkServer(client, config.databasePool)
    const sent = Date.now()
    const { rows } = await client.query<{ version: string; now: Date }>(
      `SELECT current_setting('server_version') AS version, clock_timestamp() AS now`,
    )
    const here = (sent + Date.now()) / 2
    say(
      'ok',
      'database',
      `PostgreSQL ${rows[0]?.version}${config.databaseUrl === undefined ? ', embedded' : ''}, connections enough`,
    )
    const apart = Math.abs((rows[0]?.now.getTime() ?? here) - here)
    if (apart < CLOCK_MS) say('ok', 'clock', 'that of the database is the same')
    else say('warn', 'clock', `${(apart / 1000).toFixed(0)} s apart from that of the database: run NTP on both`)
    return await lookAtTables(client, url, say)
  } catch (error) {
    const { message, code } = error as Error & { code?: string }
    say('fail', 'database', error instanceof UnfitDatabaseError ? message : `DATABASE_URL: cannot connect: ${message || code}`)
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

/** What rows say against the configuration. */
async function lookAtRows(url: string, config: Config, say: Say): Promise<void> {
  const { prisma, query, close } = openDatabase(url, { connections: 1, onError: () => {} })
  try {
    await checkRetention(query, config.eventRetention).catch((error: unknown) => {
      if (!(error instanceof ConfigError)) throw error
      for (const line of error.lines) say('fail', 'config', line)
    })
    const fits = await isServersSecret({ prisma, config })
    if (fits === false)
      say('fail', 'secret', 'JWT_SECRET is not the one that sessions were opened with: set it, or all log in again')
    else say('ok', 'secret', fits ? 'JWT_SECRET is that of the open sessions' : 'no session to compare JWT_SECRET with')
  } finally {
    await close()
  }
}

/** `cutroom doctor`: says what it finds, and ends with status 1 where something does not work. */
export async function doctor(): Promise<void> {
  const { say, failed } = createReport()
  say('ok', 'version', `Cutroom ${packageVersion()} on Node ${process.versions.node}`)
  try {
    const config = loadConfig()
    say('ok', 'config', 'every variable is right')
    const writes = await lookAtDisk(config, say)
    if (writes || config.s3) await lookAtFiles(config, say)
    const { url, leave } = await reach(config)
    try {
      if (await lookAtDatabase(url, config, say)) await lookAtRows(url, config, say)
    } finally {
      await leave()
    }
    await lookAtRedis(config, say)
    await lookAtMail(config, say)
    lookAtOrigins(config, say)
    await lookAtExtensions(config, say)
  } catch (error) {
    if (error instanceof ConfigError) for (const line of error.lines) say('fail', 'config', line)
    else say('fail', 'database', (error as Error).message)
  }
  console.log(failed() ? '\nSomething does not work: see FAIL above.' : '\nNothing is in the way.')
  // Timers of extensions would hold it.
  process.exit(failed() ? 1 : 0)
}
