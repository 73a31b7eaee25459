import { hash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { addAbortSignal, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { S3Config } from '../../config/files.ts'
import { problem } from '../../errors.ts'
import { assertKey, away } from './failures.ts'
import { createS3Client, S3_TIMINGS } from './s3-client.ts'
import { S3ObjectStream } from './s3-object-stream.ts'
import type { ByteRange, LocalFile, Storage } from './storage.ts'

/** Bytes that are read from the disk at a time. */
const CHUNK = 256 * 1024

/** Which bytes an answer has. `size` is null where it is not said. */
function partOf({ statusCode, headers }: IncomingMessage): ByteRange {
  const [, start, end] = /^bytes (\d+)-(\d+)\//.exec(headers['content-range'] ?? '') ?? []
  if (statusCode === 206 && end !== undefined) return { start: Number(start), end: Number(end) }
  return { start: 0, end: Number(headers['content-length'] ?? Number.NaN) - 1 }
}

/** An S3-compatible store. Nothing is asked of it before the first object. */
export function openS3Storage(config: S3Config, timings = S3_TIMINGS): Storage {
  const client = createS3Client(config, timings)

  async function get(key: string, range: ByteRange | undefined, signal: AbortSignal | undefined): Promise<IncomingMessage> {
    // No Accept-Encoding: it would be signed, and proxies of some stores change it.
    const headers = range && { range: `bytes=${range.start}-${range.end}` }
    const answer = await client.send({ method: 'GET', key, ...(headers && { headers }), signal })
    const part = partOf(answer)
    if (Number.isNaN(part.end) || (range && (part.start !== range.start || part.end < range.end))) {
      answer.destroy()
      throw problem('internal', undefined, undefined, { cause: new Error('an object has other bytes than were stored') })
    }
    return answer
  }

  async function put(key: string, { size, type, sha256 }: Omit<LocalFile, 'path'>, body: () => Readable): Promise<void> {
    // The store compares the hash with what it got.
    const headers = { 'content-length': String(size), 'content-type': type, 'x-amz-content-sha256': sha256 }
    const answer = await client.send({ method: 'PUT', key, headers, ...(size > 0 && { body }) })
    answer.resume()
  }

  const storage: Storage = {
    pathOf(key) {
      assertKey(key)
      return null
    },

    async put(key, { path, ...file }) {
      assertKey(key)
      await put(key, file, () => createReadStream(path, { end: file.size - 1, highWaterMark: CHUNK }))
    },

    async open(key, range, signal) {
      assertKey(key)
      const answer = await get(key, range, signal)
      const part = range ?? partOf(answer)
      const stream = new S3ObjectStream(answer, part, timings.idle, (rest) => get(key, rest, signal))
      return signal ? addAbortSignal(signal, stream) : stream
    },

    async remove(key) {
      assertKey(key)
      const answer = await client.send({ method: 'DELETE', key }).catch((error) => {
        if (error.code === 'not-found') return null
        throw error
      })
      answer?.resume()
    },

    async check() {
      const key = randomUUID()
      const file = { size: key.length, type: 'text/plain', sha256: hash('sha256', key) }
      await put(key, file, () => Readable.from([Buffer.from(key)]))
      const found = await text(await storage.open(key, { start: 1, end: 8 }))
      await storage.remove(key)
      if (found !== key.slice(1, 9)) throw away(new Error('an object came back with other bytes'))
    },

    async close() {
      client.close()
    },
  }
  return storage
}
