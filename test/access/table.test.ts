import { type Problem, type Project, type Role, requests, statusOf } from '@cutroom/contract'
import { beforeAll, describe, expect, it } from 'vitest'
import { CONSOLE_ADDRESSES } from '../../src/http/console.ts'
import { useApp } from '../support/app.ts'
import { keyOf, listed, pathOf, tokenOf } from '../support/calls.ts'
import { addMember, createCut, createProject, login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { routesOf } from '../support/routes.ts'
import { connect, open } from '../support/sockets.ts'

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
  'POST /api/auth/logout': 'login',
  'POST /api/auth/logout-all': 'login',
  'GET /api/session': 'anybody',
  'GET /api/me': 'account',
  'PATCH /api/me': 'login',
  'PUT /api/me/password': 'login',
  'GET /api/me/sessions': 'login',
  'DELETE /api/me/sessions/:sessionId': 'login',
  'GET /api/me/tokens': 'login',
  'POST /api/me/tokens': 'login',
  'DELETE /api/me/tokens/:tokenId': 'login',

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
}

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
  headers?: Record<string, string>
  /** Another session of the same caller, where the request ends it. */
  token?: string | undefined
  /** Puts the world back as it was. */
  after?: () => Promise<void>
}

describe('the access table', () => {
  const app = useApp()
  let project: Project
  /** An owner who never calls: makes the things that the callers ask for. */
  let keeper: Person
  /** An owner who calls by API tokens only. */
  let holder: Person
  /** The person whom owners add, promote and remove. */
  let guest: Person
  let callers: Record<Who, { id: string; email: string; token: string | undefined }>

  beforeAll(async () => {
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
  /** A further session of the caller, for requests that end sessions; no session for those who have none. */
  const session = async (who: Who) => (refused[who] === undefined && !isBot(who) ? await login(app(), callers[who]) : null)

  const fresh: Record<string, (who: Who, own: boolean) => Promise<Fresh>> = {
    'POST /api/auth/register': async (who) => ({
      body: { email: `${who}-${Math.random()}@example.com`, password: PASSWORD, name: 'New', delivery: 'body' },
    }),
    'POST /api/auth/login': async () => ({ body: { email: guest.email, password: PASSWORD, delivery: 'body' } }),
    'POST /api/auth/refresh': async () => ({ body: { refreshToken: (await login(app(), guest)).refreshToken } }),
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
    'PUT /api/me/password': async () => ({ body: { current: PASSWORD, next: PASSWORD } }),
    'GET /api/me/sessions': async () => ({}),
    'DELETE /api/me/sessions/:sessionId': async (who) => {
      await session(who)
      const { rows } = await app().db.query<{ id: string }>(
        'SELECT id FROM "Session" WHERE "userId" = $1 AND "revokedAt" IS NULL ORDER BY id DESC LIMIT 1',
        [callers[who].id],
      )
      return { params: { sessionId: rows[0]?.id ?? '' } }
    },

    'GET /api/me/tokens': async () => ({}),
    'POST /api/me/tokens': async () => ({ body: { name: 'Bot' } }),
    'DELETE /api/me/tokens/:tokenId': async (who) => {
      if (refused[who] !== undefined) return { params: { tokenId: keeper.id } }
      const token = isBot(who) ? holder.token : callers[who].token
      const made = await request<{ id: string }>(app().url, 'POST', '/api/me/tokens', { token, body: { name: 'Bot' } })
      return { params: { tokenId: made.body.id } }
    },

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
  }

  /** What has happened so far, in all rooms and tables that a refused request could have touched. */
  async function history(): Promise<unknown> {
    const { rows } = await app().db.query(
      `SELECT (SELECT sum(head) FROM "Room") AS heads, (SELECT count(*) FROM "Session" WHERE "revokedAt" IS NULL) AS sessions,
        (SELECT count(*) FROM "User") AS users, (SELECT count(*) FROM "Comment") AS comments`,
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
    const known = new Set([...Object.keys(table), ...pages.map((url) => `GET ${url}`), 'OPTIONS *'])
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
        const sharable = !own && !/\/(auth|me)\b/.test(key) && key !== 'DELETE /api/projects/:projectId'
        let asking: Fresh | undefined
        for (const who of allCallers) {
          if (!sharable || asking === undefined) asking = (await fresh[key]?.(who, own)) ?? {}
          const { params, query = '', body, headers, token, after } = asking
          const before = await history()
          const answer = await request<Problem | undefined>(app().url, endpoint.method, pathOf(endpoint.url, params) + query, {
            body,
            token: token ?? callers[who].token,
            ...(headers && { headers }),
          })
          if (answer.status < 400) answers[who] = `${answer.status}`
          else {
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
      await ask('session:refresh', { token })
      await ask('join:user', { after: 0 })
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
