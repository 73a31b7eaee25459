import { randomUUID } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { projectRoom } from '../../src/contract/index.ts'
import { useApp } from '../setup/app.ts'
import { type Answer, createCut, createTeam, type Person } from '../setup/people.ts'
import { connect } from '../setup/sockets.ts'
import { until } from '../setup/until.ts'
import { gate, readLog, upTo } from './log.ts'

/** What a client may tell one answer from another by. */
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

  it('W4 a key that made a project gives the same project again', async () => {
    const { owner } = await createTeam(app())
    const { first, second } = await twice(owner, 'POST', '/api/projects', { name: 'Once' })
    expect(first.status).toBe(201)
    expect(told(second)).toEqual(told(first))
    expect(await owner.must('GET', '/api/projects')).toMatchObject({ data: [{ name: 'Album' }, { name: 'Once' }] })
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
    expect((await rename('"1"')).status).toBe(412)
    expect((await rename('"2"')).status).toBe(200)

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

  it('W4 20 at once with one key: one row, one event, and everybody gets that answer or is told to come again', async () => {
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
})
