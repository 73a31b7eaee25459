import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { buildConsole } from '../../packages/console/build.ts'
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { needsBrowser } from './browser.ts'
import { withDatabase } from './database.ts'
import { hostility, isHostile } from './hostile.ts'
import { buildServer } from './spawn-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A server on which databases may be made. */
    postgresUrl: string
    /** A migrated database to clone. */
    template: string
    /** The folder of a build of src: server.js and the rest; with the page where tests run in a browser. */
    build: string
  }
}

/**
 * One build of the server and one Postgres for the whole run (TEST_DATABASE_URL, else an embedded one), with a migrated template database. With TEST_HOSTILE=1
 * all databases have hostile settings.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.TEST_DATABASE_URL
  const dataDir = given === undefined ? await mkdtemp(join(tmpdir(), 'cutroom-test-')) : null
  // Postgres will not run as root, and the user it runs as must be able to enter.
  if (dataDir !== null) await chmod(dataDir, 0o755)
  // This one loses no power; tests of durability bring a Postgres of their own.
  const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '300' }
  const embedded = dataDir === null ? null : await startEmbeddedPostgres({ dataDir, log: () => {}, settings })
  const url = given ?? embedded?.url ?? ''

  if (isHostile())
    console.log('*** TEST_HOSTILE=1: every database of this run has hostile settings (test/support/hostile.ts) ***')
  const template = `cutroom_template_${process.pid}`
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query(`CREATE DATABASE "${template}"`)
  if (isHostile()) await admin.query(hostility(template))
  await migrate(withDatabase(url, template))
  const built = await buildServer()
  if (needsBrowser()) await buildConsole(join(dirname(built.entry), 'console'))
  project.provide('build', dirname(built.entry))
  project.provide('postgresUrl', url)
  project.provide('template', template)

  return async () => {
    await built.remove()
    await admin.query(`DROP DATABASE IF EXISTS "${template}" WITH (FORCE)`)
    await admin.end()
    await embedded?.stop()
    if (dataDir !== null) await rm(dataDir, { recursive: true, force: true })
  }
}
