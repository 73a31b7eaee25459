import type { SessionState } from '@cutroom/contract'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../db/embedded/embedded.ts'
import { migrate } from '../db/migrate.ts'
import { firstAccountCode } from '../features/auth/first-account.ts'
import { configure } from './configure.ts'

/** Longest time from SIGTERM to exit, ms: an orchestrator kills after 30 s. */
const GRACE_MS = 25_000

/** What the system says of an address that cannot be listened at, with the variable and the cure. */
const ADDRESS: Record<string, string> = {
  EADDRINUSE: 'PORT is in use: stop the program that has it, or set another PORT',
  EACCES: 'PORT may not be opened by this user: set one above 1023',
  EADDRNOTAVAIL: 'HOST is no address of this machine: 0.0.0.0 is all of them',
  ENOTFOUND: 'HOST cannot be resolved: 0.0.0.0 is all addresses of this machine',
  EAI_AGAIN: 'HOST cannot be resolved: 0.0.0.0 is all addresses of this machine',
  EAFNOSUPPORT: 'HOST is of a kind that this machine has no network for',
}

/** Levels at which the addresses are logged. */
const TALKATIVE = new Set(['info', 'debug', 'trace'])
/** On a terminal the log begins below what is said of the start. */
const isTerminal = process.stdout.isTTY === true

async function listen(server: FastifyInstance): Promise<void> {
  const { level } = server.log
  if (isTerminal && TALKATIVE.has(level)) server.log.level = 'warn'
  try {
    await server.listen({
      port: config.port,
      host: config.host,
      listenTextResolver: (address) => `server: listening at ${address}`,
    })
    server.log.level = level
  } catch (cause) {
    const { message, code = '' } = cause as NodeJS.ErrnoException
    throw new Error(ADDRESS[code] ?? `HOST and PORT cannot be listened at: ${message}`, { cause })
  }
}

const config = configure()
/** A signal has ended the start, or the server: what fails by that is no failure. */
let isStopping = false
const say = (line: string) => {
  if (config.logLevel !== 'silent' && !isStopping) console.log(line)
}
/** Says lines of one area before there is a log. */
const sayOf = (area: string) => (line: string) => say(`${area}: ${line}`)

let postgres: EmbeddedPostgres | undefined
let app: FastifyInstance | undefined

async function stop(): Promise<void> {
  await app?.close()
  await postgres?.stop()
}

// Before anything is started: a signal in the middle of the start must not leave a database server behind.
closeWithGrace({ delay: GRACE_MS }, async ({ err, signal }) => {
  isStopping = signal !== undefined
  if (err && app) app.log.error({ err }, 'server: unexpected error, stopping')
  else if (err) console.error(err)
  if (signal) app?.log.info({ signal }, 'server: stopping, requests finish and clients are sent away')
  await stop()
})

/** @returns the URL of a database that is up to date */
async function prepareDatabase(): Promise<string> {
  if (config.databaseUrl === undefined)
    postgres = await startEmbeddedPostgres({ dataDir: config.dataDir, log: sayOf('postgres') })
  const databaseUrl = config.databaseUrl ?? postgres?.url ?? ''
  await migrate(databaseUrl, { log: sayOf('migrate'), connections: config.databasePool })
  return databaseUrl
}

async function start(): Promise<void> {
  // The rest of the server is loaded while Postgres starts and migrates: a quarter of the time of a first start.
  const [{ buildApp }, databaseUrl] = await Promise.all([import('../app.ts'), prepareDatabase()])
  app = await buildApp(config, databaseUrl)
  await listen(app)

  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : config.port
  const url = config.publicUrl?.replace(/\/+$/, '') ?? `http://localhost:${port}`
  say(`
Cutroom is ready.
  Console       ${url}/
  API and docs  ${url}/docs
  OpenAPI       ${url}/openapi.json
  Sockets       ${url}${config.socketPath}
  Health        ${url}/readyz`)
  say(postgres ? `  Data          ${postgres.path} (embedded PostgreSQL)\n` : '')
  if (
    config.registration === 'invite' &&
    (await app.inject('/api/session')).json<SessionState>().registration === 'first-account'
  )
    say(`  There is no account yet. The first one registers at the console with this code:

  ${firstAccountCode(config)}
`)
}

try {
  await start()
} catch (error) {
  // a stop that is under way ends the process
  if (!isStopping) {
    console.error(error instanceof Error ? error.message : error)
    await stop()
    process.exit(1)
  }
}
