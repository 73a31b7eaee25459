import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildServer as bundle } from '../../build.ts'
import { until } from './until.ts'

export interface ServerProcess {
  /** http://127.0.0.1:port */
  url: string
  port: number
  pid: number
  /** All that it printed, both streams. */
  output(): string
  alive(): boolean
  /** Sends a signal and does not wait. */
  signal(name: NodeJS.Signals): void
  /** How it ended. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

export interface ServerOptions {
  databaseUrl: string
  port?: number
  env?: Record<string, string>
  /** Of Node. */
  flags?: readonly string[]
}

/** Long, for a machine that is busy with many of them. */
const START_MS = 30_000
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** Built as it ships: a process is up in half the time it takes through tsx, and kills need many of them. In a folder of its own. */
export async function buildServer(source?: string): Promise<{ entry: string; remove: () => Promise<void> }> {
  await mkdir(join(ROOT, 'dist'), { recursive: true })
  const outDir = await mkdtemp(join(ROOT, 'dist', '.test-'))
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc')
  // The packages where Node finds them, only what has changed.
  await promisify(execFile)(process.execPath, [tsc, '-b', join(ROOT, 'packages', 'client')])
  await bundle(outDir, source)
  return {
    entry: join(outDir, `${basename(source ?? 'server.ts', '.ts')}.js`),
    remove: () => rm(outDir, { recursive: true, force: true }),
  }
}

/** The real server in a process of its own, ready for work. `end` kills it and removes its folder. */
export async function spawnServer(
  entry: string,
  options: ServerOptions,
  made?: (end: () => Promise<void>) => void,
): Promise<ServerProcess & { end: () => Promise<void> }> {
  // No .env of the working copy, and no data of its own: all its settings are here.
  const cwd = await mkdtemp(join(tmpdir(), 'cutroom-process-'))
  const child = spawn(process.execPath, [...(options.flags ?? []), entry], {
    cwd,
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'test',
      JWT_SECRET: 'a secret of the tests, thirty-two or more',
      RATE_LIMIT: 'off',
      LOG_LEVEL: 'warn',
      HOST: '127.0.0.1',
      PORT: String(options.port ?? 0),
      DATABASE_URL: options.databaseUrl,
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const alive = () => child.exitCode === null && child.signalCode === null
  const exited = once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }))
  const end = async () => {
    if (alive()) child.kill('SIGKILL')
    await exited
    await rm(cwd, { recursive: true, force: true })
  }
  made?.(end)

  const port = () => Number(/API and docs\s+http:\/\/[^\s:]+:(\d+)/.exec(output)?.[1] ?? Number.NaN)
  try {
    await until(
      'the server says where it is',
      () => {
        if (!alive()) throw new Error(`the server ended (${child.signalCode ?? child.exitCode}):\n${output}`)
        return !Number.isNaN(port())
      },
      START_MS,
    )
    await until('the server is ready', async () => (await fetch(`http://127.0.0.1:${port()}/readyz`)).status === 200, START_MS)
  } catch (error) {
    await end()
    throw error
  }
  return {
    url: `http://127.0.0.1:${port()}`,
    port: port(),
    pid: child.pid ?? 0,
    output: () => output,
    alive,
    signal: (name) => void child.kill(name),
    exited,
    end,
  }
}

/** A port that is free now, for a server that is to come back to it. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}
