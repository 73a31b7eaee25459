import { migrate } from '../db/migrate.ts'
import { configure } from './configure.ts'
import { note } from './output.ts'
import { reach } from './store.ts'

/** Applies what the database lacks, and says what it was. */
export async function migrateDatabase(): Promise<void> {
  const config = configure()
  const { url, leave } = await reach(config)
  try {
    const applied = await migrate(url, { log: note, connections: config.databasePool })
    console.log(applied.length === 0 ? 'The database is up to date.' : `Applied ${applied.length} migrations.`)
  } finally {
    await leave()
  }
}
