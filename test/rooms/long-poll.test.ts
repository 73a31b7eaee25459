import { projectRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, useApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { type Logged, readLog, upTo } from '../support/log.ts'
import { createTeam, login, type Person, register } from '../support/people.ts'
import { until } from '../support/until.ts'

interface Page {
  data: Logged[]
  epoch: string
  head: number
  floor: number
}

const addTask = (person: Person, projectId: string, title = 'Mix') =>
  person.must('POST', `/api/projects/${projectId}/tasks`, { title })

describe('a list of events that waits', () => {
  const app = useApp({ env: { DATABASE_POOL: '4' } })
  const poll = (person: Person, projectId: string, query: string) =>
    person.call<Page>('GET', `/api/projects/${projectId}/events?${query}`)
  const waiting = () => app().app.rooms.streams.counts().polls
  const waits = (count = 1) => until('it waits', () => waiting() === count)
  const noneLeft = () => until('nothing is left', () => waiting() === 0 && app().app.rooms.counts().feeds === 0)

  it('answers at once where there is something, and else with the first event that comes', async () => {
    const { owner, viewer, project } = await createTeam(app(), 'viewer')
    const from = performance.now()
    expect((await poll(viewer, project.id, 'after=0&wait=25')).body.data).toEqual(await readLog(owner, project.id))
    expect(performance.now() - from).toBeLessThan(5_000)
    const next = poll(viewer, project.id, 'after=1&wait=25')
    await waits()
    await addTask(owner, project.id)
    const { status, body } = await next
    expect(status).toBe(200)
    expect(body.data).toEqual((await readLog(owner, project.id)).slice(1))
    expect(body).toMatchObject({ head: 2, floor: 0, epoch: app().app.rooms.log.epoch() })
    await noneLeft()
  })

  it('answers empty when the time is over, and leaves neither a timer nor a listener', async () => {
    const { owner, project } = await createTeam(app())
    const from = performance.now()
    const { status, body } = await poll(owner, project.id, 'wait=1')
    expect(performance.now() - from).toBeGreaterThan(900)
    expect({ status, body }).toMatchObject({ status: 200, body: { data: [], head: 0 } })
    await noneLeft()
  })

  it('R1 a client that asks in a loop while others write has each event once, in order', async () => {
    const { owner, editor, project } = await createTeam(app(), 'editor')
    const seqs: number[] = []
    const reading = (async () => {
      let after = 1
      while (after < 61) {
        const { body } = await poll(owner, project.id, `after=${after}&wait=20&limit=7&epoch=${app().app.rooms.log.epoch()}`)
        seqs.push(...body.data.map(({ meta }) => meta.seq))
        after = seqs.at(-1) ?? after
      }
    })()
    await Promise.all(
      [owner, editor].map(async (person) => {
        for (const n of upTo(30)) await addTask(person, project.id, `${n}`)
      }),
    )
    await reading
    expect(seqs).toEqual(upTo(61).slice(1))
  })

  it('R2 a position of another history, of the future or below the floor is gone: no client waits for what never comes', async () => {
    const { owner, project } = await createTeam(app())
    for (const n of upTo(5)) await addTask(owner, project.id, `${n}`)
    await app().db.query('UPDATE "Room" SET floor = 3 WHERE id = $1', [projectRoom(project.id)])
    for (const query of ['after=5&wait=25&epoch=another', 'after=6&wait=25', 'after=2&wait=25', 'after=5&epoch=another'])
      expect(await poll(owner, project.id, query), query).toMatchObject({ status: 410, body: { code: 'gone' } })
    expect((await poll(owner, project.id, 'after=3')).body.data).toHaveLength(2)
  })

  it('A1 A2 the end of access ends the wait with the refusal: removal, logout, the end of the token', async () => {
    const { owner, editor, viewer, project } = await createTeam(app(), 'editor', 'viewer')
    const [removed, out] = [poll(editor, project.id, 'after=2&wait=25'), poll(viewer, project.id, 'after=2&wait=25')]
    await waits(2)
    await viewer.must('POST', '/api/auth/logout', { refreshToken: viewer.refreshToken })
    expect(await out).toMatchObject({ status: 401, body: { code: 'session-revoked' } })
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    expect(await removed).toMatchObject({ status: 404, body: { code: 'not-found' } })
    await noneLeft()

    const short = await startApp({ env: { ACCESS_TOKEN_TTL: '2s' } })
    onTestFinished(short.close)
    const { owner: brief, project: other } = await createTeam(short)
    expect(await poll(brief, other.id, 'wait=25')).toMatchObject({ status: 401, body: { code: 'token-expired' } })
    expect((await poll(await register(app()), project.id, 'after=3&wait=25')).status).toBe(404)
  })

  it('B2 waiting takes no place: a person with 40 polls asks on, and writes', async () => {
    const { owner, project } = await createTeam(app())
    const polls = upTo(40).map(() => poll(owner, project.id, 'wait=25'))
    await waits(40)
    expect(app().app.requestsWaiting()).toBe(0)
    await owner.must('GET', `/api/projects/${project.id}/snapshot`)
    await addTask(owner, project.id)
    const answers = await Promise.all(polls)
    expect(answers.map(({ body }) => body.data.map(({ meta }) => meta.seq))).toEqual(upTo(40).map(() => [1]))
    await noneLeft()
  })

  it('a client that goes away while it waits leaves nothing', async () => {
    const { owner, project } = await createTeam(app())
    const away = new AbortController()
    const gone = fetch(`${app().url}/api/projects/${project.id}/events?wait=25`, {
      headers: { authorization: `Bearer ${owner.token}` },
      signal: away.signal,
    }).catch((error: Error) => error.name)
    await waits()
    away.abort()
    expect(await gone).toBe('AbortError')
    await noneLeft()
    expect(app().app.requestsWaiting()).toBe(0)
  })

  it('O1 a server that stops answers those that wait, and the next one goes on', async () => {
    const { url: databaseUrl, drop } = await createDatabase()
    const [first, second] = [await startApp({ databaseUrl }), await startApp({ databaseUrl })]
    onTestFinished(async () => {
      await second.close()
      await drop()
    })
    const { owner, project } = await createTeam(first)
    const last = poll(owner, project.id, 'wait=25')
    await until('it waits', () => first.app.rooms.streams.counts().polls === 1)
    await first.close()
    expect(await last).toMatchObject({ status: 200, body: { data: [], head: 0 } })
    const again = await login(second, owner)
    await addTask(again, project.id)
    expect((await poll(again, project.id, 'after=0&wait=25')).body.data).toHaveLength(1)
  })
})
