import { randomUUID } from 'node:crypto'
import type { Problem } from '@cutroom/contract'
import { beforeAll, describe, expect, it } from 'vitest'
import { unsubscribeTokens } from '../../src/features/mail/unsubscribe-tokens.ts'
import { useApp } from '../support/app.ts'
import { claimsOf, keyOf, listed, pathOf } from '../support/calls.ts'
import { consumed } from '../support/consumers.ts'
import { converse, say } from '../support/conversations.ts'
import { completeTake } from '../support/files.ts'
import { invite } from '../support/invitations.ts'
import { notificationFor } from '../support/notifications.ts'
import { type Answer, createCut, createTeam, PASSWORD, type Person } from '../support/people.ts'
import { share } from '../support/shares.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { addWebhook } from '../support/webhooks.ts'

interface Thing {
  id: string
  version: number
}

/** A project with one of everything in it. */
interface World {
  owner: Person
  editor: Person
  projectId: string
  task: Thing
  vibe: Thing
  cut: Thing
  comment: Thing
  file: Thing
  /** An older take. */
  older: Thing
  share: Thing & { token: string }
  webhook: Thing
  invitation: Thing
  conversationId: string
  message: Thing
  sessionId: string
  /** An event of the project that its owner has dismissed. */
  eventId: string
  notificationId: string
}

/** What names a thing. A link is open to all who have its token: test/security/shares.test.ts, test/security/invitations.test.ts. */
const inProjects = listed.filter(({ url, access }) => url.includes('/:') && !url.includes('/:token') && access !== 'public')

describe('ids of other projects', () => {
  const app = useApp()
  let here: World
  let there: World

  async function createWorld(): Promise<World> {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const task = await owner.must<Thing>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const { vibe, cut } = await createCut(owner, project.id)
    const comment = await owner.must<Thing>('POST', `/api/cuts/${cut.id}/comments`, { body: 'louder' })
    const older = await completeTake(app(), owner, cut.id, 1)
    const file = await completeTake(app(), owner, cut.id, 2)
    const made = await share(owner, { fileId: file.id }, { allows: 'download' })
    const invitation = await invite(owner, project.id)
    const sessionId = claimsOf(owner.token).sid
    const conversation = await converse(owner, [editor])
    const message = await say(owner, conversation.id, 'Hello')
    const { data } = await owner.must<{ data: Thing[] }>('GET', `/api/projects/${project.id}/activity?limit=1`)
    const eventId = data[0]?.id ?? ''
    await owner.must('PUT', `/api/me/activity/${eventId}/dismissed`)
    const webhook = await addWebhook(owner, project.id, 'https://hooks.example.com/')
    return {
      owner,
      editor,
      projectId: project.id,
      task,
      vibe: { ...vibe, version: 1 },
      cut: { ...cut, version: 1 },
      comment,
      file,
      older,
      share: made,
      webhook,
      invitation,
      conversationId: conversation.id,
      message,
      sessionId,
      eventId,
      notificationId: await notificationFor(app().db, owner.id, project.id),
    }
  }
  beforeAll(async () => {
    here = await createWorld()
    there = await createWorld()
  })

  /** A valid body for every endpoint that takes one. */
  const bodies = (): Record<string, Record<string, unknown>> => ({
    'POST /api/auth/register': { email: `${randomUUID()}@example.com`, password: PASSWORD, name: 'New', delivery: 'body' },
    'POST /api/auth/login': { email: here.owner.email, password: PASSWORD, delivery: 'body' },
    'POST /api/auth/refresh': { refreshToken: here.owner.refreshToken },
    'POST /api/auth/logout': { refreshToken: here.owner.refreshToken },
    'POST /api/auth/forgot': { email: here.owner.email },
    'POST /api/auth/reset': { token: 'A'.repeat(43), password: PASSWORD },
    'POST /api/projects/:projectId/invitations': { role: 'viewer' },
    'PATCH /api/me': { name: 'Renamed' },
    'PUT /api/me/password': { current: PASSWORD, next: PASSWORD },
    'POST /api/me/tokens': { name: 'Bot' },
    'PUT /api/me/activity/read': { projectId: here.projectId, seq: 1 },
    'PATCH /api/me/notifications/:notificationId': { seen: true },
    'POST /api/me/notifications/seen-all': {},
    'PUT /api/me/notification-preferences': { projects: [{ projectId: here.projectId, muted: true }] },
    'PUT /api/me/mail': { missed: true, digest: 'daily', projects: [] },
    'POST /api/projects': { name: 'Second' },
    'PATCH /api/projects/:projectId': { name: 'Renamed' },
    'POST /api/projects/:projectId/members': { userId: there.owner.id, role: 'viewer' },
    'PATCH /api/projects/:projectId/members/:userId': { role: 'viewer' },
    'POST /api/projects/:projectId/tasks': { title: 'Master' },
    'PATCH /api/tasks/:taskId': { title: 'Mixdown' },
    'POST /api/tasks/:taskId/move': { status: 'done', after: null },
    'POST /api/projects/:projectId/vibes': { name: 'Chorus' },
    'PATCH /api/vibes/:vibeId': { theme: 'dusk' },
    'POST /api/vibes/:vibeId/move': { after: null },
    'POST /api/vibes/:vibeId/cuts': { name: 'Take 2' },
    'PATCH /api/cuts/:cutId': { bpm: 96 },
    'POST /api/cuts/:cutId/move': { vibeId: here.vibe.id, after: null },
    'PUT /api/cuts/:cutId/lyrics': { lyrics: [{ text: 'la' }] },
    'PUT /api/cuts/:cutId/state': { state: 'review' },
    'PATCH /api/files/:fileId': { name: 'Renamed' },
    'POST /api/files/:fileId/markers': { csv: 'atMs,endMs,body\n1,,warmer' },
    'POST /api/files/:fileId/comments/carry': { from: here.older.id },
    'POST /api/files/:fileId/shares': { allows: 'download' },
    'POST /api/cuts/:cutId/shares': { allows: 'listen' },
    'POST /api/projects/:projectId/webhooks': { url: 'https://hooks.example.com/more' },
    'PATCH /api/webhooks/:webhookId': { events: ['task.created'] },
    'POST /api/webhooks/:webhookId/replay': { after: 0 },
    'POST /api/shared/:token/open': { password: '' },
    'POST /api/cuts/:cutId/comments': { body: 'warmer', atMs: 1000 },
    'POST /api/tasks/:taskId/comments': { body: 'by Friday' },
    'PATCH /api/comments/:commentId': { body: 'softer' },
    'POST /api/comments/:commentId/replies': { body: 'yes' },
    'POST /api/conversations': { memberIds: [here.editor.id] },
    'PUT /api/conversations/:conversationId/read': { messageId: here.message.id },
    'POST /api/conversations/:conversationId/messages': { body: 'Hello' },
    'PATCH /api/messages/:messageId': { body: 'Hello again' },
  })
  const params = (world: World): Record<string, string> => ({
    projectId: world.projectId,
    userId: world.editor.id,
    taskId: world.task.id,
    vibeId: world.vibe.id,
    cutId: world.cut.id,
    commentId: world.comment.id,
    fileId: world.file.id,
    shareId: world.share.id,
    webhookId: world.webhook.id,
    invitationId: world.invitation.id,
    conversationId: world.conversationId,
    messageId: world.message.id,
    token: world.share.token,
    mailToken: unsubscribeTokens(app().config.jwtSecret).of({
      userId: world.owner.id,
      kind: 'digest',
      projectId: world.projectId,
    }),
    sessionId: world.sessionId,
    eventId: world.eventId,
    notificationId: world.notificationId,
  })

  /** All rows there are, as one hash. */
  async function digest(): Promise<string> {
    await consumed(app().db)
    const tables = [
      'User',
      'Session',
      'Project',
      'Member',
      'MemberMail',
      'MailPreference',
      'Task',
      'Vibe',
      'Cut',
      'Lyrics',
      'File',
      'StoredObject',
      'Upload',
      'Share',
      'Webhook',
      'WebhookDelivery',
      'Invitation',
      'PasswordReset',
      'Comment',
      'Conversation',
      'Participant',
      'Message',
      'ActivityRead',
      'ActivityDismissal',
      'Notification',
      'NotificationPreferences',
      'Room',
      'Event',
    ]
    // Attempts are made at any time, and are no change by a caller.
    const parted: Record<string, string> = {
      Webhook: '(SELECT id, url, events, state, generation, version FROM "Webhook")',
      WebhookDelivery: `(SELECT id FROM "WebhookDelivery" WHERE cause <> 'event')`,
    }
    const rowsOf = (name: string) => parted[name] ?? `"${name}"`
    const parts = tables.map((name) => `(SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM ${rowsOf(name)} t)`)
    const { rows } = await app().db.query<{ digest: string }>(`SELECT concat_ws('.', ${parts.join(', ')}) AS digest`)
    return rows[0]?.digest ?? ''
  }

  /** An answer without what differs from request to request. */
  function shape(answer: Answer): unknown {
    const body = { ...(answer.body as Problem) }
    delete body.requestId
    return { status: answer.status, headers: [...answer.headers.keys()].toSorted(), length: JSON.stringify(body).length, body }
  }

  const malformed = () => [
    'me',
    '1',
    '-1',
    'null',
    '__proto__',
    'constructor',
    '%00',
    '%F0%9F%8E%B5',
    '%2e%2e%2f',
    "'%20OR%20'1'='1",
    `${here.task.id}x`,
    here.task.id.slice(1),
    `%7B${here.task.id}%7D`,
    here.task.id.replaceAll('-', ''),
  ]

  for (const endpoint of inProjects)
    it(`A4 ${keyOf(endpoint)} answers alike for foreign, unknown and malformed ids`, async () => {
      const names = [...endpoint.url.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '')
      const ask = (given: Record<string, string>) =>
        here.owner.call(endpoint.method, pathOf(endpoint.url, given), bodies()[keyOf(endpoint)], {
          // The version of what is foreign must not be learnt either: it would answer 412.
          ...(endpoint.method !== 'GET' && { 'if-match': '"77"' }),
        })
      const before = await digest()
      const unknown = shape(await ask(Object.fromEntries(names.map((name) => [name, randomUUID()]))))
      expect(unknown).toMatchObject({
        status: 404,
        body: { type: 'urn:cutroom:problem:not-found', title: 'Not found', status: 404, code: 'not-found' },
      })
      expect(Object.keys((unknown as { body: object }).body).toSorted()).toEqual(['code', 'status', 'title', 'type'])

      // Every mixture in which at least one id is not of here.
      const mixtures = names.reduce<Record<string, string>[]>(
        (sofar, name) =>
          sofar.flatMap((one) =>
            [params(here)[name], params(there)[name], randomUUID(), ...malformed()].map((id) => ({ ...one, [name]: id ?? '' })),
          ),
        [{}],
      )
      let asked = 0
      for (const mixture of mixtures) {
        if (names.every((name) => mixture[name] === params(here)[name])) continue
        // Of two malformed ids one is enough.
        if (names.length > 1 && names.every((name) => malformed().includes(mixture[name] ?? ''))) continue
        expect(shape(await ask(mixture)), JSON.stringify(mixture)).toEqual(unknown)
        asked++
      }
      expect(asked).toBeGreaterThanOrEqual(malformed().length + 2)
      expect(await digest()).toBe(before)
    })

  it('A4 the same ids answer to their members', async () => {
    for (const endpoint of inProjects.filter((each) => each.method === 'GET')) {
      const answer = await there.owner.call('GET', pathOf(endpoint.url, params(there)))
      expect({ key: keyOf(endpoint), status: answer.status }).toEqual({ key: keyOf(endpoint), status: 200 })
    }
  })

  it('A4 S2 ids of another project inside a body answer like ids that do not exist', async () => {
    const second = await createCut(here.owner, here.projectId)
    const cases: [method: string, path: string, body: (id: string) => unknown, foreign: string, pointer: string][] = [
      ['POST', `/api/cuts/${here.cut.id}/move`, (vibeId) => ({ vibeId, after: null }), there.vibe.id, '/vibeId'],
      ['POST', `/api/cuts/${here.cut.id}/move`, (after) => ({ vibeId: here.vibe.id, after }), there.cut.id, '/after'],
      // A cut of the same project, in another vibe.
      ['POST', `/api/cuts/${here.cut.id}/move`, (after) => ({ vibeId: here.vibe.id, after }), second.cut.id, '/after'],
      ['POST', `/api/vibes/${here.vibe.id}/move`, (after) => ({ after }), there.vibe.id, '/after'],
      ['POST', `/api/tasks/${here.task.id}/move`, (after) => ({ status: 'todo', after }), there.task.id, '/after'],
      // Things of another kind.
      ['POST', `/api/tasks/${here.task.id}/move`, (after) => ({ status: 'todo', after }), here.cut.id, '/after'],
      ['POST', `/api/cuts/${here.cut.id}/move`, (vibeId) => ({ vibeId, after: null }), here.projectId, '/vibeId'],
      ['POST', `/api/cuts/${here.cut.id}/comments`, (fileId) => ({ body: 'here', fileId }), there.file.id, '/fileId'],
      // A recording of the same project, on another cut.
      ['POST', `/api/cuts/${second.cut.id}/comments`, (fileId) => ({ body: 'here', fileId }), here.file.id, '/fileId'],
      ['PUT', `/api/cuts/${here.cut.id}/state`, (fileId) => ({ state: 'approved', fileId }), there.file.id, '/fileId'],
      ['PUT', `/api/cuts/${second.cut.id}/state`, (fileId) => ({ state: 'approved', fileId }), here.file.id, '/fileId'],
      ['POST', `/api/files/${here.file.id}/comments/carry`, (from) => ({ from }), there.older.id, '/from'],
      ['PATCH', `/api/tasks/${here.task.id}`, (assigneeId) => ({ assigneeId }), there.editor.id, '/assigneeId'],
      ['POST', `/api/projects/${here.projectId}/tasks`, (id) => ({ title: 'A', assigneeId: id }), there.editor.id, '/assigneeId'],
    ]
    const before = await digest()
    for (const [method, path, body, foreign, pointer] of cases) {
      const unknown = shape(await here.owner.call(method, path, body(randomUUID())))
      expect(unknown).toMatchObject({ status: 422, body: { code: 'validation', errors: [{ pointer }] } })
      expect(shape(await here.owner.call(method, path, body(foreign)))).toEqual(unknown)
    }
    expect(await digest()).toBe(before)
  })

  it('A4 no comment or reply crosses into another project', async () => {
    const before = await digest()
    const reply = await here.owner.call('POST', `/api/comments/${there.comment.id}/replies`, { body: 'hello' })
    expect(reply.status).toBe(404)
    for (const body of [
      { body: 'hello', parentId: there.comment.id },
      { body: 'hello', taskId: there.task.id },
    ]) {
      expect((await here.owner.call('POST', `/api/cuts/${here.cut.id}/comments`, body)).status).toBe(422)
      expect((await here.owner.call('POST', `/api/comments/${here.comment.id}/replies`, body)).status).toBe(422)
    }
    expect(await digest()).toBe(before)
  })

  it('A4 the log and the snapshot of a project hold nothing of another', async () => {
    const ids = Object.values(params(there))
    for (const part of ['events', 'snapshot', 'members', 'tasks', 'vibes']) {
      const text = JSON.stringify(await here.owner.must('GET', `/api/projects/${here.projectId}/${part}`))
      expect(ids.filter((id) => text.includes(id))).toEqual([])
    }
    const cursor = (await there.owner.must<{ nextCursor: string }>('GET', `/api/projects/${there.projectId}/members?limit=1`))
      .nextCursor
    const page = await here.owner.call('GET', `/api/projects/${here.projectId}/members?cursor=${cursor}`)
    expect(page).toMatchObject({ status: 422, body: { code: 'validation', errors: [{ pointer: '/query/cursor' }] } })
  })

  it('A4 an Idempotency-Key that another person has used can be used', async () => {
    const key = { 'idempotency-key': randomUUID() }
    const mine = await here.owner.call<Thing>('POST', '/api/projects', { name: 'Mine' }, key)
    const theirs = await there.owner.call<Thing>('POST', '/api/projects', { name: 'Mine' }, key)
    expect([mine.status, theirs.status]).toEqual([201, 201])
    expect(theirs.body.id).not.toBe(mine.body.id)
    expect((await there.owner.call('GET', `/api/projects/${mine.body.id}`)).status).toBe(404)
  })

  it('A4 an id in capital letters names the same entity, and answers and events have it in small letters', async () => {
    const listener = await connect(app(), here.editor)
    const loud = here.projectId.toUpperCase()
    expect(await listener.join(loud)).toMatchObject({ ok: true, room: `project:${here.projectId}` })
    const task = await here.owner.must<Thing & { projectId: string }>('POST', `/api/projects/${loud}/tasks`, { title: 'Shout' })
    expect(task.projectId).toBe(here.projectId)
    await here.owner.must('DELETE', `/api/tasks/${task.id.toUpperCase()}`)
    await until('both events', () => listener.events(`project:${here.projectId}`).length === 2)
    expect(listener.events().map(({ name, payload }) => [name, payload.id ?? payload.taskId])).toEqual([
      ['task:created', task.id],
      ['task:deleted', task.id],
    ])
    expect((await here.owner.call('GET', `/api/tasks/${here.task.id.toUpperCase()}`)).body).toMatchObject({ id: here.task.id })
  })

  describe('fields that no role may set', () => {
    const forbidden: Record<string, unknown> = {
      role: 'owner',
      projectId: randomUUID(),
      userId: randomUUID(),
      seq: 1,
      authorId: randomUUID(),
      author: { id: randomUUID() },
      version: 7,
      id: randomUUID(),
      rank: 'a0',
      createdAt: '2020-01-01T00:00:00.000Z',
      updatedAt: '2020-01-01T00:00:00.000Z',
      resolvedAt: '2020-01-01T00:00:00.000Z',
      passwordHash: 'x',
      generation: 0,
      Role: 'owner',
      isAdmin: true,
    }
    /** Where these names are honest fields. */
    const honest: Record<string, string[]> = {
      'POST /api/projects/:projectId/members': ['role', 'userId'],
      'POST /api/me/tokens': ['role'],
      'POST /api/projects/:projectId/invitations': ['role'],
      'PUT /api/me/activity/read': ['projectId', 'seq'],
      'PATCH /api/projects/:projectId/members/:userId': ['role'],
    }

    // Forms are no JSON: test/features/files/upload.test.ts tries their fields.
    const takesBody = listed.filter((endpoint) => endpoint.schema.body !== undefined && !endpoint.form)

    it('A4 there is a valid body for every endpoint that takes one', () => {
      expect(Object.keys(bodies()).toSorted()).toEqual(takesBody.map(keyOf).toSorted())
    })

    for (const endpoint of takesBody)
      it(`A4 S3 ${keyOf(endpoint)} refuses them`, async () => {
        const key = keyOf(endpoint)
        const path = pathOf(endpoint.url, params(here))
        const before = await digest()
        for (const [name, value] of Object.entries(forbidden)) {
          if (honest[key]?.includes(name)) continue
          const answer = await here.owner.call<Problem>(endpoint.method, path, { ...bodies()[key], [name]: value })
          expect({ name, status: answer.status, code: answer.body.code }).toEqual({ name, status: 422, code: 'validation' })
          expect(JSON.stringify(answer.body.errors)).toContain(name)
        }
        expect(await digest()).toBe(before)
        // The same body without them is a good one.
        if (!/auth|\/me|\/members/.test(key))
          expect((await here.owner.call(endpoint.method, path, bodies()[key])).status).toBeLessThan(300)
      })
  })
})
