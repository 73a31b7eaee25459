import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, realpathSync, renameSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, makeFolder } from '../../lib/folders.ts'
import {
  type Cluster,
  cleanEnv,
  ensureCluster,
  isPostmaster,
  runningServer,
  type Server,
  signalPostmaster,
  sweepDrafts,
} from './cluster.ts'
import { type Binaries, clusterHome, locateBinaries, postgresUser, type RunAs } from './host.ts'
import { InUseError, type Owner, own } from './owner.ts'

export interface EmbeddedOptions {
  /** Created where missing. Holds postgres/, postgres-password and postgres.log. */
  dataDir: string
  log: (line: string) => void
  /** postgresql.conf settings, over the defaults. */
  settings?: Record<string, string>
}

export interface EmbeddedPostgres {
  /** Of the database `cutroom`, with its password. */
  url: string
  /** The cluster's folder; not always inside dataDir, see clusterHome. */
  path: string
  /** Fast shutdown; resolves when the server is gone. */
  stop(): Promise<void>
}

const LOG_LIMIT = 10_000_000
/** Milliseconds for a crash recovery, and for others to get out of the way. */
const RECOVERY = 120_000
const WAY_CLEAR = 30_000

/**
 * Starts a PostgreSQL of its own on 127.0.0.1 and a free port, or takes over one that a killed process left running.
 * It has its own process group (Ctrl-C leaves it to `stop`) and does not keep this process alive.
 * @throws when another live process uses the folder, and with the end of Postgres's log when it does not start
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  if (process.platform === 'win32') throw new Error('There is no embedded Postgres on Windows: set DATABASE_URL.')
  try {
    makeFolder(resolve(options.dataDir))
    return await start(options)
  } catch (cause) {
    const { path } = cause as NodeJS.ErrnoException
    // Of a file below, or of the folder itself: the variable is what people can change.
    if (path === undefined || !UNUSABLE.has(codeOf(cause))) throw cause
    const where = path === resolve(options.dataDir) || path.includes('.probe-') ? '' : `: ${path}`
    throw new Error(`DATA_DIR must be a folder that can be written (${codeOf(cause)}${where})`, { cause })
  }
}

/** What a file or folder says that cannot be used. */
const UNUSABLE = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'ENAMETOOLONG',
  'ELOOP',
  'EIO',
])

async function start(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const { log } = options
  const dataDir = realpathSync(options.dataDir)
  const user = postgresUser()
  const home = clusterHome(dataDir, user, log)
  const binaries = locateBinaries(user, home)
  const cluster = await ensureCluster(dataDir, realpathSync(home), binaries, user, log)
  const began = Date.now()

  for (;;) {
    const running = runningServer(cluster.path, log)
    if (running && !running.port && Date.now() < began + WAY_CLEAR) {
      await sleep(20)
      continue
    }
    const server: Server = running
      ? { ...running, isUp: () => isPostmaster(running.pid, cluster.path) }
      : await launch(binaries, cluster, dataDir, user, options.settings)
    // A server that we started must outlive neither a failed start nor a process that ends in the middle of it.
    const end = () => {
      if (!running) signalPostmaster(server.pid, cluster.path, 'SIGINT')
    }
    process.once('exit', end)
    try {
      const owner = await own(server, { cluster, dataDir, deadline: began + RECOVERY, log })
      if (running) log(`took over the Postgres that a killed process left running (process ${server.pid})`)
      await sweepDrafts(home, log)
      return handle(server, owner, cluster, log)
    } catch (error) {
      if (isPassing(error) && Date.now() < began + WAY_CLEAR) {
        await sleep(50)
        continue
      }
      if (!(error instanceof InUseError)) end()
      throw error
    } finally {
      process.removeListener('exit', end)
    }
  }
}

async function launch(
  binaries: Binaries,
  cluster: Cluster,
  dataDir: string,
  user: RunAs | undefined,
  wanted: Record<string, string> = {},
): Promise<Server> {
  const port = await freePort()
  const settings: Record<string, string> = {
    max_connections: '100',
    shared_buffers: '128MB',
    ...wanted,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
  }
  const args = [
    '-D',
    cluster.path,
    '-p',
    String(port),
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ]
  const logFile = join(dataDir, 'postgres.log')
  if (sizeOf(logFile) > LOG_LIMIT) renameSync(logFile, `${logFile}.old`)
  const from = sizeOf(logFile)
  const fd = openSync(logFile, 'a', 0o600)
  try {
    const child = spawn(binaries.postgres, args, {
      detached: true,
      stdio: ['ignore', fd, fd],
      cwd: dirname(cluster.path),
      env: cleanEnv,
      ...user,
    })
    await once(child, 'spawn')
    child.unref()
    const isUp = () => {
      if (child.exitCode === null && child.signalCode === null) return true
      throw new Error(`Postgres stopped (${child.signalCode ?? child.exitCode}); the end of ${logFile}:\n${tail(logFile, from)}`)
    }
    return { pid: child.pid as number, port, isUp }
  } finally {
    closeSync(fd)
  }
}

/** What may be over in a moment: a server that is going, the port lost to another program, or a start at the same time as ours. */
function isPassing(error: unknown): boolean {
  if (['ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P03'].includes(codeOf(error))) return true
  return /Connection terminated|could not bind|lock file "postmaster.pid" (already exists|is empty)|is still in use/.test(
    String(error),
  )
}

function handle(server: Server, owner: Owner, cluster: Cluster, log: (line: string) => void): EmbeddedPostgres {
  const lives = () => isPostmaster(server.pid, cluster.path)
  // A process that exits without stop(), on an uncaught error say, leaves no server behind.
  const onExit = () => signalPostmaster(server.pid, cluster.path, 'SIGINT')
  process.once('exit', onExit)

  const isGone = async (within: number) => {
    for (const deadline = Date.now() + within; lives(); await sleep(10)) if (Date.now() > deadline) return false
    return true
  }
  const shutDown = async () => {
    owner.stopping()
    onExit()
    if (!(await isGone(20_000))) {
      log('Postgres does not finish its fast shutdown; forcing it, the next start recovers')
      signalPostmaster(server.pid, cluster.path, 'SIGQUIT')
      if (!(await isGone(10_000))) throw new Error(`Postgres (process ${server.pid}) does not stop`)
    }
    process.removeListener('exit', onExit)
    await owner.close()
  }
  let stopped: Promise<void> | undefined
  return {
    url: `postgresql://cutroom:${cluster.password}@127.0.0.1:${server.port}/cutroom`,
    path: cluster.path,
    stop: () => (stopped ??= shutDown()),
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function tail(file: string, from: number): string {
  return readFileSync(file).subarray(from).toString().trim().split('\n').slice(-20).join('\n')
}
