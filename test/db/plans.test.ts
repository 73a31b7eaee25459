import {
  type ActivityPage,
  type Comment,
  type Conversation,
  type Cut,
  type Message,
  type NewInvitation,
  type NewShare,
  projectRoom,
  type Share,
  type Task,
  type Vibe,
  type Webhook,
} from '@cutroom/contract'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Query } from '../../src/db/client.ts'
import { resetLinks } from '../../src/features/auth/reset-links.ts'
import { removeOld } from '../../src/features/invitations/expiry.ts'
import { unsubscribeTokens } from '../../src/features/mail/unsubscribe-tokens.ts'
import { wakeLate } from '../../src/features/webhooks/queue.ts'
import { sweepDeliveries } from '../../src/features/webhooks/sweep.ts'
import { retain } from '../../src/jobs/retention.ts'
import type { Consumer } from '../../src/rooms/log/consumers/consumer.ts'
import { statements } from '../../src/rooms/log/consumers/statements.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { keyOf, listed, pathOf } from '../support/calls.ts'
import { consumed } from '../support/consumers.ts'
import { createDatabase } from '../support/database.ts'
import { beginUpload, completeFile, textOf, tus, uploadFile, wavOf } from '../support/files.ts'
import { direct } from '../support/hostile.ts'
import { BUSY, BUSY_TAKE, fillTables, idOf, LAST_TAKE, OLD } from '../support/large-tables.ts'
import { mention, nextNotification, notificationsOf } from '../support/notifications.ts'
import { login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { faultsOf, type Ran, readsOf, tablesOf, type Watched, watchPlans } from '../support/plans.ts'
import { share, visit } from '../support/shares.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const busy = idOf('project', BUSY)

/** The sweep of the consumers compares all rooms with all their cursors, now and then. */
const isSweep = (ran: Ran): boolean => [statements.behind, statements.rooms].some((text) => ran['Query Text'] === text)
/** Runs beside requests, at any time. */
const isOfConsumers = (ran: Ran): boolean => Object.values<string>(statements).includes(ran['Query Text'])

describe('with thousands of rows in each table', () => {
  let database: Awaited<ReturnType<typeof createDatabase>>
  let ownPool: pg.Pool
  let watched: Watched
  let large: Set<string>

  beforeAll(async () => {
    database = await createDatabase()
    ownPool = new pg.Pool({ connectionString: direct(database.url), max: 2 })
    await fillTables(ownPool)
    // Of jobs that recur there are tests below, on these rows.
    await ownPool.query(
      `INSERT INTO "Due" (consumer, key, at) SELECT name, '', now() + interval '1 day' FROM unnest('{retention,purge,objects,invitations,webhooks}'::text[]) AS name`,
    )
    const { rows } = await ownPool.query<{ name: string; rows: number }>(
      `SELECT relname AS name, reltuples AS rows FROM pg_class
       WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT IN ('_prisma_migrations', 'Consumer', 'SearchBuild')`,
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
      .filter((ran) => !isSweep(ran))
      .flatMap((ran) =>
        faultsOf(ran.Plan, large, isOfConsumers(ran) ? undefined : most).map(
          (fault) => `${fault}: ${ran['Query Text'].replace(/\s+/g, ' ')}`,
        ),
      )
    return [...new Set(found)]
  }

  // A statement is planned for its values at first, and for any values once it has run a few times: both must be good.
  describe.each([
    ['force_custom_plan', idOf('project', 30), LAST_TAKE],
    ['force_generic_plan', idOf('project', 31), LAST_TAKE - 1],
  ])('%s', (mode, doomed, newer) => {
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
      await ownPool.query(
        `INSERT INTO "Notification" (id, "userId", kind, cause, "projectId", "targetType", "targetId", link, about)
         SELECT event_id(), $1, 'mention', 'comment:' || n, $2, 'comment', gen_random_uuid(), '/', '{}' FROM generate_series(1, 300) n`,
        [ann.id, busy],
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
        // What consumers read is not read for a page.
        await consumed(ownPool, 'notifications')
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
          asked.add('POST /api/auth/forgot').add('POST /api/auth/reset')
          const ray = await register(app, 'Ray')
          expect((await request(app.url, 'POST', '/api/auth/forgot', { body: { email: ray.email } })).status).toBe(204)
          const links = resetLinks(app.config)
          const { rows } = await ownPool.query<{ id: string }>('SELECT id FROM "PasswordReset" WHERE email = $1', [ray.email])
          const reset = { token: links.tokenOf(rows[0]?.id ?? ''), password: PASSWORD }
          expect((await request(app.url, 'POST', '/api/auth/reset', { body: reset })).status).toBe(204)
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
          await ask('GET /api/me/mail')
          await ask(
            'PUT /api/me/mail',
            {},
            { missed: true, digest: 'daily', projects: [{ projectId: idOf('project', 3), digest: 'weekly' }] },
          )
          const { of } = unsubscribeTokens(app.config.jwtSecret)
          const mailToken = of({ userId: ann.id, kind: 'digest', projectId: idOf('project', 3) })
          await ask('GET /api/unsubscribe/:mailToken', { mailToken })
          await ask('POST /api/unsubscribe/:mailToken', { mailToken })
          await ask('PATCH /api/me', {}, { name: 'Ann Other' })
          await ask('POST /api/auth/logout', {}, undefined, undefined, await login(app, guest))
          await ask('POST /api/auth/logout-all', {}, undefined, undefined, await login(app, guest))
          guest = await login(app, guest)

          await pages('GET /api/projects')
          await ask('GET /api/me/overview?limit=5')
          // Of each of the 40 projects as many rows as a page has, and one more.
          expect(await faults(() => ask('GET /api/me/online?limit=5'), 250)).toEqual([])
          const made = await ask<{ id: string; version: number }>('POST /api/projects', {}, { name: 'EP' })
          await ask('PATCH /api/projects/:projectId', { projectId: made.id }, { name: 'Album' }, 1)
          await ask('DELETE /api/projects/:projectId', { projectId: made.id }, undefined, 2)
          const project = { projectId: busy }
          await ask('GET /api/projects/:projectId', project)
          await ask('GET /api/projects/:projectId/snapshot', project)
          await ask('GET /api/projects/:projectId/events?after=10&limit=100', project)

          for (const filter of ['', '?unread=true', '?dismissed=true', '?dismissed=true&unread=true', `?actorId=${ann.id}`]) {
            await ask(`GET /api/projects/:projectId/activity${filter}`, project)
            const all = await ask<ActivityPage>(`GET /api/me/activity${filter}`)
            if (all.nextCursor !== null) await ask(`GET /api/me/activity${filter}${filter ? '&' : '?'}cursor=${all.nextCursor}`)
          }
          await pages('GET /api/projects/:projectId/activity', project)
          const [event] = (await ask<ActivityPage>('GET /api/projects/:projectId/activity?limit=1', project)).data
          await ask('PUT /api/me/activity/read', {}, { projectId: busy, seq: event?.seq })
          await ask('PUT /api/me/activity/:eventId/dismissed', { eventId: event?.id ?? '' })
          await ask('DELETE /api/me/activity/:eventId/dismissed', { eventId: event?.id ?? '' })

          await pages('GET /api/projects/:projectId/members', project)
          await ask('POST /api/projects/:projectId/members', project, { userId: guest.id, role: 'viewer' })
          const member = { projectId: busy, userId: guest.id }
          await ask('GET /api/projects/:projectId/members/:userId', member)
          await ask('PATCH /api/projects/:projectId/members/:userId', member, { role: 'owner' }, 1)
          await ask('PATCH /api/projects/:projectId/members/:userId', member, { role: 'editor' }, 2)

          await pages('GET /api/projects/:projectId/invitations', project)
          const invited = await ask<NewInvitation>('POST /api/projects/:projectId/invitations', project, {})
          const byMail = { email: `mail-${mode}@example.com` }
          const mailed = await ask<NewInvitation>('POST /api/projects/:projectId/invitations', project, byMail)
          const onInvitation = { invitationId: mailed.id }
          await ask('GET /api/invitations/:invitationId', onInvitation)
          await ask('POST /api/invitations/:invitationId/resend', onInvitation)
          await ask('DELETE /api/invitations/:invitationId', onInvitation)
          await ask('GET /api/invitations/by-token/:token', { token: invited.token })
          const comer = await register(app, 'Cal')
          await ask('POST /api/invitations/by-token/:token/accept', { token: invited.token }, undefined, undefined, comer)
          await app.app.rooms.commit(null, removeOld)

          await until('the notification', async () => (await notificationsOf(guest)).unseen > 0)
          const [own] = (await notificationsOf(guest)).data
          const ofGuest = { notificationId: own?.id ?? '' }
          await ask('PATCH /api/me/notifications/:notificationId', ofGuest, { seen: true }, undefined, guest)
          await ask('POST /api/me/notifications/seen-all', {}, {}, undefined, guest)
          await ask('DELETE /api/me/notifications/:notificationId', ofGuest, undefined, undefined, guest)
          await ask('GET /api/me/notifications?unseen=true')
          const { nextCursor } = await ask<{ nextCursor: string }>('GET /api/me/notifications?limit=5')
          await ask(`GET /api/me/notifications?limit=5&cursor=${nextCursor}`)
          await ask('GET /api/me/notification-preferences')
          await ask('PUT /api/me/notification-preferences', {}, { projects: [{ projectId: busy, muted: true }] })

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
          asked.add('POST /api/cuts/:cutId/files')
          const take = await uploadFile(app, ann, onBusy.cutId, wavOf(0.01), {
            headers: { 'idempotency-key': crypto.randomUUID() },
          })
          expect(take.take).toBeGreaterThan(0)
          const file = await completeFile({ url: app.url, db: ownPool }, ann, onBusy.cutId)
          const onFile = { fileId: file.id }
          for (const filter of ['', '?kind=audio', `?cutId=${onBusy.cutId}`, `?cutId=${onBusy.cutId}&kind=document`])
            await pages(`GET /api/projects/:projectId/files${filter}`, project)
          await ask('GET /api/files/:fileId', onFile)
          await ask('GET /api/files/:fileId/content', onFile)
          await ask('GET /api/files/:fileId/peaks', onFile)
          await ask('GET /api/files/:fileId/waveform.svg', onFile)
          await ask('GET /api/files/:fileId/thumbnail', onFile)
          await ask('GET /api/projects/:projectId/usage', project)
          await ask('GET /api/me/usage')
          await pages('GET /api/projects/:projectId/shares', project)
          const link = await ask<NewShare>('POST /api/files/:fileId/shares', onFile, { allows: 'download' })
          await ask('POST /api/cuts/:cutId/shares', onCut, {})
          await ask('GET /api/shares/:shareId', { shareId: link.id })
          const byLink = { token: link.token }
          await ask('GET /api/shared/:token', byLink)
          await ask('POST /api/shared/:token/open', byLink, { password: '' })
          await ask('GET /api/shared/:token/content', byLink)
          await ask('GET /api/shared/:token/peaks', byLink)
          await ask('GET /api/shared/:token/waveform.svg', byLink)
          await pages('GET /api/projects/:projectId/webhooks', project)
          const hook = { url: 'https://hooks.example.com/', events: ['task.updated'] }
          const { id: webhookId } = await ask<Webhook>('POST /api/projects/:projectId/webhooks', project, hook)
          const onWebhook = { webhookId }
          await ask('GET /api/webhooks/:webhookId', onWebhook)
          await ask('PATCH /api/webhooks/:webhookId', onWebhook, { events: ['task.deleted'] }, 1)
          await ask('POST /api/webhooks/:webhookId/rotate', onWebhook)
          await ask('POST /api/webhooks/:webhookId/test', onWebhook)
          await ask('POST /api/webhooks/:webhookId/replay', onWebhook, { after: 0 })
          await pages('GET /api/webhooks/:webhookId/deliveries', onWebhook)
          await ask('DELETE /api/webhooks/:webhookId', onWebhook)
          await until('the play', async () => (await ann.must<Share>('GET', `/api/shares/${link.id}`)).plays === 1)
          await ask('DELETE /api/shares/:shareId', { shareId: link.id })
          const taken = await share(ann, { cutId: onBusy.cutId })
          await (await visit(app, taken.token, '/content')).arrayBuffer()
          await ask('PATCH /api/files/:fileId', onFile, { name: 'Renamed' }, 1)
          await ask('DELETE /api/files/:fileId', onFile, undefined, 2)
          const path = await beginUpload(app, ann, 10, { cutId: onBusy.cutId, filename: 'a.txt' })
          expect((await tus(app, ann, 'PATCH', path, { 'upload-offset': '0' }, textOf(10))).status).toBe(204)
          for (const filter of ['', '?resolved=true', '?resolved=false'])
            await pages(`GET /api/cuts/:cutId/comments${filter}`, onBusy)
          const last = { fileId: idOf('file', LAST_TAKE) }
          const older = { fileId: idOf('file', BUSY_TAKE) }
          await ask('PUT /api/cuts/:cutId/state', onBusy, { state: 'approved', ...last })
          await ask('POST /api/cuts/:cutId/comments', onBusy, { body: 'on the current take', atMs: 5 })
          await pages(`GET /api/cuts/:cutId/comments?fileId=${older.fileId}`, onBusy)
          await ask('GET /api/files/:fileId/markers', older)
          await ask('GET /api/files/:fileId/markers?format=csv&resolved=false', older)
          await ask('POST /api/files/:fileId/markers', older, { csv: 'atMs,endMs,body\n5,,here' })
          const onto = { fileId: idOf('file', newer) }
          const carried = await ask<{ data: Comment[] }>('POST /api/files/:fileId/comments/carry', onto, { from: older.fileId })
          expect(carried.data.length).toBeGreaterThan(100)
          await ask('POST /api/files/:fileId/comments/carry', onto, { from: older.fileId })
          const comment = await ask<Comment>('POST /api/cuts/:cutId/comments', onBusy, { body: 'warmer', atMs: 1_000 })
          const onComment = { commentId: comment.id }
          await ask('GET /api/comments/:commentId', onComment)
          await ask('PATCH /api/comments/:commentId', onComment, { body: 'softer' }, 1)
          const reply = await ask<{ id: string }>('POST /api/comments/:commentId/replies', onComment, {
            body: `yes, ${mention(guest)}`,
          })
          await ask('POST /api/comments/:commentId/resolve', onComment)
          await ask('POST /api/comments/:commentId/reopen', onComment)
          const conversation = await ask<Conversation>('POST /api/conversations', {}, { memberIds: [guest.id] })
          const inIt = { conversationId: conversation.id }
          const colleagues = [guest.id, idOf('user', 5), idOf('user', 6)]
          const group = await ask<Conversation>('POST /api/conversations', {}, { memberIds: colleagues })
          await ask('POST /api/conversations/:conversationId/messages', { conversationId: group.id }, { body: 'Hello' })
          await ownPool.query(
            `INSERT INTO "Message" (id, "conversationId", "authorId", body)
             SELECT gen_random_uuid(), $1, $2, 'Hello' FROM generate_series(1, 300)`,
            [conversation.id, guest.id],
          )
          await pages('GET /api/conversations/:conversationId/messages', inIt)
          const message = await ask<Message>('POST /api/conversations/:conversationId/messages', inIt, { body: 'Hello' })
          const onMessage = { messageId: message.id }
          await ask('GET /api/conversations')
          for (const query of ['q=hello%20mi', 'q=rare1', 'q=lauder', `q=louder&projectId=${busy}`, 'q=take&types=cut,file'])
            await ask(`GET /api/search?${query}`)
          await ask('GET /api/conversations/:conversationId', inIt)
          await ask('PUT /api/conversations/:conversationId/read', inIt, onMessage, undefined, guest)
          await ask('GET /api/messages/:messageId', onMessage)
          await ask('PATCH /api/messages/:messageId', onMessage, { body: 'Bye' }, 1)
          await ask('PATCH /api/me', {}, { name: 'Ann Once More' })
          await ask('DELETE /api/messages/:messageId', onMessage, undefined, 2)
          // What hangs on the thing goes with it.
          const isMention = ({ kind }: { kind: string }) => kind === 'mention'
          await nextNotification(guest, 'the mention', isMention)
          await ask('PATCH /api/comments/:commentId', { commentId: reply.id }, { body: `no, ${mention(guest)}` }, 1)
          await nextNotification(guest, 'the edit', ({ text }) => text?.startsWith('no') ?? false)
          await ask('DELETE /api/comments/:commentId', onComment)
          await until('its end', async () => !(await notificationsOf(guest)).data.some(isMention))
          await ask('DELETE /api/cuts/:cutId', onCut)
          await ask('DELETE /api/vibes/:vibeId', onVibe)
          await ask('DELETE /api/tasks/:taskId', onTask)
          await ask('DELETE /api/projects/:projectId/members/:userId', member)
          await ask('DELETE /api/projects/:projectId', { projectId: doomed })
        }),
      ).toEqual([])
      expect([...asked].toSorted()).toEqual(listed.map(keyOf).toSorted())
      // Those of consumers are reached by their engine, not by endpoints.
      const ofConsumers = ['Cursor', 'Retry', 'DeadLetter']
      const reached = new Set(watched.ran.flatMap((ran) => tablesOf(ran.Plan)))
      for (const table of ofConsumers) reached.add(table)
      expect([...reached].filter((table) => large.has(table)).toSorted()).toEqual([...large].toSorted())
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
          const isLook = ({ 'Query Text': text }: Ran) => /"Room"/.test(text) && /ANY/.test(text)
          await until('the heads to be looked at', () => watched.ran.slice(from).some(isLook))
        }),
      ).toEqual([])
    })
  })

  it.each(['force_custom_plan', 'force_generic_plan'])('consumers find their rows by an index with %s', async (mode) => {
    const consumer: Consumer = {
      name: 'consumer-1',
      events: ['task:created'],
      retries: 'beside',
      async handle({ event }) {
        if (event.payload.title === 'bad') throw new Error('bad')
        return event.payload.title === 'once' ? async () => {} : undefined
      },
    }
    const timings = { gatherMs: 2, saveMs: 20, tickMs: 50, abandonedMs: 50, retriesMs: [10], sweepMs: 3_600_000 }
    const from = watched.ran.length
    const app = await startApp({
      databaseUrl: watched.url({ plan_cache_mode: mode }),
      seams: { jobs: { consumers: [consumer], timings } },
    })
    try {
      const ann = await register(app, 'Ann')
      const found = await faults(async () => {
        await until('the first sweep', () => watched.ran.slice(from).some(isSweep))
        const { id } = await ann.must<{ id: string }>('POST', '/api/projects', { name: 'New' })
        for (const title of ['good', 'once', 'bad']) await ann.must('POST', `/api/projects/${id}/tasks`, { title })
        await until('the dead letter', async () => {
          const { rows } = await ownPool.query('SELECT 1 FROM "DeadLetter" WHERE room = $1', [`project:${id}`])
          return rows.length === 1
        })
      })
      expect(found).toEqual([])
      // The sweep reads each table once at most, however many rooms there are; some rows come and go.
      const { rows } = await ownPool.query<{ name: string; most: number }>(
        `SELECT 'Room' AS name, count(*)::int + 100 AS most FROM "Room" UNION ALL SELECT 'Cursor', count(*)::int + 100 FROM "Cursor"
         UNION ALL SELECT 'Retry', count(*)::int + 100 FROM "Retry"`,
      )
      const most = new Map(rows.map((table) => [table.name, table.most]))
      for (const { Plan } of watched.ran.slice(from).filter(isSweep))
        for (const [table, looked] of readsOf(Plan)) expect(looked, table).toBeLessThanOrEqual(most.get(table) ?? 0)
      const seen = new Set(watched.ran.slice(from).flatMap((ran) => tablesOf(ran.Plan)))
      for (const table of ['Cursor', 'Retry', 'DeadLetter', 'Due']) expect(seen).toContain(table)
    } finally {
      await app.close()
    }
  })

  it.each(['force_custom_plan', 'force_generic_plan'])(
    'the sweep of webhooks reads each table once at most with %s',
    async (mode) => {
      const pool = new pg.Pool({ connectionString: direct(watched.url({ plan_cache_mode: mode })), max: 1 })
      const query: Query = async (statement) => (await pool.query(statement)).rows
      const from = watched.ran.length
      try {
        const { rows } = await ownPool.query<{ name: string; all: number }>(
          `SELECT relname AS name, reltuples::int AS all FROM pg_class WHERE relname IN ('Webhook', 'WebhookDelivery', 'Room', 'Due')`,
        )
        await sweepDeliveries(query, new AbortController().signal)
        await pool.query(wakeLate(1_000))
        for (const [table, looked] of watched.ran.slice(from).flatMap(({ Plan }) => [...readsOf(Plan)]))
          expect(looked, table).toBeLessThanOrEqual(rows.find(({ name }) => name === table)?.all ?? 0)
        // Rooms are looked up, each by its id: most of them have no webhook.
        expect(await faults(() => pool.query(wakeLate(1_000)), 6_100)).not.toContainEqual(
          expect.stringMatching(/^Seq Scan on Room/),
        )
      } finally {
        await pool.end()
      }
    },
  )

  it('retention finds what is old by an index', async () => {
    // A thousand rows are a large part of these tables, and best found by reading all; of tables in need of retention they
    // are not. So only looking up is left to the planner, and it still reads all where no index answers.
    const off = ['seqscan', 'bitmapscan', 'hashjoin', 'mergejoin'].map((way) => [`enable_${way}`, 'off'])
    const pool = new pg.Pool({ connectionString: direct(watched.url(Object.fromEntries(off))), max: 1 })
    const day = 86_400
    const options = { pool, retentionSeconds: 30 * day, sessionSeconds: 30 * day, consumers: ['consumer-1', 'consumer-2'] }
    try {
      const swept = await faults(async () => {
        const all = await retain(options, new AbortController().signal)
        expect(all).toMatchObject({ events: 8_000, keys: 1_500, sessions: 2_000, rooms: 50 })
      })
      expect(swept).toEqual([])
    } finally {
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
