import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { hostility, isHostile } from './hostile.ts'

export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}

/** A migrated database of one's own, cloned from the template in milliseconds; with hostile settings where TEST_HOSTILE asks. */
export async function createDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const server = inject('postgresUrl')
  const name = `cutroom_${randomBytes(6).toString('hex')}`
  const run = async (sql: string) => {
    const admin = new pg.Client({ connectionString: server })
    await admin.connect()
    try {
      // Two clones of one template at once may find it in use.
      await admin.query('SELECT pg_advisory_lock(7)')
      await admin.query(sql)
    } finally {
      await admin.end()
    }
  }
  await run(`CREATE DATABASE "${name}" TEMPLATE "${inject('template')}"`)
  if (isHostile()) await run(hostility(name))
  return { url: withDatabase(server, name), drop: () => run(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`) }
}
