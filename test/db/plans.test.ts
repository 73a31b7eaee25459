import { type Comment, type Cut, projectRoom, type Task, type Vibe } from '@cutroom/contract'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRetention } from '../../src/jobs/retention.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { keyOf, listed, pathOf } from '../support/calls.ts'
import { createDatabase } from '../support/database.ts'
import { direct } from '../support/hostile.ts'
import { BUSY, fillTables, idOf, OLD } from '../support/large-tables.ts'
import { login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { faultsOf, tablesOf, type Watched, watchPlans } from '../support/plans.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const busy = idOf('project', BUSY)

describe('with thousands of rows in each table', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  let ownPool: pg.Pool
  let watched: Watched
  let large: Set<string>

  beforeAll(async () => {
    database = await createDatabase()
    ownPool = new pg.Pool({ connectionString: direct(database.url), max: 2 })
    await fillTables(ownPool)
    const { rows } = await ownPool.query<{ name: string; rows: number }>(
      `SELECT relname AS name, reltuples AS rows FROM pg_class
       WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> '_prisma_migrations'`,
    )
    for (const table of rows) expect(table.rows, table.name).toBeGreaterThan(2_000)
    large = new Set(rows.map((table) => table.name))
    watched = await watchPlans(database.url)
  })
  afterAll(async () => {
    await watched?.close()
    await ownPool?.end()
    await database?.drop()
  })

  /** What is wrong with anything that ran while this went on, with the statement. */
  async function faults(work: () => Promise<unknown>, most?: number): Promise<string[]> {
    const from = watched.ran.length
    await work()
    const found = watched.ran
      .slice(from)
      .flatMap((ran) => faultsOf(ran.Plan, large, most).map((fault) => `${fault}: ${ran['Query Text'].replace(/\s+/g, ' ')}`))
    return [...new Set(found)]
  }

  // A statement is planned for its values at first, and for any values once it has run a few times: both must be good.
  describe.each([
    ['force_custom_plan', idOf('project', 30)],
    ['force_generic_plan', idOf('project', 31)],
  ])('%s', (mode, doomed) => {
    let app: TestApp
    let ann: Person
    let guest: Person

    beforeAll(async () => {
      app = await startApp({ databaseUrl: watched.url({ plan_cache_mode: mode }) })
      ann = await register(app, 'Ann')
      guest = await register(app, 'Gus')
      await ownPool.query(
        `INSERT INTO "Member" ("projectId", "userId", role)
         SELECT id, $1, 'owner' FROM (SELECT id FROM "Project" ORDER BY id LIMIT 40) AS p`,
        [ann.id],
      )
    })
    afterAll(() => app?.close())

    it('every endpoint finds its rows by an index', async () => {
      const asked = new Set<string>()
      /** One request, with a key if it writes, and the version it has in hand. */
      async function ask<T>(
        name: string,
        values: Record<string, string> = {},
        body?: unknown,
        version?: number,
        as = ann,
      ): Promise<T> {
        const [method = '', url = ''] = name.split(' ')
        asked.add(name.replace(/\?.*/, ''))
        return as.must<T>(method, pathOf(url, values), body, {
          ...(method !== 'GET' && { 'idempotency-key': crypto.randomUUID() }),
          ...(version !== undefined && { 'if-match': `"${version}"` }),
        })
      }
      /** A short page of a list, which may not read the whole list, and the one after it. */
      async function pages(name: string, values: Record<string, string> = {}): Promise<void> {
        const path = `${name}${name.includes('?') ? '&' : '?'}limit=5`
        let cursor: string | null = null
        const next = async () => {
          const place: string = cursor === null ? path : `${path}&cursor=${cursor}`
          cursor = (await ask<{ nextCursor: string | null }>(place, values)).nextCursor
        }
        expect(await faults(next, 40)).toEqual([])
        // A plan for any cursor cannot know that this one leaves little behind it.
        if (cursor !== null) expect(await faults(next, mode === 'force_custom_plan' ? 40 : undefined)).toEqual([])
      }

      expect(
        await faults(async () => {
          asked.add('POST /api/auth/register').add('POST /api/auth/login').add('POST /api/auth/refresh')
          const body = { email: `new-${mode}@example.com`, password: PASSWORD, name: 'New', delivery: 'body' }
          await request(app.url, 'POST', '/api/auth/register', { body })
          const other = await login(app, ann)
          const turned = await request(app.url, 'POST', '/api/auth/refresh', { body: { refreshToken: other.refreshToken } })
          expect(turned.status).toBe(200)
          await ask('GET /api/me')
          await ask('PUT /api/me/password', {}, { current: PASSWORD, next: PASSWORD })
          await login(app, ann)
          const { data } = await ask<{ data: { id: string; current: boolean }[] }>('GET /api/me/sessions')
          await ask('DELETE /api/me/sessions/:sessionId', { sessionId: data.find((each) => !each.current)?.id ?? '' })
          await ask('GET /api/session')
          const bot = await ask<{ id: string }>('POST /api/me/tokens', {}, { name: 'Bot' })
          await ask('GET /api/me/tokens')
          await ask('DELETE /api/me/tokens/:tokenId', { tokenId: bot.id })
          await ask('PATCH /api/me', {}, { name: 'Ann Other' })
          await ask('POST /api/auth/logout', {}, undefined, undefined, await login(app, guest))
          await ask('POST /api/auth/logout-all', {}, undefined, undefined, await login(app, guest))
          guest = await login(app, guest)

          await pages('GET /api/projects')
          const made = await ask<{ id: string; version: number }>('POST /api/projects', {}, { name: 'EP' })
          await ask('PATCH /api/projects/:projectId', { projectId: made.id }, { name: 'Album' }, 1)
          await ask('DELETE /api/projects/:projectId', { projectId: made.id }, undefined, 2)
          const project = { projectId: busy }
          await ask('GET /api/projects/:projectId', project)
          await ask('GET /api/projects/:projectId/snapshot', project)
          await ask('GET /api/projects/:projectId/events?after=10&limit=100', project)

          await pages('GET /api/projects/:projectId/members', project)
          await ask('POST /api/projects/:projectId/members', project, { userId: guest.id, role: 'viewer' })
          const member = { projectId: busy, userId: guest.id }
          await ask('GET /api/projects/:projectId/members/:userId', member)
          await ask('PATCH /api/projects/:projectId/members/:userId', member, { role: 'owner' }, 1)
          await ask('PATCH /api/projects/:projectId/members/:userId', member, { role: 'editor' }, 2)

          await pages('GET /api/projects/:projectId/tasks', project)
          await pages('GET /api/projects/:projectId/tasks?status=todo', project)
          const task = await ask<Task>('POST /api/projects/:projectId/tasks', project, { title: 'Master', assigneeId: guest.id })
          const onTask = { taskId: task.id }
          await ask('GET /api/tasks/:taskId', onTask)
          await ask('PATCH /api/tasks/:taskId', onTask, { title: 'Mixdown' }, 1)
          await ask('POST /api/tasks/:taskId/move', onTask, { status: 'todo', after: idOf('task', 20_100) }, 2)
          await ask('POST /api/tasks/:taskId/comments', onTask, { body: 'by Friday' })
          await pages('GET /api/tasks/:taskId/comments', onTask)

          await pages('GET /api/projects/:projectId/vibes', project)
          const vibe = await ask<Vibe>('POST /api/projects/:projectId/vibes', project, { name: 'Chorus' })
          const onVibe = { vibeId: vibe.id }
          await ask('GET /api/vibes/:vibeId', onVibe)
          await ask('PATCH /api/vibes/:vibeId', onVibe, { theme: 'dusk' }, 1)
          await ask('POST /api/vibes/:vibeId/move', onVibe, { after: idOf('vibe', BUSY) }, 2)
          const cut = await ask<Cut>('POST /api/vibes/:vibeId/cuts', onVibe, { name: 'Take 2' })
          await pages('GET /api/vibes/:vibeId/cuts', onVibe)
          const onCut = { cutId: cut.id }
          await ask('GET /api/cuts/:cutId', onCut)
          await ask('PATCH /api/cuts/:cutId', onCut, { bpm: 96 }, 1)
          await ask('POST /api/cuts/:cutId/move', onCut, { vibeId: idOf('vibe', BUSY), after: idOf('cut', BUSY) }, 2)
          await ask('GET /api/cuts/:cutId/lyrics', onCut)
          await ask('PUT /api/cuts/:cutId/lyrics', onCut, { lyrics: [{ text: 'la' }] }, 0)

          const onBusy = { cutId: idOf('cut', BUSY) }
          for (const filter of ['', '?resolved=true', '?resolved=false'])
            await pages(`GET /api/cuts/:cutId/comments${filter}`, onBusy)
          const comment = await ask<Comment>('POST /api/cuts/:cutId/comments', onBusy, { body: 'warmer', atMs: 1_000 })
          const onComment = { commentId: comment.id }
          await ask('GET /api/comments/:commentId', onComment)
          await ask('PATCH /api/comments/:commentId', onComment, { body: 'softer' }, 1)
          await ask('POST /api/comments/:commentId/replies', onComment, { body: 'yes' })
          await ask('POST /api/comments/:commentId/resolve', onComment)
          await ask('POST /api/comments/:commentId/reopen', onComment)
          // What hangs on the thing goes with it.
          await ask('DELETE /api/comments/:commentId', onComment)
          await ask('DELETE /api/cuts/:cutId', onCut)
          await ask('DELETE /api/vibes/:vibeId', onVibe)
          await ask('DELETE /api/tasks/:taskId', onTask)
          await ask('DELETE /api/projects/:projectId/members/:userId', member)
          await ask('DELETE /api/projects/:projectId', { projectId: doomed })
        }),
      ).toEqual([])
      expect([...asked].toSorted()).toEqual(listed.map(keyOf).toSorted())
      expect([...new Set(watched.ran.flatMap((ran) => tablesOf(ran.Plan)))].toSorted()).toEqual([...large].toSorted())
    })

    it('joining, catching up and following the log find their rows by an index', async () => {
      const projectId = idOf('project', OLD)
      const room = projectRoom(projectId)
      expect(
        await faults(async () => {
          const listener = await connect(app, ann)
          expect(await listener.ask('join:user', { after: 0 })).toMatchObject({ ok: true })
          expect(await listener.ask('session:refresh', { token: ann.token })).toMatchObject({ ok: true })
          const first = await listener.join(projectId)
          expect(first).toMatchObject({ ok: true, mode: 'live' })
          const late = await connect(app, ann)
          expect(await late.join(projectId, { after: first.head - 200, epoch: first.epoch, activity: true })).toMatchObject({
            mode: 'resumed',
          })
          await ann.must('POST', `/api/projects/${projectId}/tasks`, { title: 'Here' })
          await until('the event to be delivered', () => late.events(room).some((event) => event.meta.seq === first.head + 1))
          // The look at the heads comes by itself.
          const from = watched.ran.length
          const isSweep = (text: string) => /"Room"/.test(text) && /ANY/.test(text)
          await until('the heads to be looked at', () => watched.ran.slice(from).some((ran) => isSweep(ran['Query Text'])))
        }),
      ).toEqual([])
    })
  })

  it('retention finds what is old by an index', async () => {
    // A thousand rows are a large part of these tables, and best found by reading all; of tables in need of retention they
    // are not. So only looking up is left to the planner, and it still reads all where no index answers.
    const off = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin'].map((way) => [`enable_${way}`, 'off'])
    const pool = new pg.Pool({ connectionString: direct(watched.url(Object.fromEntries(off))), max: 1 })
    const day = 86_400
    const retention = createRetention({
      pool,
      retentionSeconds: 30 * day,
      sessionSeconds: 30 * day,
      onSwept: () => {},
      onError: (error) => expect.unreachable(String(error)),
      firstMs: 3_600_000,
    })
    try {
      const swept = await faults(async () => {
        expect(await retention.run()).toMatchObject({ events: 8_000, keys: 1_500, sessions: 2_000, rooms: 50 })
      })
      expect(swept).toEqual([])
    } finally {
      await retention.close()
      await pool.end()
    }
  })

  it('catches a statement without an index, also one that only a foreign key runs', async () => {
    await ownPool.query(
      `CREATE TABLE "Loose" ("userId" uuid REFERENCES "User" ON DELETE CASCADE);
       INSERT INTO "Loose" SELECT id FROM "User" LIMIT 2000; ANALYZE "Loose"`,
    )
    large.add('Loose')
    const client = new pg.Client({ connectionString: direct(watched.url()) })
    await client.connect()
    const run = (sql: string) => faults(() => client.query(sql))
    try {
      expect(await run(`SELECT id FROM "Comment" WHERE body = 'louder 7'`)).toEqual([
        expect.stringMatching(/^Seq Scan on Comment: SELECT id/),
      ])
      // The order comes from an index here, and most of the table is read for nothing.
      await client.query('SET enable_seqscan = off')
      expect(await run(`SELECT id FROM "Comment" WHERE body = 'louder 19000' ORDER BY id LIMIT 1`)).toEqual([
        expect.stringMatching(/^Index Scan reads 1\d{4} rows of Comment: SELECT id/),
      ])
      await client.query('RESET enable_seqscan')
      const insertUser = `INSERT INTO "User" (id, email, name, "passwordHash") VALUES (gen_random_uuid(), '', '', '') RETURNING id`
      const { rows } = await client.query<{ id: string }>(insertUser)
      expect(await run(`DELETE FROM "User" WHERE id = '${rows[0]?.id}'`)).toEqual([
        expect.stringMatching(/^Seq Scan on Loose: DELETE FROM ONLY/),
      ])
    } finally {
      await client.end()
    }
  })
})
