import { randomBytes, randomUUID } from 'node:crypto'
import { type IncomingMessage, get as openRequest } from 'node:http'
import type { Problem } from '@cutroom/contract'
import { hash } from '@node-rs/argon2'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { uploadFile, zipOf } from '../support/files.ts'
import { login, type Person } from '../support/people.ts'
import { databaseForTest, useServers } from '../support/server-process.ts'
import { cookieOf, openWith, recorded, share, verdict, visit } from '../support/shares.ts'
import { until } from '../support/until.ts'

/** Failures in a quarter of an hour at one link: from one network, from everywhere. */
const PAIR = 20
const ALL = 100
/** Tokens that name nothing, of one network. */
const INVENTED = 120

const inventedToken = () => randomBytes(32).toString('base64url')

describe('visitors who guess, behind a proxy that names addresses', () => {
  const app = useApp({ env: { RATE_LIMIT: '1000000', TRUST_PROXY: 'true' } })
  let networks = 0
  /** A network that no other test has. */
  const from = () => ({ 'x-forwarded-for': `10.${++networks >> 8}.${networks & 255}.1` })

  /** A link with a password that is cheap to verify. */
  async function locked() {
    const { owner, file } = await recorded(app())
    const made = await share(owner, { fileId: file.id }, { password: 'strings attached' })
    const cheap = await hash('strings attached', { memoryCost: 256, timeCost: 1, parallelism: 1 })
    await app().db.query(`UPDATE "Share" SET "passwordHash" = $2 WHERE id = $1`, [made.id, cheap])
    return { ...made, owner }
  }
  const guess = async (token: string, headers: Record<string, string>) => verdict(await openWith(app(), token, 'wrong', headers))

  it('S14 tokens that name nothing are refused from the 121st on; good ones are answered from there, and all from elsewhere', async () => {
    const { owner, file } = await recorded(app())
    const { token } = await share(owner, { fileId: file.id })
    const guesser = from()
    for (let n = 0; n < INVENTED; n++)
      expect(await verdict(await visit(app(), inventedToken(), '', { headers: guesser }))).toBe('404 not-found')
    const refused = await visit(app(), inventedToken(), '/content', { headers: guesser })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await verdict(refused)).toBe('429 rate-limited')
    expect(await verdict(await visit(app(), token, '', { headers: guesser }))).toBe('200')
    expect(await verdict(await visit(app(), inventedToken(), '', { headers: from() }))).toBe('404 not-found')
  })

  it('S14 B2 passwords are guessed twenty times at one address; others open the link, and who has opened it stays', async () => {
    const { token } = await locked()
    const guesser = from()
    const opened = { cookie: cookieOf(await openWith(app(), token, 'strings attached', guesser)) }
    for (let n = 0; n < PAIR; n++) expect(await guess(token, guesser)).toBe('403 wrong-password')
    expect(await guess(token, guesser)).toBe('429 rate-limited')
    expect(await verdict(await openWith(app(), token, 'strings attached', guesser))).toBe('429 rate-limited')
    expect(await verdict(await openWith(app(), token, 'strings attached', from()))).toBe('200')
    expect(await verdict(await visit(app(), token, '/content', { headers: { ...guesser, ...opened } }))).toBe('200')
  })

  it('S14 B2 of many guesses at once no more get through than one after another', async () => {
    const { token } = await locked()
    const guesser = from()
    const verdicts = await Promise.all(Array.from({ length: 3 * PAIR }, () => guess(token, guesser)))
    expect(verdicts.filter((each) => each === '403 wrong-password').length).toBeLessThanOrEqual(PAIR + 2)
  })

  it('S14 B2 a link that is guessed at from everywhere is opened by its password, and by one failure from each address', async () => {
    const { token } = await locked()
    const friend = from()
    expect(await verdict(await openWith(app(), token, 'strings attached', friend))).toBe('200')
    for (let n = 0; n < ALL; n++) expect(await guess(token, from())).toBe('403 wrong-password')
    const stranger = from()
    expect(await guess(token, stranger)).toBe('403 wrong-password')
    expect(await guess(token, stranger)).toBe('429 rate-limited')
    expect(await verdict(await openWith(app(), token, 'strings attached', from()))).toBe('200')
    // A network from which it was opened is known.
    for (let n = 0; n < 3; n++) expect(await guess(token, friend)).toBe('403 wrong-password')
    expect(await verdict(await openWith(app(), token, 'strings attached', friend))).toBe('200')
  })

  it('B2 a person makes sixty links with a password in a quarter of an hour, and any number without', async () => {
    const { owner, file } = await recorded(app())
    const create = (n: number) =>
      owner.call('POST', `/api/${n % 2 ? `cuts/${file.cutId}` : `files/${file.id}`}/shares`, { password: 'strings attached' })
    for (let n = 0; n < 60; n++) expect((await create(n)).status).toBe(201)
    expect(await create(60)).toMatchObject({ status: 429, body: { code: 'rate-limited' } })
    expect((await owner.call('POST', `/api/files/${file.id}/shares`, {})).status).toBe(201)
  })

  it('B2 a loop makes no song popular: one network is counted sixty times', async () => {
    const { owner, file } = await recorded(app())
    const { id, token } = await share(owner, { fileId: file.id })
    const fan = from()
    for (let n = 0; n < 70; n++) await (await visit(app(), token, '/content', { headers: fan })).arrayBuffer()
    await (await visit(app(), token, '/content', { headers: from() })).arrayBuffer()
    const plays = async () => (await owner.must<{ plays: number }>('GET', `/api/shares/${id}`)).plays
    await until('all that counts', async () => (await plays()) >= 61)
    await (await visit(app(), token, '/content', { headers: from() })).arrayBuffer()
    await until('a later one', async () => (await plays()) >= 62)
    expect(await plays()).toBe(62)
  })
})

describe('links', () => {
  const app = useApp()
  const servers = useServers()

  it('S1 M2 what is no token is answered like one that was never made and one that was revoked', async () => {
    const { owner, file } = await recorded(app())
    const { id, token } = await share(owner, { fileId: file.id })
    await owner.must('DELETE', `/api/shares/${id}`)
    const { token: apiToken } = await owner.must<{ token: string }>('POST', '/api/me/tokens', { name: 'bot' })
    const strange = [
      ...[
        token,
        inventedToken(),
        `${token}=`,
        `${token}x`,
        token.slice(1),
        token.toUpperCase(),
        id,
        file.id,
        randomUUID(),
        '-',
        '%00',
      ],
      ...[owner.token, owner.refreshToken, apiToken, 'x'.repeat(10_000), `..%2f${token}`, "' OR 1=1 --"],
    ]
    const shapes = new Set<string>()
    for (const each of strange)
      for (const path of ['', '/content', '/peaks', '/waveform.svg'] as const) {
        const answer = await visit(app(), each, path)
        const { requestId, ...body } = (await answer.json()) as Problem
        expect(requestId).toEqual(expect.any(String))
        const headers = [...answer.headers].filter(([name]) => name !== 'date' && name !== 'x-robots-tag')
        shapes.add(JSON.stringify([answer.status, body, headers]))
      }
    expect(shapes.size, [...shapes].join('\n')).toBe(1)
    expect([...shapes].join()).toMatch(
      /^\[404,\{"type":"urn:cutroom:problem:not-found","title":"Not found","status":404,"code":"not-found"\}/,
    )
  })

  it('A1 M2 no right comes with a link, and none is needed: other tokens beside it change nothing', async () => {
    const { owner, project, file } = await recorded(app())
    const { id, token } = await share(owner, { fileId: file.id })
    const ended = await login(app(), owner)
    await ended.must('POST', '/api/auth/logout')
    for (const authorization of [`Bearer ${ended.token}`, 'Bearer nonsense', `Bearer ${token}`])
      expect(await verdict(await visit(app(), token, '/content', { headers: { authorization } }))).toBe('200')
    const bearer = { authorization: `Bearer ${token}` }
    for (const path of [`/api/shares/${id}`, `/api/files/${file.id}`, `/api/projects/${project.id}`, '/api/me'])
      expect(await verdict(await fetch(app().url + path, { headers: bearer }))).toBe('401 token-invalid')
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      expect((await fetch(`${app().url}/api/shared/${token}/content`, { method })).status).toBe(404)
  })

  it('S19 an address with a token is told to no other page, found by no search engine, and sets no cookie', async () => {
    const { owner, file } = await recorded(app())
    const { token } = await share(owner, { fileId: file.id })
    for (const path of [`/shared/${token}`, `/api/shared/${token}`, `/api/shared/${token}/content`]) {
      const answer = await fetch(app().url + path)
      await answer.arrayBuffer()
      expect(answer.status, path).toBe(200)
      expect(answer.headers.get('referrer-policy'), path).toBe('no-referrer')
      expect(answer.headers.get('x-robots-tag'), path).toBe('noindex')
      expect(answer.headers.getSetCookie(), path).toEqual([])
      expect(answer.headers.get('cache-control'), path).toMatch(/no-store|private|no-cache/)
      expect(answer.headers.get('x-content-type-options'), path).toBe('nosniff')
    }
  })

  /** A download that is not read any further; what ended it. */
  async function begin(url: string): Promise<{ answer: IncomingMessage; ended: () => boolean; received: () => number }> {
    let received = 0
    let ended = false
    const answer = await new Promise<IncomingMessage>((resolve, reject) => openRequest(url, resolve).on('error', reject))
    answer.on('error', () => {})
    answer.on('close', () => {
      ended = true
    })
    answer.on('data', (chunk: Buffer) => {
      received += chunk.length
      if (received < 200_000) return
      answer.pause()
      // Slowly on, as a player does: a closed connection is noticed.
      setTimeout(() => answer.resume(), 100)
    })
    await until('the first bytes', () => received > 100_000)
    return { answer, ended: () => ended, received: () => received }
  }

  const ends: [string, (owner: Person, made: { id: string }, fileId: string, projectId: string) => Promise<unknown>][] = [
    ['its revocation', (owner, { id }) => owner.must('DELETE', `/api/shares/${id}`)],
    ['its expiry', (_, { id }) => app().db.query(`UPDATE "Share" SET "expiresAt" = now() WHERE id = $1`, [id])],
    ['its file', (owner, _, fileId) => owner.must('DELETE', `/api/files/${fileId}`)],
    ['its project', (owner, _made, _fileId, projectId) => owner.must('DELETE', `/api/projects/${projectId}`)],
  ]
  it.each(ends)('M2 a download under way ends with %s', async (_, end) => {
    const { owner, project, cutId } = await recorded(app())
    const size = 32 * 1024 * 1024
    const file = await uploadFile(app(), owner, cutId, zipOf(size), { filename: 'stems.zip' })
    const made = await share(owner, { fileId: file.id }, { allows: 'download' })
    const running = await begin(`${app().url}/api/shared/${made.token}/content`)
    await end(owner, made, file.id, project.id)
    await until('the end of the download', running.ended)
    expect(running.received()).toBeLessThan(size)
    expect(running.answer.complete).toBe(false)
    const again = await visit(app(), made.token, '/content', { headers: { range: `bytes=${running.received()}-` } })
    expect(again.status).toBeGreaterThanOrEqual(404)
  })

  it('O3 no line of the log has a token or a password', async () => {
    const server = await servers.start({ databaseUrl: await databaseForTest(), env: { LOG_LEVEL: 'trace' } })
    const { owner, file } = await recorded(server)
    const { token } = await share(owner, { fileId: file.id }, { password: 'strings attached' })
    const opened = await openWith(server, token, 'strings attached')
    const headers = { cookie: cookieOf(opened), referer: `${server.url}/shared/${token}` }
    await (await visit(server, token, '/content', { headers })).arrayBuffer()
    await openWith(server, token, 'strings detached')
    const encoded = `%${token.charCodeAt(0).toString(16)}${token.slice(1)}`
    for (const path of [
      ...[`/shared/${token}`, `/api/shared/${token}/nothing`, `/api/shared/${token}?token=${token}`, `/api/%73hared/${encoded}`],
      ...[
        `/api/shared/${token}%zz`,
        `/api/shared/${token}/%`,
        `//api/shared//${token}`,
        `/api/shared/${token}${'x'.repeat(200)}`,
      ],
    ])
      await (await fetch(server.url + path)).arrayBuffer()
    await (await fetch(`${server.url}/the-last-one`)).arrayBuffer()
    await until('the lines', () => server.output().includes('/the-last-one'))
    const lines = server.output()
    expect(lines).toContain('/shared/…')
    expect(lines).toContain('/api/shared/…/content')
    for (const secret of [token, encoded, 'strings attached', 'strings detached', headers.cookie.split('=')[1] ?? '', '$argon2'])
      expect(lines, secret).not.toContain(secret)
  })
})
