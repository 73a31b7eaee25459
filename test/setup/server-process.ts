import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { createDatabase } from './database.ts'
import { buildServer, type ServerOptions, type ServerProcess, spawnServer } from './spawn-server.ts'

export { freePort, type ServerOptions, type ServerProcess } from './spawn-server.ts'

/** The real server, as processes of their own: built before the tests of a file, each process gone when its test ends. */
export function useServers(): { entry: () => string; start: (options: ServerOptions) => Promise<ServerProcess> } {
  let built: Awaited<ReturnType<typeof buildServer>> | undefined
  beforeAll(async () => {
    built = await buildServer()
  })
  afterAll(() => built?.remove())
  const entry = () => {
    if (built === undefined) throw new Error('servers are there only inside tests')
    return built.entry
  }
  return { entry, start: (options) => spawnServer(entry(), options, onTestFinished) }
}

/** A database for the servers of one test; dropped when it ends. */
export async function databaseForTest(): Promise<string> {
  const { url, drop } = await createDatabase()
  onTestFinished(drop)
  return url
}
