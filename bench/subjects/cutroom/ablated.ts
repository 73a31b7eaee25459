// Cutroom as it ships but for one part: WITHOUT names it (ablations.ts); all parts are in where it is empty.
import { buildApp } from '../../../src/app.ts'
import { readConfig } from '../../../src/config.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { ablations, isAblation } from './ablations.ts'

const without = process.env.WITHOUT ?? ''
if (without !== '' && !isAblation(without)) throw new Error(`WITHOUT=${without} names no ablation`)
const config = readConfig(process.env)
const databaseUrl = config.databaseUrl ?? ''
await migrate(databaseUrl)
const app = await buildApp(config, databaseUrl, without === '' ? {} : ablations[without])
await app.listen({ port: config.port, host: config.host })
const address = app.server.address()
console.log(`http://localhost:${typeof address === 'object' && address ? address.port : config.port}`)
process.on('SIGTERM', () => void app.close().then(() => process.exit(0)))
