// node:http, and nothing else: each body becomes a file in FOLDER. WITH=hash also takes its SHA-256, and syncs it before the answer.
import { createHash, randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'

const { FOLDER = '.', WITH = '' } = process.env

async function receive(request) {
  const hash = WITH === 'hash' ? createHash('sha256') : null
  const file = await open(join(FOLDER, randomUUID()), 'w')
  try {
    for await (const chunk of request) {
      hash?.update(chunk)
      await file.writeFile(chunk)
    }
    if (hash !== null) await file.sync()
  } finally {
    await file.close()
  }
  return hash?.digest('hex') ?? ''
}

const server = createServer((request, response) => {
  receive(request).then(
    (text) => response.end(text),
    () => response.destroy(),
  )
})
server.listen(0, '127.0.0.1', () => console.log(`http://localhost:${server.address().port}`))
process.once('SIGTERM', () => process.exit(0))
