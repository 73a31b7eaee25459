import type { Socket } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from './generated/client.ts'
import { LentPrisma } from './lent-prisma.ts'
import { prepareConnection, type SessionSettings, schemaOf } from './session-settings.ts'
import { openTransactions, type Query, type Transaction } from './transaction.ts'

export type { PoolClient, QueryResultRow } from 'pg'
export type { PrismaClient } from './generated/client.ts'
export { Prisma } from './generated/client.ts'
export type { Tx } from './lent-prisma.ts'
export type { RankedTable, Rows } from './rows.ts'
export type { Query, Statement, Transaction } from './transaction.ts'

export interface Database {
  prisma: PrismaClient
  /** The same connections, for hot SQL. */
  pool: pg.Pool
  /** A transaction on one of them. */
  begin(): Promise<Transaction>
  /** One statement on the same connections, without Prisma's cost. */
  query: Query
  /** A few connections of its own for the log's readers, so that delivery never queues behind writers. */
  readers: pg.Pool
  /** A few more for requests that read much, pages of the log and of snapshots: they hold up neither delivery nor writes. */
  pages: { pool: pg.Pool; query: Query; begin(): Promise<Transaction> }
  /** A few for the leader of consumers and jobs, one of which it keeps; other nodes use one of them now and then. */
  jobs: { pool: pg.Pool; query: Query; begin(): Promise<Transaction> }
  /** One for probes, however busy all others are. */
  probe: pg.Pool
  close(): Promise<void>
}

/** A statement that brings not a byte for this long is given up, ms. Nothing here takes that long; a write ends by then anyway. */
const SILENT_MS = 10_000

/**
 * A cable pulled out somewhere closes no connection: without this, a query waits for the timeout of the kernel, a
 * quarter of an hour. Destroying the connection, rather than one query of it, makes the pool and Prisma drop it for good.
 */
function giveUpOnSilence(client: pg.ClientBase): void {
  const { connection } = client as unknown as { connection: { stream: Socket } }
  const waits = () => !(client as unknown as { readyForQuery: boolean }).readyForQuery
  connection.stream.setTimeout(SILENT_MS)
  connection.stream.on('timeout', () => {
    if (waits()) connection.stream.destroy(new Error('Connection terminated: Postgres fell silent'))
  })
}

/**
 * A connection that breaks in the very tick in which the pool hands it out has no listener, and an
 * error without a listener ends the process. Its next query fails and says so.
 */
function surviveHandover(client: pg.ClientBase): void {
  client.on('error', () => {})
}

/** A transaction that asks nothing for this long has lost its server, ms: a write of ours ends within 10 s. */
const ORPHAN_MS = 15_000

/**
 * The same seen from Postgres: it may not hear for hours that a server is gone, and until then its open transaction keeps its
 * locks, and every retry of its write waits for them. A batch that never came to its end is no idle transaction, but one that lasts;
 * before Postgres 17, which knows a limit for those, a peer that answers no more is looked for.
 */
const LIMITS: SessionSettings = {
  statement_timeout: `${ORPHAN_MS}`,
  idle_in_transaction_session_timeout: `${ORPHAN_MS}`,
  transaction_timeout: `${ORPHAN_MS}`,
  tcp_keepalives_idle: '5',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '2',
}

/**
 * All they read has an index. A plan that was made while the log was empty would read the whole of it, each time, until Postgres
 * looks at the table again, a minute and a hundred thousand events later.
 */
const READING: SessionSettings = { enable_seqscan: 'off' }

/** Connections beside those for requests: for delivery, for pages, for jobs, and one for probes. */
const READERS = 3
const PAGE_READERS = 3
const JOBS = 6
export const BESIDES = READERS + PAGE_READERS + JOBS + 1

/** More texts than this are not ours to count on (lists of any length make texts of any length): they go unnamed. */
const MOST_STATEMENTS = 500

/** A name for each text of a statement, so that Postgres parses and plans it once per connection. */
function statementNames(): (text: string) => string {
  const names = new Map<string, string>()
  return (text) => {
    const name = names.get(text)
    if (name !== undefined || names.size === MOST_STATEMENTS) return name ?? ''
    const next = `s${names.size}`
    names.set(text, next)
    return next
  }
}

/**
 * Opens the pools; connects lazily.
 * @param onError told of idle connections that the server dropped (the pool replaces them by itself)
 */
export function openDatabase(url: string, options: { connections: number; onError: (error: Error) => void }): Database {
  const schema = schemaOf(url)
  const connect = (settings: SessionSettings) => ({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    application_name: 'cutroom',
    // A connection made anew brings no statements with it and costs a hundred writes: a quiet moment ends none.
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    /** The pool waits for it before it hands the connection out. */
    async onConnect(client: pg.ClientBase) {
      giveUpOnSilence(client)
      surviveHandover(client)
      await prepareConnection(client, schema, { ...LIMITS, ...settings })
    },
  })
  const pool = new pg.Pool({ ...connect({}), max: options.connections, pipeline: true })
  const readers = new pg.Pool({ ...connect(READING), max: READERS })
  const pages = new pg.Pool({ ...connect(READING), max: PAGE_READERS, pipeline: true })
  const jobs = new pg.Pool({ ...connect({}), max: JOBS, pipeline: true })
  const probe = new pg.Pool({ ...connect({}), max: 1 })
  const pools = [pool, readers, pages, jobs, probe]
  let isClosing = false
  const onError = (error: Error) => {
    // `end` does not wait until the connections are gone: an embedded server that stops next may still tell them so.
    if (!isClosing) options.onError(error)
  }
  for (const each of pools) each.on('error', onError)
  const nameOf = statementNames()
  const adapter = new PrismaPg(pool, { schema, statementNameGenerator: (statement) => nameOf(statement.sql) })
  const prisma = new PrismaClient({ adapter })
  const lent = new LentPrisma(schema, nameOf)
  const queryOn =
    (pool: pg.Pool): Query =>
    async ({ text, values }) =>
      (await pool.query({ name: nameOf(text), text, values })).rows
  return {
    prisma,
    query: queryOn(pool),
    pool,
    begin: openTransactions(pool, lent, nameOf),
    readers,
    pages: { pool: pages, query: queryOn(pages), begin: openTransactions(pages, lent, nameOf) },
    jobs: { pool: jobs, query: queryOn(jobs), begin: openTransactions(jobs, lent, nameOf) },
    probe,
    async close() {
      isClosing = true
      await prisma.$disconnect()
      await Promise.all(pools.map((each) => each.end()))
    },
  }
}
