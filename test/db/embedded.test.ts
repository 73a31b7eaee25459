import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded/embedded.ts'
import { postgresUser } from '../../src/db/embedded/host.ts'

const isRoot = process.getuid?.() === 0
if (!isRoot) console.warn('NOT ROOT: the folder that only root may enter is not tested')

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step()
})

let made = ''
beforeAll(async () => {
  made = mkdtempSync(join(tmpdir(), 'cutroom-embedded-made-'))
  chmodSync(made, 0o755)
  await (await startEmbeddedPostgres({ dataDir: made, log: () => {} })).stop()
})
afterAll(() => rmSync(made, { recursive: true, force: true }))

/** A folder that Postgres's user may pass through, as an ordinary clone is; mkdtemp's own mode is 0700. */
function newFolder(mode = 0o755): string {
  const folder = mkdtempSync(join(tmpdir(), 'cutroom-embedded-'))
  chmodSync(folder, mode)
  cleanUp.push(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A folder with a database that was made before, once for all tests: a copy takes a tenth of what making one does. */
function usedFolder(): string {
  const folder = newFolder()
  execFileSync('cp', ['-a', `${made}/.`, folder])
  return folder
}

async function start(dataDir: string, settings = {}): Promise<EmbeddedPostgres & { lines: string[] }> {
  const lines: string[] = []
  const server = await startEmbeddedPostgres({ dataDir, log: (line) => lines.push(line), settings })
  cleanUp.push(() => server.stop())
  return { ...server, lines }
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

/** Another Node process that runs `before`, starts the database, prints `ready <url>`, and then runs `after`. */
function startElsewhere(
  dataDir: string,
  after: string,
  before = '',
): ChildProcess & { said(text: RegExp): Promise<RegExpExecArray> } {
  const code = `
    import { startEmbeddedPostgres } from ${JSON.stringify(import.meta.resolve('../../src/db/embedded/embedded.ts'))}
    ${before}
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log: (line) => console.log('log', line) })
    console.log('ready', server.url)
    ${after}`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    cwd: join(import.meta.dirname, '../..'),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  cleanUp.push(() => child.kill('SIGKILL'))
  const said = (text: RegExp) =>
    vi.waitFor(
      () => {
        const match = text.exec(output)
        if (!match) throw new Error(`not said: ${text}; output: ${output}`)
        return match
      },
      { timeout: 60_000, interval: 5 },
    )
  return Object.assign(child, { said })
}

const FOREVER = 'setInterval(() => {}, 1000)'
const postmaster = (path: string) => Number(readFileSync(join(path, 'postmaster.pid'), 'utf8').split('\n')[0])
const isDown = (path: string) =>
  vi.waitFor(() => expect(existsSync(join(path, 'postmaster.pid'))).toBe(false), { timeout: 60_000, interval: 5 })
const initDrafts = (dataDir: string) => readdirSync(dataDir).filter((name) => name.startsWith('postgres.init-'))

describe('embedded Postgres', () => {
  it('is a PostgreSQL 18 on 127.0.0.1 only, UTF-8, durable, behind a password', async () => {
    const dataDir = newFolder()
    const { url } = await start(dataDir)
    const names = [
      'server_version',
      'listen_addresses',
      'unix_socket_directories',
      'server_encoding',
      'fsync',
      'max_connections',
      'shared_buffers',
    ]
    const values = names.map((name) => `current_setting('${name}') AS ${name}`)
    const [row] = await query(url, `SELECT ${values.join(', ')}, lower('ÅÄÖ') AS lower, current_user, current_database()`)
    expect(row).toMatchObject({
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      server_encoding: 'UTF8',
      fsync: 'on',
      max_connections: '100',
      shared_buffers: '128MB',
    })
    expect(row).toMatchObject({
      lower: 'åäö',
      current_user: 'cutroom',
      current_database: 'cutroom',
      server_version: expect.stringMatching(/^18\./),
    })
    expect(statSync(join(dataDir, 'postgres-password')).mode & 0o777).toBe(0o600)
    await expect(query(url.replace(/:[^:@]+@/, ':wrong@'), 'SELECT 1')).rejects.toThrow('password authentication failed')
  })

  it('keeps its data over a restart and takes settings', async () => {
    const dataDir = usedFolder()
    const first = await start(dataDir)
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    await isDown(first.path)
    const second = await start(dataDir, { max_connections: '20', listen_addresses: '*' })
    expect(
      await query(
        second.url,
        `SELECT answer, current_setting('max_connections') AS most, current_setting('listen_addresses') AS at FROM kept`,
      ),
    ).toEqual([{ answer: 42, most: '20', at: '127.0.0.1' }])
  })

  it('reports why Postgres does not start', async () => {
    await expect(start(usedFolder(), { shared_buffers: 'plenty' })).rejects.toThrow(
      /postgres\.log:\n[\s\S]*invalid value for parameter "shared_buffers": "plenty"/,
    )
  })

  it('takes over the server of a process that got SIGKILL, and stops it', async () => {
    const dataDir = usedFolder()
    const child = startElsewhere(dataDir, FOREVER)
    const [, url] = await child.said(/ready (\S+)/)
    await query(url as string, 'CREATE TABLE kept AS SELECT 42 AS answer')
    child.kill('SIGKILL')
    await once(child, 'exit')

    const server = await start(dataDir)
    expect(server.url).toBe(url)
    expect(server.lines.join()).toContain('took over')
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
    await server.stop()
    await expect(query(server.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
    expect(existsSync(join(server.path, 'postmaster.pid'))).toBe(false)
  })

  it('lets one of two processes have the folder, and does not disturb it for the other', async () => {
    const dataDir = newFolder()
    const tries = await Promise.allSettled([start(dataDir), start(dataDir)])
    expect(tries.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected'])
    const refused = tries.find((result) => result.status === 'rejected')
    expect(refused?.reason.message).toMatch(`Another Cutroom process uses ${dataDir}`)
    const owner = tries.find((result) => result.status === 'fulfilled')
    expect(await query(owner?.value.url as string, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect(initDrafts(dataDir)).toEqual([])
  })

  it('waits for a server that is shutting down, then starts its own', async () => {
    const dataDir = usedFolder()
    const first = await start(dataDir)
    const [second] = await Promise.all([start(dataDir), first.stop()])
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('recovers what was committed before Postgres got SIGKILL', async () => {
    const dataDir = usedFolder()
    const first = await start(dataDir)
    await query(first.url, 'CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n')
    process.kill(postmaster(first.path), 'SIGKILL')
    const second = await start(dataDir)
    expect(await query(second.url, 'SELECT count(*)::int AS n FROM kept')).toEqual([{ n: 1000 }])
    expect(first.lines.join()).toContain('dropped the connection')
  })

  it('claims the server again after a crashed backend made it drop all connections', async () => {
    const { url, path } = await start(usedFolder())
    const holder = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted`
    const [before] = await query(url, holder)
    process.kill(before?.pid as number, 'SIGKILL')
    await vi.waitFor(
      async () => expect(await query(url, holder)).toEqual([{ pid: expect.not.toSatisfy((pid) => pid === before?.pid) }]),
      { timeout: 20_000 },
    )
    expect(existsSync(join(path, 'postmaster.pid'))).toBe(true)
  })

  it('starts over a stale postmaster.pid, also one whose number another program has now', async () => {
    const dataDir = usedFolder()
    const first = await start(dataDir)
    const pidFile = readFileSync(join(first.path, 'postmaster.pid'), 'utf8')
    await first.stop()

    const stranger = spawn('sleep', ['600'], { argv0: 'postgres', stdio: 'ignore', ...postgresUser() })
    cleanUp.push(() => stranger.kill())
    await once(stranger, 'spawn')
    writeFileSync(join(first.path, 'postmaster.pid'), pidFile.replace(/^\d+/, String(stranger.pid)))
    const second = await start(dataDir)
    expect(second.lines.join()).toContain('is stale')
    await second.stop()
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull()

    stranger.kill()
    await once(stranger, 'exit')
    writeFileSync(join(first.path, 'postmaster.pid'), pidFile.replace(/^\d+/, String(stranger.pid)))
    const third = await start(dataDir)
    expect(await query(third.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  })

  it('starts after a first start that got SIGKILL half-way, and removes what that left', async () => {
    const dataDir = newFolder()
    const child = startElsewhere(dataDir, FOREVER)
    await vi.waitFor(() => expect(existsSync(join(dataDir, initDrafts(dataDir)[0] ?? 'none', 'data', 'base'))).toBe(true), {
      timeout: 20_000,
      interval: 1,
    })
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(initDrafts(dataDir)).toHaveLength(1)

    const server = await start(dataDir)
    expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    expect(initDrafts(dataDir)).toEqual([])
  })

  it('does not keep its process alive, and goes when the process ends without stop()', async () => {
    const dataDir = usedFolder()
    const child = startElsewhere(dataDir, '')
    await child.said(/ready/)
    const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode]
    expect(code).toBe(0)
    await isDown(join(dataDir, 'postgres'))
  })

  it('goes with a process that ends in the middle of its start', async () => {
    const dataDir = usedFolder()
    const path = join(dataDir, 'postgres')
    const child = startElsewhere(dataDir, FOREVER, `process.once('SIGTERM', () => process.exit(0))`)
    await vi.waitFor(() => expect(existsSync(join(path, 'postmaster.pid'))).toBe(true), { timeout: 20_000, interval: 1 })
    child.kill('SIGTERM')
    await once(child, 'exit')
    await isDown(path)
  })

  it('outlives the Ctrl-C of its terminal until the process has drained', async () => {
    const dataDir = usedFolder()
    const child = startElsewhere(
      dataDir,
      `const { default: pg } = await import('pg')
      const client = new pg.Client(server.url)
      await client.connect()
      process.once('SIGINT', async () => {
        console.log('drained', (await client.query('SELECT pg_sleep(0.2), 42 AS answer')).rows[0].answer)
        await client.end()
        await server.stop()
        console.log('stopped')
      })
      console.log('listening')`,
    )
    await child.said(/listening/)
    process.kill(-(child.pid as number), 'SIGINT')
    await child.said(/drained 42\nstopped/)
    await isDown(join(dataDir, 'postgres'))
  })

  it('starts a new log when the old one is large', async () => {
    const dataDir = usedFolder()
    writeFileSync(join(dataDir, 'postgres.log'), 'x'.repeat(10_000_001))
    await start(dataDir)
    expect(statSync(join(dataDir, 'postgres.log.old')).size).toBe(10_000_001)
    expect(readFileSync(join(dataDir, 'postgres.log'), 'utf8')).toContain('ready to accept connections')
  })

  it('refuses a database without its password file, and one of another major version', async () => {
    const dataDir = usedFolder()
    const first = await start(dataDir)
    await first.stop()
    const password = readFileSync(join(dataDir, 'postgres-password'))
    rmSync(join(dataDir, 'postgres-password'))
    await expect(start(dataDir)).rejects.toThrow('postgres-password is missing')
    writeFileSync(join(dataDir, 'postgres-password'), password)
    writeFileSync(join(first.path, 'PG_VERSION'), '17\n')
    await expect(start(dataDir)).rejects.toThrow('is of PostgreSQL 17')
  })

  it.skipIf(!isRoot)('is placed elsewhere when only root may enter the folder, and is found there again', async () => {
    const dataDir = newFolder(0o700)
    const first = await start(dataDir)
    const home = readFileSync(join(dataDir, 'LOCATION'), 'utf8').trim()
    cleanUp.unshift(() => rmSync(home, { recursive: true })) // last of all
    expect(dirname(first.path)).toBe(home)
    expect(first.lines.join()).toContain(home)
    await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
    await first.stop()
    const second = await start(dataDir)
    expect(second.path).toBe(first.path)
    expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  })
})
