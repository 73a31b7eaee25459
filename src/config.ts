import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'

const duration = (fallback: string) =>
  z
    .string()
    .regex(/^\d+(s|m|h|d)$/, 'must be a number with s, m, h or d, like 15m')
    .default(fallback)
    .transform((text) => Number(text.slice(0, -1)) * { s: 1, m: 60, h: 3600, d: 86_400 }[text.slice(-1) as 's' | 'm' | 'h' | 'd'])

const origins = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .pipe(
    z.array(
      z.url({ protocol: /^[a-z][a-z0-9+.-]*$/, error: 'must be origins like https://app.example.com, separated by commas' }),
    ),
  )
  .transform((list) => list.map((url) => url.replace(/\/+$/, '')))

const whole = (name: string, min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, `must be ${name}`)
    .transform(Number)
    .pipe(z.number().min(min, `must be ${name}`).max(max, `must be ${name}`))

const SECRET_LENGTH = 32

/** Every variable Cutroom reads. `.env.example` says the same for people. */
const Environment = z.object({
  NODE_ENV: z.enum(['development', 'production', 'test']).default('development'),
  PORT: whole('a port, 0 to 65535', 0, 65_535).default(3000),
  HOST: z.string().min(1).default('0.0.0.0'),
  DATA_DIR: z.string().min(1).default('.data'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: 'must be a postgres:// URL' }).optional(),
  DATABASE_POOL: whole('a number of connections, 2 to 500', 2, 500).default(10),
  REDIS_URL: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// URL' }).optional(),
  EVENT_RETENTION: z.union([z.literal('off').transform(() => null), duration('30d')], {
    error: 'must be a number with s, m, h or d, like 30d, or off',
  }),
  JWT_SECRET: z.string().min(SECRET_LENGTH, `must have at least ${SECRET_LENGTH} characters`).optional(),
  ACCESS_TOKEN_TTL: duration('15m'),
  REFRESH_TOKEN_TTL: duration('30d'),
  CORS_ORIGINS: origins,
  SOCKET_PATH: z
    .string()
    .regex(/^\/[\w./-]*$/, 'must be a path like /socket.io')
    .default('/socket.io'),
  TRUST_PROXY: z.stringbool({ error: 'must be true or false' }).default(false),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  RATE_LIMIT: z
    .union([z.literal('off').transform(() => null), whole('requests per minute, or off', 1, 1_000_000)], {
      error: 'must be requests per minute, or off',
    })
    .default(1200),
  REGISTRATION: z.enum(['open', 'invite']).default('open'),
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' }).optional(),
})

export interface Config {
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
  /** Seconds an event stays in the log at least; null: for ever. */
  eventRetention: number | null
  jwtSecret: string
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
  publicUrl: string | undefined
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

/**
 * The configuration from environment variables. An empty variable counts as unset.
 * @throws ConfigError with one line per wrong variable
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = Environment.safeParse(given)
  const lines = new Map<string, string>()
  for (const issue of parsed.error?.issues ?? []) {
    const name = String(issue.path[0])
    if (!lines.has(name)) lines.set(name, `${name} ${issue.message}`)
  }
  if (given.NODE_ENV === 'production' && given.JWT_SECRET === undefined)
    lines.set('JWT_SECRET', 'JWT_SECRET must be set in production (at least 32 characters; try: openssl rand -base64 48)')
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
    eventRetention: e.EVENT_RETENTION,
    jwtSecret: e.JWT_SECRET ?? keptSecret(dataDir),
    accessTokenTtl: e.ACCESS_TOKEN_TTL,
    refreshTokenTtl: e.REFRESH_TOKEN_TTL,
    corsOrigins: e.CORS_ORIGINS,
    socketPath: e.SOCKET_PATH,
    trustProxy: e.TRUST_PROXY,
    logLevel: e.LOG_LEVEL,
    rateLimit: e.RATE_LIMIT,
    registration: e.REGISTRATION,
    publicUrl: e.PUBLIC_URL,
    secureCookies: e.PUBLIC_URL?.startsWith('https:') ?? false,
  }
}

/** In development a secret is made once and kept, so that a restart logs nobody out. */
function keptSecret(dataDir: string): string {
  const file = join(dataDir, 'jwt-secret')
  const code = (error: unknown) => (error as NodeJS.ErrnoException).code ?? 'unknown'
  let secret: string
  try {
    mkdirSync(dataDir, { recursive: true })
    try {
      writeFileSync(file, randomBytes(48).toString('base64'), { mode: 0o600, flag: 'wx' })
    } catch (error) {
      if (code(error) !== 'EEXIST') throw error
    }
    secret = readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError([`DATA_DIR must be a folder that can be written (${code(error)})`])
  }
  if (secret.length < SECRET_LENGTH)
    throw new ConfigError([`JWT_SECRET is not set, and the one kept in ${file} is cut short: delete it`])
  return secret
}
