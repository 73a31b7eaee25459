import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'
import { createDatabase } from './database.ts'
import { type ServerOptions, type ServerProcess, spawnServer } from './spawn-server.ts'

export { freePort, type ServerOptions, type ServerProcess } from './spawn-server.ts'

/** These processes live for seconds: to optimise Prisma's WebAssembly would be half of their CPU time. */
const BRIEF = ['--liftoff-only']

/** The real server, as processes of their own (built once for the whole run), each process gone when its test ends. */
export function useServers(): { entry: () => string; start: (options: ServerOptions) => Promise<ServerProcess> } {
  const entry = () => join(inject('build'), 'server.js')
  return { entry, start: (options) => spawnServer(entry(), { flags: BRIEF, ...options }, onTestFinished) }
}

/** A database for the servers of one test; dropped when it ends. */
export async function databaseForTest(): Promise<string> {
  const { url, drop } = await createDatabase()
  onTestFinished(drop)
  return url
}
