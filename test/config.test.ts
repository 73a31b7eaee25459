import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import pg from 'pg'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { ConfigError, readConfig } from '../src/config.ts'
import { nodeRefusal, OLDEST_NODE } from '../src/node-version.ts'
import { startApp } from './support/app.ts'
import { createDatabase } from './support/database.ts'
import { direct } from './support/hostile.ts'
import { request } from './support/people.ts'
import { routesOf } from './support/routes.ts'
import { open } from './support/sockets.ts'
import { until } from './support/until.ts'

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
  const child = spawn(process.execPath, [join(inject('build'), 'server.js')], {
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
    [
      'DATABASE_URL',
      [
        'mysql://me:hunter2@host/db',
        'localhost',
        'elephant',
        'postgres://me:hunter2@host',
        'postgres://me:hunter2@host/',
        'postgres://host/%zz',
        'postgres://host:99999/db',
        'postgres://host/db?schema=pg_catalog',
        'postgres://host/db?schema=a%22b',
        `postgres://host/db?schema=${'x'.repeat(64)}`,
      ],
      /postgres:\/\//,
    ],
    ['DATABASE_POOL', ['1', '501', 'many'], /2 to 500/],
    ['REDIS_URL', ['http://me:hunter2@host', 'localhost:6379', 'redis://host/cache', 'redis://host/1/2'], /redis:\/\//],
    ['REDIS_PREFIX', ['two words', 'a:b', 'ü', 'x'.repeat(65)], /letters.*64/],
    ['EVENT_RETENTION', ['7', 'never', '1w', '0s', '0d', '36501d', '9'.repeat(400)], /30d.*off/],
    ['JWT_SECRET', ['hunter2', 'x'.repeat(31)], /32 characters/],
    [
      'METRICS_TOKEN',
      ['hunter2', 'x'.repeat(15), 'two words, and long enough', 'a token with ümlauts', 'x'.repeat(1025)],
      /16 characters/,
    ],
    ['ACCESS_TOKEN_TTL', ['15', '15 m', '-1m', '1w', '0s', '000m', '36501d', `${'9'.repeat(400)}s`], /15m/],
    ['REFRESH_TOKEN_TTL', ['forever', '30', '0d', '9999999999999d'], /15m/],
    [
      'CORS_ORIGINS',
      [
        '*',
        'null',
        'b.example.com',
        'localhost:5173',
        '//b.example.com',
        'https:b.example.com',
        'https://a.example.com,nonsense',
        'https://*.example.com',
        'http://localhost:*',
        'https://a.example.com/app',
        'https://a.example.com//',
        'https://a.example.com/?',
        'https://a.example.com#',
        'https://me:hunter2@a.example.com',
        'https://a.example.com:65536',
        'https://a b.example.com',
        'ws://a.example.com',
        'file:///index.html',
        'data:text/html,x',
        'data://x',
        'blob://a.example.com',
        'about://blank',
        'javascript://x',
        'https://a.example.com;https://b.example.com/',
      ],
      /https:\/\/app\.example\.com/,
    ],
    [
      'SOCKET_PATH',
      [
        'sockets',
        '/with space',
        '/',
        '//',
        '//ws',
        '/a//b',
        '/ws//',
        '/.',
        '/..',
        '/ws/..',
        '/./ws',
        '/api',
        '/api/',
        '/api/sockets',
        '/docs',
        '/docs/events',
        '/healthz',
        '/readyz/x',
        '/metrics',
        '/openapi.json',
        '/ws?x',
        '/%77s',
      ],
      /\/socket\.io/,
    ],
    ['TRUST_PROXY', ['maybe', '2'], /true or false/],
    ['LOG_LEVEL', ['verbose', 'INFO'], /fatal.*silent/],
    ['RATE_LIMIT', ['0', 'none', '-5'], /off/],
    ['REGISTRATION', ['closed'], /open.*invite/],
    ...(['UPLOAD_AUDIO_MAX', 'UPLOAD_STEMS_MAX', 'UPLOAD_IMAGE_MAX', 'UPLOAD_DOCUMENT_MAX'] as const).map(
      (name): [string, string[], RegExp] => [
        name,
        ['100', '100 MB', '1.5GB', '-5MB', '0MB', '0B', '100mb', '100Mb', '100MBB', '6GB', '5GiB', 'off', `${'9'.repeat(400)}B`],
        /100MB.*5GB/,
      ],
    ),
    [
      'MAIL_FROM',
      [
        'nobody',
        'a b@example.com',
        'Cutroom cutroom@example.com',
        'A\r\nBcc: x@y.z <a@b.cd>',
        '<a@b.cd',
        '"A" <a@b.cd>, <c@d.ef>',
      ],
      /Cutroom <cutroom@example\.com>/,
    ],
    ['MISSED_MAIL_AFTER', ['15', 'soon', '0m'], /15m/],
    ['WEBHOOKS_PRIVATE', ['yes', 'true', 'ON'], /./],
    ['SEARCH_LANGUAGE', ['German', 'x y', "simple'"], /./],
    ['DIGEST_HOUR', ['24', '-1', '7:00'], /0 to 23/],
    ...(['QUOTA_PROJECT', 'QUOTA_PERSON'] as const).map((name): [string, string[], RegExp] => [
      name,
      ['20', 'none', '0GB', '-1GB', '1001TB', 'OFF', `${'9'.repeat(15)}TiB`],
      /20GB.*off/,
    ]),
    [
      'PUBLIC_URL',
      [
        'example.com',
        'ftp://example.com',
        'https:example.com',
        'https://example.com?',
        'https://example.com/?x=1',
        'https://example.com/#top',
        'https://me:hunter2@example.com',
        'https://*.example.com',
        'https://example.com//studio',
        'https://example.com/studio//',
        'https://example.com:99999',
      ],
      /https?:\/\//,
    ],
    ['DIALECTS', ['elvish', 'baasix;planner', 'native'], /baasix, photoflow/],
    ['DIALECT', ['elvish', 'baasix'], /DIALECTS/],
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

  const s3 = {
    S3_ENDPOINT: 'https://s3.example.com',
    S3_BUCKET: 'songs',
    S3_ACCESS_KEY_ID: 'AKIAEXAMPLE',
    S3_SECRET_ACCESS_KEY: 'hunter2hunter2',
  }
  const wrongOfS3: [name: string, values: string[]][] = [
    [
      'S3_ENDPOINT',
      [
        's3.example.com',
        'ftp://s3.example.com',
        'https://me:hunter2@s3.example.com',
        'https://s3.example.com/?x=1',
        'https://s3.example.com/#x',
        'https://s3.example.com//x',
        'https://s3.example.com:99999',
      ],
    ],
    ['S3_BUCKET', ['ab', 'Songs', 'my songs', 'songs/', '-songs', 'x'.repeat(64)]],
    ['S3_REGION', ['eu central', 'eu/1', 'ü']],
    ['S3_ACCESS_KEY_ID', ['two words', 'ümlaut', 'x'.repeat(257)]],
    ['S3_SECRET_ACCESS_KEY', ['hunter2 hunter2', 'x'.repeat(257)]],
    ['S3_PREFIX', ['/songs', 'a//b', '../x', 'a/../b', 'a b', '.', 'x'.repeat(501)]],
  ]

  for (const [name, values] of wrongOfS3)
    it(`O3 a wrong ${name} is one line that names it and not its value`, () => {
      for (const value of values) {
        const lines = linesOf({ JWT_SECRET: SECRET, ...s3, [name]: value })
        expect(lines, value).toEqual([expect.stringMatching(new RegExp(`^${name} must be \\S`))])
        if (value.length > 5) expect(lines[0], value).not.toContain(value)
      }
    })

  it('O3 a store is named whole or not at all: one line for each variable that is missing', () => {
    for (const name of Object.keys(s3))
      expect(linesOf({ JWT_SECRET: SECRET, ...s3, [name]: '' })).toEqual([
        expect.stringMatching(new RegExp(`^${name} must be set, since S3_`)),
      ])
    expect(linesOf({ JWT_SECRET: SECRET, S3_PREFIX: 'studio' })).toEqual(
      Object.keys(s3).map((name) => `${name} must be set, since S3_PREFIX is`),
    )
    const file = join(folder(), 'key')
    writeFileSync(file, `${s3.S3_SECRET_ACCESS_KEY}\n`)
    const { S3_SECRET_ACCESS_KEY: secretAccessKey, ...rest } = s3
    expect(readConfig({ JWT_SECRET: SECRET, ...rest, S3_SECRET_ACCESS_KEY_FILE: file }).s3).toEqual({
      endpoint: 'https://s3.example.com',
      bucket: 'songs',
      region: 'us-east-1',
      accessKeyId: 'AKIAEXAMPLE',
      secretAccessKey,
      prefix: '',
    })
    const more = { S3_ENDPOINT: 'http://localhost:9000/storage/v1/s3/', S3_REGION: 'auto', S3_PREFIX: 'studio/songs' }
    expect(readConfig({ JWT_SECRET: SECRET, ...s3, ...more }).s3).toMatchObject({
      endpoint: 'http://localhost:9000/storage/v1/s3',
      region: 'auto',
      prefix: 'studio/songs/',
    })
  })

  it('names of other systems count as ours, and errors name what was used', () => {
    const basic = { JWT_SECRET: SECRET }
    expect(
      readConfig({
        ...basic,
        SOCKET_ENABLED: 'true',
        SOCKET_PATH: '/realtime',
        SOCKET_CORS_ENABLED_ORIGINS: 'https://yourdomain.com,https://app.yourdomain.com',
        CACHE_REDIS_URL: 'redis://localhost:6379',
      }),
    ).toMatchObject({
      dialects: ['baasix'],
      socketPath: '/realtime',
      corsOrigins: ['https://yourdomain.com', 'https://app.yourdomain.com'],
      redisUrl: 'redis://localhost:6379',
    })
    expect(readConfig({ ...basic, VITE_CORS_ORIGIN: 'http://a.test' }).corsOrigins).toEqual(['http://a.test'])
    const wrongBy: [env: Record<string, string>, line: RegExp][] = [
      [{ SOCKET_ENABLED: 'false' }, /^SOCKET_ENABLED must be true/],
      [{ SOCKET_CORS_ENABLED_ORIGINS: '*' }, /^SOCKET_CORS_ENABLED_ORIGINS must be origins/],
      [{ VITE_CORS_ORIGIN: '*' }, /^VITE_CORS_ORIGIN must be origins/],
      [{ CACHE_REDIS_URL: 'localhost:6379' }, /^CACHE_REDIS_URL must be a redis/],
    ]
    for (const [env, line] of wrongBy) expect(linesOf({ ...basic, ...env })).toEqual([expect.stringMatching(line)])
  })

  it('O3 two names of one variable that differ stop the start, and the alias is named', () => {
    const differ: Record<string, string>[] = [
      { REDIS_URL: 'redis://a:1', CACHE_REDIS_URL: 'redis://b:1' },
      { CORS_ORIGINS: 'http://a.test', VITE_CORS_ORIGIN: 'http://b.test' },
      { SOCKET_CORS_ENABLED_ORIGINS: 'http://a.test', VITE_CORS_ORIGIN: 'http://b.test' },
      { DIALECTS: 'planner', SOCKET_ENABLED: 'true' },
    ]
    for (const env of differ) {
      const [one, alias] = Object.keys(env)
      expect(linesOf({ JWT_SECRET: SECRET, ...env })).toEqual([`${one} and ${alias} mean the same and differ: leave one out`])
    }
    const same = { CORS_ORIGINS: 'http://a.test, http://b.test', VITE_CORS_ORIGIN: 'http://b.test,http://a.test' }
    expect(readConfig({ JWT_SECRET: SECRET, ...same }).corsOrigins).toHaveLength(2)
    expect(readConfig({ JWT_SECRET: SECRET, DIALECTS: 'planner,baasix', SOCKET_ENABLED: 'true' }).dialects).toHaveLength(2)
  })

  it('O3 all wrong variables are reported at once, one line each', () => {
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
      metricsToken: undefined,
      accessTokenTtl: 900,
      refreshTokenTtl: 30 * 86_400,
      corsOrigins: [],
      dialect: 'native',
      dialects: [],
      socketPath: '/socket.io',
      trustProxy: false,
      logLevel: 'info',
      rateLimit: 1200,
      registration: 'open',
      publicUrl: undefined,
      secureCookies: false,
      uploadMax: { audio: 100e6, stems: 500e6, image: 5e6, document: 25e6 },
      quota: { project: 20e9, person: 50e9 },
      s3: undefined,
      mail: undefined,
      missedMailAfter: 900,
      digestHour: 7,
      searchLanguage: 'simple',
      webhooksPrivate: false,
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
        REDIS_PREFIX: 'staging',
        EVENT_RETENTION: 'off',
        JWT_SECRET: SECRET,
        METRICS_TOKEN: 'a-token-for-prometheus',
        ACCESS_TOKEN_TTL: '90s',
        REFRESH_TOKEN_TTL: '2h',
        CORS_ORIGINS: 'https://a.example.com/, capacitor://localhost',
        SOCKET_PATH: '/ws',
        DIALECTS: 'planner, bandmate,planner',
        DIALECT: 'planner',
        TRUST_PROXY: 'true',
        LOG_LEVEL: 'trace',
        RATE_LIMIT: 'off',
        REGISTRATION: 'invite',
        PUBLIC_URL: 'https://cutroom.example.com',
        UPLOAD_AUDIO_MAX: '5GB',
        UPLOAD_STEMS_MAX: '4GiB',
        UPLOAD_IMAGE_MAX: '1B',
        UPLOAD_DOCUMENT_MAX: '10KiB',
        QUOTA_PROJECT: 'off',
        QUOTA_PERSON: '2TB',
        ...s3,
        SMTP_URL: 'smtp://me:p%40ss@mail.example.com',
        MAIL_FROM: '"The Band" <band@example.com>',
        MISSED_MAIL_AFTER: '1h',
        DIGEST_HOUR: '0',
        SEARCH_LANGUAGE: 'german',
        WEBHOOKS_PRIVATE: 'on',
        EXTENSIONS_DIR: 'my/extensions',
      }),
    ).toEqual({
      production: true,
      port: 0,
      host: '::1',
      dataDir: resolve('some/where'),
      databaseUrl: 'postgresql://u:p@h/d',
      databasePool: 20,
      redisUrl: 'rediss://cache:6380',
      redisPrefix: 'staging',
      eventRetention: null,
      jwtSecret: SECRET,
      metricsToken: 'a-token-for-prometheus',
      accessTokenTtl: 90,
      refreshTokenTtl: 7200,
      corsOrigins: ['https://a.example.com', 'capacitor://localhost'],
      socketPath: '/ws',
      dialects: ['planner', 'bandmate'],
      dialect: 'planner',
      trustProxy: true,
      logLevel: 'trace',
      rateLimit: null,
      registration: 'invite',
      publicUrl: 'https://cutroom.example.com',
      secureCookies: true,
      uploadMax: { audio: 5e9, stems: 4 * 2 ** 30, image: 1, document: 10_240 },
      quota: { project: null, person: 2e12 },
      s3: {
        endpoint: 'https://s3.example.com',
        bucket: 'songs',
        region: 'us-east-1',
        accessKeyId: 'AKIAEXAMPLE',
        secretAccessKey: 'hunter2hunter2',
        prefix: '',
      },
      mail: {
        smtp: { host: 'mail.example.com', port: 587, secure: false, isLocal: false, user: 'me', password: 'p@ss' },
        from: { name: 'The Band', address: 'band@example.com' },
      },
      missedMailAfter: 3600,
      digestHour: 0,
      searchLanguage: 'german',
      webhooksPrivate: true,
      extensionsDir: resolve('my/extensions'),
    })
  })

  it('O3 a mail server is named by one URL, and never without who sends and where links lead', () => {
    const whole = { JWT_SECRET: SECRET, MAIL_FROM: 'band@example.com', PUBLIC_URL: 'https://band.example' }
    const urls = ['mail.example.com', 'http://h', 'smtp://', 'smtp://h/path', 'smtp://h?tls=no', 'smtp://h:99999', 'smtp://a:%@h']
    for (const SMTP_URL of urls)
      expect(linesOf({ ...whole, SMTP_URL }), SMTP_URL).toEqual([expect.stringMatching(/^SMTP_URL must be an smtp/)])
    expect(linesOf({ JWT_SECRET: SECRET, SMTP_URL: 'smtp://localhost' })).toEqual([
      'MAIL_FROM must be set, since SMTP_URL is',
      'PUBLIC_URL must be set, since SMTP_URL is',
    ])
    expect(readConfig({ ...whole, SMTP_URL: 'smtps://[::1]' }).mail).toEqual({
      smtp: { host: '::1', port: 465, secure: true, isLocal: true, user: undefined, password: undefined },
      from: { name: 'Cutroom', address: 'band@example.com' },
    })
  })

  it('.env.example names every variable, with the defaults', () => {
    const example = readFileSync('.env.example', 'utf8')
    const named = [...example.matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name]) => name)
    const files = ['DATABASE_URL_FILE', 'REDIS_URL_FILE', 'JWT_SECRET_FILE', 'METRICS_TOKEN_FILE', 'SMTP_URL', 'SMTP_URL_FILE']
    const others = ['HOST', 'DATA_DIR', 'EXTENSIONS_DIR', 'NODE_ENV', ...files]
    expect(new Set([...named, 'NODE_ENV'])).toEqual(new Set([...wrong.map(([name]) => name), ...others]))
    const set = Object.fromEntries([...example.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value]))
    expect(readConfig({ ...set, JWT_SECRET: SECRET })).toEqual(readConfig({ JWT_SECRET: SECRET }))
  })

  it('O3 origins, PUBLIC_URL and SOCKET_PATH are normalised as browsers write them', () => {
    const cases: [env: Record<string, string>, config: object][] = [
      [{ CORS_ORIGINS: 'https://A.Example.com:443' }, { corsOrigins: ['https://a.example.com'] }],
      [
        { CORS_ORIGINS: 'HTTP://localhost:80/,http://localhost:5173' },
        { corsOrigins: ['http://localhost', 'http://localhost:5173'] },
      ],
      [
        { CORS_ORIGINS: 'https://bücher.example, http://[::1]:8080' },
        { corsOrigins: ['https://xn--bcher-kva.example', 'http://[::1]:8080'] },
      ],
      [
        { CORS_ORIGINS: 'capacitor://localhost,chrome-extension://abcd/' },
        { corsOrigins: ['capacitor://localhost', 'chrome-extension://abcd'] },
      ],
      [{ PUBLIC_URL: 'HTTPS://Example.com:443/' }, { publicUrl: 'https://example.com', secureCookies: true }],
      [{ PUBLIC_URL: 'https://example.com/studio/' }, { publicUrl: 'https://example.com/studio' }],
      [{ PUBLIC_URL: 'http://example.com:8080/a/b' }, { publicUrl: 'http://example.com:8080/a/b', secureCookies: false }],
      [{ SOCKET_PATH: '/ws/' }, { socketPath: '/ws' }],
      [{ SOCKET_PATH: '/studio/socket.io' }, { socketPath: '/studio/socket.io' }],
      [{ SOCKET_PATH: '/apis' }, { socketPath: '/apis' }],
      [
        { DATABASE_URL: 'postgres:///db?host=/run/postgresql&schema=my%20band' },
        { databaseUrl: 'postgres:///db?host=/run/postgresql&schema=my%20band' },
      ],
      [{ REDIS_URL: 'redis://host/2' }, { redisUrl: 'redis://host/2' }],
    ]
    for (const [env, config] of cases)
      expect(readConfig({ JWT_SECRET: SECRET, ...env }), JSON.stringify(env)).toMatchObject(config)
  })

  it('O3 SOCKET_PATH cannot be a route of the server', async () => {
    const app = await startApp()
    onTestFinished(app.close)
    const paths = routesOf(app.app).flatMap((route) => /^GET (\/[^\s:*]+)/.exec(route)?.[1] ?? [])
    expect(paths.length).toBeGreaterThan(5)
    for (const route of paths)
      for (const path of [route.replace(/\/$/, ''), `/${route.split('/')[1]}`])
        expect(linesOf({ JWT_SECRET: SECRET, SOCKET_PATH: path }), path).toHaveLength(path === '/socket.io' ? 0 : 1)
  })

  it('O3 a refresh token that ends before the access token stops the start', () => {
    expect(linesOf({ JWT_SECRET: SECRET, ACCESS_TOKEN_TTL: '2h', REFRESH_TOKEN_TTL: '1h' })).toEqual([
      'REFRESH_TOKEN_TTL must not be shorter than ACCESS_TOKEN_TTL',
    ])
    expect(linesOf({ JWT_SECRET: SECRET, ACCESS_TOKEN_TTL: '1h', REFRESH_TOKEN_TTL: '60m' })).toEqual([])
  })

  it('O3 secrets may be in files: trimmed, checked by the same rules, and never together with the variable', () => {
    const dir = folder()
    const file = (name: string, content: string) => {
      writeFileSync(join(dir, name), content)
      return join(dir, name)
    }
    const env = {
      NODE_ENV: 'production',
      JWT_SECRET_FILE: file('secret', `\n${SECRET}\r\n`),
      DATABASE_URL_FILE: file('database', 'postgres://u:p@h/d\n'),
      REDIS_URL_FILE: file('redis', ' redis://h '),
      METRICS_TOKEN_FILE: file('metrics', 'a-token-for-prometheus\n'),
    }
    expect(readConfig(env)).toMatchObject({
      jwtSecret: SECRET,
      databaseUrl: 'postgres://u:p@h/d',
      redisUrl: 'redis://h',
      metricsToken: 'a-token-for-prometheus',
    })
    const wrongFiles: [env: Record<string, string>, says: RegExp][] = [
      [{ JWT_SECRET: SECRET }, /^JWT_SECRET and JWT_SECRET_FILE are both set/],
      [{ JWT_SECRET_FILE: join(dir, 'none') }, /^JWT_SECRET_FILE must be a file that can be read \(ENOENT\)$/],
      [{ JWT_SECRET_FILE: dir }, /^JWT_SECRET_FILE must be a file/],
      [{ JWT_SECRET_FILE: '/dev/zero' }, /^JWT_SECRET_FILE must be a file/],
      [{ JWT_SECRET_FILE: file('empty', ' \n') }, /^JWT_SECRET_FILE must be a file that is not empty$/],
      [{ JWT_SECRET_FILE: file('short', 'hunter2') }, /^JWT_SECRET_FILE: its content must have at least 32 characters$/],
      [{ DATABASE_URL_FILE: file('mysql', 'mysql://me:hunter2@host/db') }, /^DATABASE_URL_FILE: its content must be a postgres/],
      [{ REDIS_URL: 'redis://h' }, /^REDIS_URL and REDIS_URL_FILE are both set/],
    ]
    for (const [change, says] of wrongFiles) {
      const lines = linesOf({ ...env, ...change })
      expect(lines, JSON.stringify(change)).toEqual([expect.stringMatching(says)])
      expect(lines.join()).not.toContain('hunter2')
    }
  })

  it('O3 development generates a secret once, in a file for its owner only, and finds it again', () => {
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

  it('O3 a truncated secret file, and a DATA_DIR that cannot be made, stop the start with one line', () => {
    const dataDir = folder()
    writeFileSync(join(dataDir, 'jwt-secret'), 'half a se')
    expect(linesOf({ DATA_DIR: dataDir })).toEqual([expect.stringMatching(/^JWT_SECRET /)])
    expect(linesOf({ DATA_DIR: dataDir }).join()).not.toContain('half a se')
    const file = join(dataDir, 'file')
    writeFileSync(file, '')
    expect(linesOf({ DATA_DIR: file })).toEqual([expect.stringMatching(/^DATA_DIR /)])
    for (const path of [
      join(file, 'below'),
      '/proc/x',
      '/proc/x/y',
      '/proc/self/x',
      '/sys/x',
      '/dev/null',
      '/dev/null/x',
      'x'.repeat(300),
    ])
      expect(linesOf({ DATA_DIR: path }), path).toEqual([expect.stringMatching(/^DATA_DIR /)])
  })
})

describe('the process', () => {
  it('O3 ends with 1 and just the lines on stderr when variables are wrong', async () => {
    const ran = run({ PORT: 'http', JWT_SECRET: 'hunter2', DATABASE_URL: 'mysql://me:hunter2@host/db', LOG_LEVEL: 'trace' })
    await until('the end', () => ran.code !== undefined, 30_000)
    expect(ran.code).toBe(1)
    expect(ran.stdout).toBe('')
    const lines = ran.stderr.trimEnd().split('\n')
    expect(lines.map((line) => line.split(' ')[0]).sort()).toEqual(['DATABASE_URL', 'JWT_SECRET', 'PORT'])
    expect(ran.stderr).not.toContain('hunter2')
  })

  const OWN = { PORT: '0', HOST: '127.0.0.1', JWT_SECRET: SECRET }
  const endings: [what: string, env: () => Record<string, string>, says: RegExp][] = [
    ['a DATA_DIR below /proc', () => ({ DATA_DIR: '/proc/x' }), /^DATA_DIR must be a folder that can be written \(ENOENT\)$/],
    ['a DATA_DIR that is a file', () => ({ DATA_DIR: resolve('package.json') }), /^DATA_DIR must be a folder .*\(ENOTDIR\)$/],
    ['a DATA_DIR of the kernel', () => ({ DATA_DIR: '/proc' }), /^DATA_DIR must be a folder that can be written/],
  ]
  for (const [what, env, says] of endings)
    it(`O3 ends with 1 and one line for ${what}`, async () => {
      const ran = run({ ...OWN, ...env() })
      await until('the end', () => ran.code !== undefined, 30_000)
      expect(ran.code).toBe(1)
      const lines = ran.stderr.trimEnd().split('\n')
      expect(lines).toEqual([expect.stringMatching(says)])
    })

  it('O3 ends with 1 and one line for an address that cannot be listened at', async () => {
    const database = await createDatabase()
    onTestFinished(() => database.drop())
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const address = taken.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const addresses: [env: Record<string, string>, says: RegExp][] = [
      [{ PORT: `${port}` }, /^PORT is in use/],
      [{ HOST: 'no-such-host.invalid' }, /^HOST cannot be resolved/],
      [{ HOST: '192.0.2.1' }, /^HOST is no address of this machine/],
    ]
    for (const [env, says] of addresses) {
      const ran = run({ ...OWN, DATABASE_URL: database.url, ...env })
      await until('the end', () => ran.code !== undefined, 30_000)
      expect(ran.code).toBe(1)
      expect(ran.stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(says)])
    }
  })

  it('O3 a Node that is too old ends with 1 and one line, before any package is loaded', async () => {
    expect(`>=${OLDEST_NODE}`).toBe(JSON.parse(readFileSync('package.json', 'utf8')).engines.node)
    for (const version of ['18.20.8', '20.18.3', '19.9.0', '8.0.0']) expect(nodeRefusal(version)).toContain(version)
    for (const version of ['20.19.0', '22.0.0', '24.12.0', process.versions.node]) expect(nodeRefusal(version)).toBeNull()
    // The preloaded module makes this Node call itself an old one.
    const old =
      'data:text/javascript,Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.20.8" } })'
    const ran = run({ ...OWN, NODE_OPTIONS: `--import=${encodeURI(old)}`, DATABASE_URL: 'postgres://127.0.0.1:1/db' })
    await until('the end', () => ran.code !== undefined, 30_000)
    expect(ran.code).toBe(1)
    expect(ran.stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(/^Node 18\.20\.8 is too old: .*20\.19/)])
  })

  it('O3 ends with 1 and no password when the database cannot be reached', async () => {
    const ran = run({ PORT: '0', JWT_SECRET: SECRET, DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:1/db', LOG_LEVEL: 'trace' })
    await until('the end', () => ran.code !== undefined, 30_000)
    expect(ran.code).toBe(1)
    expect(ran.stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(/^DATABASE_URL: cannot connect: .*127\.0\.0\.1/)])
    expect(ran.stdout + ran.stderr).not.toContain('hunter2')
  })

  it('O3 S5 no secret reaches the log at level trace, whatever is requested and whatever breaks', {
    timeout: 30_000,
  }, async () => {
    const database = await createDatabase()
    onTestFinished(() => database.drop())
    const databasePassword = new URL(database.url).password
    expect(databasePassword).not.toBe('')
    // The port is closed: the connection is tried again and again, and every failure is a chance to log.
    const redisUrl = 'redis://cutroom:r3dis-passw0rd@127.0.0.1:1'
    const metricsToken = 'm3trics-t0ken-of-the-test'
    const s3Secret = 's3cret-access-key-of-the-test'
    const env = {
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl,
      METRICS_TOKEN: metricsToken,
      // Its port is closed, too.
      S3_ENDPOINT: 'http://127.0.0.1:1',
      S3_BUCKET: 'songs',
      S3_ACCESS_KEY_ID: 'AKIAEXAMPLE',
      S3_SECRET_ACCESS_KEY: s3Secret,
      LOG_LEVEL: 'trace',
      RATE_LIMIT: 'off',
    }
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
      ['metrics token', metricsToken],
      ['S3 secret', s3Secret],
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
    // Without the marker, which is no secret.
    const set = inCookies.headers.getSetCookie().filter((cookie) => !cookie.startsWith('cutroom_refreshable=1'))
    const cookies = set.map((cookie) => cookie.split(';')[0] ?? '')
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

    // An API token.
    const made = await post<{ token: string }>(
      '/api/me/tokens',
      { name: 'Bot' },
      { token, headers: { 'idempotency-key': 'a-bot' } },
    )
    const bot = secret('API token', made.body.token)
    expect((await request(url, 'GET', `/api/me?token=${bot}`, { token: bot })).status).toBe(422)
    expect((await post('/api/auth/logout', { refreshToken: bot }, { token: bot })).status).toBe(403)
    expect((await request(url, 'GET', '/api/me', { headers: { cookie: `cutroom_access=${bot}` } })).status).toBe(401)

    // Tokens where they belong and where they do not.
    const forged = secret('forged token', `${token.slice(0, -6)}f0rged`)
    for (const path of ['/api/me', '/api/projects', '/nowhere', '/socket.io/', '/docs', '/healthz'])
      for (const query of ['', `?token=${token}`, `?access_token=${forged}`, `?password=${encodeURIComponent(password)}`]) {
        await request(url, 'HEAD', path + query, { token })
        await request(url, 'HEAD', path + query, { token: forged })
      }
    for (const scraped of [metricsToken, secret('forged metrics token', `${metricsToken}-f0rged`)])
      await fetch(`${url}/metrics?token=${scraped}`, { headers: { authorization: `Bearer ${scraped}` } })
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
      open({ url }, { query: { token: bot }, auth: { token: `${bot}x` } }),
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
    await until('the server to have noticed', () => ran.stdout.includes('database: a connection was lost'))
    await db.query('DROP TABLE "Session" CASCADE')
    expect((await request(url, 'GET', '/api/me', { token })).status).toBe(500)
    expect((await post('/api/auth/login', { email, password })).status).toBe(500)

    ran.child.kill('SIGTERM')
    await until('the end', () => ran.code !== undefined, 20_000)
    const log = ran.stdout + ran.stderr
    // The log has what happened.
    expect(log).toContain('/api/auth/login')
    expect(log).toContain('refused by the test')
    expect(log).toContain('redis: connection lost')
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
