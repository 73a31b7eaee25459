import type { Problem } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { unsubscribeTokens } from '../../src/features/mail/unsubscribe-tokens.ts'
import { startApp, useApp } from '../support/app.ts'
import { keyOf, listed, pathOf } from '../support/calls.ts'
import { converse, say } from '../support/conversations.ts'
import { completeTake } from '../support/files.ts'
import { invite } from '../support/invitations.ts'
import { createCut, createTeam, request } from '../support/people.ts'
import { share } from '../support/shares.ts'
import { connect, open } from '../support/sockets.ts'
import { addWebhook } from '../support/webhooks.ts'

/** What depends on more than who asks, or is for all who have a link. */
const noStore = new Set(['/api/session', '/api/shared/:token', '/api/invitations/by-token/:token', '/api/unsubscribe/:mailToken'])
const XSS = `"><script>alert(1)</script><svg onload=alert(1)>`

describe('answers', () => {
  const app = useApp()

  it('S19 text that people wrote is served as data that no browser runs, by every read', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { vibe, cut } = await createCut(owner, project.id)
    await owner.must('PATCH', `/api/projects/${project.id}`, { name: XSS, description: XSS })
    await owner.must('PATCH', `/api/vibes/${vibe.id}`, { name: XSS, notes: XSS })
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: XSS, labels: ['<b>'] })
    const comment = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: XSS })
    const file = await completeTake(app(), owner, cut.id, 1)
    const link = await share(owner, { fileId: file.id }, { allows: 'download' })
    const invitation = await invite(owner, project.id)
    const conversation = await converse(owner, [editor])
    const message = await say(owner, conversation.id, XSS)
    const webhook = await addWebhook(owner, project.id, `https://hooks.example.com/?${encodeURIComponent(XSS)}`)
    const ids = {
      webhookId: webhook.id,
      invitationId: invitation.id,
      fileId: file.id,
      shareId: link.id,
      projectId: project.id,
      vibeId: vibe.id,
      cutId: cut.id,
      taskId: task.id,
      commentId: comment.id,
      userId: owner.id,
      conversationId: conversation.id,
      messageId: message.id,
      mailToken: unsubscribeTokens(app().config.jwtSecret).of({ userId: owner.id, kind: 'digest', projectId: project.id }),
    }
    for (const endpoint of listed.filter(({ method }) => method === 'GET')) {
      const token = endpoint.url.includes('/invitations/') ? invitation.token : link.token
      const response = await fetch(app().url + pathOf(endpoint.url, { ...ids, token }), {
        headers: { authorization: `Bearer ${owner.token}`, accept: 'text/html' },
      })
      const headers = Object.fromEntries(response.headers)
      if (endpoint.media) {
        // Bytes of files, and what is made of them: not even a script of their own runs.
        expect({ key: keyOf(endpoint), status: response.status, ...headers }).toMatchObject({
          key: keyOf(endpoint),
          status: 200,
          'content-type': expect.not.stringContaining('html'),
          'x-content-type-options': 'nosniff',
          'content-security-policy': "sandbox; default-src 'none'",
        })
        continue
      }
      expect({ key: keyOf(endpoint), status: response.status, ...headers }).toMatchObject({
        key: keyOf(endpoint),
        status: 200,
        'content-type': expect.stringMatching(/^application\/json(; charset=utf-8)?$/),
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        // What a browser kept of it would tell the next person who was here.
        'cache-control': noStore.has(endpoint.url) ? 'no-store' : 'private, no-cache',
        'cross-origin-resource-policy': 'same-origin',
        'content-security-policy': expect.stringContaining("script-src 'self'"),
      })
      expect(headers).not.toHaveProperty('x-powered-by')
      expect(headers).not.toHaveProperty('server')
    }
    // Errors carry what the caller wrote, too.
    for (const path of [
      `/api/${XSS}`,
      `/api/projects?${encodeURIComponent(XSS)}=1`,
      `/api/projects/${encodeURIComponent(XSS)}`,
      `/%${XSS}`,
    ]) {
      const answer = await owner.call('GET', path.replaceAll(' ', '%20'))
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  it('S19 the pages of the docs run their own scripts only, and cannot be framed', async () => {
    const page = await fetch(`${app().url}/docs`)
    const csp = page.headers.get('content-security-policy') ?? ''
    const directives = Object.fromEntries(
      csp.split(';').map((part) => {
        const [name = '', ...values] = part.trim().split(/\s+/)
        return [name, values]
      }),
    )
    const html = await page.text()
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    expect(directives['default-src']).toEqual(["'self'"])
    expect(directives['object-src']).toEqual(["'none'"])
    expect(directives['frame-ancestors']).toEqual(["'self'"])
    expect(directives['base-uri']).toEqual(["'self'"])
    expect(directives['script-src']?.filter((value) => /unsafe|https?:|\*|data:/.test(value))).toEqual([])
    // The page obeys its own rule.
    expect(html.match(/<script(?![^>]*\bsrc=)[^>]*>[^<]/g)).toBeNull()
  })

  it('S19 the pages of the docs load over plain http under any name, and upgrade where PUBLIC_URL is https', async () => {
    const secure = await startApp({ env: { PUBLIC_URL: 'https://cutroom.example' } })
    onTestFinished(() => secure.close())
    for (const path of [
      '/docs',
      '/docs/',
      '/docs/static/index.html',
      '/docs/static/swagger-ui-bundle.js',
      '/docs/json',
      '/docs/events',
      '/openapi.json',
      '/asyncapi.json',
    ]) {
      const policy = async (url: string) => (await fetch(url + path)).headers.get('content-security-policy') ?? ''
      expect([path, await policy(app().url)]).toEqual([path, expect.not.stringContaining('upgrade-insecure-requests')])
      expect([path, await policy(secure.url)]).toEqual([path, expect.stringContaining('upgrade-insecure-requests')])
    }
  })

  it('S19 cookies and tokens stay out of caches', async () => {
    const { owner } = await createTeam(app())
    for (const body of [{ delivery: 'body' }, {}]) {
      const answer = await request(app().url, 'POST', '/api/auth/login', {
        body: { email: owner.email, password: 'correct horse battery', ...body },
      })
      expect(answer.status).toBe(200)
      expect(answer.headers.get('cache-control')).toBe('no-store')
    }
    const refreshed = await request(app().url, 'POST', '/api/auth/refresh', { body: { refreshToken: owner.refreshToken } })
    expect([refreshed.status, refreshed.headers.get('cache-control')]).toEqual([200, 'no-store'])
  })

  it('S20 an error of the database shows no SQL, no stack, no name of a table or a file', async () => {
    const { project, owner } = await createTeam(app())
    const { cut } = await createCut(owner, project.id)
    const listener = await connect(app(), owner)
    const hidden: [table: string, requests: [method: string, path: string, body?: unknown][]][] = [
      [
        'Task',
        [
          ['GET', `/api/projects/${project.id}/tasks`],
          ['POST', `/api/projects/${project.id}/tasks`, { title: 'A' }],
        ],
      ],
      [
        'Comment',
        [
          ['POST', `/api/cuts/${cut.id}/comments`, { body: 'A' }],
          ['GET', `/api/projects/${project.id}/snapshot`],
        ],
      ],
      [
        'Event',
        [
          ['GET', `/api/projects/${project.id}/events`],
          ['PATCH', `/api/projects/${project.id}`, { name: 'B' }],
        ],
      ],
      [
        'Member',
        [
          ['GET', '/api/projects'],
          ['GET', `/api/projects/${project.id}`],
        ],
      ],
      [
        'Session',
        [
          ['GET', '/api/me'],
          ['POST', '/api/auth/login', { email: owner.email, password: 'correct horse battery' }],
        ],
      ],
    ]
    const bare = (said: Partial<Problem> | undefined, where: string) => {
      const { requestId, ...rest } = said ?? {}
      expect({ where, ...rest }).toEqual({
        where,
        type: 'urn:cutroom:problem:internal',
        title: 'Something went wrong',
        status: 500,
        code: 'internal',
      })
      if (requestId !== undefined) expect(requestId).toMatch(/^[0-9a-f-]{36}$/)
    }
    for (const [table, requests] of hidden) {
      await app().db.query(`ALTER TABLE "${table}" RENAME TO "${table} away"`)
      try {
        for (const [method, path, body] of requests)
          bare((await owner.call<Problem>(method, path, body)).body, `${table}: ${method} ${path}`)
        if (table === 'Member' || table === 'Event') {
          const position = table === 'Event' ? { after: 0 } : {}
          bare((await listener.join(project.id, position)).error, `${table}: join:project`)
        }
        if (table === 'Session') {
          const { socket } = open(app(), { auth: { token: owner.token } })
          const error = await new Promise<Error & { data?: Problem }>((resolve) => socket.once('connect_error', resolve))
          bare(error.data, 'handshake')
          expect(error.message).toBe('Something went wrong')
        }
      } finally {
        await app().db.query(`ALTER TABLE "${table} away" RENAME TO "${table}"`)
      }
    }
    expect((await owner.call('GET', `/api/projects/${project.id}/snapshot`)).status).toBe(200)
  })

  it('S20 SQL in text is text', async () => {
    const { project, owner } = await createTeam(app())
    const people = async () => (await app().db.query('SELECT count(*)::int AS n FROM "User"')).rows
    const before = await people()
    const words = [`'; DROP TABLE "User"; --`, `\\'; SELECT pg_sleep(5); --`, '$1', `" OR ""="`, '%', '_', `E'\\x27'`]
    for (const word of words) {
      const started = performance.now()
      const task = await owner.must<{ id: string; title: string }>('POST', `/api/projects/${project.id}/tasks`, {
        title: word,
        labels: [word],
      })
      expect(task.title).toBe(word)
      for (const query of [
        `status=${encodeURIComponent(word)}`,
        `cursor=${encodeURIComponent(word)}`,
        `limit=${encodeURIComponent(word)}`,
      ])
        expect((await owner.call('GET', `/api/projects/${project.id}/tasks?${query}`)).status).toBe(422)
      expect((await owner.call('GET', `/api/tasks/${encodeURIComponent(word)}`)).status).toBe(404)
      const login = await request(app().url, 'POST', '/api/auth/login', {
        body: { email: `${word}@example.com`, password: word },
      })
      expect([401, 422]).toContain(login.status)
      expect(performance.now() - started).toBeLessThan(4_000)
    }
    expect(await people()).toEqual(before)
  })
})
