import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as ask } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { compressionPlugin } from '../../src/http/compression.ts'
import { type Content, sendContent } from '../../src/http/content.ts'
import { createDownloads, type Downloads } from '../../src/http/downloads.ts'
import { errorsPlugin } from '../../src/http/errors.ts'
import { createAnswerHeaders, headersPlugin } from '../../src/http/headers.ts'
import { createOrigins } from '../../src/http/origins.ts'
import { openDiskStorage } from '../../src/ports/storage/disk.ts'
import { openS3Storage } from '../../src/ports/storage/s3.ts'
import type { Storage } from '../../src/ports/storage/storage.ts'
import { testConfig } from '../support/app.ts'
import { openFiles } from '../support/descriptors.ts'
import { startS3 } from '../support/s3.ts'
import { until } from '../support/until.ts'

const MADE = new Date('2026-05-01T12:00:00.789Z')
const DATE = 'Fri, 01 May 2026 12:00:00 GMT'
/** Of connections on which nothing moves, where that is tested, ms. */
const IDLE_MS = 1_000

interface Served extends Content {
  bytes: Buffer
  key: string
}

const folder = mkdtempSync(join(tmpdir(), 'cutroom-content-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Serves files by the number in the path, from the given store. */
async function serve(storage: Storage) {
  const files: Served[] = []
  const downloads: Downloads = createDownloads({ limits: null, checkMs: 10, onError: () => {} })
  /** Files whose access has ended. */
  const ended = new Set<number>()
  const open = downloads.kind<number>(async (asked) => asked.map((n) => !ended.has(n)))
  const app: FastifyInstance = Fastify({ connectionTimeout: 30_000, keepAliveTimeout: 60_000 })
  const config = testConfig({ CORS_ORIGINS: 'https://app.example.com' })
  await app.register(errorsPlugin)
  await app.register(headersPlugin, { config, headers: createAnswerHeaders(config), origins: createOrigins(config, () => {}) })
  await app.register(compressionPlugin)
  let served = 0
  app.get<{ Params: { n: string } }>('/api/files/:n', (request, reply) => {
    served++
    const n = Number(request.params.n)
    const file = files[n] as Served
    return sendContent(request, reply, file, (range, signal) => storage.open(file.key, range, signal), open('ann', n))
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }

  async function add(bytes: Buffer, content: Partial<Content> = {}): Promise<number> {
    const path = join(folder, `${randomUUID()}.part`)
    writeFileSync(path, bytes)
    const file = { size: bytes.length, type: 'audio/wav', sha256: createHash('sha256').update(bytes).digest('hex') }
    const key = randomUUID()
    await storage.put(key, { path, ...file })
    const rest = { name: 'song.wav', disposition: 'inline', lastModified: MADE } as const
    return files.push({ ...rest, ...file, tag: file.sha256, ...content, bytes, key }) - 1
  }

  async function get(n: number, headers: Record<string, string> = {}, method = 'GET') {
    const outgoing = ask({ port, host: '127.0.0.1', method, path: `/api/files/${n}`, headers, agent: false })
    outgoing.end()
    const [answer] = await once(outgoing, 'response')
    return { status: answer.statusCode as number, headers: answer.headers as Record<string, string>, body: await buffer(answer) }
  }

  /** Connections that are made in this test end when nothing moves for a second. */
  function endIdleOnes(): void {
    const { timeout } = app.server
    app.server.timeout = IDLE_MS
    onTestFinished(() => {
      app.server.timeout = timeout
    })
  }

  /** A connection that asks and then reads as the test wants. */
  function dial(n: number, headers = ''): Socket {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    socket.write(`GET /api/files/${n} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`)
    onTestFinished(() => void socket.destroy())
    return socket
  }

  return {
    app,
    port,
    files,
    downloads,
    ended,
    /** How many requests there were. */
    served: () => served,
    add,
    get,
    dial,
    endIdleOnes,
    tag: (n: number) => `"${files[n]?.tag}"`,
    async close() {
      downloads.close()
      await app.close()
    },
  }
}

const stores: [name: string, open: () => Promise<{ storage: Storage; close(): Promise<void> }>][] = [
  ['disk', async () => ({ storage: openDiskStorage(join(folder, 'files')), close: async () => {} })],
  [
    'S3',
    async () => {
      const { config, close } = await startS3()
      return { storage: openS3Storage(config), close }
    },
  ],
]

for (const [name, openStore] of stores)
  describe(`content from ${name}`, () => {
    let store: Awaited<ReturnType<typeof openStore>>
    let server: Awaited<ReturnType<typeof serve>>
    const bytes = randomBytes(300_000)
    const size = bytes.length
    let song: number
    beforeAll(async () => {
      store = await openStore()
      server = await serve(store.storage)
      song = await server.add(bytes)
    })
    afterAll(async () => {
      await server.close()
      await store.storage.close()
      await store.close()
    })
    // Nothing that a test opens outlives it.
    afterEach(() =>
      until('no download and no open file', () => server.downloads.running() === 0 && openFiles(folder).length === 0),
    )

    it('S18 the whole is answered with 200, byte for byte, and with the headers of what is not trusted', async () => {
      const { status, headers, body } = await server.get(song)
      expect(status).toBe(200)
      expect(body.equals(bytes)).toBe(true)
      expect(headers).toMatchObject({
        'accept-ranges': 'bytes',
        'cache-control': 'private, no-cache, no-transform',
        'content-disposition': `inline; filename="song.wav"; filename*=UTF-8''song.wav`,
        'content-length': String(size),
        'content-security-policy': `sandbox; default-src 'none'`,
        'content-type': 'audio/wav',
        'cross-origin-resource-policy': 'same-site',
        etag: server.tag(song),
        'last-modified': DATE,
        'x-accel-buffering': 'no',
        'x-content-type-options': 'nosniff',
      })
      expect(headers['content-range']).toBeUndefined()
    })

    it('S18 a page of an allowed origin may ask for a range, and reads which one it got', async () => {
      const origin = 'https://app.example.com'
      const { headers } = await server.get(song, { origin, range: 'bytes=5-9' })
      expect(headers['access-control-allow-origin']).toBe(origin)
      const exposed = headers['access-control-expose-headers']?.split(', ')
      expect(exposed).toEqual(expect.arrayContaining(['accept-ranges', 'content-range', 'content-disposition', 'etag']))
      const preflight = { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'range,if-range' }
      const allowed = (await server.get(song, preflight, 'OPTIONS')).headers['access-control-allow-headers']?.split(', ')
      expect(allowed).toEqual(expect.arrayContaining(['range', 'if-range']))
    })

    const last = size - 1
    const parts: [range: string, start: number, end: number][] = [
      ['bytes=0-', 0, last],
      ['bytes=0-1', 0, 1],
      ['bytes=1-1', 1, 1],
      [`bytes=${last}-`, last, last],
      [`bytes=${last}-${last}`, last, last],
      ['bytes=100000-', 100_000, last],
      ['bytes=65535-65536', 65_535, 65_536],
      ['bytes=-1', last, last],
      ['bytes=-1000', size - 1000, last],
      [`bytes=-${size}`, 0, last],
      [`bytes=-${size + 1}`, 0, last],
      [`bytes=-${'9'.repeat(400)}`, 0, last],
      [`bytes=5-${size}`, 5, last],
      [`bytes=5-${'9'.repeat(400)}`, 5, last],
      ['bytes=00005-0009', 5, 9],
      ['BYTES=5-9', 5, 9],
      ['bytes= 5-9 ', 5, 9],
      ['bytes=,5-9,', 5, 9],
    ]
    it('S18 one range is answered with 206 and exactly its bytes', async () => {
      for (const [range, start, end] of parts) {
        const { status, headers, body } = await server.get(song, { range })
        expect(status, range).toBe(206)
        expect(headers['content-range'], range).toBe(`bytes ${start}-${end}/${size}`)
        expect(headers['content-length'], range).toBe(String(end - start + 1))
        expect(headers.etag, range).toBe(server.tag(song))
        expect(body.equals(bytes.subarray(start, end + 1)), range).toBe(true)
      }
    })

    it('S18 a range behind the end is answered with 416 and the size', async () => {
      for (const range of [`bytes=${size}-`, `bytes=${size}-${size + 5}`, 'bytes=-0', `bytes=${'9'.repeat(400)}-`]) {
        const { status, headers, body } = await server.get(song, { range })
        expect(status, range).toBe(416)
        expect(headers['content-range'], range).toBe(`bytes */${size}`)
        expect(headers, range).toMatchObject({ 'content-type': expect.stringContaining('application/problem+json') })
        expect(headers.etag, range).toBeUndefined()
        expect(JSON.parse(body.toString()), range).toMatchObject({ code: 'range-unsatisfiable', status: 416 })
      }
    })

    it('S18 reversed ranges, other units, garbage and several ranges are answered with the whole', async () => {
      const odd = [
        'bytes=9-5',
        'bytes=-',
        'bytes=',
        'bytes',
        'bytes=a-b',
        'bytes=1-2x',
        'bytes=0x1-2',
        'bytes=1.5-2',
        'bytes=--1',
      ]
      const several = ['bytes=0-1,5-9', 'bytes=0-0,-1', `bytes=${Array.from({ length: 1000 }, (_, n) => `${n}-`).join()}`]
      for (const range of [...odd, ...several, 'items=0-1', 'seconds=1-2', 'bytes:0-1', 'bytes =0-1', 'bytes=0 -1', '0-1']) {
        const { status, headers, body } = await server.get(song, { range })
        expect(status, range).toBe(200)
        expect(headers['content-range'], range).toBeUndefined()
        expect(body.length, range).toBe(size)
      }
    })

    it('S18 If-Range gives the part for the strong tag or exactly the date, else the whole', async () => {
      const tag = server.tag(song)
      for (const fits of [tag, DATE]) {
        const { status, body } = await server.get(song, { range: 'bytes=5-9', 'if-range': fits })
        expect(status, fits).toBe(206)
        expect(body.equals(bytes.subarray(5, 10)), fits).toBe(true)
      }
      const others = [
        `W/${tag}`,
        '"another"',
        tag.slice(1, -1),
        '*',
        'Fri, 01 May 2026 12:00:01 GMT',
        'Fri, 01 May 2026 11:59:59 GMT',
      ]
      for (const other of [...others, '2026-05-01T12:00:00Z', 'yesterday']) {
        expect(await server.get(song, { range: 'bytes=5-9', 'if-range': other }), other).toMatchObject({ status: 200 })
        // Not even a range behind the end counts.
        expect(await server.get(song, { range: `bytes=${size}-`, 'if-range': other }), other).toMatchObject({ status: 200 })
      }
    })

    it('S18 If-None-Match gives 304 to those who have the bytes, also with a range', async () => {
      const tag = server.tag(song)
      for (const known of [tag, `W/${tag}`, `"x", ${tag}`, '*'])
        for (const more of [{}, { range: 'bytes=5-9' }, { range: `bytes=${size}-` }] as Record<string, string>[]) {
          const { status, headers, body } = await server.get(song, { 'if-none-match': known, ...more })
          expect(status, known).toBe(304)
          expect(headers.etag).toBe(tag)
          expect(body).toHaveLength(0)
        }
      expect(await server.get(song, { 'if-none-match': '"x"', range: 'bytes=5-9' })).toMatchObject({ status: 206 })
    })

    it('S18 If-Match gives 412 where the bytes are others', async () => {
      expect(await server.get(song, { 'if-match': server.tag(song), range: 'bytes=5-9' })).toMatchObject({ status: 206 })
      expect(await server.get(song, { 'if-match': '*' })).toMatchObject({ status: 200 })
      for (const other of ['"x"', `W/${server.tag(song)}`])
        expect(await server.get(song, { 'if-match': other }), other).toMatchObject({ status: 412 })
    })

    it('S18 HEAD has the headers of the whole and no body, and opens nothing', async () => {
      const whole = await server.get(song)
      for (const headers of [{}, { range: 'bytes=5-9' }, { range: `bytes=${size}-` }] as Record<string, string>[]) {
        const head = await server.get(song, headers, 'HEAD')
        expect(head.status).toBe(200)
        expect(head.body).toHaveLength(0)
        for (const header of ['content-length', 'content-type', 'etag', 'accept-ranges', 'content-disposition', 'last-modified'])
          expect(head.headers[header], header).toBe(whole.headers[header])
      }
      expect(await server.get(song, { 'if-none-match': server.tag(song) }, 'HEAD')).toMatchObject({ status: 304 })
    })

    it('S18 a file without a byte is answered whole', async () => {
      const empty = await server.add(Buffer.alloc(0))
      expect(await server.get(empty)).toMatchObject({ status: 200, headers: { 'content-length': '0' }, body: Buffer.alloc(0) })
      expect(await server.get(empty, { range: 'bytes=-5' })).toMatchObject({ status: 200 })
      expect(await server.get(empty, { range: 'bytes=0-' })).toMatchObject({
        status: 416,
        headers: { 'content-range': 'bytes */0' },
      })
      expect(await server.get(empty, {}, 'HEAD')).toMatchObject({ status: 200, headers: { 'content-length': '0' } })
    })

    it('S16 what a browser could run is saved, not shown, and text is not compressed', async () => {
      const text = Buffer.from('<script>alert(1)</script>'.repeat(200))
      for (const type of [
        'text/html',
        'image/svg+xml',
        'application/pdf',
        'text/plain',
        'application/zip',
        'application/javascript',
      ]) {
        const page = await server.add(text, { type, name: 'page' })
        const { headers, body } = await server.get(page, { 'accept-encoding': 'gzip, br' })
        expect(headers['content-disposition'], type).toMatch(/^attachment; /)
        expect(headers['content-encoding'], type).toBeUndefined()
        expect(headers.etag, type).toBe(server.tag(page))
        expect(headers).toMatchObject({
          'x-content-type-options': 'nosniff',
          'content-security-policy': `sandbox; default-src 'none'`,
        })
        expect(body.equals(text), type).toBe(true)
      }
    })

    it('M1 an object that is lost, or shorter than its row says, is a problem and no half of a file', async () => {
      const lost = await server.add(randomBytes(10))
      await store.storage.remove(server.files[lost]?.key ?? '')
      const { status, headers, body } = await server.get(lost)
      expect(status).toBe(404)
      expect(headers.etag).toBeUndefined()
      expect(headers['content-disposition']).toBeUndefined()
      expect(Number(headers['content-length'])).toBe(body.length)
      const short = await server.add(randomBytes(100), { size: 200 })
      expect(await server.get(short, { range: 'bytes=50-150' })).toMatchObject({ status: 500 })
    })

    it('S18 B2 100 downloads at once give each its own bytes', async () => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, n) => server.get(song, { range: `bytes=${n * 1000 + 1}-${n * 1000 + 200_000}` })),
      )
      const wrong = answers.filter(({ body }, n) => !body.equals(bytes.subarray(n * 1000 + 1, n * 1000 + 200_001)))
      expect(wrong).toEqual([])
    })

    it('S18 B3 100 clients that hang up in the middle leave no file and no download open', async () => {
      const large = await server.add(randomBytes(20_000_000))
      const sockets = Array.from({ length: 100 }, (_, n) => server.dial(large, `Range: bytes=${n}-\r\n`))
      await Promise.all(sockets.map((socket) => once(socket, 'readable')))
      for (const socket of sockets) socket.destroy()
      await until('all to be closed', () => server.downloads.running() === 0)
      // While the answer is made, too.
      const served = server.served()
      const early = Array.from({ length: 100 }, () => server.dial(large))
      await until('the first to be asked for', () => server.served() > served)
      for (const socket of early) socket.destroy()
      expect((await server.get(song, { range: 'bytes=5-9' })).body.equals(bytes.subarray(5, 10))).toBe(true)
    })

    it('M2 access that ends cuts running downloads, also those that stand still, and opens no new one', async () => {
      const large = await server.add(randomBytes(20_000_000))
      const [reading, still] = [server.dial(large), server.dial(large)]
      // Ended by the server: a client that ends its half ends an answer that has not left by then.
      const other = server.dial(song, 'Connection: close\r\n')
      let read = 0
      let ended = 0
      reading.on('data', (chunk) => {
        read += chunk.length
        // In the middle of it until it ends, also where this process stands still for a while.
        if (!server.ended.has(large)) reading.pause()
      })
      for (const socket of [reading, still]) socket.on('close', () => ended++)
      // One that is not answered by then would be refused, and its connection stay.
      await once(still, 'readable')
      await until('the other to be read', () => read > 0)
      server.ended.add(large)
      reading.resume()
      // The one that is paused learns it when it reads on.
      await until('no download of it', () => server.downloads.running() <= 1)
      still.resume()
      await until('both connections to be cut', () => ended === 2)
      expect(read).toBeLessThan(20_000_000)
      expect((await buffer(other)).subarray(-size).equals(bytes)).toBe(true)
    })

    it('B2 a reader that is slow is waited for; one that stops for good is cut', async () => {
      const large = await server.add(randomBytes(30_000_000))
      server.endIdleOnes()
      const [slow, stopped] = [server.dial(large, 'Connection: close\r\n'), server.dial(large)]
      for (const socket of [slow, stopped]) await once(socket, 'readable')
      const from = performance.now()
      await until('longer than other connections may stand still', () => performance.now() - from > 1.5 * IDLE_MS)
      expect((await buffer(slow)).length).toBeGreaterThan(30_000_000)
      await until('the other to be cut', () => server.downloads.running() === 0)
    })

    it('B2 a connection that has served a download serves the next request, with the patience of others', async () => {
      server.endIdleOnes()
      const socket = server.dial(song, 'Range: bytes=5-9\r\n')
      let received = ''
      let ended = false
      socket.on('data', (chunk) => {
        received += chunk.toString('latin1')
      })
      socket.on('close', () => {
        ended = true
      })
      await until('the answer', () => received.endsWith(bytes.subarray(5, 10).toString('latin1')))
      socket.write(`GET /api/files/${song} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=7-8\r\n\r\n`)
      await until('the next', () => received.endsWith(bytes.subarray(7, 9).toString('latin1')))
      // Not for the 60 s of other idle connections.
      await until('its end', () => ended, 20_000)
    })
  })
