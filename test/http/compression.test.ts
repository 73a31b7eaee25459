import { createHook } from 'node:async_hooks'
import { once } from 'node:events'
import { type IncomingHttpHeaders, request as openRequest } from 'node:http'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { type Endpoint, endpoints } from '@cutroom/contract'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { useApp } from '../support/app.ts'
import { createCut, createTeam, PASSWORD, type Person, register, request } from '../support/people.ts'

interface RawAnswer {
  status: number
  headers: IncomingHttpHeaders
  bytes: Buffer
}

const decoders = { gzip: gunzipSync, br: brotliDecompressSync }
const decode = ({ headers, bytes }: RawAnswer): Buffer => {
  const encoding = headers['content-encoding']
  return encoding === undefined ? bytes : decoders[encoding as keyof typeof decoders](bytes)
}

describe('compressed answers', () => {
  const app = useApp()
  const COMMENTS = 2_000
  let owner: Person
  let cut: string
  let snapshot: string
  let comments: string

  /** One request whose answer is read as it came over the wire. */
  async function ask(
    path: string,
    headers: Record<string, string> = {},
    { method = 'GET', person = owner, body }: { method?: string; person?: Person | null; body?: unknown } = {},
  ): Promise<RawAnswer> {
    const sent = openRequest(app().url + path, {
      method,
      headers: {
        ...(person && { authorization: `Bearer ${person.token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    })
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    const [answer] = await once(sent, 'response')
    return { status: answer.statusCode, headers: answer.headers, bytes: Buffer.concat(await answer.toArray()) }
  }
  const accepting = (encoding: string) => ({ 'accept-encoding': encoding })

  beforeAll(async () => {
    const team = await createTeam(app())
    owner = team.owner
    cut = (await createCut(owner, team.project.id)).cut.id
    snapshot = `/api/projects/${team.project.id}/snapshot`
    comments = `/api/cuts/${cut}/comments?limit=200`
    // Short notes, each some milliseconds after the one before, with ids as uuidv7 makes them: all their random digits differ.
    await app().db.query(
      `INSERT INTO "Comment" (id, "projectId", "cutId", "authorId", body, "atMs", "createdAt", "updatedAt")
       SELECT (lpad(to_hex(1772359200000 + n * 7), 12, '0') || '7' || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid,
         $1::uuid, $2::uuid, $3::uuid, notes[1 + n % 4] || ', bar ' || n % 64, n * 100, made, made
       FROM generate_series(1, ${COMMENTS}) n,
         LATERAL (SELECT timestamptz '2026-03-01T10:00:00Z' + n * interval '7 ms' AS made,
           ARRAY['The snare is too loud', 'Bass comes in late', 'Louder here', 'Can we try this without the guitar?'] AS notes) AS each`,
      [team.project.id, cut, owner.id],
    )
  })

  it('a snapshot of 2,000 comments goes out in at most 60 KB in each coding, and is the same snapshot', async () => {
    for (const encoding of ['gzip', 'br']) {
      let [bytes, found, path] = [0, 0, snapshot]
      for (;;) {
        const plain = await ask(path)
        const answer = await ask(path, accepting(encoding))
        expect(answer.headers).toMatchObject({ 'content-encoding': encoding, 'content-length': `${answer.bytes.length}` })
        expect(decode(answer).equals(plain.bytes)).toBe(true)
        expect(plain.headers['content-encoding']).toBeUndefined()
        bytes += answer.bytes.length
        const page = JSON.parse(plain.bytes.toString()) as { comments: unknown[]; nextCursor: string | null }
        found += page.comments.length
        if (page.nextCursor === null) break
        path = `${snapshot}?cursor=${encodeURIComponent(page.nextCursor)}`
      }
      expect(found).toBe(COMMENTS)
      console.log(`snapshot of ${COMMENTS} comments, ${encoding}: ${(bytes / 1000).toFixed(1)} KB`)
      expect(bytes).toBeLessThanOrEqual(60_000)
    }
  })

  it('a kept answer is compressed once, however many ask for it', async () => {
    // Ask once, so that the rows are read and kept.
    await owner.must('POST', `/api/cuts/${cut}/comments`, { body: 'One more' })
    await ask(comments)
    let encoders = 0
    const hook = createHook({
      init(_id, type) {
        if (type === 'ZLIB') encoders++
      },
    }).enable()
    onTestFinished(() => void hook.disable())
    const first = await Promise.all(Array.from({ length: 20 }, () => ask(comments, accepting('gzip'))))
    const later = await Promise.all(Array.from({ length: 20 }, () => ask(comments, accepting('gzip'))))
    expect(encoders).toBe(1)
    hook.disable()
    for (const answer of [...first, ...later]) expect(answer.bytes.equals(first[0]?.bytes ?? Buffer.of())).toBe(true)
    // An event later it is another answer.
    await owner.must('POST', `/api/cuts/${cut}/comments`, { body: 'And one' })
    const plain = await ask(comments)
    expect(decode(await ask(comments, accepting('gzip'))).equals(plain.bytes)).toBe(true)
  })

  it('the coding is the one the client wants most, br before gzip; none where it wants none', async () => {
    const cases: [accepted: string | undefined, encoding: string | undefined][] = [
      [undefined, undefined],
      ['', undefined],
      ['identity', undefined],
      ['deflate', undefined],
      ['zstd', undefined],
      ['gzip', 'gzip'],
      ['GZIP', 'gzip'],
      ['gzip, deflate, br, zstd', 'br'],
      ['br;q=0.5, gzip;q=0.9', 'gzip'],
      ['br;q=0, gzip', 'gzip'],
      ['gzip;q=0, br;q=0', undefined],
      ['gzip;q=0.0', undefined],
      ['*', 'br'],
      ['*;q=0', undefined],
      ['*;q=0.1, gzip', 'gzip'],
      ['br ; q=1.0', 'br'],
      ['gzip;q=0.5, identity', undefined],
      ['gzip;q=nonsense', undefined],
      [',,;q=1,', undefined],
    ]
    for (const [accepted, encoding] of cases) {
      const answer = await ask(comments, accepted === undefined ? {} : accepting(accepted))
      expect([accepted, answer.status, answer.headers['content-encoding']]).toEqual([accepted, 200, encoding])
    }
  })

  it('lists that are not kept, answers to writes and problems are compressed, too', async () => {
    for (let n = 0; n < 5; n++) await owner.must('POST', '/api/projects', { name: 'Album', description: 'x'.repeat(500) })
    const projects = await ask('/api/projects', accepting('gzip'))
    expect(projects.headers['content-encoding']).toBe('gzip')
    expect(JSON.parse(decode(projects).toString()).data.length).toBeGreaterThan(5)

    const lyrics = { lyrics: Array.from({ length: 50 }, (_, n) => ({ text: `line ${n}, la la la` })) }
    const path = `/api/cuts/${cut}/lyrics`
    const written = await ask(path, accepting('br'), { method: 'PUT', body: lyrics })
    expect([written.status, written.headers['content-encoding']]).toEqual([200, 'br'])
    const refused = await ask(path, { ...accepting('gzip'), 'if-match': '"99"' }, { method: 'PUT', body: lyrics })
    expect([refused.status, refused.headers['content-encoding']]).toEqual([412, 'gzip'])
    expect(JSON.parse(decode(refused).toString())).toMatchObject({ code: 'stale', current: { cutId: cut } })
    // The tag of a refusal names what reading gives as it is.
    expect((await ask(path)).headers.etag).toBe(refused.headers.etag)
  })

  it('what is shorter than 1 KiB leaves as it is', async () => {
    const answer = await ask(`/api/cuts/${cut}`, accepting('gzip, br'))
    expect(answer.headers['content-encoding']).toBeUndefined()
    expect(JSON.parse(answer.bytes.toString())).toMatchObject({ id: cut })
  })

  it('strong tags differ by coding, each is good for If-None-Match and If-Match', async () => {
    const path = `/api/cuts/${cut}/lyrics`
    await owner.must('PUT', path, { lyrics: Array.from({ length: 100 }, (_, n) => ({ text: `verse ${n}` })) })
    const answers = [await ask(path), await ask(path, accepting('gzip')), await ask(path, accepting('br'))]
    const tags = answers.map(({ headers }) => String(headers.etag))
    expect(new Set(tags).size).toBe(3)
    for (const tag of tags) expect(tag).toMatch(/^"/)
    for (const { headers } of answers) expect(headers.vary).toMatch(/\baccept-encoding\b/i)
    for (const tag of tags)
      for (const accepted of ['identity', 'gzip', 'br']) {
        const same = await ask(path, { ...accepting(accepted), 'if-none-match': `"1.somethingElse", W/${tag}` })
        expect([same.status, same.headers.etag, same.bytes.length]).toEqual([304, tag, 0])
        expect(same.headers.vary).toMatch(/\baccept-encoding\b/i)
        expect(same.headers['content-encoding']).toBeUndefined()
      }
    for (const tag of [...tags].reverse()) {
      const lyrics = [{ text: tag }]
      expect((await ask(path, { 'if-match': tag }, { method: 'PUT', body: { lyrics } })).status).toBe(tag === tags[2] ? 200 : 412)
    }
    for (const tag of tags) expect((await ask(path, { 'if-none-match': tag })).status).toBe(200)
  })

  it('HEAD has the headers of GET', async () => {
    const [get, head] = [await ask(comments, accepting('br')), await ask(comments, accepting('br'), { method: 'HEAD' })]
    expect(head.bytes).toHaveLength(0)
    for (const name of ['content-encoding', 'content-length', 'vary', 'etag', 'content-type'])
      expect([name, head.headers[name]]).toEqual([name, get.headers[name]])
  })

  it('files are compressed as they are read, parts of them are not', async () => {
    const path = '/docs/static/swagger-ui.css'
    const plain = await ask(path)
    expect(plain.bytes.length).toBeGreaterThan(100_000)
    for (const encoding of ['gzip', 'br']) {
      const answer = await ask(path, accepting(encoding))
      expect([answer.headers['content-encoding'], answer.headers.vary]).toEqual([
        encoding,
        expect.stringMatching(/accept-encoding/i),
      ])
      expect(answer.bytes.length).toBeLessThan(plain.bytes.length / 3)
      expect(decode(answer).equals(plain.bytes)).toBe(true)
    }
    const part = await ask(path, { ...accepting('gzip'), range: 'bytes=0-4999' })
    expect([part.status, part.headers['content-encoding'], part.bytes.length]).toEqual([206, undefined, 5_000])
    expect(part.bytes.equals(plain.bytes.subarray(0, 5_000))).toBe(true)
  })

  it('an answer with a token in it is never compressed, and stored nowhere', async () => {
    const person = await register(app(), 'Length Teller')
    await person.must('PATCH', '/api/me', { avatarUrl: `https://example.com/${'a'.repeat(1_500)}` })
    expect((await ask('/api/me', accepting('gzip'), { person })).headers['content-encoding']).toBe('gzip')
    const answer = await ask('/api/auth/login', accepting('gzip, br'), {
      method: 'POST',
      person: null,
      body: { email: person.email, password: PASSWORD, delivery: 'body' },
    })
    expect([answer.status, answer.headers['content-encoding'], answer.headers['cache-control']]).toEqual([
      200,
      undefined,
      'no-store',
    ])
    expect(answer.bytes.length).toBeGreaterThan(1_500)
  })

  it('every endpoint whose answer has a token says so in the contract', () => {
    const listed: [string, Endpoint][] = Object.entries(endpoints).flatMap(([noun, table]) =>
      Object.entries(table).map(([name, endpoint]): [string, Endpoint] => [`${noun}.${name}`, endpoint]),
    )
    /** Fields of all objects in a schema. */
    const fieldsOf = (schema: unknown): string[] =>
      typeof schema !== 'object' || schema === null
        ? []
        : Object.entries(schema).flatMap(([key, inner]) => [
            ...(key === 'properties' ? Object.keys(inner as object) : []),
            ...fieldsOf(inner),
          ])
    const hasToken = ({ schema }: Endpoint) =>
      Object.values(schema.response).some((answer) =>
        fieldsOf(z.toJSONSchema(answer, { io: 'output', unrepresentable: 'any' })).some((field) =>
          /token$|^secret$/i.test(field),
        ),
      )
    const secret = listed.filter(([, { secret }]) => secret === true).map(([name]) => name)
    expect(secret).toEqual(listed.filter(([, endpoint]) => hasToken(endpoint)).map(([name]) => name))
    expect(secret).toContain('auth.login')
  })

  it('a client that goes away in the middle of a compressed file leaves a server that answers', async () => {
    for (let n = 0; n < 20; n++) {
      const sent = openRequest(`${app().url}/docs/static/swagger-ui-bundle.js`, { headers: accepting('br') })
      sent.on('error', () => {})
      sent.end()
      const [answer] = await once(sent, 'response')
      answer.destroy()
    }
    expect((await request(app().url, 'GET', '/healthz')).status).toBe(200)
  })
})
