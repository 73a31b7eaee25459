import { readFileSync } from 'node:fs'
import {
  type ActivityPage,
  type Comment,
  type Cut,
  type EventName,
  events,
  Meta,
  type Problem,
  type Project,
  passing,
  type Role,
  requests,
  type Task,
  type Vibe,
} from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readEvents } from '../../src/http/reference/events.ts'
import { FILE } from '../../src/http/reference/generate.ts'
import { startApp, useApp } from '../support/app.ts'
import { tokenOf } from '../support/calls.ts'
import { converse, readUpTo, say } from '../support/conversations.ts'
import { BELL, ring } from '../support/extensions.ts'
import { processed, uploadFile, wavOf } from '../support/files.ts'
import { expireIn, invite, newAddress, registerWith } from '../support/invitations.ts'
import { mention } from '../support/notifications.ts'
import { addMember, createProject, createTeam, login, type Person, register } from '../support/people.ts'
import { crowd } from '../support/ranks.ts'
import { openRaw } from '../support/raw-socket.ts'
import { cookieOf, openWith, share, visit } from '../support/shares.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { addWebhook } from '../support/webhooks.ts'

/** Who is where while things happen in one project. */
const inside = ['viewer', 'commenter', 'editor', 'owner'] as const
const allCallers = [
  ...inside,
  /** Members who did not join the room, who left it, and who are there with another session that is about to end. */
  'absent',
  'left',
  'second session',
  /** A member from the middle of it on, and one who is removed in the middle. */
  'guest',
  'victim',
  /** Without a place there: never, not any more, not any more by the clock, and not even let in. */
  'stranger',
  'removed',
  'expired',
  'nobody',
] as const
type Who = (typeof allCallers)[number]
type Name = EventName | keyof typeof passing

/** All members, and with them the one who is removed in the middle, who receives what was before it. */
const room: readonly Who[] = [...inside, 'second session', 'victim']
const roomAfter: readonly Who[] = inside
/**
 * Written by hand from the surface: who receives what happens below, each kind of event once. What happens after the
 * removal (see the scene) is received by `roomAfter`.
 */
const hears: Record<Name, readonly Who[]> = {
  'task:created': room,
  'task:updated': room,
  'task:moved': room,
  'task:deleted': room,
  'task:reranked': room,
  'vibe:reranked': room,
  'cut:reranked': room,
  'vibe:created': room,
  'vibe:updated': room,
  'vibe:moved': room,
  'vibe:deleted': room,
  'cut:created': room,
  'cut:updated': room,
  'cut:moved': room,
  'cut:deleted': room,
  'cut:drafted': room,
  'cut:submitted': room,
  'cut:approved': room,
  'file:uploaded': room,
  'file:updated': room,
  'file:processed': room,
  'file:failed': room,
  'file:deleted': room,
  'invitation:created': room,
  'invitation:updated': room,
  'invitation:revoked': room,
  'invitation:accepted': room,
  'invitation:expired': room,
  'share:created': room,
  'share:updated': room,
  'share:revoked': room,
  'webhook:created': room,
  'webhook:updated': room,
  'webhook:deleted': room,
  'lyrics:updated': room,
  'comment:created': room,
  'comment:reply': room,
  'comment:updated': room,
  'comment:resolved': room,
  'comment:reopened': room,
  'comment:deleted': room,
  'member:joined': room,
  'member:updated': room,
  'project:updated': room,
  'person:updated': room,
  // In the project, and in a room that the extension keeps for one person.
  'extension:event': room,
  'extension:message': ['owner'],
  'activity:new': room,
  'presence:changed': room,
  // The others in the room; the one who types knows.
  typing: room.filter((who) => who !== 'editor'),
  'member:left': [...inside, 'second session'],
  'access:revoked': ['victim', ...inside],
  'project:deleted': roomAfter,

  // The owner and the viewer have a conversation; the others have none with them.
  'conversation:created': ['owner', 'viewer', 'second session'],
  'chat:message': ['owner', 'viewer', 'second session'],
  'chat:message-updated': ['owner', 'viewer', 'second session'],
  'chat:message-deleted': ['owner', 'viewer', 'second session'],
  'chat:read': ['owner', 'viewer', 'second session'],
  'contact:updated': ['owner', 'viewer', 'second session'],
  'chat:typing': ['viewer', 'second session'],

  'project:created': ['owner'],
  'project:joined': ['guest'],
  // The deletion of a project is sent to each of its members in their user room.
  'project:left': ['victim', ...inside, 'absent', 'left', 'guest'],
  // Who has a task, another role, or was added; editors of an upload.
  'notification:new': ['editor', 'commenter', 'guest', 'absent', 'left', 'victim'],
  // Who was mentioned in what is edited.
  'notification:updated': ['left'],
  // With what they are about, or with the project: all who were notified of anything in it.
  'notification:deleted': ['viewer', 'commenter', 'editor', 'absent', 'left', 'guest', 'victim'],
  'notification:seen': ['guest'],
  'notification-preferences:updated': ['guest'],
  // One's own marks, on one's own connections.
  'activity:read': ['editor'],
  'activity:dismissed': ['editor'],
  'activity:restored': ['editor'],
  // Each session of the person but the one that ends.
  'session:revoked': ['viewer'],
  'mail-preferences:updated': ['viewer', 'second session'],
  'session:expired': ['second session', 'expired'],
  'session:expiring': ['expired'],
  // All who share a project with the one who comes.
  'chat:presence': [...inside, 'second session', 'absent', 'left', 'guest', 'victim'],
  connected: allCallers.filter((who) => who !== 'nobody'),
  'server:draining': allCallers.filter((who) => !['nobody', 'expired', 'second session'].includes(who)),
}

describe('who receives which event', () => {
  it('S1 S19 every event reaches the people in the table and no others, with the fields of the contract only', async () => {
    expect(Object.keys(hears).toSorted()).toEqual([...Object.keys(events), ...Object.keys(passing)].toSorted())
    const app = await startApp({ env: { EXTENSIONS_DIR: BELL }, seams: { timings: { graceMs: 200 } } })
    onTestFinished(() => app.close())

    const team = await createTeam(app, 'viewer', 'commenter', 'editor')
    const { owner, project } = team
    const people: Partial<Record<Who, Person>> = { ...team }
    for (const who of ['absent', 'left', 'guest', 'victim', 'stranger', 'removed', 'expired', 'nobody'] as const)
      people[who] = await register(app, `Mo ${who}`)
    const personOf = (who: Who): Person => {
      const person = people[who]
      if (!person) throw new Error(`nobody is ${who}`)
      return person
    }
    people['second session'] = await login(app, team.viewer)
    for (const who of ['absent', 'left', 'victim', 'removed', 'expired'] as const)
      await addMember(owner, project.id, personOf(who))
    // They have another project, and are in its room.
    const elsewhere = await createProject(personOf('stranger'), 'Elsewhere')

    const listeners = new Map<Who, Listener>()
    for (const who of allCallers) {
      if (who !== 'nobody' && who !== 'expired') listeners.set(who, await connect(app, personOf(who)))
    }
    const listenerOf = (who: Who): Listener => {
      const listener = listeners.get(who)
      if (!listener) throw new Error(`${who} has no socket`)
      return listener
    }
    const outsider = await openRaw(app)
    for (const who of [...room, 'left', 'removed'] as const)
      expect(await listenerOf(who).join(project.id)).toMatchObject({ ok: true })
    listeners.set('expired', await connect(app, { token: tokenOf(app, personOf('expired').token, 3) }))
    expect(await listenerOf('expired').join(project.id)).toMatchObject({ ok: true })
    await listenerOf('left').ask('leave:project', { projectId: project.id })
    await owner.must('DELETE', `/api/projects/${project.id}/members/${personOf('removed').id}`)
    await until('the removal', () => listenerOf('removed').frames.some(({ name }) => name === 'access:revoked'))
    expect(await listenerOf('stranger').join(elsewhere.id)).toMatchObject({ ok: true })
    for (const who of ['stranger', 'removed', 'guest'] as const)
      expect(await listenerOf(who).join(project.id, { after: 0 })).toMatchObject({ ok: false, error: { code: 'not-found' } })
    await until('the end of a token', () => !listenerOf('expired').socket.connected)
    // What comes from here on counts; being let in and put out by the clock has happened by now.
    const before = new Map<Who, Set<string>>()
    const count = () => [...listeners.values()].reduce((sum, { frames }) => sum + frames.length, 0)
    await until('calm', async () => {
      const sofar = count()
      await new Promise((next) => setTimeout(next, 300))
      return count() === sofar
    })
    for (const [who, { frames }] of listeners) {
      const kept = ['connected', ...(who === 'expired' ? ['session:expiring', 'session:expired'] : [])]
      before.set(who, new Set(frames.map(({ name }) => name).filter((name) => kept.includes(name))))
      expect(frames.map((frame) => strange(frame))).toEqual(frames.map(() => null))
      frames.length = 0
    }

    const at = `/api/projects/${project.id}`
    const heard = (who: Who, name: Name) => listeners.get(who)?.frames.some((frame) => frame.name === name) ?? false
    const told = async (...names: Name[]) => {
      for (const name of names)
        await until(`${name} to all it is for`, () =>
          hears[name].every((who) => heard(who, name) || before.get(who)?.has(name) === true),
        )
    }
    await owner.must('PATCH', at, { name: 'Record' })
    const task = await owner.must<Task>('POST', `${at}/tasks`, { title: 'Mix', assigneeId: team.editor.id })
    await owner.must('PATCH', `/api/tasks/${task.id}`, { title: 'Mix 2' })
    await owner.must('POST', `/api/tasks/${task.id}/move`, { status: 'done', after: null })
    const vibe = await owner.must<Vibe>('POST', `${at}/vibes`, { name: 'Dark' })
    const other = await owner.must<Vibe>('POST', `${at}/vibes`, { name: 'Light' })
    await owner.must('PATCH', `/api/vibes/${vibe.id}`, { name: 'Darker' })
    await owner.must('POST', `/api/vibes/${vibe.id}/move`, { after: other.id })
    const cut = await owner.must<Cut>('POST', `/api/vibes/${vibe.id}/cuts`, { name: 'Take 1' })
    await owner.must('PATCH', `/api/cuts/${cut.id}`, { bpm: 90 })
    await owner.must('POST', `/api/cuts/${cut.id}/move`, { vibeId: other.id, after: null })
    // Ranks that leave no room are rewritten.
    const pairOf = async (path: string, body: object) => [
      (await owner.must<{ id: string }>('POST', path, body)).id,
      (await owner.must<{ id: string }>('POST', path, body)).id,
    ]
    const [tasks, vibes, cuts] = [
      await pairOf(`${at}/tasks`, { title: 'Beside' }),
      await pairOf(`${at}/vibes`, { name: 'Beside' }),
      await pairOf(`/api/vibes/${other.id}/cuts`, { name: 'Beside' }),
    ]
    await crowd(app, 'Task', tasks)
    await crowd(app, 'Vibe', vibes)
    await crowd(app, 'Cut', cuts)
    await owner.must('POST', `/api/tasks/${task.id}/move`, { status: 'todo', after: tasks[0] })
    await owner.must('POST', `/api/vibes/${vibe.id}/move`, { after: vibes[0] })
    await owner.must('POST', `/api/cuts/${cut.id}/move`, { vibeId: other.id, after: cuts[0] })
    await owner.must('PUT', `/api/cuts/${cut.id}/lyrics`, { lyrics: [{ text: 'la' }] })
    const xss = `<script>alert(1)</script><img src=x onerror=alert(1)> javascript:alert(1) \u2028 ${'𝄞'}`
    const note = await owner.must<Comment>('POST', `/api/cuts/${cut.id}/comments`, { body: xss })
    const toLeft = `${mention(personOf('left'))} ${xss}`
    const reply = await owner.must<Comment>('POST', `/api/comments/${note.id}/replies`, { body: toLeft })
    await owner.must('PATCH', `/api/comments/${reply.id}`, { body: `${toLeft}!` })
    await owner.must('PATCH', `/api/comments/${note.id}`, { body: `${xss}!` })
    await owner.must('POST', `/api/comments/${note.id}/resolve`)
    await owner.must('POST', `/api/comments/${note.id}/reopen`)
    await owner.must('DELETE', `/api/comments/${note.id}`)
    for (const who of room) {
      const entered = await listenerOf(who).ask('join', { room: `bell:${owner.id}` })
      expect({ who, ok: entered.ok }).toEqual({ who, ok: who === 'owner' })
    }
    for (const place of [`project:${project.id}`, `bell:${owner.id}`])
      await owner.must('POST', `${at}/tasks`, { title: ring(place) })
    await told('extension:event', 'extension:message')
    const take = await processed(owner, (await uploadFile(app, owner, cut.id, wavOf(0.05))).id)
    await owner.must('PATCH', `/api/files/${take.id}`, { name: 'Renamed' })
    await owner.must('PUT', `/api/cuts/${cut.id}/state`, { state: 'approved', fileId: take.id })
    const link = await share(owner, { fileId: take.id }, { password: 'strings attached' })
    const opened = { headers: { cookie: cookieOf(await openWith(app, link.token, 'strings attached')) } }
    await (await visit(app, link.token, '/content', opened)).arrayBuffer()
    await told('share:updated')
    await owner.must('DELETE', `/api/shares/${link.id}`)
    const webhook = await addWebhook(owner, project.id, 'https://hooks.example.com/a-secret-path')
    await owner.must('PATCH', `/api/webhooks/${webhook.id}`, { state: 'off' })
    await owner.must('DELETE', `/api/webhooks/${webhook.id}`)
    const [invited, revoked, expired] = [
      await invite(owner, project.id, { email: newAddress() }),
      await invite(owner, project.id),
      await invite(owner, project.id, { email: newAddress() }),
    ]
    await owner.must('POST', `/api/invitations/${invited.id}/resend`)
    await registerWith(app, { email: invited.email, invitation: invited.token })
    await owner.must('DELETE', `/api/invitations/${revoked.id}`)
    await expireIn(app, expired.id, '-1 second')
    await invite(owner, project.id, { email: expired.email ?? '' })
    // A newer take ends an approval.
    const broken = wavOf(0.05)
    broken.writeUInt16LE(65_535, 22)
    const failed = await processed(owner, (await uploadFile(app, owner, cut.id, broken)).id)
    expect(failed.status).toBe('failed')
    await owner.must('PUT', `/api/cuts/${cut.id}/state`, { state: 'draft' })
    await owner.must('DELETE', `/api/files/${take.id}`)
    await owner.must('DELETE', `/api/cuts/${cut.id}`)
    await owner.must('DELETE', `/api/vibes/${vibe.id}`)
    await owner.must('DELETE', `/api/tasks/${task.id}`)
    await addMember(owner, project.id, personOf('guest'))
    await owner.must('PATCH', `${at}/members/${team.commenter.id}`, { role: 'editor' })
    const conversation = await converse(owner, [team.viewer])
    const message = await say(owner, conversation.id, xss)
    await owner.must('PATCH', `/api/messages/${message.id}`, { body: `${xss}!` })
    await readUpTo(team.viewer, conversation.id, message.id)
    await owner.must('DELETE', `/api/messages/${message.id}`)
    await listenerOf('owner').ask('chat:typing', { conversationId: conversation.id, isTyping: true })
    await told('notification:new', 'notification:updated')
    await personOf('guest').must('POST', '/api/me/notifications/seen-all', {})
    await personOf('guest').must('PUT', '/api/me/notification-preferences', { kinds: { upload: 'off' } })
    await owner.must('PATCH', '/api/me', { name: 'Olga O' })
    await listenerOf('editor').ask('presence:set', { projectId: project.id, state: { at: 3 } })
    await listenerOf('editor').ask('typing', { projectId: project.id, targetId: cut.id, isTyping: true })
    const [event] = (await team.editor.must<ActivityPage>('GET', `${at}/activity?limit=1`)).data
    await team.editor.must('PUT', '/api/me/activity/read', { projectId: project.id, seq: event?.seq })
    for (const method of ['PUT', 'DELETE']) await team.editor.must(method, `/api/me/activity/${event?.id}/dismissed`)
    await told('activity:read', 'activity:dismissed', 'activity:restored')
    const made = await owner.must<Project>('POST', '/api/projects', { name: 'Another' })
    const comer = await register(app, 'Mo comer')
    await addMember(owner, project.id, comer)
    const coming = await connect(app, comer)
    await told(
      'chat:presence',
      'chat:typing',
      'contact:updated',
      'typing',
      'presence:changed',
      'project:created',
      'project:joined',
      'person:updated',
      'member:updated',
      'notification:seen',
      'notification-preferences:updated',
    )

    // Two go, then the project itself.
    await owner.must('DELETE', `${at}/members/${personOf('victim').id}`)
    await told('member:left')
    await personOf('viewer').must('PUT', '/api/me/mail', { missed: true, digest: 'daily', projects: [] })
    await told('mail-preferences:updated')
    await personOf('second session').must('POST', '/api/auth/logout')
    await told('session:revoked', 'session:expired')
    await owner.must('DELETE', at)
    await told('project:deleted', 'project:left', 'access:revoked', 'notification:deleted')
    // All earlier frames have come before those that are sent to each of them now, in their user rooms and elsewhere.
    for (const who of allCallers)
      if (listeners.get(who)?.socket.connected === true) {
        const last = await createProject(personOf(who), 'A last word')
        await until(`the last word to ${who}`, () => listenerOf(who).frames.some(({ payload }) => payload.id === last.id))
        const { frames } = listenerOf(who)
        frames.splice(0, frames.length, ...frames.filter(({ payload }) => payload.id !== last.id))
      }
    coming.socket.close()
    await app.app.close()
    await told('server:draining')

    // The table, cell by cell.
    for (const name of Object.keys(hears) as Name[]) {
      const audience = allCallers.filter((who) => heard(who, name) || before.get(who)?.has(name) === true)
      expect({ name, audience }).toEqual({ name, audience: allCallers.filter((who) => hears[name].includes(who)) })
    }
    // Engine.IO's own greeting, and no more.
    expect(outsider.packets.filter((packet) => !packet.startsWith('0'))).toEqual([])
    // What came is what docs/events.md lists: no event that is not there, none there that never came.
    const heardNames = new Set(
      [...listeners].flatMap(([who, { frames }]) => [...frames.map(({ name }) => name), ...(before.get(who) ?? [])]),
    )
    const { project: durable, user, passing: others } = readEvents()
    const page = readFileSync(FILE, 'utf8')
    const documented = [...durable, ...user, ...others].map(({ name }) => name)
    // One is in both kinds of rooms.
    expect([...heardNames].sort()).toEqual([...new Set(documented)].sort())
    for (const name of heardNames) expect(page).toContain(`\n### \`${name}\`\n`)
    // Nothing but what the contract shows, and no row's secret.
    const all = [...listeners].flatMap(([who, { frames }]) => frames.map((frame) => ({ who, frame })))
    expect(all.length).toBeGreaterThan(200)
    for (const { who, frame } of all)
      expect({ who, name: frame.name, strange: strange(frame) }).toEqual({ who, name: frame.name, strange: null })
    const text = JSON.stringify(all)
    const secrets = Object.values(people).flatMap(({ token, refreshToken, email }) => [token, refreshToken, email])
    for (const secret of [
      ...secrets,
      link.token,
      invited.token,
      invited.email ?? '',
      'tokenHash',
      '$argon2',
      'passwordHash',
      'revokedAt',
      '"email":',
    ])
      expect(text).not.toContain(secret)
    // Rooms of one person hold their own affairs only.
    for (const { who, frame } of all)
      if (frame.meta?.room.startsWith('user:'))
        expect({ who, room: frame.meta.room }).toEqual({ who, room: `user:${personOf(who).id}` })
    // A script in a comment is text, character for character.
    const bodies = listenerOf('viewer').frames.flatMap(({ name, payload }) => (name === 'comment:created' ? [payload.body] : []))
    expect(bodies).toEqual([xss])
    expect(made.name).toBe('Another')
  })

  /** What a frame has that its contract does not show; null when there is nothing. */
  function strange({ name, payload, meta }: { name: string; payload: unknown; meta: unknown }): string | null {
    const schema = { ...events, ...passing }[name as Name]
    if (!schema) return 'no such event'
    const parsed = schema.safeParse(payload)
    if (!parsed.success) return parsed.error.message
    if (JSON.stringify(sorted(parsed.data)) !== JSON.stringify(sorted(payload)))
      return `more than its contract: ${JSON.stringify(payload)}`
    if (!(name in events)) return meta === undefined ? null : 'meta where there is none'
    return JSON.stringify(sorted(Meta.parse(meta))) === JSON.stringify(sorted(meta))
      ? null
      : `strange meta: ${JSON.stringify(meta)}`
  }
  function sorted(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(sorted)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, each]) => [key, sorted(each)]),
    )
  }
})

describe('requests over a socket', () => {
  const app = useApp()
  type Question = keyof typeof requests

  async function answers(listener: Listener, projectId: string, token: string): Promise<Record<Question, string>> {
    const payloads: Record<Question, unknown> = {
      'presence:set': { projectId, state: { at: 1 } },
      typing: { projectId, targetId: projectId, isTyping: true },
      'chat:typing': { conversationId: projectId, isTyping: true },
      'leave:project': { projectId },
      'join:user': {},
      'session:refresh': { token },
      // No extension opens rooms here.
      join: { room: `bell:${projectId}` },
      leave: { room: `bell:${projectId}` },
      // Last: it changes the membership.
      'join:project': { projectId, after: 0 },
    }
    const said: Partial<Record<Question, string>> = {}
    for (const name of Object.keys(payloads) as Question[]) {
      const { ok, error } = await listener.ask(name, payloads[name])
      said[name] = ok ? 'ok' : `${error?.status} ${error?.code}`
    }
    return said as Record<Question, string>
  }

  it('S1 a socket in a room loses each request with the right to it', async () => {
    const denied = '403 forbidden'
    const open = {
      'leave:project': 'ok',
      'join:user': 'ok',
      'session:refresh': 'ok',
      'chat:typing': '404 not-found',
      leave: 'ok',
      join: '404 not-found',
    }
    const cases: Record<
      string,
      { lose: (owner: Person, member: Person, projectId: string) => Promise<unknown>; after: Record<Question, string> }
    > = {
      removed: {
        lose: (owner, member, projectId) => owner.must('DELETE', `/api/projects/${projectId}/members/${member.id}`),
        after: { ...open, 'presence:set': denied, typing: denied, 'join:project': '404 not-found' },
      },
      gone: {
        lose: (_, member, projectId) => member.must('DELETE', `/api/projects/${projectId}/members/${member.id}`),
        after: { ...open, 'presence:set': denied, typing: denied, 'join:project': '404 not-found' },
      },
      'of a deleted project': {
        lose: (owner, _, projectId) => owner.must('DELETE', `/api/projects/${projectId}`),
        after: { ...open, 'presence:set': denied, typing: denied, 'join:project': '404 not-found' },
      },
      demoted: {
        lose: (owner, member, projectId) =>
          owner.must('PATCH', `/api/projects/${projectId}/members/${member.id}`, { role: 'viewer' satisfies Role }),
        after: { ...open, 'presence:set': 'ok', typing: denied, 'join:project': 'ok' },
      },
    }
    for (const [how, { lose, after }] of Object.entries(cases)) {
      const { project, owner, editor } = await createTeam(app(), 'editor')
      const listener = await connect(app(), editor)
      await listener.join(project.id)
      const { head } = await owner.must<{ head: number }>('GET', `/api/projects/${project.id}/events`)
      await lose(owner, editor, project.id)
      await until('the loss', () =>
        listener.frames.some(
          ({ name, meta }) => name === 'access:revoked' || (name === 'member:updated' && (meta?.seq ?? 0) > head),
        ),
      )
      expect({ how, ...(await answers(listener, project.id, editor.token)) }).toEqual({ how, ...after })
    }
  })

  it('S1 S2 a socket in one project can do nothing in another', async () => {
    const [here, there] = [await createTeam(app(), 'editor'), await createTeam(app(), 'editor')]
    const [listener, watcher] = await Promise.all([connect(app(), here.editor), connect(app(), there.editor)])
    await Promise.all([listener.join(here.project.id), watcher.join(there.project.id)])
    expect(await answers(listener, there.project.id, here.editor.token)).toEqual({
      'presence:set': '403 forbidden',
      typing: '403 forbidden',
      'chat:typing': '404 not-found',
      'leave:project': 'ok',
      'join:user': 'ok',
      'session:refresh': 'ok',
      join: '404 not-found',
      leave: 'ok',
      'join:project': '404 not-found',
    })
    // Nor with a token of theirs.
    expect(await listener.ask('session:refresh', { token: there.editor.token })).toMatchObject({
      error: { code: 'token-invalid' },
    })
    const task = await there.owner.must<Task>('POST', `/api/projects/${there.project.id}/tasks`, { title: 'theirs' })
    await until('theirs', () => watcher.frames.some(({ payload }) => payload.id === task.id))
    expect(
      watcher.frames.filter(({ name, payload }) => name === 'typing' || JSON.stringify(payload).includes(here.editor.id)),
    ).toEqual([])
    expect(listener.frames.filter(({ payload }) => JSON.stringify(payload).includes(there.project.id))).toEqual([])
  })

  it('S3 every socket request refuses unknown fields', async () => {
    const { project, editor } = await createTeam(app(), 'editor')
    const listener = await connect(app(), editor)
    await listener.join(project.id)
    const good: Record<Question, Record<string, unknown>> = {
      'join:project': { projectId: project.id },
      'leave:project': { projectId: project.id },
      'join:user': {},
      'session:refresh': { token: editor.token },
      'presence:set': { projectId: project.id, state: null },
      typing: { projectId: project.id, targetId: project.id, isTyping: false },
      'chat:typing': { conversationId: project.id, isTyping: false },
      join: { room: 'bell:all' },
      leave: { room: 'bell:all' },
    }
    const taken: string[] = []
    for (const name of Object.keys(requests) as Question[])
      for (const [field, value] of Object.entries({
        role: 'owner',
        userId: project.author.id,
        sessionId: project.id,
        room: `user:${project.author.id}`,
        seq: 0,
        user: {},
      })) {
        // A room of an extension is named by the request itself.
        if (field in good[name]) continue
        const { ok, error } = await listener.ask<{ error?: Problem }>(name, { ...good[name], [field]: value })
        if (ok || error?.code !== 'validation') taken.push(`${name} ${field}`)
      }
    expect(taken).toEqual([])
    expect((await listener.join(project.id)).role).toBe('editor')
  })
})
