import { type Conversation, type Problem, type Project, type Role, requests, statusOf } from '@cutroom/contract'
import { beforeAll, describe, expect, it } from 'vitest'
import { createReset, resetLinks } from '../../src/features/auth/reset-links.ts'
import { unsubscribeTokens } from '../../src/features/mail/unsubscribe-tokens.ts'
import { CONSOLE_ADDRESSES } from '../../src/http/console.ts'
import { useApp } from '../support/app.ts'
import { keyOf, listed, pathOf, tokenOf } from '../support/calls.ts'
import { converse, say } from '../support/conversations.ts'
import { BELL } from '../support/extensions.ts'
import { completeFile, completeTake } from '../support/files.ts'
import { invite } from '../support/invitations.ts'
import { notificationFor } from '../support/notifications.ts'
import { addMember, createCut, createProject, login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { routesOf } from '../support/routes.ts'
import { share } from '../support/shares.ts'
import { connect, open } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { addWebhook } from '../support/webhooks.ts'

/**
 * Who may do what, written by hand from "Who may do what" of the surface: anybody (`person`: but no API token), anybody who has an
 * account (`login`: who is logged in, by no API token), or the least role; where it makes a difference, for another's thing and for
 * one's own.
 */
type Least =
  | 'anybody'
  | 'person'
  | 'account'
  | 'login'
  | 'to create a project'
  | Role
  | { another: Role | 'nobody at all'; own: Role }
const table: Record<string, Least> = {
  'POST /api/auth/register': 'person',
  'POST /api/auth/login': 'person',
  'POST /api/auth/refresh': 'person',
  'POST /api/auth/forgot': 'person',
  'POST /api/auth/reset': 'person',
  'POST /api/auth/logout': 'login',
  'POST /api/auth/logout-all': 'login',
  'GET /api/session': 'anybody',
  'GET /api/me': 'account',
  'PATCH /api/me': 'login',
  'PUT /api/me/password': 'login',
  'GET /api/me/overview': 'login',
  'GET /api/me/online': 'login',
  'GET /api/projects/:projectId/activity': 'viewer',
  'GET /api/me/activity': 'login',
  'PUT /api/me/activity/read': 'login',
  'PUT /api/me/activity/:eventId/dismissed': 'login',
  'DELETE /api/me/activity/:eventId/dismissed': 'login',

  'GET /api/me/sessions': 'login',
  'DELETE /api/me/sessions/:sessionId': 'login',
  'GET /api/me/tokens': 'login',
  'POST /api/me/tokens': 'login',
  'DELETE /api/me/tokens/:tokenId': 'login',
  'GET /api/me/notifications': 'login',
  'PATCH /api/me/notifications/:notificationId': 'login',
  'POST /api/me/notifications/seen-all': 'login',
  'DELETE /api/me/notifications/:notificationId': 'login',
  'GET /api/me/notification-preferences': 'login',
  'PUT /api/me/notification-preferences': 'login',
  'GET /api/me/mail': 'login',
  'PUT /api/me/mail': 'login',
  'GET /api/unsubscribe/:mailToken': 'person',
  'POST /api/unsubscribe/:mailToken': 'person',

  'GET /api/projects': 'account',
  'POST /api/projects': 'to create a project',
  'GET /api/projects/:projectId': 'viewer',
  'PATCH /api/projects/:projectId': 'owner',
  'DELETE /api/projects/:projectId': 'owner',
  'GET /api/projects/:projectId/snapshot': 'viewer',
  'GET /api/projects/:projectId/events': 'viewer',

  'GET /api/projects/:projectId/members': 'viewer',
  'POST /api/projects/:projectId/members': 'owner',
  'GET /api/projects/:projectId/members/:userId': 'viewer',
  'PATCH /api/projects/:projectId/members/:userId': 'owner',
  'DELETE /api/projects/:projectId/members/:userId': { another: 'owner', own: 'viewer' },

  'GET /api/projects/:projectId/invitations': 'owner',
  'POST /api/projects/:projectId/invitations': 'owner',
  'GET /api/invitations/:invitationId': 'viewer',
  'POST /api/invitations/:invitationId/resend': 'owner',
  'DELETE /api/invitations/:invitationId': 'owner',
  // The right to these is the invitation.
  'GET /api/invitations/by-token/:token': 'person',
  'POST /api/invitations/by-token/:token/accept': 'login',

  'GET /api/projects/:projectId/tasks': 'viewer',
  'POST /api/projects/:projectId/tasks': 'editor',
  'GET /api/tasks/:taskId': 'viewer',
  'PATCH /api/tasks/:taskId': 'editor',
  'DELETE /api/tasks/:taskId': 'editor',
  'POST /api/tasks/:taskId/move': 'editor',

  'GET /api/projects/:projectId/vibes': 'viewer',
  'POST /api/projects/:projectId/vibes': 'editor',
  'GET /api/vibes/:vibeId': 'viewer',
  'PATCH /api/vibes/:vibeId': 'editor',
  'DELETE /api/vibes/:vibeId': 'editor',
  'POST /api/vibes/:vibeId/move': 'editor',

  'GET /api/vibes/:vibeId/cuts': 'viewer',
  'POST /api/vibes/:vibeId/cuts': 'editor',
  'GET /api/cuts/:cutId': 'viewer',
  'PATCH /api/cuts/:cutId': 'editor',
  'DELETE /api/cuts/:cutId': 'editor',
  'POST /api/cuts/:cutId/move': 'editor',
  'GET /api/cuts/:cutId/lyrics': 'viewer',
  'PUT /api/cuts/:cutId/lyrics': 'editor',
  'PUT /api/cuts/:cutId/state': 'editor',

  'GET /api/projects/:projectId/files': 'viewer',
  'POST /api/cuts/:cutId/files': 'editor',
  'GET /api/files/:fileId': 'viewer',
  'PATCH /api/files/:fileId': 'editor',
  'DELETE /api/files/:fileId': { another: 'owner', own: 'editor' },
  'GET /api/files/:fileId/content': 'viewer',
  'GET /api/files/:fileId/peaks': 'viewer',
  'GET /api/files/:fileId/waveform.svg': 'viewer',
  'GET /api/files/:fileId/thumbnail': 'viewer',
  'GET /api/files/:fileId/markers': 'viewer',
  'POST /api/files/:fileId/markers': 'commenter',
  'POST /api/files/:fileId/comments/carry': 'editor',
  'GET /api/projects/:projectId/usage': 'viewer',
  'GET /api/me/usage': 'login',

  'GET /api/projects/:projectId/shares': 'viewer',
  'POST /api/files/:fileId/shares': 'editor',
  'POST /api/cuts/:cutId/shares': 'editor',
  'GET /api/shares/:shareId': 'viewer',
  'DELETE /api/shares/:shareId': 'editor',

  'GET /api/projects/:projectId/webhooks': 'owner',
  'POST /api/projects/:projectId/webhooks': 'owner',
  'GET /api/webhooks/:webhookId': 'owner',
  'PATCH /api/webhooks/:webhookId': 'owner',
  'DELETE /api/webhooks/:webhookId': 'owner',
  'GET /api/webhooks/:webhookId/deliveries': 'owner',
  'POST /api/webhooks/:webhookId/test': 'owner',
  'POST /api/webhooks/:webhookId/replay': 'owner',
  'POST /api/webhooks/:webhookId/rotate': 'owner',

  // The right to these is the link itself.
  'GET /api/shared/:token': 'anybody',
  'POST /api/shared/:token/open': 'anybody',
  'GET /api/shared/:token/content': 'anybody',
  'GET /api/shared/:token/peaks': 'anybody',
  'GET /api/shared/:token/waveform.svg': 'anybody',

  'GET /api/cuts/:cutId/comments': 'viewer',
  'POST /api/cuts/:cutId/comments': 'commenter',
  'GET /api/tasks/:taskId/comments': 'viewer',
  'POST /api/tasks/:taskId/comments': 'commenter',
  'GET /api/comments/:commentId': 'viewer',
  'PATCH /api/comments/:commentId': { another: 'nobody at all', own: 'commenter' },
  'DELETE /api/comments/:commentId': { another: 'owner', own: 'commenter' },
  'POST /api/comments/:commentId/replies': 'commenter',
  'POST /api/comments/:commentId/resolve': { another: 'editor', own: 'commenter' },
  'POST /api/comments/:commentId/reopen': { another: 'editor', own: 'commenter' },

  // For participants: all callers are, of the one that is asked for. test/features/conversations says who may do what there.
  // Each finds what they may read: test/features/search.
  'GET /api/search': 'account',
  'GET /api/conversations': 'login',
  'POST /api/conversations': 'login',
  'GET /api/conversations/:conversationId': 'login',
  'PUT /api/conversations/:conversationId/read': 'login',
  'GET /api/conversations/:conversationId/messages': 'login',
  'POST /api/conversations/:conversationId/messages': 'login',
  'GET /api/messages/:messageId': 'login',
  'PATCH /api/messages/:messageId': 'login',
  'DELETE /api/messages/:messageId': 'login',
}

/** What changes no row of which another connection should know, and makes no event. */
const silent: Record<string, string> = {
  'POST /api/auth/register': 'there is no room before it',
  'POST /api/auth/login': 'a session begins, which no page shows live',
  'POST /api/auth/refresh': 'a session goes on',
  'POST /api/auth/forgot': 'a link is made, which no page shows',
  'POST /api/me/tokens': 'a session begins, which no page shows live',
  'POST /api/shared/:token/open': 'it changes no row',
  'POST /api/webhooks/:webhookId/test': 'something is sent, which only its deliveries show',
  'POST /api/webhooks/:webhookId/replay': 'something is sent, which only its deliveries show',
}

/** Uploads in parts (tus), which are no endpoints: test/features/files/resumable.test.ts says who may do what with them. */
const uploads = ['POST /api/uploads', 'PATCH /api/uploads/:uploadId', 'DELETE /api/uploads/:uploadId']

/** What answers outside `/api`, without a login. */
const operations = ['/healthz', '/readyz', '/metrics', '/openapi.json', '/asyncapi.json', '/docs', '/docs/json', '/docs/yaml']

const members = ['viewer', 'commenter', 'editor', 'owner'] as const
/** API tokens of an owner, by the role that they have through one; one that does not reach the project, and one that was ended. */
const bots = ['bot viewer', 'bot commenter', 'bot editor', 'bot owner', 'bot elsewhere', 'bot ended'] as const
const allCallers = ['nobody', 'stranger', ...members, 'removed', 'expired', 'revoked', ...bots] as const
const isBot = (who: Who) => bots.some((bot) => bot === who)
type Who = (typeof allCallers)[number]
const refused: Partial<Record<Who, string>> = {
  nobody: '401 token-missing',
  expired: '401 token-expired',
  revoked: '401 session-revoked',
  'bot ended': '401 session-revoked',
}

/** The cell of the table, as an answer. */
function expected(who: Who, least: Exclude<Least, object> | 'nobody at all', success: string): string {
  if (least === 'anybody') return success
  if (isBot(who) && (least === 'person' || least === 'login')) return '403 forbidden'
  if (least === 'person') return success
  const closed = refused[who]
  if (closed !== undefined) return closed
  if (least === 'account' || least === 'login') return success
  if (least === 'to create a project') return isBot(who) && who !== 'bot owner' ? '403 forbidden' : success
  if (who === 'stranger' || who === 'removed' || who === 'bot elsewhere') return '404 not-found'
  if (least === 'nobody at all') return '403 forbidden'
  return members.indexOf(who.replace('bot ', '') as Role) >= members.indexOf(least) ? success : '403 forbidden'
}

/** A valid request about something made for it alone. */
interface Fresh {
  params?: Record<string, string>
  query?: string
  body?: unknown
  /** In place of a body. */
  form?: FormData
  headers?: Record<string, string>
  /** Another session of the same caller, where the request ends it. */
  token?: string | undefined
  /** Puts the world back as it was. */
  after?: () => Promise<void>
}

describe('the access table', () => {
  const app = useApp({ env: { EXTENSIONS_DIR: BELL } })
  let project: Project
  /** An owner who never calls: makes the things that the callers ask for. */
  let keeper: Person
  /** An owner who calls by API tokens only. */
  let holder: Person
  /** The person whom owners add, promote and remove. */
  let guest: Person
  let callers: Record<Who, { id: string; email: string; token: string | undefined }>
  /** A group of all callers, who share a project of its own. */
  let group: Conversation

  beforeAll(async () => {
    // What retention and other jobs remove now and then is no change by a request.
    await until('the jobs to be planned', async () => {
      const { rows } = await app().db.query<{ consumer: string }>(
        `UPDATE "Due" SET at = now() + interval '1 day' WHERE key = '' RETURNING consumer`,
      )
      return rows.some(({ consumer }) => consumer === 'retention')
    })
    keeper = await register(app(), 'Kay Keeper')
    guest = await register(app(), 'Gus Guest')
    project = await createProject(keeper)
    const join = async (name: string, role: Role) => {
      const person = await register(app(), name)
      await addMember(keeper, project.id, person, role)
      return person
    }
    const [viewer, commenter, editor, owner] = await Promise.all(members.map((role) => join(`Mo ${role}`, role)))
    const stranger = await register(app(), 'Sam Stranger')
    // They have a project of their own: what they may do there must not matter here.
    await createProject(stranger, 'Elsewhere')
    const removed = await join('Rae Removed', 'owner')
    await keeper.must('DELETE', `/api/projects/${project.id}/members/${removed.id}`)
    if (!viewer || !commenter || !editor || !owner) throw new Error('a caller is missing')
    const revoked = await login(app(), owner)
    await revoked.must('POST', '/api/auth/logout')
    const expired = { ...owner, token: tokenOf(app(), owner.token, -5) }
    const nobody = { ...owner, token: undefined }
    holder = await join('Hal Holder', 'owner')
    const elsewhere = await createProject(holder, 'Elsewhere')
    const bot = async (name: (typeof bots)[number], role: Role, projectIds: string[] | null = null) => {
      const made = await holder.must<{ id: string; token: string }>('POST', '/api/me/tokens', { name, role, projectIds })
      if (name === 'bot ended') await holder.must('DELETE', `/api/me/tokens/${made.id}`)
      return { ...holder, token: made.token }
    }
    const people = { nobody, stranger, viewer, commenter, editor, owner, removed, expired, revoked }
    const meeting = await createProject(keeper, 'Meeting')
    const met = [stranger, viewer, commenter, editor, owner, removed, holder]
    for (const person of met) await addMember(keeper, meeting.id, person, 'commenter')
    group = await converse(keeper, met)
    callers = {
      ...people,
      'bot viewer': await bot('bot viewer', 'viewer'),
      'bot commenter': await bot('bot commenter', 'commenter', [elsewhere.id, project.id]),
      'bot editor': await bot('bot editor', 'editor'),
      'bot owner': await bot('bot owner', 'owner'),
      'bot elsewhere': await bot('bot elsewhere', 'owner', [elsewhere.id]),
      'bot ended': await bot('bot ended', 'owner'),
    }
  })

  const ifMatch = (thing: { version: number }) => ({ 'if-match': `"${thing.version}"` })
  const task = () => keeper.must<{ id: string; version: number }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
  const vibe = () => keeper.must<{ id: string; version: number }>('POST', `/api/projects/${project.id}/vibes`, { name: 'Verse' })
  const cut = async () => {
    const made = await createCut(keeper, project.id)
    return { vibe: made.vibe, cut: { ...made.cut, version: 1 } }
  }
  /** Straight into the table, so that a viewer and a removed person have written something, too. */
  const comment = async (authorId: string, resolved = false) => {
    const { rows } = await app().db.query<{ id: string }>(
      `INSERT INTO "Comment" (id, "projectId", "taskId", "authorId", body, "resolvedAt", "resolvedById")
       VALUES (gen_random_uuid(), $1, $2, $3, 'louder', CASE WHEN $4 THEN now() END, CASE WHEN $4 THEN $5::uuid END) RETURNING id`,
      [project.id, (await task()).id, authorId, resolved, keeper.id],
    )
    return { id: rows[0]?.id ?? '', version: 1 }
  }
  const withGuest = async () => {
    const { rowCount } = await app().db.query('SELECT 1 FROM "Member" WHERE "projectId" = $1 AND "userId" = $2', [
      project.id,
      guest.id,
    ])
    if (rowCount === 0) await addMember(keeper, project.id, guest, 'viewer')
  }
  const withoutGuest = () => keeper.call('DELETE', `/api/projects/${project.id}/members/${guest.id}`)

  const unsubscribe = (): Fresh => {
    const { of } = unsubscribeTokens(app().config.jwtSecret)
    return { params: { mailToken: of({ userId: keeper.id, kind: 'digest', projectId: project.id }) } }
  }

  const inProject = async (rest: Omit<Fresh, 'params'> = {}): Promise<Fresh> => ({ params: { projectId: project.id }, ...rest })
  const onTask = (body?: unknown) => async (): Promise<Fresh> => {
    const made = await task()
    return { params: { taskId: made.id }, body, headers: ifMatch(made) }
  }
  const onVibe = (body?: unknown) => async (): Promise<Fresh> => {
    const made = await vibe()
    return { params: { vibeId: made.id }, body, headers: ifMatch(made) }
  }
  const onCut = (body?: unknown) => async (): Promise<Fresh> => {
    const made = await cut()
    return { params: { cutId: made.cut.id }, body, headers: ifMatch(made.cut) }
  }
  const onComment =
    (body?: unknown, resolved = false) =>
    async (who: Who, own: boolean): Promise<Fresh> => {
      const made = await comment(own ? callers[who].id : keeper.id, resolved)
      return { params: { commentId: made.id }, body, headers: ifMatch(made) }
    }
  /** A real file, which is given to another author and has whatever can be read of one. */
  const onFile =
    (body?: unknown) =>
    async (who: Who, own: boolean): Promise<Fresh> => {
      const file = await completeFile(app(), keeper, (await cut()).cut.id)
      await app().db.query('UPDATE "File" SET "authorId" = $2 WHERE id = $1', [file.id, own ? callers[who].id : keeper.id])
      return { params: { fileId: file.id }, body, headers: ifMatch(file) }
    }
  /** Two takes of a cut, and a comment on the older one. */
  const onTakes = async (): Promise<Fresh> => {
    const { id } = (await cut()).cut
    const [older, newer] = [await completeTake(app(), keeper, id, 1), await completeTake(app(), keeper, id, 2)]
    await keeper.must('POST', `/api/cuts/${id}/comments`, { body: 'warmer', atMs: 1000, fileId: older.id })
    return { params: { fileId: newer.id }, body: { from: older.id } }
  }
  /** Their tag is of their own, not of the row. */
  const onBytes = async (who: Who, own: boolean): Promise<Fresh> => {
    const { params } = await onFile()(who, own)
    return { ...(params && { params }) }
  }
  const onInvitation = async (): Promise<Fresh> => {
    const { id: invitationId, version } = await invite(keeper, project.id)
    return { params: { invitationId }, headers: ifMatch({ version }) }
  }
  /** To another project: who accepts is a member from then on. */
  const invited = async (): Promise<Fresh> => {
    const another = await createProject(keeper, 'By invitation')
    return { params: { token: (await invite(keeper, another.id)).token } }
  }
  const onShare = async (): Promise<Fresh> => {
    const made = await share(keeper, { cutId: (await cut()).cut.id })
    return { params: { shareId: made.id }, headers: ifMatch(made) }
  }
  const onWebhook =
    (body?: unknown, isChanged = true) =>
    async (): Promise<Fresh> => {
      // As many as there may be are soon there.
      await app().db.query('DELETE FROM "Webhook" WHERE "projectId" = $1', [project.id])
      const made = await addWebhook(keeper, project.id, 'https://hooks.example.com/')
      return { params: { webhookId: made.id }, body, ...(isChanged && { headers: ifMatch(made) }) }
    }
  /** A link to a file that has whatever can be read of one. */
  const onLink = (body?: unknown) => async (): Promise<Fresh> => {
    const { id: fileId } = await completeFile(app(), keeper, (await cut()).cut.id)
    return { params: { token: (await share(keeper, { fileId }, { allows: 'download' })).token }, body }
  }
  /** An event in a project of the caller, who has dismissed it. */
  const ownEvent = async (who: Who, dismissed: boolean) => {
    const { id: projectId } = await createProject(keeper, 'Of the caller')
    await addMember(keeper, projectId, { ...keeper, ...callers[who], token: '' }, 'viewer')
    const { rows } = await app().db.query<{ id: string; seq: number }>(
      `WITH e AS (SELECT id, seq::int AS seq FROM "Event" WHERE room = 'project:' || $1::uuid AND name = 'member:joined'),
         d AS (INSERT INTO "ActivityDismissal" ("userId", "projectId", seq) SELECT $2, $1, seq FROM e WHERE $3)
       SELECT * FROM e`,
      [projectId, callers[who].id, dismissed],
    )
    const { id: eventId = '', seq = 0 } = rows[0] ?? {}
    return { projectId, eventId, seq }
  }
  const inGroup = (body?: unknown): Fresh => ({ params: { conversationId: group.id }, body })
  /** A message of the caller. */
  const onMessage = (body?: unknown) => async (who: Who) => {
    const made = await say(keeper, group.id, 'Hello')
    await app().db.query('UPDATE "Message" SET "authorId" = $2 WHERE id = $1', [made.id, callers[who].id])
    return { params: { messageId: made.id }, body, headers: ifMatch(made) }
  }
  /** A further session of the caller, for requests that end sessions; no session for those who have none. */
  const session = async (who: Who) => (refused[who] === undefined && !isBot(who) ? await login(app(), callers[who]) : null)

  const fresh: Record<string, (who: Who, own: boolean) => Promise<Fresh>> = {
    'POST /api/auth/register': async (who) => ({
      body: { email: `${who}-${Math.random()}@example.com`, password: PASSWORD, name: 'New', delivery: 'body' },
    }),
    'POST /api/auth/login': async () => ({ body: { email: guest.email, password: PASSWORD, delivery: 'body' } }),
    'POST /api/auth/refresh': async () => ({ body: { refreshToken: (await login(app(), guest)).refreshToken } }),
    'POST /api/auth/forgot': async () => ({ body: { email: guest.email } }),
    'POST /api/auth/reset': async () => {
      const links = resetLinks(app().config)
      const id = await app().app.rooms.commit(null, async (write) => createReset(write, links, guest.email))
      return { body: { token: links.tokenOf(id), password: PASSWORD } }
    },
    'POST /api/auth/logout': async (who) => ({ token: (await session(who))?.token }),
    'POST /api/auth/logout-all': async (who) => ({
      after: async () => {
        if (refused[who] === undefined && !isBot(who)) callers[who] = await login(app(), callers[who])
      },
    }),
    'GET /api/session': async () => ({}),
    'GET /api/me': async () => ({}),
    'PATCH /api/me': async (who) => {
      const { rows } = await app().db.query<{ version: number }>('SELECT version FROM "User" WHERE id = $1', [callers[who].id])
      return { body: { name: 'Renamed' }, headers: ifMatch({ version: rows[0]?.version ?? 0 }) }
    },
    'PUT /api/me/password': async (who) => {
      await session(who)
      return { body: { current: PASSWORD, next: PASSWORD } }
    },
    'GET /api/me/overview': async () => ({}),
    'GET /api/me/online': async () => ({}),
    'GET /api/me/sessions': async () => ({}),
    'DELETE /api/me/sessions/:sessionId': async (who) => {
      await session(who)
      const { rows } = await app().db.query<{ id: string }>(
        'SELECT id FROM "Session" WHERE "userId" = $1 AND "revokedAt" IS NULL ORDER BY id DESC LIMIT 1',
        [callers[who].id],
      )
      return { params: { sessionId: rows[0]?.id ?? '' } }
    },

    'GET /api/projects/:projectId/activity': () => inProject({ query: '?limit=1' }),
    'GET /api/me/activity': async () => ({ query: '?limit=1' }),
    'PUT /api/me/activity/read': async (who) => {
      const { projectId, seq } = await ownEvent(who, false)
      return { body: { projectId, seq } }
    },
    'PUT /api/me/activity/:eventId/dismissed': async (who) => ({ params: { eventId: (await ownEvent(who, false)).eventId } }),
    'DELETE /api/me/activity/:eventId/dismissed': async (who) => ({ params: { eventId: (await ownEvent(who, true)).eventId } }),

    'GET /api/me/tokens': async () => ({}),
    'POST /api/me/tokens': async () => ({ body: { name: 'Bot' } }),
    'DELETE /api/me/tokens/:tokenId': async (who) => {
      if (refused[who] !== undefined) return { params: { tokenId: keeper.id } }
      const token = isBot(who) ? holder.token : callers[who].token
      const made = await request<{ id: string }>(app().url, 'POST', '/api/me/tokens', { token, body: { name: 'Bot' } })
      return { params: { tokenId: made.body.id } }
    },

    'GET /api/me/notifications': async () => ({}),
    'PATCH /api/me/notifications/:notificationId': async (who) => ({
      params: { notificationId: await notificationFor(app().db, callers[who].id, project.id) },
      body: { seen: true },
    }),
    'POST /api/me/notifications/seen-all': async () => ({ body: {} }),
    'DELETE /api/me/notifications/:notificationId': async (who) => ({
      params: { notificationId: await notificationFor(app().db, callers[who].id, project.id) },
    }),
    'GET /api/me/notification-preferences': async () => ({}),
    'PUT /api/me/notification-preferences': async () => ({ body: { projects: [{ projectId: project.id, muted: true }] } }),

    'GET /api/me/mail': async () => ({}),
    'PUT /api/me/mail': async () => ({ body: { missed: true, digest: 'daily', projects: [] } }),
    'GET /api/unsubscribe/:mailToken': async () => unsubscribe(),
    'POST /api/unsubscribe/:mailToken': async () => unsubscribe(),

    'GET /api/projects': async () => ({}),
    'POST /api/projects': async () => ({ body: { name: 'Single' } }),
    'GET /api/projects/:projectId': () => inProject(),
    'PATCH /api/projects/:projectId': async () => {
      const { version } = await keeper.must<Project>('GET', `/api/projects/${project.id}`)
      return inProject({ body: { name: 'EP' }, headers: ifMatch({ version }) })
    },
    'DELETE /api/projects/:projectId': async (who) => {
      const another = await createProject(keeper, 'Short-lived')
      if (who === 'nobody' || who === 'stranger' || who === 'removed') return { params: { projectId: another.id } }
      const role = who === 'expired' || who === 'revoked' || isBot(who) ? 'owner' : who
      await keeper.must('POST', `/api/projects/${another.id}/members`, { userId: callers[who].id, role })
      return { params: { projectId: another.id }, headers: ifMatch(another) }
    },
    'GET /api/projects/:projectId/snapshot': () => inProject(),
    'GET /api/projects/:projectId/events': () => inProject({ query: '?after=0&limit=1' }),

    'GET /api/projects/:projectId/members': () => inProject(),
    'POST /api/projects/:projectId/members': async () => {
      await withoutGuest()
      return inProject({ body: { userId: guest.id, role: 'viewer' } })
    },
    'GET /api/projects/:projectId/members/:userId': async () => ({ params: { projectId: project.id, userId: keeper.id } }),
    'PATCH /api/projects/:projectId/members/:userId': async () => {
      await withoutGuest()
      await withGuest()
      return { params: { projectId: project.id, userId: guest.id }, body: { role: 'owner' }, headers: ifMatch({ version: 1 }) }
    },
    'DELETE /api/projects/:projectId/members/:userId': async (who, own) => {
      await withGuest()
      return {
        params: { projectId: project.id, userId: own ? callers[who].id : guest.id },
        async after() {
          const role = isBot(who) ? 'owner' : who
          if (own && members.some((each) => each === role))
            await keeper.call('POST', `/api/projects/${project.id}/members`, { userId: callers[who].id, role })
        },
      }
    },

    'GET /api/projects/:projectId/invitations': () => inProject(),
    'POST /api/projects/:projectId/invitations': () => inProject({ body: { role: 'viewer' } }),
    'GET /api/invitations/:invitationId': onInvitation,
    'POST /api/invitations/:invitationId/resend': onInvitation,
    'DELETE /api/invitations/:invitationId': onInvitation,
    'GET /api/invitations/by-token/:token': invited,
    'POST /api/invitations/by-token/:token/accept': invited,

    'GET /api/projects/:projectId/tasks': () => inProject({ query: '?status=todo' }),
    'POST /api/projects/:projectId/tasks': () => inProject({ body: { title: 'Master' } }),
    'GET /api/tasks/:taskId': onTask(),
    'PATCH /api/tasks/:taskId': onTask({ title: 'Mixdown' }),
    'DELETE /api/tasks/:taskId': onTask(),
    'POST /api/tasks/:taskId/move': onTask({ status: 'done', after: null }),

    'GET /api/projects/:projectId/vibes': () => inProject(),
    'POST /api/projects/:projectId/vibes': () => inProject({ body: { name: 'Chorus' } }),
    'GET /api/vibes/:vibeId': onVibe(),
    'PATCH /api/vibes/:vibeId': onVibe({ theme: 'dusk' }),
    'DELETE /api/vibes/:vibeId': onVibe(),
    'POST /api/vibes/:vibeId/move': onVibe({ after: null }),

    'GET /api/vibes/:vibeId/cuts': onVibe(),
    'POST /api/vibes/:vibeId/cuts': onVibe({ name: 'Take 2' }),
    'GET /api/cuts/:cutId': onCut(),
    'PATCH /api/cuts/:cutId': onCut({ bpm: 96 }),
    'DELETE /api/cuts/:cutId': onCut(),
    'POST /api/cuts/:cutId/move': async () => {
      const made = await cut()
      const to = await vibe()
      return { params: { cutId: made.cut.id }, body: { vibeId: to.id, after: null }, headers: ifMatch(made.cut) }
    },
    'GET /api/cuts/:cutId/lyrics': onCut(),
    'PUT /api/cuts/:cutId/lyrics': async () => {
      const made = await cut()
      return { params: { cutId: made.cut.id }, body: { lyrics: [{ text: 'la' }] }, headers: { 'if-match': '"0"' } }
    },

    'GET /api/projects/:projectId/files': () => inProject(),
    'POST /api/cuts/:cutId/files': async () => {
      const made = await cut()
      const form = new FormData()
      form.set('file', new Blob(['a text']), 'a.txt')
      return { params: { cutId: made.cut.id }, form }
    },
    'PUT /api/cuts/:cutId/state': onCut({ state: 'review' }),
    'GET /api/files/:fileId': onFile(),
    'PATCH /api/files/:fileId': onFile({ name: 'Renamed' }),
    'DELETE /api/files/:fileId': onFile(),
    'GET /api/files/:fileId/content': onBytes,
    'GET /api/files/:fileId/peaks': onFile(),
    'GET /api/files/:fileId/waveform.svg': onBytes,
    'GET /api/files/:fileId/thumbnail': onBytes,
    'GET /api/files/:fileId/markers': onBytes,
    'POST /api/files/:fileId/markers': async () => ({ ...(await onTakes()), body: { csv: 'atMs,endMs,body\n1,,warmer' } }),
    'POST /api/files/:fileId/comments/carry': onTakes,
    'GET /api/projects/:projectId/usage': () => inProject(),
    'GET /api/me/usage': async () => ({}),

    'GET /api/projects/:projectId/shares': () => inProject(),
    'POST /api/files/:fileId/shares': async (who, own) => ({ ...(await onBytes(who, own)), body: { allows: 'download' } }),
    'POST /api/cuts/:cutId/shares': onCut({}),
    'GET /api/shares/:shareId': onShare,
    'DELETE /api/shares/:shareId': onShare,
    'GET /api/projects/:projectId/webhooks': () => inProject(),
    'POST /api/projects/:projectId/webhooks': async () => {
      await onWebhook()()
      return inProject({ body: { url: 'https://hooks.example.com/more' } })
    },
    'GET /api/webhooks/:webhookId': onWebhook(),
    'PATCH /api/webhooks/:webhookId': onWebhook({ events: ['task.created'] }),
    'DELETE /api/webhooks/:webhookId': onWebhook(),
    'GET /api/webhooks/:webhookId/deliveries': onWebhook(undefined, false),
    'POST /api/webhooks/:webhookId/test': onWebhook(undefined, false),
    'POST /api/webhooks/:webhookId/replay': onWebhook({ after: 0 }, false),
    'POST /api/webhooks/:webhookId/rotate': onWebhook(),
    'GET /api/shared/:token': onLink(),
    'POST /api/shared/:token/open': onLink({ password: '' }),
    'GET /api/shared/:token/content': onLink(),
    'GET /api/shared/:token/peaks': onLink(),
    'GET /api/shared/:token/waveform.svg': onLink(),

    'GET /api/cuts/:cutId/comments': onCut(),
    'POST /api/cuts/:cutId/comments': onCut({ body: 'warmer', atMs: 1000 }),
    'GET /api/tasks/:taskId/comments': onTask(),
    'POST /api/tasks/:taskId/comments': onTask({ body: 'by Friday' }),
    'GET /api/comments/:commentId': onComment(),
    'PATCH /api/comments/:commentId': onComment({ body: 'softer' }),
    'DELETE /api/comments/:commentId': onComment(),
    'POST /api/comments/:commentId/replies': onComment({ body: 'yes' }),
    'POST /api/comments/:commentId/resolve': onComment(),
    'POST /api/comments/:commentId/reopen': onComment(undefined, true),

    'GET /api/search': async () => ({}),
    'GET /api/conversations': async () => ({}),
    'POST /api/conversations': async () => ({ body: { memberIds: [keeper.id] } }),
    'GET /api/conversations/:conversationId': async () => inGroup(),
    'PUT /api/conversations/:conversationId/read': async () => inGroup({ messageId: (await say(keeper, group.id, 'Hello')).id }),
    'GET /api/conversations/:conversationId/messages': async () => inGroup(),
    'POST /api/conversations/:conversationId/messages': async () => inGroup({ body: 'Hello' }),
    'GET /api/messages/:messageId': onMessage(),
    'PATCH /api/messages/:messageId': onMessage({ body: 'Hello again' }),
    'DELETE /api/messages/:messageId': onMessage(),
  }

  /** What has happened so far, in all rooms and tables that a refused request could have touched. */
  async function history() {
    // What a consumer says afterwards may come at any time.
    const { rows } = await app().db.query<{ events: string }>(
      `SELECT (SELECT count(*) FROM "Event" WHERE "actorId" IS NOT NULL OR name !~ $1) AS events, (SELECT count(*) FROM "Session" WHERE "revokedAt" IS NULL) AS sessions,
        (SELECT count(*) FROM "User") AS users, (SELECT count(*) FROM "Comment") AS comments`,
      ['^(notification|extension):|^file:(processed|failed)$'],
    )
    return rows[0]
  }

  it('A3 has a row for every endpoint of the contract, and no other', () => {
    expect(Object.keys(table).toSorted()).toEqual(listed.map(keyOf).toSorted())
    expect(Object.keys(fresh).toSorted()).toEqual(Object.keys(table).toSorted())
  })

  it('A3 has a row for every route of the running server', async () => {
    const routes = routesOf(app().app)
    const pages = [...operations, ...CONSOLE_ADDRESSES]
    const known = new Set([...Object.keys(table), ...uploads, ...pages.map((url) => `GET ${url}`), 'OPTIONS *'])
    expect(routes.filter((route) => !known.has(route) && !route.startsWith('GET /docs/'))).toEqual([])
    expect([...known].filter((route) => !routes.includes(route))).toEqual([])
  })

  for (const endpoint of listed) {
    const key = keyOf(endpoint)
    const least = table[key]
    const rows: [string, Exclude<Least, object> | 'nobody at all', boolean][] =
      typeof least !== 'object'
        ? [['', least ?? 'nobody at all', false]]
        : [
            [' on another’s', least.another, false],
            [' on one’s own', least.own, true],
          ]
    for (const [title, right, own] of rows)
      it(`A3 ${key}${title}`, async () => {
        const answers: Partial<Record<Who, string>> = {}
        let hasEvents = false
        const sharable = !own && !/\/(auth|me|messages)\b/.test(key) && key !== 'DELETE /api/projects/:projectId'
        let asking: Fresh | undefined
        for (const who of allCallers) {
          if (!sharable || asking === undefined) asking = (await fresh[key]?.(who, own)) ?? {}
          const { params, query = '', body, form, headers, token, after } = asking
          const before = await history()
          const answer = await request<Problem | undefined>(app().url, endpoint.method, pathOf(endpoint.url, params) + query, {
            body,
            ...(form && { form }),
            token: token ?? callers[who].token,
            ...(headers && { headers }),
          })
          if (answer.status < 400) {
            answers[who] = `${answer.status}`
            hasEvents ||= (await history())?.events !== before?.events
          } else {
            answers[who] = `${answer.status} ${answer.body?.code}`
            expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
            expect(await history(), `${who} changed something`).toEqual(before)
          }
          await after?.()
          // A refused request changed nothing: the next caller may ask for the same.
          if (answer.status < 400 && endpoint.method !== 'GET') asking = undefined
        }
        const success = `${statusOf(endpoint)}`
        const cells = Object.fromEntries(allCallers.map((who) => [who, expected(who, right, success)]))
        // Made after the token, whose scope is a list.
        if (key === 'DELETE /api/projects/:projectId') cells['bot commenter'] = '404 not-found'
        // No bot leaves a project for its person.
        if (key === 'DELETE /api/projects/:projectId/members/:userId' && own)
          for (const bot of ['bot viewer', 'bot commenter', 'bot editor']) cells[bot] = '403 forbidden'
        expect(answers).toEqual(cells)
        // A route that changes rows and makes no event leaves other screens as they were.
        if (endpoint.method !== 'GET' && right !== 'nobody at all') expect(hasEvents, 'an event').toBe(silent[key] === undefined)
      })
  }

  it('A3 HEAD needs the same right as GET', async () => {
    for (const endpoint of listed.filter((each) => each.method === 'GET')) {
      const key = keyOf(endpoint)
      const answers: Partial<Record<Who, string>> = {}
      const wanted: Partial<Record<Who, string>> = {}
      const { params } = (await fresh[key]?.('viewer', false)) ?? {}
      for (const who of ['nobody', 'stranger', 'removed', 'expired', 'revoked', 'viewer'] as const) {
        const { status } = await request(app().url, 'HEAD', pathOf(endpoint.url, params), { token: callers[who].token })
        answers[who] = `${status}`
        wanted[who] = expected(who, table[key] as Role, '200').slice(0, 3)
      }
      expect(answers, key).toEqual(wanted)
    }
  })

  it('A3 routes outside /api answer without a login, and contain no personal data', async () => {
    for (const path of [...operations, ...CONSOLE_ADDRESSES]) {
      const response = await fetch(app().url + path)
      expect(response.status, path).toBe(200)
      expect(await response.text()).not.toContain(keeper.email)
    }
  })

  /** Requests over the socket, with the same roles. Who may not even join has no standing to speak of. */
  const asked: Record<keyof typeof requests, 'account' | 'login' | Role> = {
    'join:project': 'viewer',
    'leave:project': 'account',
    'join:user': 'account',
    'session:refresh': 'login',
    // Of people: a bot is not present.
    'presence:set': 'viewer',
    typing: 'commenter',
    'chat:typing': 'login',
    // Of an extension, which lets all people in.
    join: 'login',
    leave: 'account',
  }

  it('A3 the socket’s requests answer by the same roles', async () => {
    expect(Object.keys(asked).toSorted()).toEqual(Object.keys(requests).toSorted())
    for (const who of allCallers) {
      const { token } = callers[who]
      const closed = refused[who]
      if (closed !== undefined) {
        const { socket } = open(app(), token === undefined ? {} : { auth: { token } })
        const error = await new Promise<Error & { data?: Problem }>((resolve) => socket.once('connect_error', resolve))
        expect(`${error.data?.status} ${error.data?.code}`, who).toBe(closed)
        continue
      }
      const listener = await connect(app(), { token: token ?? '' })
      const answers: Record<string, string> = {}
      const ask = async (name: keyof typeof requests, payload: unknown) => {
        const { ok, error } = await listener.ask(name, payload)
        answers[name] = ok ? 'ok' : `${error?.status} ${error?.code}`
      }
      await ask('join:project', { projectId: project.id })
      await ask('presence:set', { projectId: project.id, state: { at: 3 } })
      await ask('typing', { projectId: project.id, targetId: project.id, isTyping: true })
      await ask('chat:typing', { conversationId: group.id, isTyping: true })
      await ask('session:refresh', { token })
      await ask('join:user', { after: 0 })
      await ask('join', { room: 'bell:all' })
      await ask('leave', { room: 'bell:all' })
      await ask('leave:project', { projectId: project.id })
      const cell = (name: keyof typeof requests) => {
        if (name === 'presence:set' && isBot(who)) return '403 forbidden'
        const answer = expected(who, asked[name], 'ok')
        return name === 'join:project' || answer !== '404 not-found' ? answer : '403 forbidden'
      }
      expect({ who, ...answers }).toEqual({
        who,
        ...Object.fromEntries((Object.keys(asked) as (keyof typeof requests)[]).map((name) => [name, cell(name)])),
      })
      listener.socket.close()
    }
  })
})
