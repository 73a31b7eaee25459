import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { inject, onTestFinished } from 'vitest'
import { createDatabase } from './database.ts'
import type { Person } from './people.ts'
import { type ServerOptions, type ServerProcess, spawnServer } from './spawn-server.ts'
import { until } from './until.ts'

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

/** Whether a process leads; one that is gone does not. */
export async function isLeader({ url }: ServerProcess): Promise<boolean> {
  const text = await fetch(`${url}/metrics`).then(
    (answer) => answer.text(),
    () => '',
  )
  return text.includes('\ncutroom_consumer_leader 1\n')
}

/** A write that is made once: sent under one key to one process after the other, until it was answered. */
export async function postOnce(
  nodes: readonly ServerProcess[],
  { token }: Pick<Person, 'token'>,
  path: string,
  content: unknown,
): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'idempotency-key': randomUUID() }
  const body = JSON.stringify(content)
  let n = 0
  await until(`${path} to be written`, async () => {
    const node = nodes[n++ % nodes.length]
    const answer = await fetch(`${node?.url}${path}`, { method: 'POST', headers, body }).catch(() => null)
    await answer?.arrayBuffer().catch(() => {})
    return answer?.status === 201
  })
}
