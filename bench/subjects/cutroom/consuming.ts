// Cutroom as it ships, with one consumer of each new comment: CONSUMER=reads does nothing with it, CONSUMER=answers emits an event for each;
// none where it is empty. WITHOUT names those that ship and are left out.
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config.ts'
import { migrate } from '../../../src/db/migrate.ts'
import type { Consumer } from '../../../src/rooms/log/consumers/consumer.ts'

const kind = process.env.CONSUMER ?? ''
if (!['', 'reads', 'answers'].includes(kind)) throw new Error(`CONSUMER=${kind} is no consumer`)
const consumer: Consumer = {
  name: 'bench',
  events: ['comment:created'],
  parallel: 8,
  async handle({ event: { meta, payload } }) {
    if (kind === 'reads') return undefined
    return async ({ emit }) => void emit(meta.room as `project:${string}`, 'task:deleted', { taskId: String(payload.id) })
  },
}
const config = readConfig(process.env)
const databaseUrl = config.databaseUrl ?? ''
await migrate(databaseUrl)
const app = await buildApp(config, databaseUrl, {
  jobs: { consumers: kind === '' ? [] : [consumer], without: (process.env.WITHOUT ?? '').split(',') },
})
await app.listen({ port: config.port, host: config.host })
const address = app.server.address()
console.log(`http://localhost:${typeof address === 'object' && address ? address.port : config.port}`)
process.on('SIGTERM', () => void app.close().then(() => process.exit(0)))
