import { projectRoom } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import { backlogOf, createEncoder } from '../../src/rooms/sockets/engine-io.ts'
import { type TestApp, useApp } from '../support/app.ts'
import { upTo } from '../support/log.ts'
import { addProjects } from '../support/members.ts'
import { addMember, createTeam, type Person, register } from '../support/people.ts'
import { openRaw, type Raw } from '../support/raw-socket.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'
import { seqs } from './frames.ts'

const KIB = 1024
/** Between two looks everything that is written waits; after that nothing more does. */
const CHUNK = { events: 100, bytes: 8 * KIB }

/** Large events without a notification: the sweep finds them. */
async function write({ db }: TestApp, projectId: string, count = CHUNK.events): Promise<void> {
  const payload = { taskId: projectId, padding: 'x'.repeat(CHUNK.bytes) }
  await db.query('SELECT append($1, $2, $3::json) FROM generate_series(1, $4::int)', [
    projectRoom(projectId),
    'task:deleted',
    JSON.stringify(payload),
    count,
  ])
}

/** A raw client in the room that stops reading when it is paused. */
async function standing(app: TestApp, person: Person, projectId: string, after?: number): Promise<Raw> {
  const raw = await openRaw(app)
  raw.ws.send(`40${JSON.stringify({ token: person.token })}`)
  await until('connected', () => raw.events().some(({ name }) => name === 'connected'))
  raw.ws.send(`421${JSON.stringify(['join:project', { projectId, after }])}`)
  await until('joined', () => raw.ack(1)?.ok === true)
  return raw
}

/** A client of the older transport, by hand: it gets nothing unless it polls. */
async function polling(app: TestApp, person: Person) {
  const base = `${app.url}/socket.io/?EIO=4&transport=polling`
  const { sid } = JSON.parse((await (await fetch(base)).text()).slice(1)) as { sid: string }
  const at = `${base}&sid=${sid}`
  const packets: string[] = []
  const say = async (packet: string) => void (await (await fetch(at, { method: 'POST', body: packet })).text())
  const poll = async () => {
    const answer = await fetch(at)
    const text = await answer.text()
    if (answer.status !== 200) throw new Error(`the poll was refused: ${answer.status} ${text}`)
    for (const packet of text.split('\x1e')) {
      if (packet === '2') await say('3')
      else packets.push(packet)
    }
  }
  /** Polls until then. */
  const until = async (condition: () => boolean) => {
    while (!condition()) await poll()
  }
  await say(`40${JSON.stringify({ token: person.token })}`)
  await until(() => packets.some((packet) => packet.startsWith('42["connected"')))
  return { packets, say, until }
}

/** What it got of the project's log. */
const got = (raw: Raw, projectId: string) =>
  raw.events().flatMap(({ meta }) => (meta?.room === projectRoom(projectId) ? [meta.seq] : []))
const last = (listener: Listener, projectId: string) => listener.events(projectRoom(projectId)).at(-1)?.meta.seq ?? 0
const told = (raw: Raw, name: string) => raw.events().filter((event) => event.name === name)

/** What the server holds for one person's sockets, bytes. */
const held = ({ app }: TestApp, person: Person) =>
  [...app.io.of('/').sockets.values()]
    .filter((socket) => socket.data.person.id === person.id)
    .reduce((sum, socket) => sum + backlogOf(socket).bytes, 0)
const headOf = async ({ db }: TestApp, projectId: string) => {
  const { rows } = await db.query<{ head: string }>('SELECT head FROM "Room" WHERE id = $1', [projectRoom(projectId)])
  return Number(rows[0]?.head)
}

describe('slow sockets', () => {
  const app = useApp({ seams: { timings: { sweepMs: 30, checkMs: 20, stuckMs: 200, graceMs: 50 } } })
  const slow = () => app().app.rooms.counts().slow
  /** Writes until the network takes nothing more for these many rooms. */
  async function fill(projectId: string, rooms: number): Promise<void> {
    await until(
      `${rooms} paused`,
      async () => {
        if (slow().paused < rooms) await write(app(), projectId)
        return slow().paused >= rooms
      },
      20_000,
    )
  }

  it('D5 A1 sockets that stop reading are paused: memory is bounded, other sockets are not delayed, and the paused ones catch up', async () => {
    const { project, owner, editor, commenter, viewer } = await createTeam(app(), 'editor', 'commenter', 'viewer')
    const { id } = project
    const neighbour = await connect(app(), owner)
    await neighbour.join(id, { after: 0, activity: false })
    const [whole, removed, changed] = await Promise.all(
      [editor, viewer, commenter].map((person) => standing(app(), person, id, 0)),
    )
    if (!whole || !removed || !changed) throw new Error('three sockets')
    for (const { ws } of [whole, removed, changed]) ws.pause()

    // Each is in the project's room and in its user room.
    await fill(id, 6)
    const people = [editor, viewer, commenter]
    const before = people.map((person) => held(app(), person))
    expect(Math.max(...before)).toBeLessThan(256 * KIB + 4 * CHUNK.events * CHUNK.bytes)
    for (let n = 0; n < 4; n++) await write(app(), id)
    const head = await headOf(app(), id)
    await until('the neighbour has all', () => last(neighbour, id) === head)
    expect(people.map((person) => held(app(), person))).toEqual(before)
    expect(slow()).toMatchObject({ paused: 6, closed: 0 })

    // They are still connected, present, and served.
    const { presence } = await neighbour.join(id)
    expect(presence.map(({ user }) => user.id).sort()).toEqual([owner, ...people].map((person) => person.id).sort())
    whole.ws.send(`42${JSON.stringify(['presence:set', { projectId: id, state: { at: 'bridge' } }])}`)
    await until('the state', () => neighbour.frames.some(({ payload }) => JSON.stringify(payload).includes('bridge')))
    // Asking again without a position skips nothing.
    whole.ws.send(`422${JSON.stringify(['join:project', { projectId: id }])}`)
    const late = await register(app(), 'Lea Late')
    await addMember(owner, id, late)
    const visitor = await connect(app(), late)
    await visitor.join(id)

    // What changes one's rights holds at once.
    await owner.must('PATCH', `/api/projects/${id}/members/${commenter.id}`, { role: 'viewer' })
    await owner.must('DELETE', `/api/projects/${id}/members/${viewer.id}`)
    await until('the removed one is gone', () =>
      neighbour.frames.some(
        ({ name, payload }) => name === 'presence:changed' && JSON.stringify(payload.left).includes(viewer.id),
      ),
    )
    changed.ws.send(`423${JSON.stringify(['typing', { projectId: id, targetId: id, isTyping: true }])}`)
    await write(app(), id)
    const end = await headOf(app(), id)
    await until('the neighbour has all again', () => last(neighbour, id) === end)
    const removal = neighbour.events(projectRoom(id)).find(({ name }) => name === 'member:left')?.meta.seq ?? 0
    expect(slow().paused).toBeGreaterThanOrEqual(5)

    for (const { ws } of [whole, removed, changed]) ws.resume()
    await until('both have all', () => [whole, changed].every((raw) => got(raw, id).at(-1) === end))
    for (const raw of [whole, changed]) expect(got(raw, id)).toEqual(upTo(end))
    await until('the answers', () => whole.ack(2) !== undefined && changed.ack(3) !== undefined)
    expect(whole.ack(2)).toMatchObject({ ok: true, mode: 'live', head: end })
    expect(changed.ack(3)).toMatchObject({ ok: false, error: { code: 'forbidden' } })
    await until('no socket is paused', () => slow().paused === 0)
    await until('the presence that changed in between', () =>
      told(whole, 'presence:changed').some(({ payload }) => JSON.stringify(payload.present).includes(late.id)),
    )
    expect(told(whole, 'presence:changed').at(-1)?.payload.left).toContain(viewer.id)

    // Live again; and the removed one never is.
    await write(app(), id, 1)
    await until('the next one', () => [whole, changed].every((raw) => got(raw, id).at(-1) === end + 1))
    const events = whole.events().filter(({ meta }) => meta?.room === projectRoom(id))
    expect(events.at(-1)?.meta).not.toHaveProperty('replayed')
    removed.ws.send(`424${JSON.stringify(['leave:project', { projectId: id }])}`)
    await until('an answer', () => removed.ack(4) !== undefined)
    const seen = got(removed, id)
    expect(seen).toEqual(upTo(seen.length))
    expect(seen.length).toBeLessThan(removal)
    expect(told(removed, 'access:revoked').map(({ payload }) => payload)).toEqual([{ projectId: id, reason: 'removed' }])
    expect(told(removed, 'project:left')).toHaveLength(1)
    expect(slow()).toMatchObject({ paused: 0, closed: 0 })
    // What was read as events was read as activities.
    const { head: from } = whole.ack(1) as { head: number }
    const activities = () => told(whole, 'activity:new').map(({ payload }) => payload.seq)
    await until('the last activity', () => activities().at(-1) === end + 1)
    expect(activities()).toEqual(upTo(end + 1).slice(from))
  })

  it('D5 R2 a paused socket whose position retention has trimmed reconnects, and is answered reset', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { id } = project
    const raw = await standing(app(), editor, id, 0)
    raw.ws.pause()
    await fill(id, 2)
    // 6 MiB: more than a room's replay cache holds, from which the socket could still catch up.
    for (let n = 0; n < 8; n++) await write(app(), id)
    const head = await headOf(app(), id)
    await app().db.query('UPDATE "Room" SET floor = $2 WHERE id = $1', [projectRoom(id), head])
    await app().db.query('DELETE FROM "Event" WHERE room = $1', [projectRoom(id)])
    raw.ws.resume()
    await until('it is closed', raw.closed)
    await until('its person is present no more', () => app().app.rooms.presentIn(projectRoom(id), 1, owner.id).total === 0)
    const seen = got(raw, id)
    expect(seen).toEqual(upTo(seen.length))
    expect(seen.length).toBeLessThan(head)
    const again = await connect(app(), editor)
    expect(await again.join(id, { after: seen.length })).toMatchObject({ ok: true, mode: 'reset', head })
    await until('no socket is paused', () => slow().paused === 0)
  })

  it('R3 a crowd that comes late into a room through which much flows arrives', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { id } = project
    await write(app(), id, 40)
    // A socket is there, so that the room has events all the time.
    const neighbour = await connect(app(), owner)
    await neighbour.join(id, { activity: false })
    const crowd = await Promise.all(Array.from({ length: 16 }, () => connect(app(), editor)))
    let flows = true
    let rounds = 0
    const flow = (async () => {
      while (flows) {
        rounds++
        await write(app(), id, 8)
        await owner.must('POST', `/api/projects/${id}/tasks`, { title: 'a write that wakes the feed' })
      }
    })()
    try {
      const acks = await Promise.all(crowd.map((one) => one.join(id, { after: 0, activity: false })))
      expect(acks.filter(({ ok }) => !ok)).toEqual([])
      expect(rounds).toBeLessThan(100)
    } finally {
      flows = false
      await flow
    }
    const head = await headOf(app(), id)
    await until('all have all', () => crowd.every((one) => last(one, id) === head))
    for (const one of crowd) expect(seqs(one.events(projectRoom(id)))).toEqual(upTo(head))
  })

  it('D5 a long-polling client that stops polling is paused, and catches up when it polls again', async () => {
    const { project, editor } = await createTeam(app(), 'editor')
    const { id } = project
    const poll = await polling(app(), editor)
    await poll.say(`421${JSON.stringify(['join:project', { projectId: id, after: 0 }])}`)
    const events = () =>
      poll.packets.filter((packet) => packet.startsWith('42[') && packet.includes(`"room":"${projectRoom(id)}"`))
    await poll.until(() => poll.packets.some((packet) => packet.startsWith('431[')))
    await fill(id, 2)
    const before = held(app(), editor)
    for (let n = 0; n < 4; n++) await write(app(), id)
    const head = await headOf(app(), id)
    const watcher = await connect(app(), editor)
    await watcher.join(id, { after: head - 1 })
    expect(last(watcher, id)).toBe(head)
    expect(held(app(), editor)).toBeLessThanOrEqual(before)
    // The activities come behind the events.
    const isLast = (packet: string) => packet.startsWith('42["activity:new"') && JSON.parse(packet.slice(2))[1].seq === head
    await poll.until(() => poll.packets.some(isLast))
    expect(events().map((packet) => JSON.parse(packet.slice(2))[2].seq)).toEqual(upTo(head))
    await until('no socket is paused', () => slow().paused === 0)
  })

  it('D5 a long-polling client that was paused receives activities, too', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { id } = project
    const poll = await polling(app(), editor)
    await poll.say(`421${JSON.stringify(['join:project', { projectId: id }])}`)
    await poll.until(() => poll.packets.some((packet) => packet.startsWith('431[')))
    const add = (title: string) => owner.must('POST', `/api/projects/${id}/tasks`, { title })
    await add('Stays in the queue')
    await until('both rooms are paused', () => slow().paused === 2)
    for (const title of ['one', 'two', 'three']) await add(title)
    const got = (name: string) =>
      poll.packets.flatMap((packet): unknown[][] =>
        packet.startsWith(`42["${name}"`) ? [JSON.parse(packet.slice(2)).slice(1)] : [],
      )
    await poll.until(() => got('activity:new').length === 4)
    await until('no socket is paused', () => slow().paused === 0)
    await add('Live again')
    await poll.until(() => got('activity:new').length === 5)
    const ids = got('task:created').map(([, meta]) => (meta as { id: string }).id)
    expect(got('activity:new').map(([activity]) => (activity as { id: string }).id)).toEqual(ids)
  })

  it('P1 a person who came or left right before a socket was paused is told to it when it reads again', async () => {
    const { project, owner, editor, viewer, commenter } = await createTeam(app(), 'editor', 'viewer', 'commenter')
    const { id } = project
    const [witness, leaver, comer] = await Promise.all([owner, viewer, commenter].map((person) => connect(app(), person)))
    if (!witness || !leaver || !comer) throw new Error('three sockets')
    await Promise.all([witness.join(id), leaver.join(id)])
    const poll = await polling(app(), editor)
    await poll.say(`421${JSON.stringify(['join:project', { projectId: id }])}`)
    await poll.until(() => poll.packets.some((packet) => packet.startsWith('431[')))
    const heard = () =>
      poll.packets.flatMap((packet): { present: { user: { id: string } }[]; left: string[] }[] =>
        packet.startsWith('42["presence:changed"') ? [JSON.parse(packet.slice(2))[1]] : [],
      )
    const hearsOf = (who: Person) => heard().some(({ present }) => present.some(({ user }) => user.id === who.id))
    await poll.until(() => hearsOf(editor))

    // After many changes presence is announced more rarely: what changes next waits for longer than it takes to pause a socket.
    const others = await addProjects(app().db, { userId: owner.id, count: 45 })
    await Promise.all(others.map((other) => witness.join(other)))
    await Promise.all(others.map((projectId) => witness.ask('presence:set', { projectId, state: { at: 'once' } })))
    const shown = () => witness.frames.filter(({ payload }) => JSON.stringify(payload).includes('once')).length
    await until('they are announced', () => shown() === others.length)
    await owner.must('POST', `/api/projects/${id}/tasks`, { title: 'Stays in the queue' })
    await Promise.all([comer.join(id), leaver.ask('leave:project', { projectId: id })])
    await until('both rooms are paused', () => slow().paused === 2)
    const said = () => JSON.stringify(witness.frames.filter(({ name }) => name === 'presence:changed'))
    await until('others hear of both', () => [commenter, viewer].every(({ id }) => said().includes(id)))
    await poll.until(() => hearsOf(commenter) && heard().some(({ left }) => left.includes(viewer.id)))
  })
})

describe('sockets that never read again', () => {
  const app = useApp({ seams: { timings: { sweepMs: 30, checkMs: 20, stuckMs: 100, closeMs: 600, graceMs: 50 } } })

  it('D5 are closed and let go, and resume when they come back', async () => {
    const { project, owner, editor } = await createTeam(app(), 'editor')
    const { id } = project
    const neighbour = await connect(app(), owner)
    await neighbour.join(id, { after: 0, activity: false })
    const raw = await standing(app(), editor, id, 0)
    raw.ws.pause()
    const closed = new Promise<number>((resolve) => raw.ws.once('close', resolve))
    const { slow } = app().app.rooms.counts()
    expect(slow).toEqual({ paused: 0, pauses: 0, closed: 0 })
    const counts = () => app().app.rooms.counts()
    await until('it is closed', async () => {
      if (counts().slow.paused < 2 && counts().slow.closed === 0) await write(app(), id)
      return counts().slow.closed === 1
    })
    // Nothing of it is left, though it never said goodbye.
    await until('its socket is gone', () => counts().sockets === 1 && counts().slow.paused === 0)
    expect(counts()).toMatchObject({ feeds: 2, slow: { paused: 0, pauses: 2, closed: 1 } })
    await until('its person is gone', () =>
      neighbour.frames.some(
        ({ name, payload }) => name === 'presence:changed' && JSON.stringify(payload.left).includes(editor.id),
      ),
    )
    raw.ws.resume()
    // The reason, if it reads at last before the server hangs up.
    expect([1013, 1006]).toContain(await closed)
    const seen = got(raw, id)
    const head = await headOf(app(), id)
    expect(seen).toEqual(upTo(seen.length))
    expect(seen.length).toBeLessThan(head)
    const again = await standing(app(), editor, id, seen.length)
    expect([...seen, ...got(again, id)]).toEqual(upTo(head))
  })

  it('D5 a cached event takes its own bytes, and no more', () => {
    const meta = { room: projectRoom('p'), seq: 1, epoch: 'e', id: 'i', at: new Date().toISOString(), actor: null }
    const frame = createEncoder(app().app.io)({ name: 'task:deleted', payload: { taskId: 't' }, label: null, meta })
    expect(frame.toString()).toContain('"taskId":"t"')
    expect(frame.buffer.byteLength).toBe(frame.length)
  })
})
