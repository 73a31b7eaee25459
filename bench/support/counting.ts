import pg from 'pg'
import { startPostgres } from '../../test/faults/support/postgres.ts'

/** What was asked of a database. */
export interface Counts {
  statements: number
  /** That they answered. */
  rows: number
  /** Of them, those that read the log. */
  logReads: number
  logRows: number
}

/** A Postgres apart from that of the run, which counts each statement: so precise that none but those who ask for it should pay. */
export interface CountingPostgres {
  /** The URL of a new database with Cutroom's schema. */
  migrated(): Promise<string>
  /** What a database is asked while `work` runs. */
  count<T>(databaseUrl: string, work: () => Promise<T>): Promise<{ result: T; counts: Counts }>
  close(): Promise<void>
}

async function countsOf(db: pg.Client): Promise<Counts> {
  const { rows } = await db.query<{ query: string; calls: string; rows: string }>(
    `SELECT query, calls, rows FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
     WHERE d.datname = current_database() AND query NOT LIKE '%pg_stat_%'`,
  )
  const log = rows.filter(({ query }) => /^\s*(SELECT|WITH)/i.test(query) && query.includes('FROM "Event"'))
  const sum = (all: typeof rows, key: 'calls' | 'rows') => all.reduce((total, row) => total + Number(row[key]), 0)
  return { statements: sum(rows, 'calls'), rows: sum(rows, 'rows'), logReads: sum(log, 'calls'), logRows: sum(log, 'rows') }
}

export async function startCounting(): Promise<CountingPostgres> {
  const postgres = await startPostgres({ settings: { shared_preload_libraries: 'pg_stat_statements' } })
  return {
    migrated: () => postgres.database(),
    async count(databaseUrl, work) {
      const db = new pg.Client({ connectionString: databaseUrl })
      await db.connect()
      try {
        await db.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements')
        await db.query('SELECT pg_stat_statements_reset()')
        const result = await work()
        return { result, counts: await countsOf(db) }
      } finally {
        await db.end()
      }
    },
    close: () => postgres.close(),
  }
}
