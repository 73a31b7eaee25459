import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { codeOf } from '../../lib/folders.ts'
import { prepareConnection } from '../session-settings.ts'
import type { Cluster, Server } from './cluster.ts'

/** The claim of this process on the cluster: one connection that holds an advisory lock. */
export interface Owner {
  /** From now on its end is no news. */
  stopping(): void
  close(): Promise<void>
}

interface Where {
  cluster: Cluster
  dataDir: string
  /** Date.now() until when a server that is starting up is waited for. */
  deadline: number
  log: (line: string) => void
}

/** The name of that connection in pg_stat_activity. */
export const OWNER = 'cutroom owner'

/** Another live process has the claim. */
export class InUseError extends Error {}

// In the database `postgres`, so that it meets no lock of the application's, and `cutroom` can be dropped beside it.
const LOCK = '7310301140218675557'

/**
 * Waits until the server answers, claims it for this process, and makes the database `cutroom` where missing.
 * Claims again by itself when a crashed backend makes Postgres drop every connection.
 * @throws InUseError
 */
export async function own(server: Server, given: Where): Promise<Owner> {
  let stopping = false
  const where = { ...given, log: (line: string) => (stopping ? undefined : given.log(line)) }
  let client = await connect(server, where)
  try {
    await claim(client, where.dataDir)
    const { rowCount } = await client.query(`SELECT 1 FROM pg_database WHERE datname = 'cutroom'`)
    if (!rowCount) await client.query('CREATE DATABASE cutroom')
  } catch (error) {
    await client.end()
    throw error
  }

  const watch = () => {
    ;(client as pg.Client & { unref(): void }).unref() // not in its types
    client.once('end', () => {
      if (!stopping) void regain()
    })
  }
  const regain = async () => {
    where.log('Postgres dropped the connection that claims it')
    try {
      client = await connect(server, { ...where, deadline: Date.now() + 60_000 })
      await claim(client, where.dataDir)
      watch()
      where.log('claimed Postgres again')
    } catch (error) {
      where.log(`Postgres is lost: ${error instanceof Error ? error.message : error}`)
      await client.end().catch(() => {})
    }
  }
  watch()
  return {
    stopping() {
      stopping = true
    },
    close: () => client.end(),
  }
}

/** Connects as soon as the server takes connections; gives up when it has stopped. */
async function connect(server: Server, { cluster, dataDir, deadline, log }: Where): Promise<pg.Client> {
  for (;;) {
    const client = new pg.Client({
      host: '127.0.0.1',
      port: server.port,
      user: 'cutroom',
      password: cluster.password,
      database: 'postgres',
      application_name: OWNER,
      connectionTimeoutMillis: 5_000,
    })
    client.on('error', (error) => log(`claim on Postgres: ${error.message}`))
    try {
      await client.connect()
      return client
    } catch (error) {
      if (codeOf(error) === '28P01')
        throw new Error(`The Postgres in ${cluster.path} refuses the password in ${dataDir}/postgres-password`, { cause: error })
      const starting =
        ['ECONNREFUSED', 'ECONNRESET', '57P03'].includes(codeOf(error)) || /timeout|Connection terminated/.test(String(error))
      if (!starting || !server.isUp() || Date.now() > deadline) throw error
      await sleep(10)
    }
  }
}

/** A just killed owner's backend may take a moment to notice: hence the wait. */
async function claim(client: pg.Client, dataDir: string): Promise<void> {
  try {
    await prepareConnection(client, 'public', { lock_timeout: '5s' })
    await client.query(`SELECT pg_advisory_lock(${LOCK})`)
  } catch (cause) {
    if (codeOf(cause) !== '55P03') throw cause
    throw new InUseError(`Another Cutroom process uses ${dataDir}: stop it, or give this one another DATA_DIR.`, { cause })
  }
}
