import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { projectRoom } from '@cutroom/contract'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startApp, type TestApp, useApp } from '../support/app.ts'
import { createDatabase } from '../support/database.ts'
import { streamOf } from '../support/event-stream.ts'
import { upTo } from '../support/log.ts'
import { createTeam } from '../support/people.ts'
import { hasRedis, type Redis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { removeWhileStreaming } from '../support/removal.ts'
import { until } from '../support/until.ts'

const KIB = 1024
/** So long that only a notification can have brought what came. */
const NEVER_MS = 60_000

/** Two nodes over one database; they end with the test. */
async function startNodes(env: Record<string, string>, timings: Record<string, number>): Promise<[TestApp, TestApp]> {
  const { url: databaseUrl, drop } = await createDatabase()
  const start = () => startApp({ databaseUrl, env, seams: { timings } })
  const nodes: [TestApp, TestApp] = [await start(), await start()]
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.close()))
    await drop()
  })
  return nodes
}

/** What is written on one node comes on the other, in streams and in waiting polls; so does a removal. */
async function deliverAcross([near, far]: [TestApp, TestApp]): Promise<void> {
  const { owner, editor, project } = await createTeam(near, 'editor')
  const stream = await streamOf(far, editor, project.id)
  await stream.first('ready')
  const poll = fetch(`${far.url}/api/projects/${project.id}/events?after=1&wait=20`, {
    headers: { authorization: `Bearer ${editor.token}` },
  })
  await until('it waits', () => far.app.rooms.streams.counts().polls === 1)
  for (const n of upTo(30)) await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: `Task ${n}` })
  await until('all came', () => stream.seqs().length === 30)
  expect(stream.seqs()).toEqual(upTo(31).slice(1))
  const { data } = (await (await poll).json()) as { data: { meta: { seq: number } }[] }
  expect(data[0]?.meta.seq).toBe(2)
  stream.close()
  await removeWhileStreaming(near, far, { owner, gone: editor, projectId: project.id })
}

describe('event streams on two nodes', () => {
  it('D1 D2 A1 without Redis the sweep brings events and the end of access', async () => {
    await deliverAcross(await startNodes({}, { sweepMs: 50, checkMs: 50 }))
  })
})

if (!hasRedis()) refuseWithoutRedis('event streams on two nodes over Redis')

describe.runIf(hasRedis())('event streams on two nodes over Redis', () => {
  let redis: Redis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.close())

  it('D1 A1 notifications bring events and the end of access', async () => {
    await deliverAcross(await startNodes({ REDIS_URL: redis.url }, { sweepMs: NEVER_MS, checkMs: 50 }))
  })
})

describe('a client that does not read its event stream', () => {
  const app = useApp({ seams: { timings: { sweepMs: 20, checkMs: 50, closeMs: 1_500 } } })

  /** Large events without a notification: the sweep finds them. */
  const write = (projectId: string, count: number) =>
    app().db.query('SELECT append($1, $2, $3::json) FROM generate_series(1, $4::int)', [
      projectRoom(projectId),
      'task:deleted',
      JSON.stringify({ taskId: projectId, padding: 'x'.repeat(16 * KIB) }),
      count,
    ])

  /** Watches what the server holds for the next stream, bytes. */
  function watchBuffers(): () => number {
    const { streams } = app().app.rooms
    const { open } = streams
    let held: [Readable, ServerResponse] | undefined
    streams.open = async (asked, from) => {
      const body = await open(asked, from)
      held = [body, asked.response]
      return body
    }
    onTestFinished(() => {
      streams.open = open
    })
    return () => (held ? held[0].readableLength + held[1].writableLength : 0)
  }

  it('D5 B2 holds a page of memory, and its neighbours nothing up; it is closed in the end, and gets all it missed by Last-Event-ID', async () => {
    const { owner, viewer, project } = await createTeam(app(), 'viewer')
    const neighbour = await streamOf(app(), owner, project.id)
    const buffered = watchBuffers()
    const slow = await streamOf(app(), viewer, project.id)
    await slow.first('ready')
    slow.response.pause()
    let most = 0
    for (let n = 1; n <= 20; n++) {
      await write(project.id, 50)
      await until('the neighbour has them', () => neighbour.seqs().at(-1) === 1 + n * 50)
      most = Math.max(most, buffered())
    }
    // Of 16 MB.
    expect(most).toBeGreaterThan(16 * KIB)
    expect(most).toBeLessThan(160 * KIB)
    await until('it was closed', () => app().app.rooms.streams.counts().streams === 1)
    slow.response.resume()
    await until('the end', () => slow.isOver())
    const seen = slow.seqs()
    const again = await streamOf(app(), viewer, project.id, '', slow.lastId())
    await again.first('ready')
    expect([...seen, ...again.seqs()]).toEqual(upTo(1_001).slice(1))
  })

  it('A1 one who is removed while they do not read is cut off, and reads nothing of it', async () => {
    const patient = await startApp({ seams: { timings: { sweepMs: 20, closeMs: 600_000 } } })
    onTestFinished(patient.close)
    const { owner, viewer, project } = await createTeam(patient, 'viewer')
    const slow = await streamOf(patient, viewer, project.id)
    await slow.first('ready')
    slow.response.pause()
    await patient.db.query('SELECT append($1, $2, $3::json) FROM generate_series(1, 500)', [
      projectRoom(project.id),
      'task:deleted',
      JSON.stringify({ taskId: project.id, padding: 'x'.repeat(16 * KIB) }),
    ])
    const streams = () => patient.app.rooms.streams.counts().streams
    expect(streams()).toBe(1)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${viewer.id}`)
    await until('it was cut off', () => streams() === 0)
    slow.response.resume()
    await until('the end', () => slow.isOver())
    expect(slow.events().some(({ name }) => name === 'member:left')).toBe(false)
  })
})
