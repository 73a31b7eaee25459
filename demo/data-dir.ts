import { existsSync } from 'node:fs'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pause } from './clock.ts'

/** A fresh folder for the server's data. */
export async function makeDataDir(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cutroom-demo-'))
  // Postgres refuses root: another user must be able to pass through, or the data would be put elsewhere
  await chmod(path, 0o711)
  return path
}

/** Removes it, also what the server put elsewhere (LOCATION names it), and ends a Postgres that outlived a killed server. */
export async function removeDataDir(path: string): Promise<void> {
  const pointer = join(path, 'LOCATION')
  const home = existsSync(pointer) ? (await readFile(pointer, 'utf8')).trim() : path
  await stopPostgres(join(home, 'postgres', 'postmaster.pid'))
  for (const folder of new Set([home, path])) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
}

async function stopPostgres(pidFile: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!existsSync(pidFile)) return
    const pid = Number((await readFile(pidFile, 'utf8')).split('\n')[0])
    if (!(pid > 1)) return
    try {
      process.kill(pid, signal)
    } catch {
      // it is gone
      return
    }
    for (let waited = 0; waited < 5_000 && existsSync(pidFile); waited += 20) await pause(20)
  }
}
