import { applyEvent, snapshotOf, stateOf } from '@cutroom/client'
import { type ProjectEventName, projectRoom, type RoomEvent, type Snapshot, type User } from '@cutroom/contract'
import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { Query, Statement } from '../../../src/db/client.ts'
import { createRenames } from '../../../src/features/me/renames.ts'
import { purgeJob } from '../../../src/jobs/purge.ts'
import { nouns } from '../../../src/nouns.ts'
import { useApp } from '../../support/app.ts'
import { gate, readLog, upTo } from '../../support/log.ts'
import { createCut, createTeam, register } from '../../support/people.ts'
import { connect } from '../../support/sockets.ts'
import { until } from '../../support/until.ts'

describe('writes that reach many rows or rooms', () => {
  const app = useApp()

  it('B4 the removal of a member with thousands of assigned tasks is one event, and the reducer unassigns the tasks', async () => {
    const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
    await app().db.query(
      `INSERT INTO "Task" (id, "projectId", title, rank, "assigneeId", "authorId", "updatedAt")
       SELECT gen_random_uuid(), $1, 'Task ' || n, 'a' || lpad(n::text, 6, '0'), CASE WHEN n % 10 > 0 THEN $2::uuid ELSE $3 END, $4, '2026-01-01'
       FROM generate_series(1, 3000) AS n`,
      [project.id, editor.id, viewer.id, owner.id],
    )
    const before = await snapshot()
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    const log = await readLog(owner, project.id, before[0].seq)
    expect(log).toMatchObject([{ name: 'member:left', payload: { userId: editor.id, removedBy: owner.id } }])
    const { rows } = await app().db.query<{ assigneeId: string | null; version: number; updatedAt: Date; n: number }>(
      `SELECT "assigneeId", version, "updatedAt", count(*)::int AS n FROM "Task" WHERE "projectId" = $1 GROUP BY 1, 2, 3 ORDER BY n`,
      [project.id],
    )
    expect(rows).toEqual([
      { assigneeId: viewer.id, version: 1, updatedAt: new Date('2026-01-01'), n: 300 },
      { assigneeId: null, version: 2, updatedAt: new Date(String(log[0]?.payload.updatedAt)), n: 2_700 },
    ])
    const state = stateOf(before)
    for (const event of log) applyEvent(state, event as unknown as RoomEvent<ProjectEventName>)
    expect(snapshotOf(state)).toEqual(snapshotOf(stateOf(await snapshot())))

    async function snapshot(): Promise<[Snapshot, ...Snapshot[]]> {
      const path = `/api/projects/${project.id}/snapshot`
      const pages: [Snapshot, ...Snapshot[]] = [await owner.must<Snapshot>('GET', path)]
      for (let cursor = pages[0].nextCursor; cursor !== null; cursor = pages.at(-1)?.nextCursor ?? null)
        pages.push(await owner.must<Snapshot>('GET', `${path}?cursor=${cursor}`))
      return pages
    }
  })

  /** A person who is a member of this many projects of another owner, each with a room. */
  async function inMany(count: number) {
    const [keeper, person] = [await register(app(), 'Kay'), await register(app(), 'Pat')]
    const { rows } = await app().db.query<{ id: string }>(
      `WITH made AS (INSERT INTO "Project" (id, name, "authorId") SELECT gen_random_uuid(), 'P', $1 FROM generate_series(1, $3::int) RETURNING id),
       rooms AS (INSERT INTO "Room" (id) SELECT 'project:' || id FROM made),
       owners AS (INSERT INTO "Member" ("projectId", "userId", role) SELECT id, $1, 'owner' FROM made)
       INSERT INTO "Member" ("projectId", "userId", role) SELECT id, $2, 'editor' FROM made RETURNING "projectId" AS id`,
      [keeper.id, person.id, count],
    )
    return { keeper, person, projectIds: rows.map(({ id }) => id) }
  }

  it('B4 W2 a new name of a person in hundreds of projects is one event in each, in order; an equal name makes none', async () => {
    const { keeper, person, projectIds } = await inMany(700)
    const [projectId = ''] = projectIds
    const socket = await connect(app(), keeper)
    await socket.join(projectId)
    const writing = Promise.all(
      projectIds
        .slice(0, 40)
        .map((id) => keeper.must('POST', `/api/projects/${id}/tasks`, { title: 'meanwhile', assigneeId: person.id })),
    )
    const renamed = await person.must<User>('PATCH', '/api/me', { name: 'Patricia' })
    await writing
    expect(await person.must('PATCH', '/api/me', { name: 'Patricia' })).toEqual(renamed)
    expect(await person.must('PATCH', '/api/me', { name: 'Patricia', avatarUrl: null })).toEqual(renamed)
    const { rows } = await app().db.query(
      `SELECT name, payload::jsonb AS payload, bytes = octet_length(payload::text) AS sized, count(*)::int AS n, bool_and("actorId" = $1) AS by
       FROM "Event" WHERE name = 'person:updated' AND payload->>'id' = $1::text GROUP BY 1, 2, 3`,
      [person.id],
    )
    expect(rows).toEqual([
      { name: 'person:updated', payload: { id: person.id, name: 'Patricia', avatarUrl: null }, sized: true, n: 700, by: true },
    ])
    const { rows: wrong } = await app().db.query(
      `SELECT r.id FROM "Room" r WHERE r.head <> (SELECT count(*) FROM "Event" e WHERE e.room = r.id AND e.seq BETWEEN 1 AND r.head)`,
    )
    expect(wrong).toEqual([])
    const log = await readLog(keeper, projectId)
    await until('the log to be delivered', () => socket.events(projectRoom(projectId)).length === log.length)
    expect(socket.events(projectRoom(projectId))).toEqual(log)
    // Whatever was written after the new name draws it.
    for (const id of projectIds.slice(0, 40)) {
      const events = await readLog(keeper, id)
      const from = events.findIndex(({ name }) => name === 'person:updated')
      for (const { payload } of events.slice(from + 1)) expect(payload).toMatchObject({ assignee: { name: 'Patricia' } })
    }
  })

  it('B4 B2 forty renames at once of a person in hundreds of projects: each is done or refused as a whole, and others write on', async () => {
    const { keeper, person, projectIds } = await inMany(400)
    const other = await createTeam(app())
    const names = upTo(40).map((n) => `Name ${n}`)
    const renaming = Promise.all(names.map((name) => person.call<User>('PATCH', '/api/me', { name })))
    for (const n of upTo(20)) await other.owner.must('POST', `/api/projects/${other.project.id}/tasks`, { title: `Task ${n}` })
    const answers = await renaming
    for (const { status, headers } of answers) {
      expect([200, 503]).toContain(status)
      if (status === 503) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    }
    const done = answers.filter(({ status }) => status === 200).map(({ body }) => body)
    const inOrder = done.toSorted((a, b) => a.version - b.version).map(({ name }) => name)
    for (const id of [projectIds[0] ?? '', projectIds.at(-1) ?? '']) {
      const told = (await readLog(keeper, id)).map(({ name, payload }) => [name, payload.name])
      expect(told).toEqual(inOrder.map((name) => ['person:updated', name]))
    }
    expect(await person.must('GET', '/api/me')).toEqual(done.find(({ name }) => name === inOrder.at(-1)))
  })

  it('B2 a rename in many projects is refused at once when a hundred wait', async () => {
    const { person } = await inMany(300)
    const query: Query = async <R extends pg.QueryResultRow>({ text, values }: Statement) =>
      (await app().db.query<R>(text, values as unknown[])).rows
    const renames = createRenames(query)
    const { opened, open } = gate()
    let done = 0
    const refused: unknown[] = []
    const running = upTo(130).map(() =>
      renames
        .run(person.id, async () => {
          await opened
          done++
        })
        .catch((error: unknown) => refused.push(error)),
    )
    await until('those beyond a hundred to be refused', () => refused.length === 30)
    for (const error of refused) expect(error).toMatchObject({ code: 'unavailable', extra: { retryAfter: expect.any(Number) } })
    open()
    await Promise.all(running)
    expect(done).toBe(100)
    expect(await renames.run(person.id, async () => 'free again')).toBe('free again')
  })

  it('B4 a project of thousands of rows is deleted at once for its members, and its rows are removed in the background, also after a crash', async () => {
    const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
    const { vibe, cut } = await createCut(owner, project.id)
    await app().db.query(
      `INSERT INTO "Comment" (id, "projectId", "cutId", "authorId", body) SELECT gen_random_uuid(), $1, $2, $3, 'c' FROM generate_series(1, 2500)`,
      [project.id, cut.id, owner.id],
    )
    await app().db.query(
      `INSERT INTO "Comment" (id, "projectId", "cutId", "parentId", "authorId", body)
       SELECT gen_random_uuid(), $1, $2, c.id, $3, 'r' FROM "Comment" c WHERE c."projectId" = $1`,
      [project.id, cut.id, editor.id],
    )
    await app().db.query(
      `INSERT INTO "Task" (id, "projectId", title, rank, "authorId") SELECT gen_random_uuid(), $1, 't', 'b' || lpad(n::text, 8, '0'), $2 FROM generate_series(1, 1500) AS n`,
      [project.id, owner.id],
    )
    const socket = await connect(app(), viewer)
    await socket.join(project.id)
    const count = async () =>
      Number(
        (
          await app().db.query<{ n: string }>(
            `SELECT (SELECT count(*) FROM "Comment" WHERE "projectId" = $1) + (SELECT count(*) FROM "Task" WHERE "projectId" = $1)
               + (SELECT count(*) FROM "Cut" WHERE "projectId" = $1) + (SELECT count(*) FROM "Project" WHERE id = $1) AS n`,
            [project.id],
          )
        ).rows[0]?.n,
      )
    await owner.must('DELETE', `/api/projects/${project.id}`)
    for (const person of [owner, editor, viewer])
      for (const path of [
        `projects/${project.id}`,
        `projects/${project.id}/snapshot`,
        `vibes/${vibe.id}`,
        `cuts/${cut.id}/comments`,
      ])
        expect((await person.call('GET', `/api/${path}`)).status).toBe(404)
    expect((await editor.call('PATCH', `/api/cuts/${cut.id}`, { bpm: 100 })).status).toBe(404)
    for (const person of [owner, editor, viewer]) {
      const { rows } = await app().db.query(`SELECT payload FROM "Event" WHERE room = $1 AND name = 'project:left'`, [
        `user:${person.id}`,
      ])
      expect(rows).toEqual([{ payload: { projectId: project.id, reason: 'deleted' } }])
      expect(await person.must('GET', '/api/projects')).toMatchObject({ data: [] })
    }
    await until('the end', () => socket.frames.some(({ name }) => name === 'access:revoked'))
    expect(socket.events(projectRoom(project.id)).at(-1)?.name).toBe('project:deleted')
    // A name that changes now is no business of a project that is gone.
    await editor.must('PATCH', '/api/me', { name: 'Edith' })
    const { rows: last } = await app().db.query(`SELECT name FROM "Event" WHERE room = $1 ORDER BY seq DESC LIMIT 1`, [
      `project:${project.id}`,
    ])
    expect(last).toEqual([{ name: 'project:deleted' }])

    // One that is stopped in the middle, as a crash would, and beside it that of the server: the deletion has made it due.
    const first = purgeJob({ pool: app().db, tables: nouns.flatMap(({ tables }) => tables), onPurged: () => {} })
    const stop = new AbortController()
    const stopped = first.run({ key: project.id, payload: {}, attempt: 1, signal: stop.signal }).catch(() => null)
    stop.abort()
    await stopped
    await until('all of it to be gone', async () => (await count()) === 0, 20_000)
    const due = async () => (await app().db.query(`SELECT 1 FROM "Due" WHERE consumer = 'purge' AND key <> ''`)).rows.length
    await until('nothing to be due any more', async () => (await due()) === 0)
  })
})
