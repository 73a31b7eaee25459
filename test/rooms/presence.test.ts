import { randomUUID } from 'node:crypto'
import { type Presence, projectRoom, userRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { PresenceTable } from '../../src/rooms/presence/presence.ts'
import { startApp, useApp } from '../support/app.ts'
import { consumed } from '../support/consumers.ts'
import { addCrowd } from '../support/members.ts'
import { addMember, createCut, createProject, createTeam, type Person, register } from '../support/people.ts'
import { watchPlans } from '../support/plans.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { roundTrip } from './frames.ts'

/** Of the server in this file; long enough to come back in, short enough to wait for. */
const GRACE_MS = 1_000
const TYPING_MS = 400

describe('presence', () => {
  const app = useApp({ seams: { timings: { graceMs: GRACE_MS, typingMs: TYPING_MS } } })

  const named = (listener: Listener, name: string) => listener.frames.filter((frame) => frame.name === name)
  const changes = (listener: Listener) =>
    named(listener, 'presence:changed').map(
      ({ payload }) => payload as { projectId: string; present: Presence[]; left: string[] },
    )
  /** Who came, changed and left, in the order of the frames. What happens within a few ms may be one frame. */
  const said = (listener: Listener): string[] =>
    changes(listener).flatMap(({ present, left }) => [...present.map(({ user }) => `+${user.id}`), ...left.map((id) => `-${id}`)])
  const typings = (listener: Listener) => named(listener, 'typing').map(({ payload }) => payload)
  const online = (listener: Listener) => named(listener, 'chat:presence').map(({ payload }) => payload)
  /** A connection that breaks, as the server sees it. */
  const cut = ({ socket }: Listener) => socket.io.engine.close()
  const shown = ({ id, name }: Person) => ({ id, name, avatarUrl: null })

  it('P1 the ack lists the people present; the others receive who comes and who leaves', async () => {
    const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
    const [a, b, c] = await Promise.all([connect(app(), owner), connect(app(), editor), connect(app(), viewer)])
    const first = await a.join(project.id)
    await until('the owner is told of themselves', () => said(a).length === 1)
    expect(first.presence).toEqual([{ user: shown(owner), since: expect.any(String), state: null }])
    const second = await b.join(project.id)
    expect(second.presence.map(({ user }) => user)).toEqual([shown(owner), shown(editor)])
    await until('the owner is told of the editor', () => said(a).includes(`+${editor.id}`))
    expect(changes(a).at(-1)).toEqual({ projectId: project.id, present: [second.presence[1]], left: [] })
    expect((await c.join(project.id)).presence.map(({ user }) => user.id)).toEqual([owner.id, editor.id, viewer.id])
    await until('the owner is told of the viewer', () => said(a).includes(`+${viewer.id}`))

    await b.ask('leave:project', { projectId: project.id })
    await until('both are told that the editor left', () => [a, c].every((one) => said(one).includes(`-${editor.id}`)))
    expect(changes(a).at(-1)).toEqual({ projectId: project.id, present: [], left: [editor.id] })
    expect(said(a)).toEqual([`+${owner.id}`, `+${editor.id}`, `+${viewer.id}`, `-${editor.id}`])
    const again = await connect(app(), owner)
    expect((await again.join(project.id)).presence.map(({ user }) => user.id)).toEqual([owner.id, viewer.id])
    // Who left receives nothing more.
    expect(said(b)).not.toContain(`-${editor.id}`)
  })

  it('P1 two tabs are one person, who leaves with the last of them', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const watcher = await connect(app(), owner)
    await watcher.join(project.id)
    await until('the owner is there', () => said(watcher).length === 1)
    const [one, two] = await Promise.all([connect(app(), editor), connect(app(), editor)])
    await one.join(project.id)
    await until('the editor is there', () => said(watcher).length === 2)
    const { presence } = await two.join(project.id)
    expect(presence.map(({ user }) => user.id)).toEqual([owner.id, editor.id])
    // Joining again with the same tab is no second one either.
    await two.join(project.id)
    await two.join(project.id, { after: 0 })

    await one.ask('leave:project', { projectId: project.id })
    await two.ask('presence:set', { projectId: project.id, state: { cursor: 1 } })
    await until('the state', () => changes(watcher).at(-1)?.present[0]?.state !== null)
    await two.ask('leave:project', { projectId: project.id })
    await until('the editor left', () => said(watcher).includes(`-${editor.id}`))
    expect(said(watcher)).toEqual([`+${owner.id}`, `+${editor.id}`, `+${editor.id}`, `-${editor.id}`])
  })

  it('P1 a person who is back within the grace period was never away; one who is not leaves once', async () => {
    const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
    const [watcher, back, gone] = await Promise.all([connect(app(), owner), connect(app(), editor), connect(app(), viewer)])
    await watcher.join(project.id)
    const { presence } = await back.join(project.id)
    await gone.join(project.id)
    await back.ask('presence:set', { projectId: project.id, state: { tab: 'mix' } })
    await until('all is told', () => {
      const present = changes(watcher).flatMap((change) => change.present)
      return present.some(({ state }) => state !== null) && present.some(({ user }) => user.id === viewer.id)
    })
    const before = said(watcher).length

    cut(back)
    const again = await connect(app(), editor)
    const ack = await again.join(project.id)
    expect(ack.presence.find(({ user }) => user.id === editor.id)).toEqual({ ...presence[1], state: { tab: 'mix' } })
    // The other one breaks later: when their grace is over, the first one's would have been, too.
    cut(gone)
    await until('the viewer left', () => said(watcher).includes(`-${viewer.id}`))
    await roundTrip(watcher)
    expect(said(watcher).slice(before)).toEqual([`-${viewer.id}`])
    expect((await watcher.join(project.id)).presence.map(({ user }) => user.id)).toEqual([owner.id, editor.id])
  })

  it('P1 a member who is removed leaves the presence at once', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const [watcher, removed] = await Promise.all([connect(app(), owner), connect(app(), editor)])
    await watcher.join(project.id)
    await removed.join(project.id)
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await until('the editor left', () => said(watcher).includes(`-${editor.id}`))
    expect((await watcher.join(project.id)).presence.map(({ user }) => user.id)).toEqual([owner.id])
    expect(await removed.ask('presence:set', { projectId: project.id, state: {} })).toMatchObject({
      error: { code: 'forbidden' },
    })
  })

  it('P1 presence:set shows a state of at most 1 KiB to the room', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const [watcher, setter] = await Promise.all([connect(app(), owner), connect(app(), editor)])
    await watcher.join(project.id)
    expect(await setter.ask('presence:set', { projectId: project.id, state: { x: 1 } })).toMatchObject({
      ok: false,
      error: { code: 'forbidden', status: 403 },
    })
    await setter.join(project.id)
    // {"s":"…"} takes eight characters more than what is in it.
    const fits = { s: 'x'.repeat(1024 - 8) }
    expect(await setter.ask('presence:set', { projectId: project.id, state: fits })).toEqual({ ok: true })
    const stateOf = () =>
      changes(watcher)
        .flatMap(({ present }) => present.filter(({ user }) => user.id === editor.id))
        .at(-1)?.state
    await until('the state', () => JSON.stringify(stateOf()) === JSON.stringify(fits))
    for (const state of [{ s: 'x'.repeat(1024 - 7) }, { s: 'é'.repeat(1024 - 8) }, 'text', [1], undefined])
      expect(await setter.ask('presence:set', { projectId: project.id, state })).toMatchObject({
        ok: false,
        error: { code: 'validation', status: 422 },
      })
    expect(await setter.ask('presence:set', { projectId: project.id, state: null })).toEqual({ ok: true })
    await until('no state', () => stateOf() === null)
  })

  it('P1 typing is relayed to the others in the room, and to no other socket', async () => {
    const { project, owner, editor, commenter, viewer } = await createTeam(app(), 'editor', 'commenter', 'viewer')
    const { cut: target } = await createCut(owner, project.id)
    const [a, b, c, outside] = await Promise.all([owner, commenter, viewer, editor].map((person) => connect(app(), person)))
    if (!a || !b || !c || !outside) throw new Error('four sockets')
    await Promise.all([a, b, c].map((one) => one.join(project.id)))
    const typing = { projectId: project.id, targetId: target.id, isTyping: true }
    expect(await outside.ask('typing', typing)).toMatchObject({ ok: false, error: { code: 'forbidden' } })
    expect(await c.ask('typing', typing)).toMatchObject({ ok: false, error: { code: 'forbidden', status: 403 } })
    expect(await b.ask('typing', typing)).toEqual({ ok: true })
    expect(await b.ask('typing', { ...typing, isTyping: false })).toEqual({ ok: true })
    await until('both frames', () => [a, c].every((one) => typings(one).length >= 2))
    await Promise.all([a, b, c, outside].map(roundTrip))
    const told = [true, false].map((isTyping) => ({ ...typing, isTyping, userId: commenter.id }))
    expect([a, b, c, outside].map(typings)).toEqual([told, [], told, []])
  })

  it('P1 typing stops by itself, and with the connection', async () => {
    const { project, owner, commenter, editor } = await createTeam(app(), 'commenter', 'editor')
    const [watcher, forgets, breaks] = await Promise.all([
      connect(app(), owner),
      connect(app(), commenter),
      connect(app(), editor),
    ])
    await Promise.all([watcher, forgets, breaks].map((one) => one.join(project.id)))
    const from = performance.now()
    await forgets.ask('typing', { projectId: project.id, targetId: project.id, isTyping: true })
    await until('stopped', () => typings(watcher).some(({ isTyping }) => isTyping === false))
    expect(performance.now() - from).toBeGreaterThan(TYPING_MS - 50)
    await breaks.ask('typing', { projectId: project.id, targetId: project.id, isTyping: true })
    cut(breaks)
    await until('stopped, too', () => typings(watcher).length >= 4)
    expect(typings(watcher).map(({ userId, isTyping }) => [userId, isTyping])).toEqual([
      [commenter.id, true],
      [commenter.id, false],
      [editor.id, true],
      [editor.id, false],
    ])
  })

  it('P1 chat:presence goes to people who share a project, once per person, and not for a short disconnect', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const stranger = await register(app(), 'Sam Stranger')
    await createProject(stranger, 'Own')
    const away = await register(app(), 'Away')
    await addMember(owner, project.id, away)
    // No socket is in the project's room: it is enough to be connected.
    const [a, s] = await Promise.all([connect(app(), owner), connect(app(), stranger)])
    const one = await connect(app(), editor)
    await until('online', () => online(a).length >= 1)
    const two = await connect(app(), editor)
    cut(one)
    cut(two)
    const three = await connect(app(), editor)
    const other = await connect(app(), away)
    await until('the other is online', () => online(a).length >= 2)
    cut(other)
    await until('the other is offline', () => online(a).length >= 3)
    three.socket.disconnect()
    await until('offline', () => online(a).length >= 4)
    await Promise.all([a, s].map(roundTrip))
    expect(online(a)).toEqual([
      { userId: editor.id, isOnline: true },
      { userId: away.id, isOnline: true },
      { userId: away.id, isOnline: false },
      { userId: editor.id, isOnline: false },
    ])
    expect(online(s)).toEqual([])
  })

  it('P1 a person who was listed in an ack and left before the announcement is announced as left', async () => {
    const { project, owner, editor, viewer } = await createTeam(app(), 'editor', 'viewer')
    const [a, b, c] = await Promise.all([connect(app(), owner), connect(app(), editor), connect(app(), viewer)])
    await b.join(project.id)
    // In one tick: the answer is given before the editor was announced.
    const { presence } = await a.join(project.id)
    await b.ask('leave:project', { projectId: project.id })
    await c.join(project.id)
    await until('the viewer is there', () => said(a).includes(`+${viewer.id}`))
    const there = new Set(presence.map(({ user }) => user.id))
    for (const { present, left } of changes(a)) {
      for (const { user } of present) there.add(user.id)
      for (const userId of left) there.delete(userId)
    }
    expect([...there].sort()).toEqual([owner.id, viewer.id].sort())
  })

  it('P1 O2 online status is sent when the database is back', async () => {
    const { owner, editor } = await createTeam(app(), 'editor')
    const a = await connect(app(), owner)
    const lock = await app().db.connect()
    try {
      await lock.query('BEGIN')
      await lock.query('LOCK TABLE "Member" IN ACCESS EXCLUSIVE MODE')
      await connect(app(), editor)
      await until('the look for who is to be told was cut', async () => {
        const { rowCount } = await app().db.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%AS peer%'`,
        )
        return rowCount !== 0
      })
    } finally {
      await lock.query('ROLLBACK')
      lock.release()
    }
    await until('online', () => online(a).some(({ userId }) => userId === editor.id))
    expect(online(a)).toEqual([{ userId: editor.id, isOnline: true }])
  })

  it('P1 none of it is in a log or moves a head', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const rooms = [projectRoom(project.id), userRoom(owner.id), userRoom(editor.id)]
    const heads = async () => {
      const { rows } = await app().db.query('SELECT id, head, floor FROM "Room" WHERE id = ANY($1) ORDER BY id', [rooms])
      const events = await app().db.query('SELECT count(*) FROM "Event" WHERE room = ANY($1)', [rooms])
      return { rows, events: events.rows }
    }
    await consumed(app().db)
    const before = await heads()
    const [a, b] = await Promise.all([connect(app(), owner), connect(app(), editor)])
    onTestFinished(() => void a.socket.close())
    await a.join(project.id)
    await b.join(project.id)
    await b.ask('presence:set', { projectId: project.id, state: { cursor: 3 } })
    await b.ask('typing', { projectId: project.id, targetId: project.id, isTyping: true })
    b.socket.disconnect()
    await until('all of it was told', () => said(a).includes(`-${editor.id}`) && typings(a).length >= 2 && online(a).length >= 2)
    expect(await heads()).toEqual(before)
    expect(a.events()).toEqual([])
    for (const name of ['presence:changed', 'typing', 'chat:presence'])
      expect(named(a, name).every((frame) => frame.meta === undefined)).toBe(true)
  })

  it('P1 a renamed person is drawn with the new name in every room, at once and after joining again', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const other = await createProject(owner, 'Second')
    await addMember(owner, other.id, editor)
    const [watcher, renamed, elsewhere] = [
      await connect(app(), owner),
      await connect(app(), editor),
      await connect(app(), editor),
    ]
    await watcher.join(project.id)
    await renamed.join(project.id)
    await renamed.ask('presence:set', { projectId: project.id, state: { tab: 'mix' } })
    await until('the editor is there', () => changes(watcher).some(({ present }) => present.some(({ state }) => state !== null)))
    await editor.must('PATCH', '/api/me', { name: 'Renamed Mo' })
    const drawn = () =>
      changes(watcher)
        .flatMap(({ present }) => present.filter(({ user }) => user.id === editor.id))
        .at(-1)
    await until('drawn anew', () => drawn()?.user.name === 'Renamed Mo')
    // What they show of themselves, and since when, stays.
    expect(drawn()).toMatchObject({ state: { tab: 'mix' } })
    const nameIn = async (projectId: string) =>
      (await watcher.join(projectId)).presence.flatMap(({ user }) => (user.id === editor.id ? [(user as Person).name] : []))
    expect(await nameIn(project.id)).toEqual(['Renamed Mo'])
    // A socket that was in no room when it happened.
    await elsewhere.join(other.id)
    expect(await nameIn(other.id)).toEqual(['Renamed Mo'])
    await renamed.join(project.id)
    expect(await nameIn(project.id)).toEqual(['Renamed Mo'])
    await editor.must('PATCH', '/api/me', { avatarUrl: 'https://example.com/mo.png' })
    await until('drawn anew', () => drawn()?.user.avatarUrl === 'https://example.com/mo.png')
  })

  it('B1 an answer lists as much of a crowd as it may carry: states are left out first, then people', async () => {
    const { project, owner } = await createTeam(app())
    const crowd = await addCrowd(app().db, { projectId: project.id, count: 90, like: owner, config: app().config })
    const listeners = await Promise.all(crowd.map((person) => connect(app(), person)))
    await Promise.all(listeners.map((listener) => listener.join(project.id)))
    const state = { text: 'x'.repeat(900) }
    for (const listener of listeners)
      expect(await listener.ask('presence:set', { projectId: project.id, state })).toEqual({ ok: true })
    const late = await connect(app(), owner)
    const ack = (await late.join(project.id)) as unknown as { presence: Presence[]; presenceTotal: number }
    expect(new Set(ack.presence.map(({ user }) => user.id))).toEqual(new Set([owner.id, ...crowd.map(({ id }) => id)]))
    expect(ack.presenceTotal).toBe(91)
    expect(JSON.stringify(ack).length).toBeLessThan(66_000)
    const states = ack.presence.filter((one) => one.state !== null)
    expect(states.length).toBeGreaterThan(40)
    expect(states.length).toBeLessThan(90)
  })

  it('B1 online peers are looked up among the connected people only', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    await addCrowd(app().db, { projectId: project.id, count: 3_000, like: owner, config: app().config })
    const watched = await watchPlans(app().databaseUrl)
    const node = await startApp({ databaseUrl: watched.url() })
    onTestFinished(async () => {
      await node.close()
      await watched.close()
    })
    const watcher = await connect(node, owner)
    await connect(node, editor)
    await until('told', () => online(watcher).some(({ userId }) => userId === editor.id))
    const looks = watched.ran.filter((each) => each['Query Text'].includes('AS peer'))
    expect(looks.length).toBeGreaterThan(0)
    for (const { Plan } of looks) expect(Plan['Actual Rows']).toBeLessThanOrEqual(2)
  })
})

it('B1 five hundred people at most are listed, and counted all', () => {
  const presence = new PresenceTable({ announce() {}, publish() {}, onError() {}, graceMs: 1, coalesceMs: 60_000 })
  onTestFinished(() => presence.close())
  const room = projectRoom(randomUUID())
  for (let n = 0; n < 700; n++) presence.enter(room, { id: randomUUID(), name: 'P', avatarUrl: null }, `${n}`)
  const { people, total } = presence.listBounded(room)
  expect(total).toBe(700)
  expect(people.length).toBeGreaterThan(300)
  expect(people.length).toBeLessThanOrEqual(500)
  expect(JSON.stringify(people).length).toBeLessThan(65_536)
})
