// One file over HTTP, by the server's own Range code (WITH=content) or by @fastify/static (WITH=static). FOLDER holds it, SIZE says its size.
import fastifyStatic from '@fastify/static'
import Fastify from 'fastify'
import { sendContent } from '../../../src/http/content.ts'
import { createDownloads } from '../../../src/http/downloads.ts'
import { openDiskStorage } from '../../../src/ports/storage/disk.ts'

const { WITH, FOLDER = '', SIZE, KEY = '' } = process.env
const app = Fastify({ connectionTimeout: 30_000 })
if (WITH === 'static') {
  await app.register(fastifyStatic, { root: FOLDER, prefix: '/', cacheControl: false })
} else {
  const storage = openDiskStorage(FOLDER)
  const downloads = createDownloads({ onError: (error) => console.error(error) })
  const open = downloads.kind<null>(async (asked) => asked.map(() => true))
  const content = {
    type: 'audio/wav',
    size: Number(SIZE),
    tag: KEY,
    name: 'song.wav',
    disposition: 'inline',
    lastModified: new Date(),
  } as const
  app.get('/*', (request, reply) =>
    sendContent(request, reply, content, (range, signal) => storage.open(KEY, range, signal), open('bench', null)),
  )
}
await app.listen({ port: 0, host: '127.0.0.1' })
const address = app.server.address()
console.log(`http://localhost:${typeof address === 'object' && address ? address.port : 0}`)
process.on('SIGTERM', () => void app.close().then(() => process.exit(0)))
