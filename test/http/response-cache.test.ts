import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { bytesOf, createResponseCache } from '../../src/http/response-cache.ts'
import { useApp } from '../support/app.ts'
import { createCut, createTeam, request } from '../support/people.ts'

/** Responses are cached until a project's next event: no person may get one that is not theirs, or is out of date. */
describe('cached responses', () => {
  const app = useApp()

  async function place() {
    const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
    const { cut } = await createCut(owner, project.id)
    const paths = [`/api/cuts/${cut.id}/comments`, `/api/cuts/${cut.id}`, `/api/projects/${project.id}/snapshot`]
    return { project, owner, editor, viewer, cut, paths }
  }

  it('A1 are given only to members with an open session, even if another member has just read them', async () => {
    const { project, owner, editor, viewer, paths } = await place()
    const stranger = (await createTeam(app(), 'editor')).editor
    for (const path of paths) {
      const mine = await owner.must('GET', path)
      expect(await viewer.must('GET', path)).toEqual(mine)
      expect(await stranger.call('GET', path)).toMatchObject({ status: 404 })
      expect(await request(app().url, 'GET', path)).toMatchObject({ status: 401 })
    }
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await viewer.must('POST', '/api/auth/logout')
    for (const path of paths) {
      await owner.must('GET', path)
      expect(await editor.call('GET', path)).toMatchObject({ status: 404 })
      expect(await viewer.call('GET', path)).toMatchObject({ status: 401, body: { code: 'session-revoked' } })
    }
  })

  it('show a write to every read that begins after its answer, on every node', async () => {
    const { project, owner, editor, cut } = await place()
    for (let n = 1; n <= 20; n++) {
      const list = () => editor.must<{ data: unknown[] }>('GET', `/api/cuts/${cut.id}/comments?limit=50`)
      const before = await Promise.all([list(), list()])
      for (const { data } of before) expect(data).toHaveLength(n - 1)
      const made = await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: `note ${n}` })
      expect((await list()).data.at(-1)).toEqual(made)
    }
    await owner.must('PATCH', '/api/me', { name: 'Somebody Else' })
    const { data } = await editor.must<{ data: { author: { name: string } }[] }>('GET', `/api/cuts/${cut.id}/comments`)
    expect(new Set(data.map(({ author }) => author.name))).toEqual(new Set(['Somebody Else']))
    const { seq } = await editor.must<{ seq: number }>('GET', `/api/projects/${project.id}/snapshot`)
    const { head } = await editor.must<{ head: number }>('GET', `/api/projects/${project.id}/events?after=${seq}`)
    expect(head).toBe(seq)
  })

  it('are the same bytes and headers as the first time', async () => {
    const { owner, paths } = await place()
    for (const path of paths) {
      const [first, again] = [await owner.call('GET', path), await owner.call('GET', path)]
      expect(again).toMatchObject({ status: 200, body: first.body })
      for (const name of ['content-type', 'etag', 'cache-control', 'content-length'])
        expect(again.headers.get(name)).toBe(first.headers.get(name))
      expect(await owner.call('HEAD', path)).toMatchObject({ status: 200 })
      const etag = first.headers.get('etag')
      if (etag) expect(await owner.call('GET', path, undefined, { 'if-none-match': etag })).toMatchObject({ status: 304 })
    }
  })

  it('A1 are compressed from the body whose tag they have, also when they were read again', async () => {
    const { owner, project, cut } = await place()
    const path = `/api/cuts/${cut.id}/lyrics`
    await owner.must('PUT', path, { lyrics: Array.from({ length: 200 }, (_, n) => ({ text: `old ${n}` })) })
    const read = (encoding: string) => owner.call('GET', path, undefined, { 'accept-encoding': encoding })
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
    onTestFinished(() => void vi.useRealTimers())
    await read('identity')
    vi.advanceTimersByTime(9_000)
    await read('gzip')
    // By hand, in SQL: no event tells of it.
    await app().db.query(
      `UPDATE "Lyrics" SET version = version + 1, lines = replace(lines::text, 'old', 'new')::jsonb WHERE "projectId" = $1`,
      [project.id],
    )
    vi.advanceTimersByTime(2_000)
    const [plain, packed] = [await read('identity'), await read('gzip')]
    expect(JSON.stringify(plain.body)).toContain('new 199')
    expect(packed.headers.get('etag')).toBe(plain.headers.get('etag')?.replace(/"$/, '-gzip"'))
    expect(packed.body).toEqual(plain.body)
  })

  it('are read once for all requests at the same time', async () => {
    const { owner, project } = await place()
    const reads = async () => {
      const { rows } = await app().db.query<{ n: number }>(
        `SELECT pg_stat_force_next_flush(), (SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'Lyrics')::int AS n`,
      )
      return rows[0]?.n ?? 0
    }
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => owner.must('GET', `/api/projects/${project.id}/snapshot`)),
    )
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(await reads()).toBeLessThan(50)
  })
})

describe('the memory of cached responses', () => {
  const MOST = 32 * 1024 * 1024
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void

  /** Keeps `count` answers of `bytes` each under paths of their own. */
  async function fill(count: number, bytes: number) {
    const answers = createResponseCache()
    onTestFinished(() => answers.close())
    for (let n = 0; n < count; n++)
      await answers.get(`/api/cuts/${n}/comments?cursor=${'x'.repeat(60)}${n}`, `epoch 0 ${n}`, async () => ({
        body: bytesOf(`${n}`.padEnd(bytes, 'a')),
        tag: null,
      }))
    return answers
  }

  it('B1 150,000 different small answers take no more than 32 MiB, all of it counted', async () => {
    collect()
    const before = process.memoryUsage()
    const answers = await fill(150_000, 30)
    collect()
    const after = process.memoryUsage()
    const { entries, bytes } = answers.size()
    expect(entries).toBe(10_000)
    expect(bytes).toBeLessThanOrEqual(MOST)
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(MOST)
  })

  it('B1 large answers are evicted by bytes, the least recently used first', async () => {
    const answers = await fill(100, 1024 * 1024)
    expect(answers.size().bytes).toBeLessThanOrEqual(MOST)
    expect(answers.size().entries).toBe(31)
  })

  it('B1 unused answers are dropped after a time', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const answers = await fill(100, 30)
    expect(answers.size().entries).toBe(100)
    vi.advanceTimersByTime(25_000)
    expect(answers.size()).toEqual({ entries: 0, bytes: 0 })
  })

  it('B1 an answer that failed or is too large is not cached', async () => {
    const answers = createResponseCache()
    onTestFinished(() => answers.close())
    await expect(answers.get('/a', '1', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await answers.get('/b', '1', async () => ({ body: bytesOf('x'.repeat(9 * 1024 * 1024)), tag: null }))
    expect(answers.size()).toEqual({ entries: 0, bytes: 0 })
  })
})
