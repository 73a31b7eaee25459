import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ProblemError } from '../../src/errors.ts'
import { openS3Storage } from '../../src/ports/storage/s3.ts'
import type { LocalFile, Storage } from '../../src/ports/storage/storage.ts'
import { startS3, type TestS3 } from '../support/s3.ts'
import { openTcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'cutroom-s3-client-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function localFile(bytes: Buffer): LocalFile {
  const path = join(folder, randomUUID())
  writeFileSync(path, bytes)
  return { path, size: bytes.length, type: 'audio/wav', sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** Shorter than in earnest. */
const TIMINGS = { idle: 500, pauses: [1, 2] }

/** A store that answers as it is told, request by request; the last answer stays. */
async function startOdd(...answers: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    answers[Math.min(requests.length, answers.length) - 1]?.(request, response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const endpoint = `http://127.0.0.1:${port}`
  const storage = openS3Storage(
    { endpoint, bucket: 'songs', region: 'auto', accessKeyId: 'id', secretAccessKey: 'hunter2', prefix: '' },
    TIMINGS,
  )
  onTestFinished(async () => {
    await storage.close()
    server.closeAllConnections()
    server.close()
  })
  return { storage, requests }
}

/** The signature that a store computes of what it got (Signature Version 4); s3rver does not. */
function signatureOf({ method, url, headers }: IncomingMessage, secret: string): string {
  const [, scope = '', names = ''] = /Credential=[^/]+\/([^,]+), SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? []
  const lines = names.split(';').map((name) => `${name}:${headers[name]}\n`)
  const canonical = [method, url, '', lines.join(''), names, headers['x-amz-content-sha256']].join('\n')
  const digest = createHash('sha256').update(canonical).digest('hex')
  const text = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, digest].join('\n')
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
  return hmac(scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secret}`), text).toString('hex')
}

const refuse = (status: number, code: string) => (request: IncomingMessage, response: ServerResponse) => {
  request.resume()
  response.writeHead(status, { 'content-type': 'application/xml' })
  response.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>No.</Message></Error>`)
}
const accept = (request: IncomingMessage, response: ServerResponse) => {
  request.resume().on('end', () => response.end())
}

/** The problem of work that fails, and the reason that is logged. */
async function failureOf(work: Promise<unknown>): Promise<{ code: string; reason: string; extra: unknown }> {
  const error = await work.then(
    () => null,
    (error: unknown) => error,
  )
  if (!(error instanceof ProblemError)) throw new Error(`no problem, but ${error}`)
  const reason = String((error.cause as Error | undefined)?.message)
  expect(reason + error.message).not.toContain('hunter2')
  return { code: error.code, reason, extra: error.extra }
}

describe('S3', () => {
  let s3: TestS3
  beforeAll(async () => {
    s3 = await startS3()
  })
  afterAll(() => s3.close())

  function connect(config: Partial<TestS3['config']> = {}): Storage {
    const storage = openS3Storage({ ...s3.config, ...config }, TIMINGS)
    onTestFinished(() => storage.close())
    return storage
  }

  it('M1 a PUT has the length, the type and the hash of the file, and is not chunked', async () => {
    const { storage, requests } = await startOdd(accept)
    const file = localFile(randomBytes(700_000))
    const key = randomUUID()
    await storage.put(key, file)
    expect(requests).toHaveLength(1)
    expect(requests[0]).toMatchObject({ method: 'PUT', url: `/songs/${key}` })
    const { headers } = requests[0] as IncomingMessage
    expect(headers).toMatchObject({
      'content-length': '700000',
      'content-type': 'audio/wav',
      'x-amz-content-sha256': file.sha256,
    })
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/auto\/s3\/aws4_request, SignedHeaders=.*x-amz-content-sha256/,
    )
    expect(headers['transfer-encoding']).toBeUndefined()
  })

  it('M3 each request is signed, with all that decides it', async () => {
    const part = (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(206, { 'content-range': 'bytes 3-4/9', 'content-length': '2' })
      response.end('ab')
    }
    const { storage, requests } = await startOdd(accept, part, accept)
    const key = randomUUID()
    await storage.put(key, localFile(randomBytes(10)))
    expect(await buffer(await storage.open(key, { start: 3, end: 4 }))).toEqual(Buffer.from('ab'))
    await storage.remove(key)
    expect(requests.map(({ method }) => method)).toEqual(['PUT', 'GET', 'DELETE'])
    for (const request of requests) {
      expect(request.headers.authorization).toContain('SignedHeaders=host;x-amz-content-sha256;x-amz-date,')
      expect(request.headers.authorization).toContain(`Signature=${signatureOf(request, 'hunter2')}`)
    }
  })

  it('O2 what passes is tried three times, with the whole body each time', async () => {
    const bodies: Buffer[] = []
    const late = (answer: typeof accept) => async (request: IncomingMessage, response: ServerResponse) => {
      bodies.push(await buffer(request))
      answer(request, response)
    }
    const { storage } = await startOdd(
      late(refuse(503, 'SlowDown')),
      (request) => request.socket.destroy(),
      late((_, response) => response.end()),
    )
    const bytes = randomBytes(300_000)
    await storage.put(randomUUID(), localFile(bytes))
    expect(bodies.map((body) => body.equals(bytes))).toEqual([true, true])

    const never = await startOdd(refuse(500, 'InternalError'))
    expect(await failureOf(never.storage.remove(randomUUID()))).toMatchObject({ code: 'unavailable', extra: { retryAfter: 5 } })
    expect(never.requests).toHaveLength(3)
  })

  it('O2 a store that is away, stands still or refuses is a problem with its reason, without the secret', async () => {
    const key = randomUUID()
    const gone = connect({ endpoint: 'http://127.0.0.1:1' })
    expect(await failureOf(gone.open(key))).toMatchObject({
      code: 'unavailable',
      reason: expect.stringContaining('ECONNREFUSED'),
    })
    const silent = await startOdd(() => {})
    expect(await failureOf(silent.storage.open(key))).toMatchObject({
      code: 'unavailable',
      reason: 'S3 did not answer for 0.5 s',
    })
    const large = localFile(randomBytes(20_000_000))
    expect(await failureOf(silent.storage.put(key, large))).toMatchObject({ reason: 'S3 did not answer for 0.5 s' })
    const denied = await startOdd(refuse(403, 'AccessDenied'))
    expect(await failureOf(denied.storage.put(key, localFile(randomBytes(10))))).toMatchObject({
      code: 'unavailable',
      reason: 'S3 answered 403 AccessDenied: No.',
    })
    expect(denied.requests).toHaveLength(1)
    const stranger = connect({ accessKeyId: 'STRANGER', secretAccessKey: 'hunter2' })
    expect(await failureOf(stranger.check())).toMatchObject({
      code: 'unavailable',
      reason: expect.stringContaining('InvalidAccessKeyId'),
    })
    expect(await failureOf(connect({ bucket: 'other' }).open(key))).toMatchObject({
      code: 'unavailable',
      reason: expect.stringContaining('NoSuchBucket'),
    })
  })

  it('S17 a store that is full says so at once', async () => {
    for (const full of [refuse(507, 'XMinioStorageFull'), refuse(403, 'QuotaExceeded')]) {
      const { storage, requests } = await startOdd(full)
      expect(await failureOf(storage.put(randomUUID(), localFile(randomBytes(10))))).toMatchObject({ code: 'storage-full' })
      expect(requests).toHaveLength(1)
    }
  })

  it('M1 a connection that is lost in the middle is replaced by one that goes on behind the last byte', async () => {
    const proxy = await openTcpProxy({ port: s3.port }, onTestFinished)
    const bytes = randomBytes(6_000_000)
    const key = randomUUID()
    const storage = connect({ endpoint: proxy.url })
    await storage.put(key, localFile(bytes))
    const found: Buffer[] = []
    let drops = 0
    let length = 0
    for await (const chunk of await storage.open(key, { start: 7, end: bytes.length - 1 })) {
      found.push(chunk)
      length += chunk.length
      if (length > drops * 1_000_000 && drops < 5) {
        drops++
        proxy.drop()
      }
    }
    expect(drops).toBe(5)
    expect(Buffer.concat(found).equals(bytes.subarray(7))).toBe(true)
  })

  it('O2 a store that goes away for good, or stands still in the middle, fails the stream', async () => {
    const proxy = await openTcpProxy({ port: s3.port }, onTestFinished)
    const key = randomUUID()
    const storage = connect({ endpoint: proxy.url })
    await storage.put(key, localFile(randomBytes(30_000_000)))
    for (const fail of [() => proxy.cut(), async () => proxy.swallow()]) {
      await proxy.pass()
      const stream = await storage.open(key)
      stream.read()
      await until('its first bytes', () => stream.readableLength > 0)
      await fail()
      expect(await failureOf(buffer(stream))).toMatchObject({ code: 'unavailable' })
    }
  })

  it('B2 a reader that is slower than the patience with the store is waited for', async () => {
    const bytes = randomBytes(3_000_000)
    const key = randomUUID()
    const storage = connect()
    await storage.put(key, localFile(bytes))
    const stream = await storage.open(key)
    stream.read()
    await until('its first bytes', () => stream.readableLength > 0)
    const from = performance.now()
    await until('twice the patience to pass', () => performance.now() - from > 2 * TIMINGS.idle)
    expect((await buffer(stream)).equals(bytes)).toBe(true)
  })

  it('M3 a store that sends another part, or more than was asked for, gives no wrong byte', async () => {
    const bytes = randomBytes(1000)
    const send = (status: number, headers: Record<string, string>) => (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(status, headers)
      response.end(bytes)
    }
    const whole = await startOdd(send(200, { 'content-length': '1000' }))
    expect((await buffer(await whole.storage.open(randomUUID(), { start: 0, end: 9 }))).equals(bytes.subarray(0, 10))).toBe(true)
    expect(await failureOf(whole.storage.open(randomUUID(), { start: 1, end: 9 }))).toMatchObject({ code: 'internal' })
    const other = await startOdd(send(206, { 'content-length': '1000', 'content-range': 'bytes 5-1004/9999' }))
    expect(await failureOf(other.storage.open(randomUUID(), { start: 4, end: 9 }))).toMatchObject({ code: 'internal' })
  })
})
