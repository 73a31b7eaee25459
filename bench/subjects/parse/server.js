// Parse Server 9 on Postgres with LiveQuery in the same process.
// Configured well: requests of cloud code stay in the process, sessions are cached for an hour, permissions are those of
// classes and cloud code instead of a list on every row, and nothing is logged.
import { createServer } from 'node:http'
import FSFilesAdapter from '@parse/fs-files-adapter'
import express from 'express'
import { ParseServer } from 'parse-server'
import { cloud } from './cloud.js'
import { schemas } from './schema.js'

const { DATABASE_URL, PORT = '0', POOL_SIZE = '16', APP_ID, MASTER_KEY } = process.env
const HOUR_MS = 3_600_000

const app = express()
const server = createServer(app)
await new Promise((resolve, reject) => server.once('error', reject).listen(Number(PORT), '127.0.0.1', resolve))
const { port } = server.address()

const parse = new ParseServer({
  appId: APP_ID,
  masterKey: MASTER_KEY,
  maintenanceKey: `maintenance ${MASTER_KEY}`,
  serverURL: `http://127.0.0.1:${port}/parse`,
  databaseURI: `${DATABASE_URL}?max=${POOL_SIZE}`,
  directAccess: true,
  cacheTTL: HOUR_MS,
  cacheMaxSize: 20_000,
  schema: { definitions: schemas },
  cloud,
  liveQuery: { classNames: ['Comment'] },
  // The default keeps files in MongoDB.
  filesAdapter: new FSFilesAdapter(),
  maxUploadSize: '100mb',
  logLevel: 'error',
  silent: true,
  logsFolder: null,
  enableAnonymousUsers: false,
})
await parse.start()
app.disable('x-powered-by')
app.use('/parse', parse.app)
await ParseServer.createLiveQueryServer(server, { appId: APP_ID, logLevel: 'error', cacheTimeout: HOUR_MS })
console.log(`listening on http://localhost:${port}`)

process.once('SIGTERM', () => {
  // Sockets and requests under way are cut: the bench stops it when it has finished.
  process.exit(0)
})
