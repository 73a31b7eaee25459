import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { beforeAll, describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { beginUpload, cutIn, sendFile, tus, zipOf } from '../support/files.ts'
import { createProject, type Person, register } from '../support/people.ts'

const KIB = 1024
const LIMIT = 100_000

describe('the quota in bytes', () => {
  const app = useApp({ env: { RATE_LIMIT: `${LIMIT}` } })
  const small = useApp({ env: { RATE_LIMIT: '20' } })
  let ann: Person
  beforeAll(async () => {
    ann = await register(app(), 'Ann')
  })

  /** Requests that are left this minute; this one counts itself. */
  const left = async (person = ann) => Number((await person.call('GET', '/api/me')).headers.get('x-ratelimit-remaining'))

  /** A body of exactly so many bytes, that no endpoint takes; with or without its length. */
  async function send(bytes: number, chunked: boolean, { url }: { url: string } = app(), { token }: Person = ann) {
    const body = `{"x":"${'a'.repeat(Math.max(bytes - 8, 0))}"}`.slice(0, bytes)
    const outgoing = httpRequest(`${url}/api/projects`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': bytes }),
      },
    })
    outgoing.on('error', () => {})
    outgoing.end(body)
    const [answer] = await once(outgoing, 'response')
    let text = ''
    for await (const chunk of answer) text += chunk
    return { status: answer.statusCode as number, problem: JSON.parse(text) as { code: string; retryAfter?: number } }
  }

  it('B2 each started 16 KiB of a body counts as one request, with or without Content-Length', async () => {
    const costs: [bytes: number, cost: number][] = [
      [8, 1],
      [16 * KIB, 1],
      [16 * KIB + 1, 2],
      [32 * KIB, 2],
      [100 * KIB, 7],
      [256 * KIB, 16],
      // Refused unread, or after the limit.
      [256 * KIB + 1, 1],
    ]
    for (const chunked of [false, true])
      for (const [bytes, cost] of costs) {
        const before = await left()
        const { status } = await send(bytes, chunked)
        const spent = before - (await left()) - 1
        expect({ bytes, chunked, status }).toEqual({ bytes, chunked, status: bytes > 256 * KIB ? 413 : 422 })
        const most = chunked && bytes > 256 * KIB ? 17 : cost
        expect({ bytes, chunked, spent: spent >= cost && spent <= most }).toEqual({ bytes, chunked, spent: true })
      }
  })

  it('B2 a body beyond the quota is refused with Retry-After, and others are read', async () => {
    for (const chunked of [false, true]) {
      const bob = await register(small(), 'Bob')
      expect((await send(200 * KIB, chunked, small(), bob)).status).toBe(422)
      const refused = await send(200 * KIB, chunked, small(), bob)
      expect(refused).toMatchObject({ status: 429, problem: { code: 'rate-limited', retryAfter: expect.any(Number) } })
      expect((await bob.call('GET', '/api/me')).status).toBe(429)
      expect((await (await register(small(), 'Cid')).call('GET', '/api/me')).status).toBe(200)
    }
  })

  it('B2 an upload counts as its requests, however large it is', async () => {
    const dora = await register(small(), 'Dora')
    const project = await createProject(dora, 'Album')
    const cutId = await cutIn(dora, project)
    const zip = zipOf(10_000_000)
    expect((await sendFile(small(), dora, cutId, zip)).status).toBe(201)
    const path = await beginUpload(small(), dora, zip.length, { cutId, filename: 'stems.zip' })
    const half = zip.length / 2
    for (const [offset, part] of [[0, zip.subarray(0, half)] as const, [half, zip.subarray(half)] as const])
      expect((await tus(small(), dora, 'PATCH', path, { 'upload-offset': `${offset}` }, part)).status).toBe(204)
    expect((await dora.call('GET', '/api/me')).status).toBe(200)
  })
})
