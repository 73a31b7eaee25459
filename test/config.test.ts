import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ConfigError, readConfig } from '../src/config.ts'
import { createDatabase } from './setup/database.ts'
import { direct } from './setup/hostile.ts'
import { request } from './setup/people.ts'
import { open } from './setup/sockets.ts'
import { until } from './setup/until.ts'

const SECRET = 'a perfectly good secret of the config test'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'cutroom-config-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function linesOf(env: Record<string, string>): string[] {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.lines
    throw error
  }
  return []
}

interface Ran {
  child: ChildProcess
  stdout: string
  stderr: string
  /** Set when it has ended. */
  code: number | null | undefined
}

/** The process as people start it, in a folder of its own, with nothing of this process's environment but PATH. */
function run(env: Record<string, string>): Ran {
  const cwd = folder()
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), resolve('src/server.ts')], {
    cwd,
    env: { PATH: process.env.PATH ?? '', DATA_DIR: join(cwd, 'data'), ...env },
  })
  const ran: Ran = { child, stdout: '', stderr: '', code: undefined }
  child.stdout.on('data', (chunk) => {
    ran.stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    ran.stderr += chunk
  })
  child.on('close', (code) => {
    ran.code = code
  })
  onTestFinished(async () => {
    if (ran.code === undefined) child.kill('SIGKILL')
    await until('the process to end', () => ran.code !== undefined)
  })
  return ran
}

describe('configuration', () => {
  const wrong: [name: string, values: string[], says: RegExp][] = [
    ['NODE_ENV', ['prod', 'PRODUCTION'], /development.*production.*test/],
    ['PORT', ['http', '65536', '-1', '3000.5', '99999999999999999999'], /0 to 65535/],
    ['DATABASE_URL', ['mysql://me:hunter2@host/db', 'localhost', 'elephant'], /postgres:\/\//],
    ['DATABASE_POOL', ['1', '501', 'many'], /2 to 500/],
    ['REDIS_URL', ['http://me:hunter2@host', 'localhost:6379'], /redis:\/\//],
    ['EVENT_RETENTION', ['7', 'never', '1w'], /30d.*off/],
    ['JWT_SECRET', ['hunter2', 'x'.repeat(31)], /32 characters/],
    ['ACCESS_TOKEN_TTL', ['15', '15 m', '-1m', '1w'], /15m/],
    ['REFRESH_TOKEN_TTL', ['forever', '30'], /15m/],
    ['CORS_ORIGINS', ['*', 'b.example.com', 'https://a.example.com,nonsense'], /https:\/\/app\.example\.com/],
    ['SOCKET_PATH', ['sockets', '/with space'], /\/socket\.io/],
    ['TRUST_PROXY', ['maybe', '2'], /true or false/],
    ['LOG_LEVEL', ['verbose', 'INFO'], /fatal.*silent/],
    ['RATE_LIMIT', ['0', 'none', '-5'], /off/],
    ['REGISTRATION', ['closed'], /open.*invite/],
    ['PUBLIC_URL', ['example.com', 'ftp://example.com'], /https?:\/\//],
  ]

  for (const [name, values, says] of wrong)
    it(`O3 a wrong ${name} is one line that names it and not its value`, () => {
      for (const value of values) {
        const lines = linesOf({ JWT_SECRET: SECRET, [name]: value })
        expect(lines, value).toEqual([expect.stringMatching(new RegExp(`^${name} \\S`))])
        expect(lines[0], value).toMatch(says)
        expect(lines[0], value).not.toContain('\n')
        if (value.length > 5) expect(lines[0], value).not.toContain(value)
      }
    })

  it('O3 all wrong variables are told at once, one line each', () => {
    const env = Object.fromEntries(wrong.map(([name, values]) => [name, values[0] ?? '']))
    const lines = linesOf(env)
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual(Object.keys(env).sort())
    expect(lines.join()).not.toContain('hunter2')
  })

  it('O3 production does not start without a JWT_SECRET, nor with a short or an empty one', () => {
    for (const secret of [undefined, '', 'short'])
      expect(linesOf({ NODE_ENV: 'production', ...(secret !== undefined && { JWT_SECRET: secret }) })).toEqual([
        expect.stringMatching(/^JWT_SECRET .*at least 32 characters/),
      ])
    expect(readConfig({ NODE_ENV: 'production', JWT_SECRET: SECRET })).toMatchObject({ production: true, jwtSecret: SECRET })
  })

  it('reads every variable, and has a default for those that are unset or empty', () => {
    const dataDir = folder()
    expect(readConfig({ DATA_DIR: dataDir, JWT_SECRET: SECRET, PORT: '', RATE_LIMIT: '', HOST: '' })).toEqual({
      production: false,
      port: 3000,
      host: '0.0.0.0',
      dataDir,
      databaseUrl: undefined,
      databasePool: expect.any(Number),
      redisUrl: undefined,
      eventRetention: 30 * 86_400,
      jwtSecret: SECRET,
      accessTokenTtl: 900,
      refreshTokenTtl: 30 * 86_400,
      corsOrigins: [],
      socketPath: '/socket.io',
      trustProxy: false,
      logLevel: 'info',
      rateLimit: 1200,
      registration: 'open',
      publicUrl: undefined,
      secureCookies: false,
    })
    expect(
      readConfig({
        NODE_ENV: 'production',
        PORT: '0',
        HOST: '::1',
        DATA_DIR: 'some/where',
        DATABASE_URL: 'postgresql://u:p@h/d',
        DATABASE_POOL: '20',
        REDIS_URL: 'rediss://cache:6380',
        EVENT_RETENTION: 'off',
        JWT_SECRET: SECRET,
        ACCESS_TOKEN_TTL: '90s',
        REFRESH_TOKEN_TTL: '2h',
        CORS_ORIGINS: 'https://a.example.com/, capacitor://localhost',
        SOCKET_PATH: '/ws',
        TRUST_PROXY: 'true',
        LOG_LEVEL: 'trace',
        RATE_LIMIT: 'off',
        REGISTRATION: 'invite',
        PUBLIC_URL: 'https://cutroom.example.com',
      }),
    ).toEqual({
      production: true,
      port: 0,
      host: '::1',
      dataDir: resolve('some/where'),
      databaseUrl: 'postgresql://u:p@h/d',
      databasePool: 20,
      redisUrl: 'rediss://cache:6380',
      eventRetention: null,
      jwtSecret: SECRET,
      accessTokenTtl: 90,
      refreshTokenTtl: 7200,
      corsOrigins: ['https://a.example.com', 'capacitor://localhost'],
      socketPath: '/ws',
      trustProxy: true,
      logLevel: 'trace',
      rateLimit: null,
      registration: 'invite',
      publicUrl: 'https://cutroom.example.com',
      secureCookies: true,
    })
  })

  it('.env.example names every variable, with the defaults', () => {
    const example = readFileSync('.env.example', 'utf8')
    const named = [...example.matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name)
    const others = ['HOST', 'DATA_DIR', 'NODE_ENV']
    expect(new Set([...named, 'NODE_ENV'])).toEqual(new Set([...wrong.map(([name]) => name), ...others]))
    const set = Object.fromEntries([...example.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]))
    expect(readConfig({ ...set, JWT_SECRET: SECRET })).toEqual(readConfig({ JWT_SECRET: SECRET }))
  })

  it('O3 development makes a secret once, keeps it for its owner only, and finds it again', () => {
    const dataDir = folder()
    const first = readConfig({ DATA_DIR: dataDir })
    const again = readConfig({ DATA_DIR: dataDir })
    const elsewhere = readConfig({ DATA_DIR: folder() })
    expect(first.jwtSecret.length).toBeGreaterThanOrEqual(32)
    expect(again.jwtSecret).toBe(first.jwtSecret)
    expect(elsewhere.jwtSecret).not.toBe(first.jwtSecret)
    const file = join(dataDir, 'jwt-secret')
    expect(readFileSync(file, 'utf8')).toBe(first.jwtSecret)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    // A given one goes before the kept one.
    expect(readConfig({ DATA_DIR: dataDir, JWT_SECRET: SECRET }).jwtSecret).toBe(SECRET)
  })

  it('O3 a kept secret that was cut short, and a DATA_DIR that cannot be, stop the start with a line', () => {
    const dataDir = folder()
    writeFileSync(join(dataDir, 'jwt-secret'), 'half a se')
    expect(linesOf({ DATA_DIR: dataDir })).toEqual([expect.stringMatching(/^JWT_SECRET /)])
    expect(linesOf({ DATA_DIR: dataDir }).join()).not.toContain('half a se')
    const file = join(dataDir, 'file')
    writeFileSync(file, '')
    expect(linesOf({ DATA_DIR: file })).toEqual([expect.stringMatching(/^DATA_DIR /)])
    expect(linesOf({ DATA_DIR: join(file, 'below') })).toEqual([expect.stringMatching(/^DATA_DIR /)])
  })
})

describe('the process', () => {
  it('O3 ends with 1 and just the lines on stderr when variables are wrong', async () => {
    const ran = run({ PORT: 'http', JWT_SECRET: 'hunter2', DATABASE_URL: 'mysql://me:hunter2@host/db', LOG_LEVEL: 'trace' })
    await until('the end', () => ran.code !== undefined)
    expect(ran.code).toBe(1)
    expect(ran.stdout).toBe('')
    const lines = ran.stderr.trimEnd().split('\n')
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual(['DATABASE_URL', 'JWT_SECRET', 'PORT'])
    expect(ran.stderr).not.toContain('hunter2')
  })

  it('O3 ends with 1 and no password when the database cannot be reached', async () => {
    const ran = run({ PORT: '0', JWT_SECRET: SECRET, DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:1/db', LOG_LEVEL: 'trace' })
    await until('the end', () => ran.code !== undefined)
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain('127.0.0.1')
    expect(ran.stdout + ran.stderr).not.toContain('hunter2')
  })

  it('O3 no secret reaches the log, whatever is asked and whatever breaks', { timeout: 30_000 }, async () => {
    const database = await createDatabase()
    onTestFinished(() => database.drop())
    const databasePassword = new URL(database.url).password
    expect(databasePassword).not.toBe('')
    // Nobody listens there: it is asked for again and again, and every failure is a chance to tell.
    const redisUrl = 'redis://cutroom:r3dis-passw0rd@127.0.0.1:1'
    const env = { DATABASE_URL: database.url, REDIS_URL: redisUrl, LOG_LEVEL: 'trace', RATE_LIMIT: 'off' }
    const ran = run({ PORT: '0', JWT_SECRET: SECRET, ...env })
    await until('the server', () => ran.stdout.includes('Cutroom is ready') || ran.code !== undefined, 20_000)
    const url = /http:\/\/localhost:\d+/.exec(ran.stdout)?.[0] ?? ''
    const db = new pg.Client({ connectionString: direct(database.url) })
    await db.connect()
    onTestFinished(() => db.end())

    const secrets = new Map<string, string>([
      ['jwt secret', SECRET],
      ['database password', databasePassword],
      ['redis password', new URL(redisUrl).password],
    ])
    const secret = (what: string, value: string) => {
      secrets.set(what, value)
      return value
    }
    type Login = { accessToken: string; refreshToken: string; user: { id: string } }
    const keep = (what: string, { accessToken, refreshToken }: Partial<Login>) => {
      if (accessToken !== undefined) secret(`${what}: access`, accessToken)
      if (accessToken !== undefined) secret(`${what}: signature`, accessToken.split('.')[2] ?? '?')
      if (refreshToken !== undefined) secret(`${what}: refresh`, refreshToken)
    }
    const post = <T = Login>(path: string, body?: unknown, options: { token?: string; headers?: Record<string, string> } = {}) =>
      request<T>(url, 'POST', path, { body, ...options })

    const password = secret('password', 'p4ssw0rd of ann')
    const email = 'ann@example.com'
    const registered = await post('/api/auth/register', { email, password, name: 'Ann', delivery: 'body' })
    expect(registered.status).toBe(201)
    keep('register', registered.body)
    const token = registered.body.accessToken

    // Logins, good and bad, in the body and in cookies.
    keep('login', (await post('/api/auth/login', { email, password, delivery: 'body' })).body)
    const inCookies = await post('/api/auth/login', { email, password, remember: true })
    const cookies = inCookies.headers.getSetCookie().map((cookie) => cookie.split(';')[0] ?? '')
    expect(cookies).toHaveLength(2)
    for (const cookie of cookies) secret(`cookie ${cookie.split('=')[0]}`, cookie.split('=')[1] ?? '?')
    keep('login with cookies', inCookies.body)
    expect((await request(url, 'GET', '/api/me', { headers: { cookie: cookies.join('; ') } })).status).toBe(200)
    const guess = secret('wrong password', 'guessed p4ssw0rd')
    expect((await post('/api/auth/login', { email, password: guess })).status).toBe(401)
    const broken = await fetch(`${url}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"email":"${email}","password":"${secret('malformed', 'unfinished p4ssw0rd')}`,
    })
    expect(broken.status).toBe(400)
    expect((await post('/api/auth/register', { email, password: secret('unfit', 'shp4ss'), name: '' })).status).toBe(422)
    const next = secret('next password', 'next p4ssw0rd of ann')
    expect((await request(url, 'PUT', '/api/me/password', { token, body: { current: guess, next } })).status).toBe(401)

    // Refresh: the good one, the used one, a made-up one.
    const { refreshToken } = registered.body
    for (let n = 0; n < 3; n++) keep(`refresh ${n}`, (await post('/api/auth/refresh', { refreshToken })).body)
    await post('/api/auth/refresh', { refreshToken: secret('made-up refresh', 'made.up.refresh-t0ken') })
    await post('/api/auth/refresh', undefined, { headers: { cookie: cookies.join('; ') } })

    // Tokens where they belong and where they do not.
    const forged = secret('forged token', `${token.slice(0, -6)}f0rged`)
    for (const path of ['/api/me', '/api/projects', '/nowhere', '/socket.io/', '/docs', '/healthz'])
      for (const query of ['', `?token=${token}`, `?access_token=${forged}`, `?password=${encodeURIComponent(password)}`]) {
        await request(url, 'HEAD', path + query, { token })
        await request(url, 'HEAD', path + query, { token: forged })
      }
    await request(url, 'GET', '/api/me', { headers: { authorization: `Basic ${secret('basic', 'YW5uOnA0c3N3MHJk')}` } })

    // Sockets: the token in each place, good and bad, and a refresh on a live one.
    const good = open({ url }, { auth: { token } })
    await until('the socket', () => good.frames.some((frame) => frame.name === 'connected'))
    await good.ask('session:refresh', { token })
    await good.ask('session:refresh', { token: forged })
    await good.ask('join:project', { token: secret('stray token', 'stray-s0cket-token') })
    const refused = [
      open({ url }, { auth: { token: forged } }),
      open({ url }, { query: { token } }),
      open({ url }, { query: { token: forged }, transports: ['polling'] }),
      open({ url }, { extraHeaders: { authorization: `Bearer ${forged}` } }),
      open({ url }, { extraHeaders: { cookie: cookies.join('; '), origin: 'https://evil.example.com' } }),
    ]
    const ended = new Set<unknown>()
    for (const { socket } of refused) socket.once('connect_error', () => ended.add(socket))
    await until('all of them to be refused', () => ended.size === refused.length)

    // What breaks: writes that the database refuses, connections that it cuts.
    await db.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON "User" FOR EACH ROW EXECUTE FUNCTION refuse();
      CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON "Session" FOR EACH ROW EXECUTE FUNCTION refuse()`)
    const bob = { email: 'bob@example.com', password: secret('password of bob', 'p4ssw0rd of bob'), name: 'Bob' }
    expect((await post('/api/auth/register', bob)).status).toBe(500)
    expect((await post('/api/auth/login', { email, password })).status).toBe(500)
    const { rows } = await db.query<{ hash: string }>('SELECT "passwordHash" AS hash FROM "User"')
    secret('password hash', rows[0]?.hash ?? '?')
    await db.query(`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid()`)
    await until('the server to have noticed', () => ran.stdout.includes('a database connection was lost'))
    await db.query('DROP TABLE "Session" CASCADE')
    expect((await request(url, 'GET', '/api/me', { token })).status).toBe(500)
    expect((await post('/api/auth/login', { email, password })).status).toBe(500)

    ran.child.kill('SIGTERM')
    await until('the end', () => ran.code !== undefined, 20_000)
    const log = ran.stdout + ran.stderr
    // The log is there, and it tells what happened.
    expect(log).toContain('/api/auth/login')
    expect(log).toContain('refused by the test')
    expect(log).toContain('Redis is away')
    expect(log).not.toContain('connectionParameters')
    expect(log.split('\n').filter((line) => line.includes('"reqId"')).length).toBeGreaterThan(100)
    for (const [what, value] of secrets) {
      expect(value.length, what).toBeGreaterThan(5)
      for (const form of [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]) {
        const at = log.indexOf(form)
        expect(at < 0 ? '' : log.slice(Math.max(0, at - 300), at + form.length + 20), what).toBe('')
      }
    }
  })
})
