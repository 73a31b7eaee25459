import { addPage, type ProjectState, snapshotOf, stateOf } from '@cutroom/client'
import type { Snapshot } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { type TestApp, useApp } from '../support/app.ts'
import { createCut, createTeam, type Person } from '../support/people.ts'
import { until } from '../support/until.ts'
import { clientOf, live, watch, writeTask } from './clients.ts'
import { createNetwork } from './network.ts'

/** A project of several pages: comments of 2 kB on a cut, and a few on a task. */
async function createLarge(app: TestApp, count = 2_000) {
  const { project, owner } = await createTeam(app)
  const { cut } = await createCut(owner, project.id)
  const task = await writeTask(owner, project.id, 'Mix')
  const insert = (column: 'cutId' | 'taskId', id: string, n: number) =>
    app.db.query(
      `INSERT INTO "Comment" (id, "projectId", "${column}", "authorId", body)
        SELECT gen_random_uuid(), $1, $2, $3, repeat('x', 2000) FROM generate_series(1, $4::int)`,
      [project.id, id, owner.id, n],
    )
  await insert('cutId', cut.id, count)
  await insert('taskId', task.id, 5)
  return { project, owner, cut, task, count: count + 5 }
}

/** All pages as the server gives them now. */
async function snapshotNow(
  person: Person,
  projectId: string,
  comments = 'all',
): Promise<{ seq: number; state: ProjectState; pages: number }> {
  const path = `/api/projects/${projectId}/snapshot?comments=${comments}`
  const first = await person.must<Snapshot>('GET', path)
  const state = stateOf(first)
  let pages = 1
  for (let cursor = first.nextCursor; cursor !== null; pages++) {
    const next = await person.must<Snapshot>('GET', `${path}&cursor=${encodeURIComponent(cursor)}`)
    addPage(state, next)
    cursor = next.nextCursor
  }
  return { seq: first.seq, state, pages }
}

describe('a project of many pages', () => {
  const app = useApp()
  const problem = (status: number, code: string, retryAfter?: number): Response =>
    Response.json({ type: '', title: '', status, code, ...(retryAfter !== undefined && { retryAfter }) }, { status })

  /** A network whose answers to snapshot pages a test may replace; `n` counts them. */
  function answering(reply: (n: number, cursor: string | null) => Response | undefined) {
    const cursors: (string | null)[] = []
    const network = createNetwork(async (input, init) => {
      const { pathname, searchParams } = new URL(String(input))
      if (!pathname.endsWith('/snapshot')) return fetch(input, init)
      const cursor = searchParams.get('cursor')
      cursors.push(cursor)
      return reply(cursors.length - 1, cursor) ?? fetch(input, init)
    })
    return { fetch: network.fetch, cursors }
  }

  it('B1 R4 it is opened page by page, while it changes, and is what the server has', async () => {
    const { project, owner, count } = await createLarge(app())
    const { cursors, fetch } = answering(() => {
      void writeTask(owner, project.id, 'while it loads')
      return undefined
    })
    const { client, errors } = clientOf(app(), owner, { fetch })
    const room = client.room(project.id)
    const { statuses } = watch(room)
    await live(room)
    const now = await snapshotNow(owner, project.id)
    expect(now.pages).toBeGreaterThan(3)
    await room.caughtUp(now.seq)
    expect(cursors.length).toBeGreaterThan(3)
    await until('all tasks', () => room.state?.tasks.size === cursors.length + 1)
    const last = await snapshotNow(owner, project.id)
    expect(room.state && snapshotOf(room.state)).toEqual(snapshotOf(last.state))
    expect([room.state?.comments.size, statuses, errors]).toEqual([count, ['connecting', 'syncing', 'live'], []])
  })

  it('B1 a page that fails in passing is asked for again alone; a cut log begins anew', async () => {
    const { project, owner, count } = await createLarge(app())
    const { cursors, fetch } = answering((n) =>
      n === 1 ? problem(503, 'unavailable', 0) : n === 3 ? problem(410, 'gone') : undefined,
    )
    const { client, errors } = clientOf(app(), owner, { fetch })
    const room = client.room(project.id)
    await live(room)
    expect(room.state?.comments.size).toBe(count)
    expect(cursors[0]).toBeNull()
    expect(cursors[2]).toBe(cursors[1])
    // after the cut
    expect(cursors.slice(4).filter((cursor) => cursor === null)).toHaveLength(1)
    expect(errors).toEqual([])
  })

  it('B1 a load that keeps failing reports it, is retried less and less often, and recovers by itself', async () => {
    const { project, owner } = await createTeam(app())
    let broken = true
    const { cursors, fetch } = answering(() => (broken ? problem(500, 'internal') : undefined))
    const { client, errors } = clientOf(app(), owner, { fetch })
    const room = client.room(project.id)
    const { statuses } = watch(room)
    const ready = room.ready()
    await expect(ready).rejects.toMatchObject({ code: 'internal' })
    expect([room.status, room.problem?.code]).toEqual(['offline', 'internal'])
    expect(cursors).toHaveLength(3)
    expect(errors).toHaveLength(1)
    broken = false
    await live(room)
    expect([room.problem, statuses]).toEqual([undefined, ['connecting', 'syncing', 'offline', 'live']])
    await expect(room.ready()).resolves.toBeUndefined()
  })

  it.each([
    { status: 408, code: 'request-timeout' },
    { status: 400, code: 'bad-request' },
    { status: 431, code: 'headers-too-large' },
  ])('B1 a load that was answered $status begins again: the room is live by itself', async ({ status, code }) => {
    const { project, owner } = await createTeam(app())
    const { cursors, fetch } = answering((n) => (n === 0 ? problem(status, code) : undefined))
    const { client, errors } = clientOf(app(), owner, { fetch })
    const room = client.room(project.id)
    const { statuses } = watch(room)
    await live(room)
    expect([cursors.length, statuses, errors]).toEqual([2, ['connecting', 'syncing', 'live'], []])
  })

  it.each([
    { status: 403, code: 'forbidden' },
    { status: 404, code: 'not-found' },
  ])('A1 a load that was answered $status closes the room to the person', async ({ status, code }) => {
    const { project, owner } = await createTeam(app())
    const { cursors, fetch } = answering(() => problem(status, code))
    const { client } = clientOf(app(), owner, { fetch })
    const room = client.room(project.id)
    await expect(room.ready()).rejects.toMatchObject({ code })
    expect([room.status, room.problem?.code, cursors.length]).toEqual(['offline', code, 1])
  })

  it('B1 a load that is refused again and again, for no right that is missing, is reported and goes on', async () => {
    const { project, owner } = await createTeam(app())
    let refused = true
    const { fetch } = answering(() => (refused ? problem(400, 'bad-request') : undefined))
    const { client, errors } = clientOf(app(), owner, { fetch })
    const room = client.room(project.id)
    await expect(room.ready()).rejects.toMatchObject({ code: 'bad-request' })
    expect([room.status, errors.length]).toEqual(['offline', 1])
    refused = false
    await live(room)
  })

  it('B1 a room may hold a part of the comments; the others still arrive as events', async () => {
    const { project, owner, cut, task, count } = await createLarge(app(), 600)
    const parts = { none: 0, [task.id]: 5, [cut.id.toUpperCase()]: 600, all: count }
    for (const [comments, size] of Object.entries(parts)) {
      const { client, errors } = clientOf(app(), owner)
      const room = client.room(project.id, { comments })
      await live(room)
      expect(room.state?.comments.size).toBe(size)
      const heard: string[] = []
      room.on('comment:created', ({ body }) => heard.push(body))
      room.on('comment:deleted', () => heard.push('deleted'))
      const written = await owner.must<{ id: string }>('POST', `/api/tasks/${task.id}/comments`, { body: 'on the task' })
      await until('heard', () => heard.length === 1)
      const keeps = comments === 'all' || comments === task.id
      expect(room.state?.comments.size).toBe(keeps ? size + 1 : size)
      await owner.must('DELETE', `/api/comments/${written.id}`)
      await until('heard', () => heard.length === 2)
      const now = await snapshotNow(owner, project.id, comments.toLowerCase())
      expect(room.state && snapshotOf(room.state)).toEqual(snapshotOf(now.state))
      expect(() => client.room(project.id, { comments: project.id })).toThrow('another choice')
      expect(client.room(project.id, { comments })).toBe(room)
      expect(errors).toEqual([])
      client.close()
    }
  })

  it('a load is given up when the room is left, and with the connection', async () => {
    const { project, owner } = await createLarge(app(), 600)
    const signals: (AbortSignal | null | undefined)[] = []
    const { client } = clientOf(app(), owner, {
      fetch: (input, init) => {
        if (!String(input).includes('/snapshot')) return fetch(input, init)
        signals.push(init?.signal)
        return new Promise((_, reject) =>
          init?.signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true }),
        )
      },
    })
    const room = client.room(project.id)
    await until('it loads', () => signals.length === 1)
    for (const socket of app().app.io.of('/').sockets.values()) socket.conn.close()
    await until('it loads again', () => signals.length === 2)
    expect(signals[0]?.aborted).toBe(true)
    room.leave()
    expect(signals[1]?.aborted).toBe(true)
  })
})

describe('caughtUp', () => {
  const app = useApp()
  it.each([Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY, '3' as unknown as number])(
    'refuses %s, which is no position',
    async (seq) => {
      const { project, owner } = await createTeam(app())
      const room = clientOf(app(), owner).client.room(project.id)
      await expect(room.caughtUp(seq)).rejects.toThrow(RangeError)
    },
  )

  it('rejects for a position that the log has not, and waits for one that comes', async () => {
    const { project, owner } = await createTeam(app())
    const room = clientOf(app(), owner).client.room(project.id)
    await expect(room.caughtUp(1_000_000)).rejects.toThrow(RangeError)
    await live(room)
    const head = room.position?.seq ?? 0
    const next = room.caughtUp(head + 1)
    await writeTask(owner, project.id, 'next')
    await next
    await expect(room.caughtUp(head + 2)).rejects.toThrow(`${head + 2} is not in the log`)
  })
})
