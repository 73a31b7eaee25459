import { beforeAll, describe, expect, it } from 'vitest'
import { unsubscribeTokens } from '../../src/features/mail/unsubscribe-tokens.ts'
import { useApp } from '../support/app.ts'
import { keyOf, listed, pathOf } from '../support/calls.ts'
import { converse, say } from '../support/conversations.ts'
import { completeFile } from '../support/files.ts'
import { invite } from '../support/invitations.ts'
import { createCut, createTeam, login, PASSWORD, type Person, register, request } from '../support/people.ts'
import { share } from '../support/shares.ts'
import { addWebhook } from '../support/webhooks.ts'

const app = useApp({ env: { CORS_ORIGINS: 'https://app.example.com' } })

/** The cookies of a login, as a browser sends them. */
async function cookieOf(person: Person): Promise<string> {
  const answer = await request(app().url, 'POST', '/api/auth/login', { body: { email: person.email, password: PASSWORD } })
  return answer.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
}

const tagOf = async (person: Person, path: string) => (await person.call('GET', path)).headers.get('etag') ?? ''
const known = async (person: Person, path: string, tag: string, method = 'GET') =>
  (await person.call(method, path, undefined, { 'if-none-match': tag })).status

describe('entity tags', () => {
  it('U1 /me with the tag of another person answers the caller’s own account, by bearer and by cookie', async () => {
    const [ann, bob] = [await register(app(), 'Ann'), await register(app(), 'Bob')]
    const tag = await tagOf(ann, '/api/me')
    expect(await known(ann, '/api/me', tag)).toBe(304)
    expect(await known(ann, '/api/me', tag, 'HEAD')).toBe(304)
    expect(await bob.call('GET', '/api/me', undefined, { 'if-none-match': tag })).toMatchObject({
      status: 200,
      body: { id: bob.id, email: bob.email },
    })
    expect(await known(bob, '/api/me', tag, 'HEAD')).toBe(200)
    const headers = { cookie: await cookieOf(bob), 'if-none-match': tag }
    expect(await request(app().url, 'GET', '/api/me', { headers })).toMatchObject({ status: 200, body: { id: bob.id } })
    expect(await known(await login(app(), ann), '/api/me', tag), 'another session of Ann').toBe(304)
  })

  describe('after a change of a name', () => {
    let owner: Person
    let editor: Person
    let paths: Record<string, string>

    beforeAll(async () => {
      const team = await createTeam(app(), 'editor')
      ;({ owner, editor } = team)
      const project = `/api/projects/${team.project.id}`
      const { vibe, cut } = await createCut(owner, team.project.id)
      const make = async (path: string, body: object) => (await owner.must<{ id: string }>('POST', path, body)).id
      const onCut = await make(`/api/cuts/${cut.id}/comments`, { body: 'hm' })
      paths = {
        project,
        member: `${project}/members/${owner.id}`,
        vibe: `/api/vibes/${vibe.id}`,
        cut: `/api/cuts/${cut.id}`,
        task: `/api/tasks/${await make(`${project}/tasks`, { title: 'Mix', assigneeId: owner.id })}`,
        assigned: `/api/tasks/${(await editor.must<{ id: string }>('POST', `${project}/tasks`, { title: 'Cut', assigneeId: owner.id })).id}`,
        comment: `/api/comments/${onCut}`,
        reply: `/api/comments/${await make(`/api/comments/${onCut}/replies`, { body: 'aha' })}`,
      }
      const theirs = await editor.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'mine' })
      await owner.must('POST', `/api/comments/${theirs.id}/resolve`)
      paths.resolved = `/api/comments/${theirs.id}`
    })

    it('W6 a read with the old tag gives the new name, of every noun; a write with it succeeds', async () => {
      const tags = new Map<string, string>()
      for (const [noun, path] of Object.entries(paths)) {
        const tag = await tagOf(editor, path)
        expect([noun, await known(editor, path, tag), await known(owner, path, tag)]).toEqual([noun, 304, 304])
        tags.set(noun, tag)
      }
      await owner.must('PATCH', '/api/me', { name: 'Renamed' })
      for (const [noun, path] of Object.entries(paths))
        for (const method of ['GET', 'HEAD']) {
          const answer = await editor.call(method, path, undefined, { 'if-none-match': tags.get(noun) ?? '' })
          expect([noun, method, answer.status]).toEqual([noun, method, 200])
          if (method === 'GET') expect(JSON.stringify(answer.body), noun).toContain('"Renamed"')
          expect(await known(editor, path, answer.headers.get('etag') ?? '', method)).toBe(304)
        }
      await owner.must('PATCH', '/api/me', { avatarUrl: 'https://example.com/me.png' })
      const changes: Record<string, object> = {
        project: { name: 'Later' },
        vibe: { theme: 'blue' },
        cut: { bpm: 120 },
        task: { title: 'Master' },
        assigned: { title: 'Trim' },
        comment: { body: 'ha' },
        reply: { body: 'oho' },
      }
      for (const [noun, body] of Object.entries(changes)) {
        const path = paths[noun] ?? ''
        const changed = await owner.call('PATCH', path, body, { 'if-match': tags.get(noun) ?? '' })
        expect([noun, changed.status]).toEqual([noun, 200])
        expect([noun, changed.headers.get('etag')]).toEqual([noun, await tagOf(editor, path)])
        const stale = await owner.call<{ current: unknown }>('PATCH', path, body, { 'if-match': tags.get(noun) ?? '' })
        expect([noun, stale.status, stale.headers.get('etag')]).toEqual([noun, 412, changed.headers.get('etag')])
        expect(stale.body.current).toEqual(changed.body)
      }
    })
  })

  it('W6 lyrics that were never written have a tag that differs from that of the cut', async () => {
    const { project, owner } = await createTeam(app())
    const { cut } = await createCut(owner, project.id)
    const path = `/api/cuts/${cut.id}/lyrics`
    const tag = await tagOf(owner, path)
    expect(tag).toMatch(/^"0\./)
    expect(await known(owner, path, tag)).toBe(304)
    const other = await createCut(owner, project.id)
    expect(await known(owner, `/api/cuts/${other.cut.id}/lyrics`, tag)).toBe(200)
    expect((await owner.call('PUT', path, { lyrics: [{ text: 'la' }] }, { 'if-match': tag })).status).toBe(200)
    expect(await known(owner, path, tag)).toBe(200)
  })

  it('U1 every answer varies by what decides it: credentials, the coding, and the origin where pages of others may read', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { vibe, cut } = await createCut(owner, project.id)
    const task = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'Mix' })
    const comment = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'hm' })
    const fileId = (await completeFile(app(), owner, cut.id)).id
    const link = await share(owner, { fileId }, { allows: 'download' })
    const invitation = await invite(owner, project.id)
    const conversation = await converse(owner, [editor])
    const ids = {
      invitationId: invitation.id,
      projectId: project.id,
      vibeId: vibe.id,
      cutId: cut.id,
      taskId: task.id,
      commentId: comment.id,
      fileId,
      shareId: link.id,
      webhookId: (await addWebhook(owner, project.id, 'https://hooks.example.com/')).id,
      userId: editor.id,
      conversationId: conversation.id,
      messageId: (await say(owner, conversation.id, 'Hello')).id,
      mailToken: unsubscribeTokens(app().config.jwtSecret).of({ userId: owner.id, kind: 'missed', projectId: null }),
    }
    const vary = ({ headers }: { headers: Headers }) =>
      (headers.get('vary') ?? '')
        .split(',')
        .map((name) => name.trim().toLowerCase())
        .sort()
    const all = ['accept-encoding', 'authorization', 'cookie', 'origin']
    for (const endpoint of listed.filter(({ method }) => method === 'GET')) {
      const deciding = endpoint.eventStream === undefined ? all : ['accept', ...all]
      const token = endpoint.url.includes('/invitations/') ? invitation.token : link.token
      const path = pathOf(endpoint.url, { ...ids, token })
      for (const method of ['GET', 'HEAD']) {
        const answer = await owner.call(method, path)
        expect([keyOf(endpoint), method, answer.status, vary(answer)]).toEqual([keyOf(endpoint), method, 200, deciding])
        const etag = answer.headers.get('etag')
        if (etag === null) continue
        const same = await owner.call(method, path, undefined, { 'if-none-match': etag })
        expect([keyOf(endpoint), same.status, vary(same), same.headers.get('etag')]).toEqual([keyOf(endpoint), 304, all, etag])
        // Bytes are not to be changed on the way, either.
        expect(same.headers.get('cache-control')).toMatch(/^private, no-cache(, no-transform)?$/)
      }
    }
    for (const answer of [
      await owner.call('POST', '/api/projects', { name: 'A' }),
      await owner.call('PATCH', '/api/me', { name: '' }),
      await owner.call('GET', '/api/nowhere'),
      await request(app().url, 'GET', '/api/me'),
    ])
      expect([answer.status, vary(answer)]).toEqual([answer.status, all])
  })
})
