import pg from 'pg'
import { onTestFinished } from 'vitest'
import { direct } from './hostile.ts'

/** Straight to the rows of a database; ended with the test. */
export function openPool(databaseUrl: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: direct(databaseUrl), max: 2 })
  surviveDrop(pool)
  onTestFinished(() => pool.end())
  return pool
}

/** The database is dropped a moment after its pool was ended, when connections may still be on their way out: those errors are nobody's. */
export function surviveDrop(pool: pg.Pool): void {
  pool.on('connect', (client) => client.on('error', () => {}))
  // An idle connection tells the pool, also after the pool's end.
  pool.on('error', () => {})
}
