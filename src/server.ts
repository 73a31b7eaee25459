import { existsSync } from 'node:fs'
import closeWithGrace from 'close-with-grace'
import type { FastifyInstance } from 'fastify'
import { buildApp } from './app.ts'
import { type Config, ConfigError, readConfig } from './config.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from './db/embedded.ts'
import { migrate } from './db/migrate.ts'

/** Longest time from SIGTERM to exit, ms: an orchestrator kills after 30 s. */
const GRACE_MS = 25_000

function configure(): Config {
  if (existsSync('.env')) process.loadEnvFile('.env')
  try {
    return readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const line of error.lines) console.error(line)
    process.exit(1)
  }
}

const config = configure()
const say = (line: string) => {
  if (config.logLevel !== 'silent') console.log(line)
}

let postgres: EmbeddedPostgres | undefined
let app: FastifyInstance | undefined

async function stop(): Promise<void> {
  await app?.close()
  await postgres?.stop()
}

// Before anything is started: a signal in the middle of the start must not leave a database server behind.
closeWithGrace({ delay: GRACE_MS }, async ({ err, signal }) => {
  if (err) (app?.log ?? console).error(err)
  if (signal) app?.log.info(`${signal}: finishing requests, sending clients away`)
  await stop()
})

async function start(): Promise<void> {
  if (config.databaseUrl === undefined) postgres = await startEmbeddedPostgres({ dataDir: config.dataDir, log: say })
  const databaseUrl = config.databaseUrl ?? postgres?.url ?? ''
  await migrate(databaseUrl, { log: say, connections: config.databasePool })
  app = await buildApp(config, databaseUrl)
  await app.listen({ port: config.port, host: config.host })

  const address = app.server.address()
  const port = typeof address === 'object' && address ? address.port : config.port
  const url = config.publicUrl?.replace(/\/+$/, '') ?? `http://localhost:${port}`
  say(`
Cutroom is ready.
  API and docs  ${url}/docs
  OpenAPI       ${url}/openapi.json
  Sockets       ${url}${config.socketPath}
  Health        ${url}/readyz`)
  say(postgres ? `  Data          ${postgres.path} (embedded PostgreSQL)\n` : '')
}

try {
  await start()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  await stop()
  process.exit(1)
}
