import { resolve } from 'node:path'
import { z } from 'zod'
import { applyAliases } from './config/aliases.ts'
import { type DialectConfig, dialectVariables, misfitsOfDialects } from './config/dialects.ts'
import { type FileConfig, fileConfigOf, fileVariables, missingOfS3 } from './config/files.ts'
import { type MailSettings, mailConfigOf, mailVariables, missingOfMail } from './config/mail.ts'
import { keptSecret, readSecretFile, SECRET_LENGTH, SecretError } from './config/secrets.ts'
import { databaseUrl, duration, origins, publicUrl, redisUrl, searchLanguage, socketPath, whole } from './config/values.ts'

const RETENTION = 'must be a number with s, m, h or d, like 30d (1s at least, 36500d at most), or off'

/** Variables that may stand in a file: its path is in the variable of the same name with _FILE. */
const IN_FILES = ['DATABASE_URL', 'REDIS_URL', 'JWT_SECRET', 'METRICS_TOKEN', 'S3_SECRET_ACCESS_KEY', 'SMTP_URL'] as const

/** Every variable Cutroom reads. `.env.example` says the same for people. */
const Environment = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  PORT: whole('a port, 0 to 65535', 0, 65_535).default(3000),
  HOST: z.string().min(1).default('0.0.0.0'),
  DATA_DIR: z.string().min(1).default('.data'),
  DATABASE_URL: databaseUrl.optional(),
  DATABASE_POOL: whole('a number of connections, 2 to 500', 2, 500).default(10),
  REDIS_URL: redisUrl.optional(),
  REDIS_PREFIX: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be letters, digits, _, - and dots, 64 at most')
    .optional(),
  EVENT_RETENTION: z.union([z.literal('off').transform(() => null), duration('30d', RETENTION)], { error: RETENTION }),
  JWT_SECRET: z.string().min(SECRET_LENGTH, `must have at least ${SECRET_LENGTH} characters`).optional(),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,1024}$/, 'must have at least 16 characters of ASCII, without spaces')
    .optional(),
  ACCESS_TOKEN_TTL: duration('15m'),
  REFRESH_TOKEN_TTL: duration('30d'),
  CORS_ORIGINS: origins,
  SOCKET_PATH: socketPath,
  TRUST_PROXY: z.stringbool({ error: 'must be true or false' }).default(false),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  RATE_LIMIT: z
    .union([z.literal('off').transform(() => null), whole('requests per minute, or off', 1, 1_000_000)], {
      error: 'must be requests per minute, or off',
    })
    .default(1200),
  REGISTRATION: z.enum(['open', 'invite']).default('open'),
  PUBLIC_URL: publicUrl.optional(),
  SEARCH_LANGUAGE: searchLanguage,
  WEBHOOKS_PRIVATE: z.enum(['on', 'off'], { error: 'must be on or off' }).default('off'),
  EXTENSIONS_DIR: z.string().min(1).optional(),
  ...dialectVariables,
  ...fileVariables,
  ...mailVariables,
})

export interface Config extends FileConfig, MailSettings, DialectConfig {
  production: boolean
  port: number
  host: string
  /** Absolute. */
  dataDir: string
  /** Absent: the embedded Postgres. */
  databaseUrl: string | undefined
  databasePool: number
  /** Several nodes tell each other of news through it; absent: one node, or news by the sweep. */
  redisUrl: string | undefined
  /** Tells apart, in one Redis, databases that are copies of each other. */
  redisPrefix: string | undefined
  /** Seconds an event stays in the log at least; null: for ever. */
  eventRetention: number | null
  jwtSecret: string
  /** What `/metrics` asks for; absent: nothing. */
  metricsToken: string | undefined
  /** Seconds. */
  accessTokenTtl: number
  /** Seconds; for logins that ask to be remembered. */
  refreshTokenTtl: number
  corsOrigins: string[]
  socketPath: string
  trustProxy: boolean
  logLevel: string
  /** Requests per minute and person; null: off. */
  rateLimit: number | null
  registration: 'open' | 'invite'
  /** Perhaps with a path, which is a prefix; no slash at the end. */
  publicUrl: string | undefined
  /** Of Postgres's text search: how words of all texts are stemmed. */
  searchLanguage: string
  /** Receivers of webhooks may be in the network of this server, and without TLS. */
  webhooksPrivate: boolean
  /** Absolute; absent: no extensions. */
  extensionsDir: string | undefined
  /** Cookies carry Secure. */
  secureCookies: boolean
}

/** One line per wrong variable; never a value, since a value may be a secret. */
export class ConfigError extends Error {
  readonly lines: string[]
  constructor(lines: string[]) {
    super(lines.join('\n'))
    this.name = 'ConfigError'
    this.lines = lines
  }
}

/** Puts the contents of files in place of their paths; `lines` gets what is wrong with them. */
function withFiles(env: NodeJS.ProcessEnv, lines: Map<string, string>): Record<string, string | undefined> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  for (const name of IN_FILES) {
    const file = given[`${name}_FILE`]
    if (file === undefined) continue
    try {
      if (given[name] !== undefined) lines.set(name, `${name} and ${name}_FILE are both set: leave one out`)
      else given[name] = readSecretFile(file)
    } catch (error) {
      if (!(error instanceof SecretError)) throw error
      lines.set(name, `${name}_FILE ${error.message}`)
    }
  }
  return given
}

/**
 * The configuration from environment variables. An empty variable counts as unset.
 * @throws ConfigError with one line per wrong variable
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const lines = new Map<string, string>()
  const given = withFiles(env, lines)
  const aliases = applyAliases(given, lines)
  const parsed = Environment.safeParse(given)
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0])
    const inFile = IN_FILES.some((one) => one === name) && env[`${name}_FILE`]
    const holder = aliases.get(name) ?? (inFile ? `${name}_FILE: its content` : name)
    if (!lines.has(name)) lines.set(name, `${holder} ${issue.message}`)
  }
  if (given.NODE_ENV === 'production' && given.JWT_SECRET === undefined && !lines.has('JWT_SECRET'))
    lines.set(
      'JWT_SECRET',
      'JWT_SECRET or JWT_SECRET_FILE must be set in production (at least 32 characters; try: openssl rand -base64 48)',
    )
  for (const [name, line] of [...missingOfS3(given), ...missingOfMail(given)]) if (!lines.has(name)) lines.set(name, line)
  if (parsed.success && parsed.data.REFRESH_TOKEN_TTL < parsed.data.ACCESS_TOKEN_TTL)
    lines.set('REFRESH_TOKEN_TTL', 'REFRESH_TOKEN_TTL must not be shorter than ACCESS_TOKEN_TTL')
  if (parsed.success) for (const [name, line] of misfitsOfDialects(parsed.data)) lines.set(name, line)
  if (!parsed.success || lines.size > 0) throw new ConfigError([...lines.values()])

  const e = parsed.data
  const dataDir = resolve(e.DATA_DIR)
  return {
    production: e.NODE_ENV === 'production',
    port: e.PORT,
    host: e.HOST,
    dataDir,
    databaseUrl: e.DATABASE_URL,
    databasePool: e.DATABASE_POOL,
    redisUrl: e.REDIS_URL,
    redisPrefix: e.REDIS_PREFIX,
    eventRetention: e.EVENT_RETENTION,
    jwtSecret: e.JWT_SECRET ?? developmentSecret(dataDir),
    metricsToken: e.METRICS_TOKEN,
    accessTokenTtl: e.ACCESS_TOKEN_TTL,
    refreshTokenTtl: e.REFRESH_TOKEN_TTL,
    corsOrigins: e.CORS_ORIGINS,
    socketPath: e.SOCKET_PATH,
    dialects: e.DIALECTS,
    dialect: e.DIALECT,
    trustProxy: e.TRUST_PROXY,
    logLevel: e.LOG_LEVEL,
    rateLimit: e.RATE_LIMIT,
    registration: e.REGISTRATION,
    publicUrl: e.PUBLIC_URL,
    searchLanguage: e.SEARCH_LANGUAGE,
    webhooksPrivate: e.WEBHOOKS_PRIVATE === 'on',
    extensionsDir: e.EXTENSIONS_DIR === undefined ? undefined : resolve(e.EXTENSIONS_DIR),
    secureCookies: e.PUBLIC_URL?.startsWith('https:') ?? false,
    ...mailConfigOf(e),
    ...fileConfigOf(e),
  }
}

function developmentSecret(dataDir: string): string {
  try {
    return keptSecret(dataDir)
  } catch (error) {
    throw error instanceof SecretError ? new ConfigError([error.message]) : error
  }
}
