import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { codeOf } from '../../lib/folders.ts'
import { type Binaries, ifNotThere, type RunAs, writeOnce } from './host.ts'

/** The settings of the surroundings (PGDATA, LC_*, TZ) are none of the cluster's. */
export const cleanEnv = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' }

type Log = (line: string) => void

export interface Cluster {
  path: string
  password: string
}

/** A server that runs, or did a moment ago. */
export interface Server {
  pid: number
  port: number
  /** May throw, when more is known than that it is gone. */
  isUp(): boolean
}

const drafts = new Set<string>()

/**
 * Finds the cluster in `home`, or makes it: aside, then renamed, so that `postgres/` is always a whole one.
 * @param dataDir keeps the password
 * @throws when the folder holds something else, another major version, or its password is gone
 */
export async function ensureCluster(
  dataDir: string,
  home: string,
  binaries: Binaries,
  user: RunAs | undefined,
  log: Log,
): Promise<Cluster> {
  const path = join(home, 'postgres')
  const passwordFile = join(dataDir, 'postgres-password')
  const version = read(join(path, 'PG_VERSION'))?.trim()
  if (version && version !== binaries.major) {
    throw new Error(
      `${path} is of PostgreSQL ${version}, and this is ${binaries.major}: dump it with that one and restore it, or delete it for a fresh start.`,
    )
  }
  if (version && !existsSync(passwordFile)) {
    throw new Error(
      `${path} is a database, but its password file ${passwordFile} is missing: put it back, or delete the database for a fresh start.`,
    )
  }
  if (!version && existsSync(path) && readdirSync(path).length > 0) {
    throw new Error(`${path} exists and is no database: move it away.`)
  }
  const password = writeOnce(passwordFile, `${randomBytes(24).toString('base64url')}\n`).trim()
  if (version) return { path, password }

  log(`making a database in ${path}`)
  const draft = mkdtempSync(join(home, `postgres.init-${process.pid}-`))
  drafts.add(draft)
  try {
    const data = join(draft, 'data')
    const secret = join(draft, 'password')
    mkdirSync(data, { mode: 0o700 })
    writeFileSync(secret, `${password}\n`, { mode: 0o600 })
    if (user) for (const owned of [draft, data, secret]) chownSync(owned, user.uid, user.gid)
    const secured = ['--username=cutroom', `--pwfile=${secret}`, '--auth=scram-sha-256']
    const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
    await run(binaries.initdb, [`--pgdata=${data}`, ...secured, ...locale], { cwd: home, env: cleanEnv, ...user })
    ifNotThere(() => renameSync(data, path))
    return { path, password }
  } finally {
    rmSync(draft, { recursive: true, force: true })
    drafts.delete(draft)
  }
}

/** Removes what an interrupted first start left: its process is gone. */
export async function sweepDrafts(home: string, log: Log): Promise<void> {
  for (const name of readdirSync(home)) {
    const pid = Number(/^postgres\.init-(\d+)-/.exec(name)?.[1])
    const busy = pid === process.pid ? drafts.has(join(home, name)) : alive(pid)
    if (!pid || busy) continue
    const removal = rm(join(home, name), { recursive: true, force: true, maxRetries: 5 })
    await removal.catch((error: Error) => log(`cannot remove ${join(home, name)}: ${error.message}`))
  }
}

/**
 * The server that runs on this cluster, by its postmaster.pid; `port` is 0 while it has not said it yet. A file that names
 * a process which is something else by now is removed, since Postgres would refuse to start over it; one whose process is
 * gone is left to Postgres, which also looks for surviving backends.
 */
export function runningServer(path: string, log: Log): { pid: number; port: number } | undefined {
  const file = join(path, 'postmaster.pid')
  const lines = read(file)
  if (lines === undefined) return undefined
  const [pid = 0, , , port] = lines.split('\n').map(Number)
  if (isPostmaster(pid, path)) return { pid, port: port || 0 }
  const stale = pid ? alive(pid) : Date.now() - statSync(file).mtimeMs > 5_000 // an empty one may be half-written
  if (stale && read(file) === lines) {
    log(`${file} is stale: ${pid ? `process ${pid} is not its server` : 'it is empty'}`)
    rmSync(file, { force: true })
  }
  return undefined
}

/** Whether the process lives and is this cluster's postmaster, not one that got its number later. */
export function isPostmaster(pid: number, path: string): boolean {
  if (!alive(pid)) return false
  if (process.platform !== 'linux') {
    return String(spawnSync('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).stdout).includes(
      ` ${path} `,
    )
  }
  const argv = (read(`/proc/${pid}/cmdline`) ?? '').split('\0') // empty when it is a zombie
  if (basename(argv[0] ?? '') !== 'postgres') return false
  if (argv.includes(path)) return true
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === path // started by hand, or the folder was renamed since
  } catch (error) {
    if (['EACCES', 'EPERM', 'ENOENT'].includes(codeOf(error))) return false
    throw error
  }
}

/** Signals the cluster's postmaster: SIGINT is its fast shutdown, SIGQUIT the immediate one. Does nothing when it is gone. */
export function signalPostmaster(pid: number, path: string, signal: 'SIGINT' | 'SIGQUIT'): void {
  try {
    if (isPostmaster(pid, path)) process.kill(pid, signal)
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

function alive(pid: number): boolean {
  if (!(pid > 0)) return false // 0 is our own process group
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ESRCH'].includes(codeOf(error))) return undefined
    throw error
  }
}

function run(command: string, args: string[], options: { cwd: string; env: NodeJS.ProcessEnv } & Partial<RunAs>): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
    child.once('error', reject)
    child.once('close', (code, signal) =>
      code === 0 ? resolve() : reject(new Error(`${basename(command)} failed (${signal ?? code}):\n${said.trim()}`)),
    )
  })
}
