import { randomUUID } from 'node:crypto'
import { type Payload, projectRoom, type Task, userRoom } from '@cutroom/contract'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openDatabase } from '../../src/db/client.ts'
import { createCommit } from '../../src/rooms/log/commit.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { consumed } from '../support/consumers.ts'
import { createDatabase } from '../support/database.ts'
import { direct } from '../support/hostile.ts'
import { gate, type Logged, readLog, upTo } from '../support/log.ts'
import { addMember, createCut, createProject, createTeam, register } from '../support/people.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

let own: Awaited<ReturnType<typeof createDatabase>>
let app: TestApp
/** Runs in every write, between its statements and its COMMIT. */
let hold: (() => unknown) | undefined

beforeAll(async () => {
  own = await createDatabase()
  const admin = new pg.Client({ connectionString: direct(own.url) })
  await admin.connect()
  // A deadlock is looked for once, after this time: the default of a second would make these tests slow, and a short one ends before the
  // other side has closed the circle.
  await admin.query(`ALTER DATABASE "${new URL(own.url).pathname.slice(1)}" SET deadlock_timeout = '600ms'`)
  await admin.end()
  app = await startApp({
    databaseUrl: own.url,
    seams: {
      beforeCommit: async () => {
        await hold?.()
      },
    },
  })
})
afterAll(async () => {
  await app?.close()
  await own?.drop()
})

/** Sets `hold` until the test is over. */
function whileHeld(run: () => unknown): void {
  hold = run
  onTestFinished(() => {
    hold = undefined
  })
}

/** A connection like psql's. */
async function program({ databaseUrl }: Pick<TestApp, 'databaseUrl'>): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: direct(databaseUrl) })
  await client.connect()
  onTestFinished(() => client.end())
  return client
}

const seqs = (log: { meta: { seq: number } }[]): number[] => log.map((event) => event.meta.seq)

describe('a write that rolls back', () => {
  it('W1 leaves no row, no event and no frame, and seq goes on without a hole', async () => {
    const { project, owner, editor } = await createTeam(app, 'editor')
    const { cut } = await createCut(owner, project.id)
    const socket = await connect(app, editor)
    const { head } = await socket.join(project.id)
    const before = await owner.must('GET', `/api/projects/${project.id}/snapshot`)
    await consumed(app.db)

    whileHeld(() => {
      throw new Error('refused by the test')
    })
    const refused = await Promise.all([
      owner.call('POST', `/api/projects/${project.id}/tasks`, { title: 'never' }),
      owner.call('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'never' }] }),
      owner.call('DELETE', `/api/cuts/${cut.id}`),
      owner.call('PATCH', '/api/me', { name: 'Never' }),
      owner.call('DELETE', `/api/projects/${project.id}/members/${editor.id}`),
      owner.call('DELETE', `/api/projects/${project.id}`),
    ])
    expect(refused.map((answer) => answer.status)).toEqual([500, 500, 500, 500, 500, 500])
    hold = undefined
    expect(await owner.must('GET', `/api/projects/${project.id}/snapshot`)).toEqual(before)

    const task = await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'kept' })
    await until('the kept event', () => socket.events(projectRoom(project.id)).length > 0)
    const log = await readLog(owner, project.id)
    expect(seqs(log)).toEqual(upTo(head + 1))
    expect(socket.events(projectRoom(project.id))).toEqual([{ ...log.at(-1), name: 'task:created', payload: task }])
    expect(socket.frames.map((frame) => frame.name)).not.toContain('access:revoked')
  })

  it('W1 notifies no feed, also when the COMMIT itself fails; a write that commits notifies its rooms once', async () => {
    const owner = await register(app)
    const project = await createProject(owner)
    const database = openDatabase(app.databaseUrl, { connections: 2, onError: () => {} })
    onTestFinished(() => database.close())
    const poked: string[][] = []
    const commit = createCommit({ begin: database.begin, poke: (rooms) => poked.push([...rooms].sort()) })
    const actor = { id: owner.id, name: owner.name }
    const room = projectRoom(project.id)
    const left: Payload<'member:left'> = { projectId: project.id, userId: owner.id }

    await expect(
      commit(actor, async ({ tx, emit }) => {
        await tx.project.update({ where: { id: project.id }, data: { name: 'never' } })
        emit(room, 'member:left', left)
        throw new Error('changed its mind')
      }),
    ).rejects.toThrow('changed its mind')
    // A room that does not exist is found out by the trigger, inside COMMIT.
    await expect(
      commit(actor, async ({ tx, emit }) => {
        await tx.project.update({ where: { id: project.id }, data: { name: 'never' } })
        emit(room, 'member:left', left)
        emit(projectRoom(randomUUID()), 'member:left', left)
      }),
    ).rejects.toThrow()
    expect(poked).toEqual([])
    expect(await owner.must('GET', `/api/projects/${project.id}`)).toEqual(project)
    expect(await readLog(owner, project.id)).toEqual([])

    await commit(actor, async ({ emit }) => {
      emit(userRoom(owner.id), 'project:left', { projectId: project.id, reason: 'left' })
      emit(room, 'member:left', left)
      emit(room, 'member:left', left)
    })
    expect(poked).toEqual([[room, userRoom(owner.id)]])
    expect(seqs(await readLog(owner, project.id))).toEqual([1, 2])
  })

  it('W5 an event whose payload does not fit its schema fails the write', async () => {
    const owner = await register(app)
    const project = await createProject(owner)
    const socket = await connect(app, owner)
    await socket.join(project.id)
    const room = projectRoom(project.id)
    const strange = [
      { projectId: project.id },
      { projectId: project.id, userId: 'not an id' },
      { projectId: project.id, userId: owner.id, removedBy: 7 },
      null,
    ]
    for (const payload of strange) {
      const write = app.app.rooms.commit({ id: owner.id, name: owner.name }, async ({ tx, emit }) => {
        await tx.project.update({ where: { id: project.id }, data: { name: 'never' } })
        emit(room, 'member:left', { projectId: project.id, userId: owner.id })
        emit(room, 'member:left', payload as Payload<'member:left'>)
      })
      await expect(write).rejects.toMatchObject({ code: 'internal' })
    }
    const updated = await owner.must('PATCH', `/api/projects/${project.id}`, { description: 'after all that' })
    await until('the next event', () => socket.events(room).length > 0)
    expect(updated).toMatchObject({ name: project.name, version: 2 })
    expect(await readLog(owner, project.id)).toMatchObject([{ name: 'project:updated', payload: updated, meta: { seq: 1 } }])
    expect(socket.events(room)).toEqual(await readLog(owner, project.id))
  })

  it('W5 what the schema does not name is neither in the log nor in the answer', async () => {
    const owner = await register(app)
    const project = await createProject(owner)
    const payload = { projectId: project.id, userId: owner.id, passwordHash: 'secret' }
    const emitted = await app.app.rooms.commit(null, async ({ emit }) => emit(projectRoom(project.id), 'member:left', payload))
    expect(emitted).toEqual({ projectId: project.id, userId: owner.id })
    expect(await readLog(owner, project.id)).toMatchObject([{ payload: emitted, meta: { actor: null } }])
    expect(JSON.stringify(await readLog(owner, project.id))).not.toContain('secret')
  })
})

describe('order', () => {
  /** Per task, versions rise by one with seq; `at` never falls with seq. */
  function expectCommitOrder(log: Logged[]): void {
    expect(seqs(log)).toEqual(upTo(log.length))
    const versions = new Map<string, number[]>()
    for (const { name, payload } of log)
      if (name === 'task:created' || name === 'task:updated') {
        const task = payload as unknown as Task
        versions.set(task.id, [...(versions.get(task.id) ?? []), task.version])
      }
    expect(versions.size).toBeGreaterThan(0)
    for (const seen of versions.values()) expect(seen).toEqual(upTo(seen.length))
    const at = log.map((event) => event.meta.at)
    expect(at).toEqual(at.toSorted())
  }

  it('W2 50 writers on one room: seq is dense, equals commit order, and every subscriber has received the log', async () => {
    const { project, owner, editor, viewer } = await createTeam(app, 'editor', 'viewer')
    const tasks: Task[] = []
    for (const title of ['a', 'b', 'c', 'd', 'e'])
      tasks.push(await owner.must<Task>('POST', `/api/projects/${project.id}/tasks`, { title }))
    const sockets = await Promise.all([owner, editor, viewer].map((person) => connect(app, person)))
    for (const socket of sockets) await socket.join(project.id, { after: 0 })

    const ids: string[] = []
    await Promise.all(
      upTo(50).map(async (n) => {
        const writer = n % 2 ? owner : editor
        for (const round of upTo(4)) {
          const task = tasks[(n + round) % tasks.length]
          const id = `w${n}-${round}`
          await writer.must('PATCH', `/api/tasks/${task?.id}`, { title: id }, { 'idempotency-key': id })
          ids.push(id)
        }
      }),
    )
    const log = await readLog(owner, project.id)
    expectCommitOrder(log)
    expect(log.map((event) => event.meta.mutationId).filter((id) => id !== undefined)).toHaveLength(200)
    expect(new Set(log.map((event) => event.meta.mutationId).filter(Boolean))).toEqual(new Set(ids))
    // What a row holds last is what the log says last.
    for (const task of tasks) {
      const last = log.findLast((event) => event.payload.id === task.id)
      expect(await owner.must('GET', `/api/tasks/${task.id}`)).toEqual(last?.payload)
    }
    const room = projectRoom(project.id)
    await until('the whole log at every socket', () => sockets.every((socket) => socket.events(room).length >= log.length))
    for (const socket of sockets)
      expect(socket.events(room).map(({ meta: { replayed: _, ...meta }, ...event }) => ({ ...event, meta }))).toEqual(log)
  })

  it('W2 50 writers over 50 rooms, with writes that touch them all: each room is dense and in order', async () => {
    const owner = await register(app)
    const projects = await Promise.all(upTo(50).map((n) => createProject(owner, `Album ${n}`)))
    const socket = await connect(app, owner)
    await Promise.all(projects.map((project) => socket.join(project.id)))

    // A busy machine may answer 503: a client comes again, with the same key.
    const write = async <T>(method: string, path: string, body: object): Promise<T> => {
      const key = { 'idempotency-key': randomUUID() }
      let answer = await owner.call<T>(method, path, body, key)
      while (answer.status === 503) answer = await owner.call<T>(method, path, body, key)
      expect(answer.status).toBeLessThan(300)
      return answer.body
    }
    const renames = (async () => {
      for (const n of upTo(3)) await write('PATCH', '/api/me', { name: `Ann ${n}` })
    })()
    const writers = projects.map(async (project) => {
      const task = await write<Task>('POST', `/api/projects/${project.id}/tasks`, { title: 'one' })
      for (const n of upTo(3)) await write('PATCH', `/api/tasks/${task.id}`, { title: `${n}` })
    })
    await Promise.all([renames, ...writers])

    for (const project of projects) {
      const log = await readLog(owner, project.id)
      expectCommitOrder(log)
      expect(log).toHaveLength(7)
      expect(log.filter((event) => event.name === 'person:updated').map((event) => event.payload.name)).toEqual([
        'Ann 1',
        'Ann 2',
        'Ann 3',
      ])
      await until('the room’s log at the socket', () => socket.events(projectRoom(project.id)).length >= log.length)
      expect(socket.events(projectRoom(project.id))).toEqual(log)
    }
  })

  it('W7 a change by another program through append() is delivered within the sweep', async () => {
    const { project, owner, viewer } = await createTeam(app, 'viewer')
    const task = await owner.must<Task>('POST', `/api/projects/${project.id}/tasks`, { title: 'by hand' })
    const socket = await connect(app, viewer)
    await socket.join(project.id)
    const psql = await program(app)
    const room = projectRoom(project.id)

    const changed = { ...task, title: 'by program', version: 2 }
    await psql.query('BEGIN')
    await psql.query(`UPDATE "Task" SET title = $2, version = version + 1 WHERE id = $1`, [task.id, changed.title])
    await psql.query(`SELECT append($1, 'task:updated', $2)`, [room, JSON.stringify(changed)])
    await psql.query('COMMIT')
    await until('the program’s event', () => socket.events(room).length === 1, 3_000)

    expect(socket.events(room)).toMatchObject([{ name: 'task:updated', payload: changed, meta: { actor: null } }])
    expect(socket.events(room)).toEqual((await readLog(owner, project.id)).slice(-1))
    expect(await owner.must('GET', `/api/tasks/${task.id}`)).toEqual(changed)

    // What the program takes back was never there.
    await psql.query('BEGIN')
    await psql.query(`SELECT append($1, 'task:deleted', $2)`, [room, JSON.stringify({ taskId: task.id })])
    await psql.query('ROLLBACK')
    await owner.must('PATCH', `/api/tasks/${task.id}`, { title: 'by hand again' })
    await until('the next event', () => socket.events(room).length === 2)
    expect(socket.events(room).at(-1)).toMatchObject({ name: 'task:updated', meta: { seq: 4, actor: { id: owner.id } } })
  })

  it('W7 W2 programs and the API write to one room at once: one order, nothing lost', async () => {
    const { project, owner } = await createTeam(app)
    const task = await owner.must<Task>('POST', `/api/projects/${project.id}/tasks`, { title: 'busy' })
    const socket = await connect(app, owner)
    await socket.join(project.id, { after: 0 })
    const room = projectRoom(project.id)
    const programs = await Promise.all(upTo(3).map(() => program(app)))

    await Promise.all([
      ...upTo(10).map(async (writer) => {
        for (const n of upTo(6)) await owner.must('PATCH', `/api/tasks/${task.id}`, { title: `api ${writer} ${n}` })
      }),
      ...programs.map(async (psql) => {
        for (const n of upTo(20)) {
          await psql.query('BEGIN')
          const { rows } = await psql.query<{ version: number }>(
            `UPDATE "Task" SET title = $2, version = version + 1 WHERE id = $1 RETURNING version`,
            [task.id, `program ${n}`],
          )
          const payload = { ...task, title: `program ${n}`, version: rows[0]?.version }
          await psql.query(`SELECT append($1, 'task:updated', $2, $3, $4)`, [room, JSON.stringify(payload), owner.id, 'psql'])
          await psql.query('COMMIT')
        }
      }),
    ])
    const log = await readLog(owner, project.id)
    expect(log).toHaveLength(1 + 60 + 60)
    expectCommitOrder(log)
    expect(log.filter((event) => event.meta.actor?.name === 'psql')).toHaveLength(60)
    await until('the whole log', () => socket.events(room).length >= log.length, 3_000)
    expect(seqs(socket.events(room))).toEqual(upTo(log.length))
  })
})

describe('writes that lock in opposite orders', () => {
  const waiting = async () => {
    const { rows } = await app.db.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    return rows[0]?.n ?? 0
  }

  it('W3 two rooms in opposite orders: the API’s write loses the deadlock, is tried again, and succeeds', async () => {
    const owner = await register(app)
    const projects = [await createProject(owner, 'one'), await createProject(owner, 'two')]
    const rooms = projects.map((project) => projectRoom(project.id)).sort()
    let attempts = 0
    whileHeld(() => void attempts++)
    const psql = await program(app)
    // The program would wait for ever: the API's write must give way.
    await psql.query(`SET deadlock_timeout = '60s'`)
    await psql.query('BEGIN')
    await psql.query('SET CONSTRAINTS ALL IMMEDIATE')
    const left = JSON.stringify({ projectId: projects[0]?.id, userId: randomUUID() })
    await psql.query(`SELECT append($1, 'member:left', $2)`, [rooms[1], left])

    const renamed = owner.call('PATCH', '/api/me', { name: 'Anna' })
    await until('the write to wait inside COMMIT', async () => (await waiting()) > 0)
    await psql.query(`SELECT append($1, 'member:left', $2)`, [rooms[0], left])
    await psql.query('COMMIT')

    expect(await renamed).toMatchObject({ status: 200, body: { name: 'Anna', version: 2 } })
    for (const project of projects) {
      const log = await readLog(owner, project.id)
      expect(log.map((event) => event.name)).toEqual(['member:left', 'person:updated'])
      expect(seqs(log)).toEqual([1, 2])
    }
    expect(attempts).toBe(2)
  })

  it('W3 many at once in both orders: every API write succeeds, every room stays dense', async () => {
    const owner = await register(app)
    const projects = await Promise.all(upTo(4).map((n) => createProject(owner, `Album ${n}`)))
    const rooms = projects.map((project) => projectRoom(project.id)).sort()
    const payload = JSON.stringify({ projectId: projects[0]?.id, userId: randomUUID() })
    const programs = await Promise.all(upTo(3).map(() => program(app)))
    // They look for a deadlock sooner than the API: two dozen of them one after another keep no write waiting for so long that it is refused.
    for (const psql of programs) await psql.query(`SET deadlock_timeout = '100ms'`)
    let appended = 0
    const [answers] = await Promise.all([
      Promise.all(upTo(15).map((n) => owner.call('PATCH', '/api/me', { name: `Ann ${n}` }))),
      ...programs.map(async (psql, index) => {
        const order = index % 2 ? rooms : rooms.toReversed()
        for (let n = 0; n < 8; n++) {
          try {
            await psql.query('BEGIN')
            for (const room of order) await psql.query(`SELECT append($1, 'member:left', $2)`, [room, payload])
            await psql.query('COMMIT')
            appended++
          } catch (error) {
            // A program that names its rooms in its own order has to try again by itself.
            expect((error as { code?: string }).code).toBe('40P01')
            await psql.query('ROLLBACK')
          }
        }
      }),
    ])
    expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 200))
    for (const project of projects) {
      const log = await readLog(owner, project.id)
      expect(log).toHaveLength(15 + appended)
      expect(seqs(log)).toEqual(upTo(log.length))
      const versions = log.filter((event) => event.name === 'person:updated').map((event) => event.payload.name)
      expect(new Set(versions).size).toBe(15)
    }
  })

  it('W3 two owners demote each other at once: one succeeds, the other gets 403 or 404', async () => {
    for (const verb of ['PATCH', 'DELETE'] as const) {
      const [ann, bob] = [await register(app, 'Ann'), await register(app, 'Bob')]
      const project = await createProject(ann)
      await addMember(ann, project.id, bob, 'owner')
      const member = (person: { id: string }) => `/api/projects/${project.id}/members/${person.id}`
      const body = verb === 'PATCH' ? { role: 'viewer' } : undefined
      const answers = await Promise.all([ann.call(verb, member(bob), body), bob.call(verb, member(ann), body)])
      const statuses = answers.map((answer) => answer.status).sort()
      // The loser is no owner any more (403), or not even a member (404).
      expect(statuses).toEqual(verb === 'PATCH' ? [200, 403] : [204, 404])
      const { rows } = await app.db.query(`SELECT role FROM "Member" WHERE "projectId" = $1 AND role = 'owner'`, [project.id])
      expect(rows).toHaveLength(1)
    }
  })

  it('W3 last owners that leave, demote themselves and rename at once never see a deadlock, and one owner stays', async () => {
    const people = await Promise.all(upTo(3).map((n) => register(app, `Owner ${n}`)))
    const [first] = people
    if (!first) throw new Error('there is no owner')
    const project = await createProject(first)
    for (const person of people.slice(1)) await addMember(first, project.id, person, 'owner')
    const path = (person: { id: string }) => `/api/projects/${project.id}/members/${person.id}`
    const answers = await Promise.all(
      people.flatMap((person, n) => [
        n % 2 ? person.call('DELETE', path(person)) : person.call('PATCH', path(person), { role: 'editor' }),
        person.call('PATCH', '/api/me', { name: `Renamed ${n}` }),
        person.call('POST', `/api/projects/${project.id}/tasks`, { title: 'meanwhile', assigneeId: people[(n + 1) % 3]?.id }),
      ]),
    )
    for (const answer of answers)
      expect([200, 201, 204, 403, 404, 409, 422], JSON.stringify(answer.body)).toContain(answer.status)
    const { rows } = await app.db.query(`SELECT 1 FROM "Member" WHERE "projectId" = $1 AND role = 'owner'`, [project.id])
    expect(rows).toHaveLength(1)
    expect(answers.filter(({ body }) => (body as { code?: string } | undefined)?.code === 'last-owner')).toHaveLength(1)
  })

  it('W3 cuts and vibes moved in opposite orders, with deletes in between, answer 2xx, 404, 409 or 422', async () => {
    const { project, owner, editor } = await createTeam(app, 'editor')
    const a = await createCut(owner, project.id)
    const b = await createCut(owner, project.id)
    for (const _ of upTo(5)) {
      const answers = await Promise.all([
        owner.call('POST', `/api/cuts/${a.cut.id}/move`, { vibeId: b.vibe.id, after: b.cut.id }),
        editor.call('POST', `/api/cuts/${b.cut.id}/move`, { vibeId: a.vibe.id, after: a.cut.id }),
        owner.call('POST', `/api/vibes/${a.vibe.id}/move`, { after: b.vibe.id }),
        editor.call('POST', `/api/vibes/${b.vibe.id}/move`, { after: a.vibe.id }),
        owner.call('PUT', `/api/cuts/${a.cut.id}/lyrics`, { lyrics: [{ text: 'la' }] }),
        editor.call('POST', `/api/cuts/${b.cut.id}/comments`, { body: 'hm' }),
      ])
      for (const answer of answers) expect([200, 201, 422], JSON.stringify(answer.body)).toContain(answer.status)
    }
    const answers = await Promise.all([
      owner.call('DELETE', `/api/vibes/${a.vibe.id}`),
      editor.call('DELETE', `/api/vibes/${b.vibe.id}`),
      owner.call('POST', `/api/cuts/${a.cut.id}/move`, { vibeId: b.vibe.id, after: null }),
      editor.call('POST', `/api/cuts/${b.cut.id}/move`, { vibeId: a.vibe.id, after: null }),
      owner.call('DELETE', `/api/projects/${project.id}`),
    ])
    for (const answer of answers) expect([200, 204, 404, 409, 422], JSON.stringify(answer.body)).toContain(answer.status)
    expect(answers.at(-1)?.status).toBe(204)
  })

  it('W3 a cut that is moved out of a vibe while the vibe is deleted is not deleted with it', async () => {
    const { project, owner, editor } = await createTeam(app, 'editor')
    const from = await createCut(owner, project.id)
    const to = await createCut(owner, project.id)
    const { opened, open } = gate()
    // What consumers write would be held, too.
    await consumed(app.db)
    let held = 0
    whileHeld(() => (held++ === 0 ? opened : undefined))
    const moved = editor.call('POST', `/api/cuts/${from.cut.id}/move`, { vibeId: to.vibe.id, after: null })
    await until('the move to reach its COMMIT', () => held === 1)
    const deleted = owner.call('DELETE', `/api/vibes/${from.vibe.id}`)
    await until('the deletion to wait for the cut', async () => (await waiting()) > 0)
    open()
    expect([(await moved).status, (await deleted).status]).toEqual([200, 204])
    expect((await owner.call('GET', `/api/cuts/${from.cut.id}`)).status).toBe(200)
    const log = await readLog(owner, project.id)
    expect(log.at(-1)).toMatchObject({ name: 'vibe:deleted', payload: { vibeId: from.vibe.id } })
  })

  it('W3 a write to an entity that is being deleted answers 404 or 409, never 500', async () => {
    const { project, owner, editor } = await createTeam(app, 'editor')
    const { cut } = await createCut(owner, project.id)
    const comment = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'first' })
    const { opened, open } = gate()
    // What consumers write would be held, too.
    await consumed(app.db)
    let held = 0
    whileHeld(() => (held++ === 0 ? opened : undefined))
    const deleted = owner.call('DELETE', `/api/cuts/${cut.id}`)
    await until('the deletion to reach its COMMIT', () => held === 1)
    const late = [
      editor.call('PATCH', `/api/cuts/${cut.id}`, { name: 'late' }),
      editor.call('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [] }),
      editor.call('POST', `/api/cuts/${cut.id}/comments`, { body: 'late' }),
      editor.call('POST', `/api/comments/${comment.id}/replies`, { body: 'late' }),
      editor.call('POST', `/api/comments/${comment.id}/resolve`),
    ]
    await until('all of them to wait', async () => (await waiting()) >= late.length)
    open()
    expect((await deleted).status).toBe(204)
    const answers = await Promise.all(late)
    for (const answer of answers) expect([404, 409], JSON.stringify(answer.body)).toContain(answer.status)
    expect((await readLog(owner, project.id)).at(-1)).toMatchObject({ name: 'cut:deleted' })
  })

  it('W3 a read of an entity that is being deleted answers 200 or 404, never 500', async () => {
    const { project, owner } = await createTeam(app)
    for (const _ of upTo(6)) {
      const { cut } = await createCut(owner, project.id)
      const [gone, ...reads] = await Promise.all([
        owner.call('DELETE', `/api/cuts/${cut.id}`),
        ...upTo(8).map((n) => owner.call('GET', `/api/cuts/${cut.id}${n % 2 ? '/lyrics' : ''}`)),
      ])
      expect(gone.status).toBe(204)
      for (const read of reads) expect([200, 404], JSON.stringify(read.body)).toContain(read.status)
    }
  })

  /** Makes Postgres refuse the next writes of tasks, in the statement or inside COMMIT. */
  async function refuseTasks(when: 'statement' | 'commit', sqlState: string, times: number): Promise<void> {
    await app.db.query(`
      CREATE SEQUENCE refusals;
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF nextval('refusals') <= ${times} THEN RAISE EXCEPTION 'refused by the test' USING ERRCODE = '${sqlState}'; END IF;
        RETURN NULL;
      END $$;
      CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON "Task"
        DEFERRABLE ${when === 'commit' ? 'INITIALLY DEFERRED' : ''} FOR EACH ROW EXECUTE FUNCTION refuse()`)
    onTestFinished(async () => {
      await app.db.query('DROP TRIGGER refuse ON "Task"; DROP FUNCTION refuse; DROP SEQUENCE refusals')
    })
  }

  for (const when of ['statement', 'commit'] as const)
    for (const sqlState of ['40001', '40P01'])
      it(`W3 ${sqlState} in the ${when} is tried again: one answer, one row, one event`, async () => {
        const { project, owner } = await createTeam(app)
        await refuseTasks(when, sqlState, 3)
        const created = await owner.call('POST', `/api/projects/${project.id}/tasks`, { title: 'at last' })
        expect(created.status, JSON.stringify(created.body)).toBe(201)
        const { rows } = await app.db.query<{ last_value: string }>('SELECT last_value FROM refusals')
        expect(rows).toEqual([{ last_value: '4' }])
        const list = await owner.must<{ data: unknown[] }>('GET', `/api/projects/${project.id}/tasks`)
        expect(list.data).toEqual([created.body])
        const log = await readLog(owner, project.id)
        expect(log).toMatchObject([{ name: 'task:created', payload: created.body, meta: { seq: 1 } }])
      })

  it('W3 contention without end answers 503 with Retry-After, and nothing is written', async () => {
    const { project, owner } = await createTeam(app)
    await refuseTasks('commit', '40001', 1_000)
    const refused = await owner.call('POST', `/api/projects/${project.id}/tasks`, { title: 'never' })
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable', retryAfter: 1 } })
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(await owner.must('GET', `/api/projects/${project.id}/tasks`)).toEqual({ data: [], nextCursor: null })
    expect(await readLog(owner, project.id)).toEqual([])
  })
})
