import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, useApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { openStream, type Stream, streamOf } from '../support/event-stream.ts'
import { readLog, upTo } from '../support/log.ts'
import { addMember, createTeam, login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { removeWhileStreaming } from '../support/removal.ts'
import { until } from '../support/until.ts'

const addTask = (person: Person, projectId: string, title = 'Mix') =>
  person.must('POST', `/api/projects/${projectId}/tasks`, { title })
const names = (stream: Stream) => stream.events().map(({ name }) => name)

describe('the end of an event stream', () => {
  const app = useApp({ seams: { timings: { checkMs: 50 } } })

  it('A1 a person who is removed gets what came before, and nothing after; others go on, and nothing is left of the stream', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    await removeWhileStreaming(app(), app(), { owner, gone: editor, projectId: project.id })
    await until('nothing is left', () => {
      const { rooms } = app().app
      // The one that stays.
      return rooms.streams.counts().streams === 1 && rooms.counts().feeds === 2
    })
  })

  it('A1 a removal is met in the log, too: one who comes back while behind it gets nothing after it', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const old = await streamOf(app(), editor, project.id)
    await old.first('ready')
    old.close()
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await addTask(owner, project.id, 'While away')
    await addMember(owner, project.id, editor)
    const again = await streamOf(app(), editor, project.id, '', old.lastId())
    await again.first('ready')
    expect(names(again)).toEqual(['member:left', 'task:created', 'member:joined', 'ready'])
  })

  it('A1 A2 who loses access while their stream opens gets nothing behind it: removals and logouts at every moment of the opening', async () => {
    const { owner, project } = await createTeam(app())
    const outcomes = { refused: 0, ended: 0 }
    for (const round of upTo(24)) {
      const person = await register(app(), `Racer ${round}`)
      await addMember(owner, project.id, person)
      const opening = streamOf(app(), person, project.id)
      await new Promise((next) => setTimeout(next, round % 8))
      const removes = round % 2 === 0
      if (removes) await owner.must('DELETE', `/api/projects/${project.id}/members/${person.id}`)
      else await person.must('POST', '/api/auth/logout', { refreshToken: person.refreshToken })
      const last = (await readLog(owner, project.id)).at(-1)?.meta.seq ?? 0
      for (const n of upTo(3)) await addTask(owner, project.id, `After ${n}`)
      const stream = await opening
      await until('the end', () => stream.isOver())
      if (stream.status === 200) outcomes.ended++
      else outcomes.refused++
      expect(stream.seqs().filter((seq) => seq > last || (removes && seq === last))).toEqual([])
      if (stream.status === 200) expect(names(stream).at(-1)).toBe(removes ? 'access:revoked' : 'session:expired')
    }
    expect(outcomes.ended).toBeGreaterThan(0)
  })

  it('A1 the deletion of the project is the last event', async () => {
    const { owner, viewer, project } = await createTeam(app(), 'viewer')
    const stream = await streamOf(app(), viewer, project.id)
    await stream.first('ready')
    await owner.must('DELETE', `/api/projects/${project.id}`)
    await until('the end', () => stream.isOver())
    expect(names(stream)).toEqual(['ready', 'project:deleted', 'access:revoked'])
  })

  it('A2 a session that ends takes its streams along, and no other: by logout, and an API token that is deleted', async () => {
    const { owner, project } = await createTeam(app())
    const other = await login(app(), owner)
    const bot = await owner.must<{ id: string; token: string }>('POST', '/api/me/tokens', { name: 'Bot', role: 'viewer' })
    const [mine, theirs, ofBot] = [
      await streamOf(app(), owner, project.id),
      await streamOf(app(), other, project.id),
      await streamOf(app(), bot, project.id),
    ]
    for (const stream of [mine, theirs, ofBot]) await stream.first('ready')
    await other.must('POST', '/api/auth/logout', { refreshToken: other.refreshToken })
    await owner.must('DELETE', `/api/me/tokens/${bot.id}`)
    await addTask(owner, project.id, 'After')
    await until('their ends', () => theirs.isOver() && ofBot.isOver())
    for (const stream of [theirs, ofBot]) {
      expect(names(stream)).toEqual(['ready', 'session:expired'])
      expect(stream.events().at(-1)?.data).toEqual({ reason: 'revoked' })
    }
    await until('the event', () => names(mine).includes('task:created'))
    for (const person of [other, bot])
      expect((await streamOf(app(), person, project.id)).problem).toMatchObject({ status: 401, code: 'session-revoked' })
  })

  it('A2 a token that ends is announced, then ends the stream; with another one it goes on by Last-Event-ID', async () => {
    const short = await startApp({ env: { ACCESS_TOKEN_TTL: '2s' }, seams: { timings: { checkMs: 50 } } })
    onTestFinished(short.close)
    const { owner, project } = await createTeam(short)
    const stream = await streamOf(short, owner, project.id)
    await until('the end', () => stream.isOver())
    expect(names(stream)).toEqual(['ready', 'session:expiring', 'session:expired'])
    expect(stream.events().at(-1)?.data).toEqual({ reason: 'expired' })
    expect((await streamOf(short, owner, project.id)).problem).toMatchObject({ code: 'token-expired' })
    const again = await login(short, owner)
    await addTask(again, project.id)
    const next = await streamOf(short, again, project.id, '', stream.lastId())
    await next.first('ready')
    expect(next.seqs()).toEqual([1])
  })

  it('A4 D3 strangers, people without a token, and API tokens of other projects get the refusal of the list', async () => {
    const { owner, project } = await createTeam(app())
    const { project: elsewhere } = await createTeam(app())
    const mine = await owner.must<{ id: string }>('POST', '/api/projects', { name: 'Other' })
    const bot = await owner.must<{ token: string }>('POST', '/api/me/tokens', {
      name: 'Bot',
      role: 'viewer',
      projectIds: [mine.id],
    })
    expect((await streamOf(app(), await register(app()), project.id)).problem).toMatchObject({ code: 'not-found' })
    expect((await streamOf(app(), owner, elsewhere.id)).problem).toMatchObject({ code: 'not-found' })
    expect((await streamOf(app(), bot, project.id)).problem).toMatchObject({ code: 'not-found' })
    expect((await openStream(app(), project.id, {})).problem).toMatchObject({ code: 'token-missing' })
    await (await streamOf(app(), bot, mine.id)).first('ready')
  })

  it('S4 the cookie opens it on the same origin, as EventSource sends it; a page of another site is refused', async () => {
    const { owner, project } = await createTeam(app())
    const response = await fetch(`${app().url}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: owner.email, password: PASSWORD }),
    })
    const cookie = response.headers
      .getSetCookie()
      .map((each) => each.split(';')[0])
      .join('; ')
    const stream = await openStream(app(), project.id, { cookie, 'sec-fetch-site': 'same-origin' })
    await stream.first('ready')
    expect((await openStream(app(), project.id, { cookie, 'sec-fetch-site': 'cross-site' })).problem).toMatchObject({
      code: 'origin-refused',
    })
    expect((await openStream(app(), project.id, { cookie, origin: 'https://evil.example' })).problem).toMatchObject({
      code: 'origin-refused',
    })
  })

  it('S13 streams count beside the sockets of their person, and each session has a part of them; one that ends makes room', async () => {
    const limits = { addressConnections: 50, addressStrangers: 50, personSockets: 3, sessionStreams: 2, socketProjects: 5 }
    const strict = await startApp({ seams: { limits } })
    onTestFinished(strict.close)
    const { owner, viewer, project } = await createTeam(strict, 'viewer')
    const again = await login(strict, owner)
    const streams = [await streamOf(strict, owner, project.id), await streamOf(strict, owner, project.id)]
    const tooMany = { status: 429, code: 'rate-limited', retryAfter: 30 }
    expect((await streamOf(strict, owner, project.id)).problem).toMatchObject(tooMany)
    expect(
      (await request(strict.url, 'GET', `/api/projects/${project.id}/events?after=1&wait=1`, { token: owner.token })).body,
    ).toMatchObject(tooMany)
    await streamOf(strict, again, project.id)
    expect((await streamOf(strict, again, project.id)).problem).toMatchObject(tooMany)
    await streamOf(strict, viewer, project.id)
    streams[0]?.close()
    await until('a free place', async () => (await streamOf(strict, owner, project.id)).status === 200)
  })

  it('R2 streams end when the log becomes another one, polls are told, and the position of before is answered by reset', async () => {
    const moved = await startApp({ seams: { timings: { sweepMs: 50, checkMs: 50 } } })
    onTestFinished(moved.close)
    const { owner, project } = await createTeam(moved)
    await addTask(owner, project.id)
    const stream = await streamOf(moved, owner, project.id)
    await stream.first('ready')
    const before = moved.app.rooms.log.epoch()
    const poll = owner.call('GET', `/api/projects/${project.id}/events?after=1&epoch=${before}&wait=25`)
    await until('it waits', () => moved.app.rooms.streams.counts().polls === 1)
    // New files, as after a restore.
    await moved.db.query('VACUUM FULL "Room"')
    await until('the end', () => stream.isOver())
    expect(await poll).toMatchObject({ status: 410, body: { code: 'gone' } })
    const again = await streamOf(moved, owner, project.id, '', stream.lastId())
    const epoch = moved.app.rooms.log.epoch()
    expect(epoch).not.toBe(before)
    expect((await again.first('reset')).data).toEqual({ epoch, head: 1, floor: 0 })
  })

  it('O1 a server that stops sends all away with the time to come again, and a client that comes to the next one misses nothing', async () => {
    const { url: databaseUrl, drop } = await createDatabase()
    const [first, second] = [await startApp({ databaseUrl }), await startApp({ databaseUrl })]
    onTestFinished(async () => {
      await second.close()
      await drop()
    })
    const { owner, project } = await createTeam(first)
    const streams = await Promise.all(upTo(10).map(() => streamOf(first, owner, project.id)))
    for (const stream of streams) await stream.first('ready')
    const from = performance.now()
    await first.close()
    expect(performance.now() - from).toBeLessThan(5_000)
    for (const stream of streams) {
      const { reconnectInMs } = (await stream.first('server:draining')).data
      expect(stream.text()).toContain(`retry: ${reconnectInMs}\n\n`)
      expect(stream.isOver()).toBe(true)
    }
    await addTask(owner, project.id).catch(() => {})
    const near = await login(second, owner)
    await addTask(near, project.id)
    const next = await streamOf(second, near, project.id, '', streams[0]?.lastId())
    await next.first('ready')
    expect(next.seqs()).toEqual([1])
  })
})
