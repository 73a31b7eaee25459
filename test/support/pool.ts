import pg from 'pg'
import { onTestFinished } from 'vitest'
import { direct } from './hostile.ts'

/** Straight to the rows of a database; ended with the test. */
export function openPool(databaseUrl: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: direct(databaseUrl), max: 2 })
  // The database is dropped a moment after the pool was ended.
  pool.on('connect', (client) => client.on('error', () => {}))
  onTestFinished(() => pool.end())
  return pool
}
