import { hash, randomUUID } from 'node:crypto'
import { projectRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { useApp } from '../support/app.ts'
import { consumed } from '../support/consumers.ts'
import { gate, readLog, upTo } from '../support/log.ts'
import { type Answer, createCut, createTeam, PASSWORD, type Person } from '../support/people.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

/** What a client sees of an answer. */
const told = ({ status, headers, body }: Answer) => ({
  status,
  body,
  etag: headers.get('etag'),
  location: headers.get('location'),
})
const key = (value: string = randomUUID()) => ({ 'idempotency-key': value })

describe('Idempotency-Key', () => {
  let hold: (() => Promise<void>) | undefined
  const app = useApp({
    seams: {
      beforeCommit: async () => {
        await hold?.()
      },
    },
  })

  async function twice(person: Person, method: string, path: string, body?: unknown) {
    const headers = key()
    const first = await person.call(method, path, body, headers)
    const second = await person.call(method, path, body, headers)
    return { key: headers['idempotency-key'], first, second }
  }

  it('W4 the same request twice gives the first answer again: one row, one event, with the key as mutationId', async () => {
    const { project, owner, viewer } = await createTeam(app(), 'viewer')
    const { vibe, cut } = await createCut(owner, project.id)
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'first' })
    const socket = await connect(app(), viewer)
    const { head } = await socket.join(project.id)
    const requests: [method: string, path: string, body: unknown, status: number, event: string][] = [
      ['POST', `/api/projects/${project.id}/tasks`, { title: 'one' }, 201, 'task:created'],
      ['POST', `/api/projects/${project.id}/vibes`, { name: 'one' }, 201, 'vibe:created'],
      ['POST', `/api/vibes/${vibe.id}/cuts`, { name: 'one' }, 201, 'cut:created'],
      ['POST', `/api/cuts/${cut.id}/comments`, { body: 'one' }, 201, 'comment:created'],
      ['PATCH', `/api/tasks/${task.id}`, { title: 'two' }, 200, 'task:updated'],
      ['POST', `/api/tasks/${task.id}/move`, { status: 'done', after: null }, 200, 'task:moved'],
      ['PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'la' }] }, 200, 'lyrics:updated'],
      ['PATCH', `/api/projects/${project.id}`, { name: 'Later' }, 200, 'project:updated'],
      ['PATCH', `/api/projects/${project.id}/members/${viewer.id}`, { role: 'commenter' }, 200, 'member:updated'],
      ['PATCH', '/api/me', { name: 'Anna' }, 200, 'person:updated'],
      ['DELETE', `/api/tasks/${task.id}`, undefined, 204, 'task:deleted'],
      ['DELETE', `/api/vibes/${vibe.id}`, undefined, 204, 'vibe:deleted'],
    ]
    const keys: string[] = []
    for (const [method, path, body, status] of requests) {
      const { first, second, key } = await twice(owner, method, path, body)
      expect(first.status, `${method} ${path} ${JSON.stringify(first.body)}`).toBe(status)
      expect(told(second)).toEqual(told(first))
      expect(first.headers.get('etag') !== null).toBe(status !== 204)
      expect(first.headers.get('location') !== null).toBe(status === 201)
      keys.push(key)
    }
    const log = await readLog(owner, project.id, head)
    expect(log.map((event) => [event.name, event.meta.mutationId])).toEqual(
      requests.map(([, , , , event], n) => [event, keys[n]]),
    )
    await until('the events', () => socket.events(projectRoom(project.id)).length >= log.length)
    expect(socket.events(projectRoom(project.id))).toEqual(log)
    const tasks = await owner.must<{ data: unknown[] }>('GET', `/api/projects/${project.id}/tasks`)
    expect(tasks.data).toHaveLength(1)
  })

  it('W4 the key that created a project gives the same project again', async () => {
    const { owner } = await createTeam(app())
    const { first, second } = await twice(owner, 'POST', '/api/projects', { name: 'Once' })
    expect(first.status).toBe(201)
    expect(told(second)).toEqual(told(first))
    expect(await owner.must('GET', '/api/projects')).toMatchObject({ data: [{ name: 'Album' }, { name: 'Once' }] })
  })

  it('W4 the first answer comes again where the write would be refused, since it was done', async () => {
    const { project, owner } = await createTeam(app())
    // The second write of a caller assumes the scope of the first.
    for (const email of ['one@example.com', 'two@example.com']) {
      const { first, second } = await twice(owner, 'POST', `/api/projects/${project.id}/invitations`, { email })
      expect(first.status).toBe(201)
      expect(told(second)).toEqual(told(first))
    }
    expect(await owner.must('GET', `/api/projects/${project.id}/invitations`)).toMatchObject({ data: [{}, {}] })
  })

  it('W4 the first answer comes again even when the thing has changed or is gone since', async () => {
    const { project, owner } = await createTeam(app())
    const headers = key()
    const create = () => owner.call<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'one' }, headers)
    const first = await create()
    await owner.must('PATCH', `/api/tasks/${first.body.id}`, { title: 'two' })
    expect(told(await create())).toEqual(told(first))
    await owner.must('DELETE', `/api/tasks/${first.body.id}`)
    expect(told(await create())).toEqual(told(first))
    expect((await owner.call('GET', `/api/tasks/${first.body.id}`)).status).toBe(404)
  })

  it('W4 another body, path or method under the key is refused, and writes nothing', async () => {
    const { project, owner } = await createTeam(app())
    const { vibe, cut } = await createCut(owner, project.id)
    const headers = key()
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'one' }, headers)
    const before = await owner.must('GET', `/api/projects/${project.id}/snapshot`)
    for (const [method, path, body] of [
      ['POST', `/api/projects/${project.id}/tasks`, { title: 'two' }],
      ['POST', `/api/projects/${project.id}/tasks`, { title: 'one', labels: ['x'] }],
      ['POST', `/api/projects/${project.id}/vibes`, { name: 'one' }],
      ['POST', `/api/vibes/${vibe.id}/cuts`, { name: 'one' }],
      ['PATCH', `/api/cuts/${cut.id}`, { name: 'one' }],
      ['DELETE', `/api/cuts/${cut.id}`, undefined],
    ] as const)
      expect(await owner.call(method, path, body, headers)).toMatchObject({
        status: 422,
        body: { code: 'idempotency-mismatch', type: 'urn:cutroom:problem:idempotency-mismatch' },
      })
    expect(await owner.must('GET', `/api/projects/${project.id}/snapshot`)).toEqual(before)
  })

  it('W4 while the first is running the second gets 409 with Retry-After; then the first answer', async () => {
    const { project, owner } = await createTeam(app())
    const { opened, open } = gate()
    await consumed(app().db)
    let running = 0
    hold = () => {
      running++
      return opened
    }
    onTestFinished(() => {
      hold = undefined
      open()
    })
    const headers = key()
    const create = (title: string) => owner.call('POST', `/api/projects/${project.id}/tasks`, { title }, headers)
    const first = create('one')
    await until('the first to run', () => running === 1)
    const second = await create('one')
    expect(second).toMatchObject({ status: 409, body: { code: 'idempotency-running', retryAfter: 1 } })
    expect(second.headers.get('retry-after')).toBe('1')
    expect(await create('another')).toMatchObject({ status: 409, body: { code: 'idempotency-running' } })
    hold = undefined
    open()
    const answer = await first
    expect(answer.status).toBe(201)
    expect(told(await create('one'))).toEqual(told(answer))
    expect(running).toBe(1)
    expect(await readLog(owner, project.id)).toHaveLength(1)
  })

  it('W4 a repeated request on the fast path finds the first answer without waiting for another attempt', async () => {
    const { project, owner } = await createTeam(app())
    const create = (headers: Record<string, string>) =>
      owner.call('POST', `/api/projects/${project.id}/tasks`, { title: 'one' }, headers)
    await create(key())
    const headers = key()
    const first = await create(headers)
    // A wait before another attempt would take ten seconds.
    const random = vi.spyOn(Math, 'random').mockReturnValue(1_000)
    onTestFinished(() => random.mockRestore())
    const before = performance.now()
    expect(told(await create(headers))).toEqual(told(first))
    expect(performance.now() - before).toBeLessThan(5_000)
    expect(await readLog(owner, project.id)).toHaveLength(2)
  })

  it('W4 a key is the person’s own: two people with one key make two things', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const headers = key('mine')
    const answers = await Promise.all(
      [owner, editor].map((person) =>
        person.call<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'one' }, headers),
      ),
    )
    expect(answers.map((answer) => answer.status)).toEqual([201, 201])
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(2)
  })

  it('W4 an attempt that failed does not burn its key', async () => {
    const { project, owner, viewer } = await createTeam(app(), 'viewer')
    const { vibe, cut } = await createCut(owner, project.id)
    const gone = randomUUID()

    const unknown = key()
    expect((await owner.call('PATCH', `/api/tasks/${gone}`, { title: 'x' }, unknown)).status).toBe(404)
    expect((await owner.call('POST', `/api/projects/${project.id}/vibes`, { name: 'x' }, unknown)).status).toBe(201)

    const invalid = key()
    const move = (after: string | null) => owner.call('POST', `/api/cuts/${cut.id}/move`, { vibeId: vibe.id, after }, invalid)
    expect((await move(gone)).status).toBe(422)
    expect((await move(null)).status).toBe(200)

    const unfit = key()
    const create = (body: unknown) => owner.call('POST', `/api/projects/${project.id}/tasks`, body, unfit)
    expect((await create({ title: '' })).status).toBe(422)
    expect((await create({ title: 'fit' })).status).toBe(201)

    const stale = key()
    const rename = (tag: string) => owner.call('PATCH', `/api/cuts/${cut.id}`, { name: 'x' }, { ...stale, 'if-match': tag })
    expect((await rename('"9"')).status).toBe(412)
    expect((await rename('"1"')).status).toBe(200)

    const forbidden = key()
    const asViewer = () => viewer.call('POST', `/api/projects/${project.id}/tasks`, { title: 'mine' }, forbidden)
    expect((await asViewer()).status).toBe(403)
    await owner.must('PATCH', `/api/projects/${project.id}/members/${viewer.id}`, { role: 'editor' })
    expect((await asViewer()).status).toBe(201)
  })

  it('W4 a malformed key is refused before anything is done', async () => {
    const { project, owner } = await createTeam(app())
    for (const bad of ['', 'two words', 'tab\there', 'x'.repeat(256), 'ü'])
      expect(
        await owner.call('POST', `/api/projects/${project.id}/tasks`, { title: 'never' }, key(bad)),
        JSON.stringify(bad),
      ).toMatchObject({ status: 400, body: { code: 'bad-request' } })
    expect((await owner.call('POST', `/api/projects/${project.id}/tasks`, { title: 'long' }, key('x'.repeat(255)))).status).toBe(
      201,
    )
    expect(await readLog(owner, project.id)).toHaveLength(1)
  })

  it('W4 20 requests at once with one key: one row, one event, and each gets that answer or 409 with Retry-After', async () => {
    const { project, owner } = await createTeam(app())
    for (const round of upTo(3)) {
      const headers = key()
      const answers = await Promise.all(
        upTo(20).map(() => owner.call('POST', `/api/projects/${project.id}/tasks`, { title: `race ${round}` }, headers)),
      )
      const created = answers.filter((answer) => answer.status === 201)
      expect(created.length).toBeGreaterThan(0)
      for (const answer of created) expect(told(answer)).toEqual(told(created[0] as Answer))
      for (const answer of answers)
        if (answer.status !== 201) expect(answer).toMatchObject({ status: 409, body: { code: 'idempotency-running' } })
      const list = await owner.must<{ data: unknown[] }>('GET', `/api/projects/${project.id}/tasks`)
      expect(list.data).toHaveLength(round)
      expect(await readLog(owner, project.id)).toHaveLength(round)
    }
  })

  /** A request of each kind, by an editor or owner, with a key; all of them are answered 2xx. */
  async function answered() {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { vibe, cut } = await createCut(owner, project.id)
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'first' })
    const doomed = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'doomed' })
    const comment = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'hm' })
    const requests: [method: string, path: string, body?: unknown][] = [
      ['POST', `/api/projects/${project.id}/tasks`, { title: 'one' }],
      ['POST', `/api/projects/${project.id}/vibes`, { name: 'one' }],
      ['POST', `/api/vibes/${vibe.id}/cuts`, { name: 'one' }],
      ['POST', `/api/cuts/${cut.id}/comments`, { body: 'one' }],
      ['POST', `/api/comments/${comment.id}/replies`, { body: 'one' }],
      ['PATCH', `/api/tasks/${task.id}`, { title: 'two' }],
      ['POST', `/api/tasks/${task.id}/move`, { status: 'done', after: null }],
      ['PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'la' }] }],
      ['POST', `/api/comments/${comment.id}/resolve`],
      ['POST', `/api/comments/${comment.id}/resolve`],
      ['DELETE', `/api/tasks/${doomed.id}`],
    ]
    const first: { repeat: () => Promise<Answer>; answer: Answer; what: string; key: string }[] = []
    for (const [method, path, body] of requests) {
      const headers = key()
      const repeat = () => editor.call(method, path, body, headers)
      const what = `${method} ${path}`
      const answer = await repeat()
      expect([what, answer.status]).toEqual([what, expect.toSatisfy((status) => status < 300)])
      first.push({ repeat, answer, what, key: headers['idempotency-key'] })
    }
    return { project, owner, editor, first, member: `/api/projects/${project.id}/members/${editor.id}` }
  }

  it('W4 a repeated key of a removed member gives 404, and the first answer again when they are back, in any role', async () => {
    const { project, owner, editor, first, member } = await answered()
    await owner.must('DELETE', member)
    for (const { repeat, what } of first) expect([what, (await repeat()).status]).toEqual([what, 404])
    await owner.must('POST', `/api/projects/${project.id}/members`, { userId: editor.id, role: 'viewer' })
    for (const { repeat, answer } of first) expect(told(await repeat())).toEqual(told(answer))
    await editor.must('POST', '/api/auth/logout')
    for (const { repeat, what } of first)
      expect([what, await repeat()]).toMatchObject([what, { status: 401, body: { code: 'session-revoked' } }])
  })

  it('W4 after its project is deleted a repeated key gives 404 where there was an answer to see, else 204', async () => {
    const { project, owner, first } = await answered()
    const headers = key()
    const remove = () => owner.call('DELETE', `/api/projects/${project.id}`, undefined, headers)
    expect((await remove()).status).toBe(204)
    for (const { repeat, answer, what } of first)
      expect([what, (await repeat()).status]).toEqual([what, answer.status === 204 ? 204 : 404])
    expect((await remove()).status).toBe(204)
  })

  it('W4 leaving a project twice with one key answers 204 twice', async () => {
    const { editor, member } = await answered()
    const { first, second } = await twice(editor, 'DELETE', member)
    expect([first.status, second.status]).toEqual([204, 204])
  })

  it('W4 the key that created a project gives it again to its members, and not to a creator who was removed', async () => {
    const { owner, editor } = await createTeam(app(), 'editor')
    const headers = key()
    const create = () => owner.call<{ id: string }>('POST', '/api/projects', { name: 'Once' }, headers)
    const first = await create()
    await owner.must('POST', `/api/projects/${first.body.id}/members`, { userId: editor.id, role: 'owner' })
    await editor.must('DELETE', `/api/projects/${first.body.id}/members/${owner.id}`)
    expect((await create()).status).toBe(404)
  })

  it('B1 an answer that is the payload of an event is not stored twice; without the event a repeated key gives 410', async () => {
    const { first } = await answered()
    const { rows } = await app().db.query<{ key: string; eventId: string | null; answer: object | null; own: boolean }>(
      `SELECT k.key, k."eventId", k.answer, e."mutationId" = k.key AS own
        FROM "IdempotencyKey" k LEFT JOIN "Event" e ON e.id = k."eventId" WHERE k.key = ANY($1)`,
      [first.map((each) => each.key)],
    )
    const copied = rows.filter((row) => row.eventId === null)
    // A move answers with the thing, and its event with the move; the second to resolve changes nothing; deletion has no answer.
    expect(copied).toHaveLength(3)
    for (const row of rows)
      expect([row.eventId === null, row.answer === null, row.own]).toEqual(
        row.eventId ? [false, true, true] : [true, false, null],
      )
    await app().db.query(`DELETE FROM "Event" WHERE id = ANY($1)`, [rows.map((row) => row.eventId)])
    for (const { repeat, answer, key, what } of first) {
      const again = await repeat()
      if (copied.some((row) => row.key === key)) expect(told(again)).toEqual(told(answer))
      else expect([what, again]).toMatchObject([what, { status: 410, body: { code: 'gone' } }])
    }
  })

  it('U3 the stored answer to a change of password has no hash to compare a guess with', async () => {
    const { owner } = await createTeam(app())
    const body = { current: PASSWORD, next: 'an entirely new one' }
    const { first, second, key } = await twice(owner, 'PUT', '/api/me/password', body)
    expect([first.status, second.status]).toEqual([204, 204])
    const { rows } = await app().db.query('SELECT * FROM "IdempotencyKey" WHERE key = $1', [key])
    const kept = JSON.stringify(rows)
    for (const text of [`PUT /api/me/password\n${JSON.stringify(body)}`, JSON.stringify(body), body.next, body.current])
      for (const name of ['md5', 'sha1', 'sha256', 'sha512'])
        for (const encoding of ['base64url', 'base64', 'hex'] as const) expect(kept).not.toContain(hash(name, text, encoding))
    expect(kept).not.toContain(body.next)
  })
})
