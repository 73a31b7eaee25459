import { readFileSync } from 'node:fs'
import { events, projectRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../support/app.ts'
import { consumed } from '../support/consumers.ts'
import { streamOf } from '../support/event-stream.ts'
import { addMember, createCut, createProject, createTeam, register, request } from '../support/people.ts'
import { hasRedis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

/** What Prometheus reads: the value of each series, by its name with its labels. */
async function scrape({ url }: Pick<TestApp, 'url'>, headers: Record<string, string> = {}): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`, { headers })
  expect(response.status).toBe(200)
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

describe('metrics', () => {
  const app = useApp()

  /** How much each series grew while `work` ran; those that did not are left out. */
  async function growth(work: () => Promise<void>): Promise<Record<string, number>> {
    const before = await scrape(app())
    await work()
    const after = await scrape(app())
    const grown = [...after].map(([series, value]) => [series, value - (before.get(series) ?? 0)] as const)
    return Object.fromEntries(grown.filter(([, by]) => by !== 0))
  }

  it('a write is timed by its outcome, and its events are counted by name', async () => {
    const { owner, project, viewer } = await createTeam(app(), 'viewer')
    const { cut } = await createCut(owner, project.id)
    await consumed(app().db)
    const written = await growth(async () => {
      await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'Louder' })
      await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: 'Softer' })
    })
    expect(written).toMatchObject({
      'cutroom_commit_seconds_count{by="request",outcome="committed"}': 2,
      'cutroom_events_total{event="comment:created"}': 2,
      'cutroom_http_request_seconds_count{method="POST",route="/api/cuts/:cutId/comments",status="201"}': 2,
    })
    expect(written['cutroom_commit_seconds_sum{by="request",outcome="committed"}']).toBeLessThan(60)
    const refused = await growth(async () => {
      const stale = { 'if-match': '"99"' }
      expect((await owner.call('PATCH', `/api/cuts/${cut.id}`, { bpm: 96 }, stale)).status).toBe(412)
      expect((await viewer.call('POST', `/api/cuts/${cut.id}/comments`, { body: 'no' })).status).toBe(403)
    })
    expect(refused['cutroom_commit_seconds_count{by="request",outcome="refused"}']).toBe(2)
    expect(Object.keys(refused).filter((series) => /^cutroom_events_total/.test(series))).toEqual([])
  })

  it('one write that reaches several rooms counts one event for each room', async () => {
    const { owner, viewer } = await createTeam(app(), 'viewer')
    const another = await createProject(owner, 'Another')
    await addMember(owner, another.id, viewer, 'viewer')
    const { version } = await viewer.must<{ version: number }>('GET', '/api/me')
    const written = await growth(async () => {
      await viewer.must('PATCH', '/api/me', { name: 'Vi' }, { 'if-match': `"${version}"` })
    })
    expect(written['cutroom_events_total{event="person:updated"}']).toBe(2)
  })

  it('joins are counted by kind of room and mode, replayed events and the lag of delivery by event', async () => {
    const { owner, project } = await createTeam(app())
    const write = (title: string) => owner.must('POST', `/api/projects/${project.id}/tasks`, { title })
    const socket = await connect(app(), owner)
    const { head, epoch } = await socket.join(project.id)
    for (const title of ['Mix', 'Master', 'Print']) await write(title)
    await until('three events', () => socket.events(projectRoom(project.id)).length === 3)
    const grown = await growth(async () => {
      const other = await connect(app(), owner)
      expect(await other.join(project.id)).toMatchObject({ mode: 'live' })
      expect(await other.join(project.id, { after: head, epoch })).toMatchObject({ mode: 'resumed' })
      expect(await other.join(project.id, { after: head, epoch: 'another' })).toMatchObject({ mode: 'reset' })
      expect(await other.ask('join:user', {})).toMatchObject({ ok: true })
      await write('Ship')
      await until('the event', () => other.events(projectRoom(project.id)).at(-1)?.payload.title === 'Ship')
    })
    expect(grown).toMatchObject({
      'cutroom_joins_total{room="project",mode="live"}': 1,
      'cutroom_joins_total{room="project",mode="resumed"}': 1,
      'cutroom_joins_total{room="project",mode="reset"}': 1,
      'cutroom_joins_total{room="user",mode="live"}': 1,
      cutroom_replayed_events_total: 3,
      cutroom_delivery_lag_seconds_count: 1,
      cutroom_sockets: 1,
    })
  })

  it('the build, the connections of each pool and the waiting requests are shown', async () => {
    // The leader keeps one connection for jobs, with its lock. What consumers and jobs have to do after the start is over at some time.
    const AT_REST = { requests: 0, delivery: 0, pages: 0, probe: 0, jobs: 1 }
    let series = await scrape(app())
    await until('no connection in use but that of the leader', async () => {
      series = await scrape(app())
      return Object.entries(AT_REST).every(
        ([pool, used]) => series.get(`cutroom_database_connections{pool="${pool}",state="used"}`) === used,
      )
    })
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
    expect(series.get(`cutroom_build_info{version="${version}",node="${process.versions.node}"}`)).toBe(1)
    for (const pool of Object.keys(AT_REST)) expect(series.get(`cutroom_database_waiting{pool="${pool}"}`)).toBe(0)
    expect(series.get('cutroom_database_connections{pool="requests",state="idle"}')).toBeGreaterThan(0)
    expect(series.get('cutroom_http_requests_waiting')).toBe(0)
    expect(series.get('cutroom_downloads')).toBe(0)
    expect([...series.keys()].some((name) => name.startsWith('cutroom_redis'))).toBe(false)
  })

  it('downloads under way are counted', async () => {
    const open = app().app.downloads.kind<null>(async (asked) => asked.map(() => true))
    const downloads = [open('ann', null), open('bob', null)]
    expect((await scrape(app())).get('cutroom_downloads')).toBe(2)
    for (const download of downloads) download.close()
    expect((await scrape(app())).get('cutroom_downloads')).toBe(0)
  })

  it('event streams and polls that wait are counted, and are in no time to answer', async () => {
    const { owner, project } = await createTeam(app())
    const answered = `cutroom_http_request_seconds_count{method="GET",route="/api/projects/:projectId/events",status="200"}`
    const before = (await scrape(app())).get(answered) ?? 0
    const stream = await streamOf(app(), owner, project.id)
    const poll = owner.must('GET', `/api/projects/${project.id}/events?wait=20`)
    const shown = async (form: string) => (await scrape(app())).get(`cutroom_event_streams{form="${form}"}`)
    await until('both', async () => (await shown('stream')) === 1 && (await shown('poll')) === 1)
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    await poll
    stream.close()
    await until('none', async () => (await shown('stream')) === 0 && (await shown('poll')) === 0)
    expect((await scrape(app())).get(answered) ?? 0).toBe(before)
    await owner.must('GET', `/api/projects/${project.id}/events`)
    expect((await scrape(app())).get(answered)).toBe(before + 1)
  })

  it('a busy pool shows: connections in use, and requests that wait for their turn', async () => {
    const small = await startApp({ env: { DATABASE_POOL: '2' } })
    onTestFinished(small.close)
    const ann = await register(small)
    const blocker = await small.db.connect()
    await blocker.query('BEGIN')
    await blocker.query('LOCK TABLE "Project"')
    const asked = [1, 2, 3].map(() => ann.call('GET', '/api/projects'))
    await until('one that works and two that wait', async () => {
      const series = await scrape(small)
      return (
        series.get('cutroom_database_connections{pool="requests",state="used"}') === 1 &&
        series.get('cutroom_http_requests_waiting') === 2
      )
    })
    await blocker.query('ROLLBACK')
    blocker.release()
    for (const answer of await Promise.all(asked)) expect(answer.status).toBe(200)
  })

  it('labels are of closed sets: neither an unknown path nor an unknown event name makes a series', async () => {
    const { owner, project } = await createTeam(app())
    const socket = await connect(app(), owner)
    await socket.join(project.id)
    await app().db.query(`SELECT append($1, 'made:up', '{}')`, [projectRoom(project.id)])
    await until('the made-up event', () => socket.frames.some(({ name }) => name === 'made:up'))
    for (const path of ['/made-up/1', '/api/made-up/2']) expect((await fetch(app().url + path)).status).toBe(404)
    const series = [...(await scrape(app())).keys()]
    expect(series.filter((name) => name.includes('made'))).toEqual([])
    const counted = series.filter((name) => name.startsWith('cutroom_events_total'))
    expect(counted).toHaveLength(Object.keys(events).length)
  })

  it('names follow Prometheus: a prefix, base units, _total for counters', async () => {
    const text = await (await fetch(`${app().url}/metrics`)).text()
    const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => ({ name, type }))
    const own = types.filter(({ name }) => !/^cutroom_(process|nodejs)_/.test(name))
    expect(own.length).toBeGreaterThan(10)
    for (const { name, type } of own) {
      expect(name).toMatch(/^cutroom_[a-z_]+$/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
      if (type === 'histogram') expect(name).toMatch(/_seconds$/)
    }
    const documented = readFileSync('docs/operations.md', 'utf8')
    for (const { name } of own) expect(documented, name).toContain(`\`${name}\``)
  })
})

describe('METRICS_TOKEN', () => {
  const token = 'a-token-of-the-metrics-test'
  const app = useApp({ env: { METRICS_TOKEN: token } })

  it('A3 /metrics answers to its bearer token and to nothing else', async () => {
    const ann = await register(app())
    expect((await scrape(app(), { authorization: `Bearer ${token}` })).size).toBeGreaterThan(10)
    const refused: [headers: Record<string, string>, code: string][] = [
      [{}, 'token-missing'],
      [{ authorization: `Bearer ${token}x` }, 'token-invalid'],
      [{ authorization: `Bearer ${token.slice(0, -1)}` }, 'token-invalid'],
      [{ authorization: 'Bearer ' }, 'token-invalid'],
      [{ authorization: `Basic ${token}` }, 'token-invalid'],
      [{ authorization: token }, 'token-invalid'],
      [{ authorization: `Bearer ${ann.token}` }, 'token-invalid'],
      [{ cookie: `METRICS_TOKEN=${token}` }, 'token-missing'],
    ]
    for (const [headers, code] of refused) {
      const answer = await request<{ code: string }>(app().url, 'GET', '/metrics', { headers })
      expect([answer.status, answer.body.code], JSON.stringify(headers)).toEqual([401, code])
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
      expect(JSON.stringify(answer.body)).not.toContain(token)
    }
    expect((await fetch(`${app().url}/metrics?token=${token}`)).status).toBe(401)
    for (const path of ['/healthz', '/readyz']) expect((await fetch(app().url + path)).status).toBe(200)
  })
})

describe.skipIf(!hasRedis())('Redis in the metrics', () => {
  it('O2 cutroom_redis_up is 1 while Redis answers and 0 while it is away', async () => {
    const redis = await startRedis()
    onTestFinished(redis.close)
    const app = await startApp({ env: { REDIS_URL: redis.url } })
    onTestFinished(app.close)
    const isUp = async (value: number) => (await scrape(app)).get('cutroom_redis_up') === value
    await until('up', () => isUp(1))
    await redis.kill()
    await until('down', () => isUp(0))
    await redis.start()
    await until('up again', () => isUp(1))
  })
})
if (!hasRedis()) refuseWithoutRedis('the metric of Redis')
