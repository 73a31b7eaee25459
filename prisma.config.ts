import { defineConfig } from 'prisma/config'

// These commands never run the schema engine, but the CLI would fetch its binary first: any file that exists spares them the
// network. Commands that do need it (migrate, db) fetch it as usual.
if (['generate', 'validate', 'format'].includes(process.argv[2] ?? '')) {
  process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= process.execPath
  process.env.CHECKPOINT_DISABLE ??= '1'
}

export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env.DATABASE_URL },
})
