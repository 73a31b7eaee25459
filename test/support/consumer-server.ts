// The server with consumers of tests. CONSUMERS names them: `labels` answers each new task with a label on it, a row and an event;
// `effects` notes each new task elsewhere, as a mail would be: in the table Effect, on a connection of its own. ALWAYS_LEAD=1 leads without
// the lock; SIGUSR2 forces a second leader in this process, for a moment.
import pg from 'pg'
import { buildApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/client.ts'
import type { Consumer } from '../../src/rooms/log/consumers/consumer.ts'
import { startConsumers } from '../../src/rooms/log/consumers/engine.ts'

const config = readConfig(process.env)
const databaseUrl = config.databaseUrl ?? ''
const effects = new pg.Pool({ connectionString: databaseUrl, max: 8 })
effects.on('error', () => {})

const all: readonly Consumer[] = [
  {
    name: 'labels',
    events: ['task:created'],
    parallel: 8,
    async handle({ event: { payload, meta } }) {
      const task = payload as { id: string; version: number }
      return async ({ query, emit }) => {
        const text = 'UPDATE "Task" SET labels = $2, version = version + 1 WHERE id = $1::uuid RETURNING version'
        const [row] = await query<{ version: number }>({ text, values: [task.id, ['heard']] })
        if (row)
          emit(meta.room as `project:${string}`, 'task:updated', { ...payload, labels: ['heard'], version: row.version } as never)
      }
    },
  },
  {
    name: 'effects',
    events: ['task:created'],
    // No two of one room at a time, and each waits for the disk.
    parallel: 8,
    async handle({ event: { meta } }) {
      await effects.query('INSERT INTO "Effect" (room, seq) VALUES ($1, $2)', [meta.room, meta.seq])
      return undefined
    },
  },
]
const wanted = (process.env.CONSUMERS ?? '').split(',')
const consumers = all.filter(({ name }) => wanted.includes(name))
const alwaysLead = process.env.ALWAYS_LEAD === '1'

const app = await buildApp(config, databaseUrl, { consoleFolder: '', jobs: { consumers, alwaysLead } })
await app.listen({ port: config.port, host: config.host })
const address = app.server.address()
console.log(`API and docs  http://${config.host}:${typeof address === 'object' && address ? address.port : config.port}/docs`)

const FORCED_MS = 300
const database = openDatabase(databaseUrl, { connections: 2, onError: () => {} })
const silent = { consumed() {}, failed() {}, lost() {}, error() {} }
process.on('SIGUSR2', async () => {
  const { commitJob: commit, log } = app.rooms
  const leads = (isLeader: boolean) => isLeader && console.log('forced to lead')
  const report = { ...silent, leads }
  const engine = await startConsumers({ database, consumers, jobs: [], commit, epoch: log.epoch, report, alwaysLead: true })
  setTimeout(() => engine.close(), FORCED_MS)
})
process.on('SIGTERM', () => void app.close().then(() => process.exit(0)))
