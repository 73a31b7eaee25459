import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { runningServer } from './cluster.ts'
import { clusterHome, postgresUser } from './host.ts'

/** The URL of the embedded Postgres that runs in a folder now, of a server or left behind by one; null where none does. */
export function runningPostgres(dataDir: string, log: (line: string) => void): string | null {
  if (!existsSync(join(dataDir, 'postgres-password'))) return null
  const real = realpathSync(dataDir)
  const running = runningServer(join(clusterHome(real, postgresUser(), log), 'postgres'), log)
  if (!running?.port) return null
  const password = readFileSync(join(real, 'postgres-password'), 'utf8').trim()
  return `postgresql://cutroom:${password}@127.0.0.1:${running.port}/cutroom`
}
