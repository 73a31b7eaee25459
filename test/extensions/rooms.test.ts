import { MAX_VALUES } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { consumed, ownDatabase, startWith } from '../support/consumers.ts'
import { speak } from '../support/dialects.ts'
import { BELL, extensionsOf, ring } from '../support/extensions.ts'
import { upTo } from '../support/log.ts'
import { createProject, createTeam, login, type Person, register } from '../support/people.ts'
import { hasRedis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const DENIED = { ok: false, error: { status: 404, code: 'not-found' } }
const enter = (socket: Listener, room: string) => socket.ask('join', { room })
/** Names of what came of a room of an extension, in order. */
const heard = ({ frames }: Listener, room?: string) =>
  frames.flatMap(({ name, payload, meta }) =>
    name === 'extension:message' && (room === undefined || payload.room === room)
      ? [meta === undefined ? payload.event : 'meta']
      : [],
  )
/** Has the extension ring in a room, by a write. */
const write = (person: Person, projectId: string, room: string, event?: string) =>
  person.must('POST', `/api/projects/${projectId}/tasks`, { title: ring(room, event) })

describe('rooms of extensions', () => {
  const app = useApp({ env: { EXTENSIONS_DIR: BELL } })

  it('C6 a room is closed unless its authoriser says true; closed, unknown and without an extension answer alike', async () => {
    const [ann, bo] = [await register(app(), 'Ann'), await register(app(), 'Bo')]
    const project = await createProject(ann)
    const [hers, his] = [await connect(app(), ann), await connect(app(), bo)]
    const own = `bell:${ann.id}`
    expect(await enter(hers, own)).toEqual({ ok: true })
    const answers = await Promise.all(
      [own, 'bell:nothing', 'other:1', `project:${project.id}`, `user:${ann.id}`, `collection:tasks`, 'custom:bell:all'].map(
        (room) => enter(his, room),
      ),
    )
    for (const answer of answers) {
      expect(answer).toMatchObject(DENIED)
      expect(answer).toEqual(answers[0])
    }
    for (const room of [his.socket.id, hers.socket.id, '', 'bell:', 'bell', 'bell:a b', `bell:${'x'.repeat(200)}`, null, 7])
      expect(await his.ask('join', { room })).toMatchObject({ ok: false, error: { code: 'validation' } })
    expect(await his.ask('join', 'bell:all')).toMatchObject({ ok: false, error: { code: 'validation' } })
    await write(ann, project.id, own, 'for-ann')
    await write(ann, project.id, 'bell:all', 'for-none')
    await until('hers', () => heard(hers).length === 1)
    await consumed(app().db)
    expect(hers.frames.at(-1)).toMatchObject({
      name: 'extension:message',
      payload: { room: own, from: 'bell', event: 'for-ann', data: { taskId: expect.any(String) } },
      meta: undefined,
    })
    expect(await enter(his, 'bell:all')).toEqual({ ok: true })
    await write(ann, project.id, 'bell:all', 'for-all')
    await until('his', () => heard(his).length > 0)
    expect([heard(his), heard(hers)]).toEqual([['for-all'], ['for-ann']])
  })

  it('C6 a socket is out after `leave`, a join that is refused, the end of its session, and its end; API tokens stay outside', async () => {
    const ann = await register(app(), 'Ann')
    const project = await createProject(ann)
    const second = await login(app(), ann)
    const [hers, other, gone] = [await connect(app(), ann), await connect(app(), second), await connect(app(), ann)]
    const named = 'bell:Ann'
    for (const socket of [hers, other, gone]) expect(await enter(socket, named)).toEqual({ ok: true })
    await write(ann, project.id, named, 'one')
    await until('all of them', () => [hers, other, gone].every((socket) => heard(socket).length === 1))
    gone.socket.close()
    await second.must('POST', '/api/auth/logout')
    await until('the end of the session', () => !other.socket.connected)
    const members = () => [...(app().app.io.of('/').adapter.rooms.get(`custom:${named}`) ?? [])]
    await until('one to be left', () => members().length === 1)
    expect(members()).toEqual([hers.socket.id])
    await write(ann, project.id, named, 'two')
    await until('her own', () => heard(hers).length === 2)
    // The authoriser goes by the name: under another one she is out as soon as she asks again.
    await ann.must('PATCH', '/api/me', { name: 'Anna' })
    expect(await enter(hers, named)).toMatchObject(DENIED)
    expect(members()).toEqual([])
    expect(await enter(hers, 'bell:all')).toEqual({ ok: true })
    expect(await hers.ask('leave', { room: 'bell:all' })).toEqual({ ok: true })
    expect(await hers.ask('leave', { room: `project:${project.id}` })).toEqual({ ok: true })
    await write(ann, project.id, 'bell:all', 'three')
    await write(ann, project.id, `bell:${ann.id}`, 'four')
    expect(await enter(hers, `bell:${ann.id}`)).toEqual({ ok: true })
    await write(ann, project.id, `bell:${ann.id}`, 'five')
    await until('the last', () => heard(hers).at(-1) === 'five')
    expect(heard(hers).filter((name) => name === 'three')).toEqual([])
    expect(heard(other)).toEqual(['one'])
    const { token } = await ann.must<{ token: string }>('POST', '/api/me/tokens', { name: 'bot', role: 'owner' })
    const bot = await connect(app(), { token })
    for (const room of ['bell:all', 'other:1']) expect(await enter(bot, room)).toMatchObject({ error: { code: 'forbidden' } })
  })

  it('C6 API tokens stay outside also by the `join` of a dialect', async () => {
    const node = await startWith({}, { env: { EXTENSIONS_DIR: BELL, DIALECTS: 'baasix' } })
    const ann = await register(node, 'Ann')
    const { token } = await ann.must<{ token: string }>('POST', '/api/me/tokens', { name: 'bot', role: 'owner' })
    const join = async (as: Pick<Person, 'token'>, room: string) => {
      const { socket } = await speak(node, as, 'baasix')
      return socket.timeout(10_000).emitWithAck('join', room)
    }
    expect(await join(ann, 'bell:all')).toMatchObject({ success: true })
    const refused = await join({ token }, 'bell:all')
    expect(refused).not.toMatchObject({ success: true })
    expect(refused).toEqual(await join({ token }, 'other:1'))
  })

  it('B2 one socket stands in 64 of them at most; a place is free again after `leave`', async () => {
    const folder = await extensionsOf({
      'open.mjs': `export default { id: 'open', rooms: [{ prefix: 'open', mayEnter: () => true }] }`,
    })
    const node = await startWith({}, { env: { EXTENSIONS_DIR: folder } })
    const socket = await connect(node, await register(node))
    const answers = await Promise.all(upTo(70).map((n) => enter(socket, `open:${n}`)))
    const inside = answers.filter(({ ok }) => ok).length
    expect(inside).toBe(64)
    expect(answers.find(({ ok }) => !ok)).toMatchObject({ error: { code: 'rate-limited' } })
    expect(await enter(socket, 'open:1')).toEqual({ ok: true })
    await socket.ask('leave', { room: 'open:1' })
    expect(await enter(socket, 'open:new')).toEqual({ ok: true })
    expect(await enter(socket, 'open:1')).toMatchObject({ error: { code: 'rate-limited' } })
  })

  it('C6 an authoriser that throws, never answers, or says less than true, denies; other rooms answer at once; the newest of join and leave counts', async () => {
    const folder = await extensionsOf({
      'doors.mjs': `
        const doors = {
          'door:throws': () => { throw new Error('no') },
          'door:rejects': async () => { throw new Error('no') },
          'door:hangs': () => new Promise(() => {}),
          'door:one': () => 1,
          'door:text': () => 'true',
          'door:object': async () => ({ ok: true }),
          'door:slow': () => new Promise((open) => globalThis.doors.push(open)),
        }
        export default { id: 'doors', rooms: [{ prefix: 'door', mayEnter: (person, room) => {
          globalThis.people.push(Object.keys(person).join())
          return doors[room]?.()
        } }, { prefix: 'open', mayEnter: () => true }] }`,
    })
    const shared = globalThis as unknown as { doors: ((open: boolean) => void)[]; people: string[] }
    Object.assign(shared, { doors: [], people: [] })
    const node = await startWith({}, { env: { EXTENSIONS_DIR: folder } })
    const socket = await connect(node, await register(node))
    const hanging = enter(socket, 'door:hangs')
    for (const name of ['throws', 'rejects', 'one', 'text', 'object', 'none'])
      expect(await enter(socket, `door:${name}`)).toMatchObject(DENIED)
    expect(await enter(socket, 'open:1')).toEqual({ ok: true })
    expect(await hanging).toMatchObject(DENIED)
    expect(new Set(shared.people)).toEqual(new Set(['id,name']))

    const first = enter(socket, 'door:slow')
    await until('the authoriser', () => shared.doors.length === 1)
    expect(await socket.ask('leave', { room: 'door:slow' })).toEqual({ ok: true })
    shared.doors[0]?.(true)
    expect(await first).toMatchObject({ error: { code: 'superseded' } })
    const second = enter(socket, 'door:slow')
    await until('another one', () => shared.doors.length === 2)
    const third = enter(socket, 'door:slow')
    await until('a third one', () => shared.doors.length === 3)
    shared.doors[2]?.(true)
    expect(await third).toEqual({ ok: true })
    shared.doors[1]?.(false)
    expect(await second).toMatchObject({ error: { code: 'superseded' } })
    const inRoom = () => node.app.io.of('/').adapter.rooms.get('custom:door:slow')?.size ?? 0
    expect(inRoom()).toBe(1)
    // A session that ends during the question is not let in by the answer.
    const last = await connect(node, await register(node, 'Bo'))
    void last.ask('join', { room: 'door:slow' }).catch(() => {})
    await until('one more', () => shared.doors.length === 4)
    last.socket.close()
    await until('its end', () => node.app.rooms.counts().sockets === 1)
    shared.doors[3]?.(true)
    expect(await enter(socket, 'open:2')).toEqual({ ok: true })
    expect(inRoom()).toBe(1)
  })

  it('S3 what is sent to a room of an extension is bounded like any event: nothing of it comes', async () => {
    const folder = await extensionsOf({
      'loud.mjs': `export default { id: 'loud', rooms: [{ prefix: 'loud', mayEnter: () => true }], events: [{
        collection: 'tasks', action: 'items.create.after',
        handler({ title }, { services: { socket } }) {
          if (title === 'Many') for (let n = 0; n < 101; n++) socket.emitToRoom('loud:1', 'many')
          if (title === 'Large') socket.emitToRoom('loud:1', 'large', 'x'.repeat(20_000))
          if (title === 'Wide') socket.emitToRoom('loud:1', 'wide', Array.from({ length: ${MAX_VALUES + 1} }, () => 0))
          if (title === 'Bad after') { socket.emitToRoom('loud:1', 'unsent'); throw new Error('no') }
          if (title === 'Good') socket.emitToRoom('loud:1', 'good')
        } }] }`,
    })
    const node = await startWith({}, { env: { EXTENSIONS_DIR: folder } })
    const { project, owner } = await createTeam(node)
    const socket = await connect(node, owner)
    await enter(socket, 'loud:1')
    for (const title of ['Many', 'Large', 'Wide', 'Bad after', 'Good'])
      await owner.must('POST', `/api/projects/${project.id}/tasks`, { title })
    await until('the good one', () => heard(socket).length > 0)
    expect(heard(socket)).toEqual(['good'])
  })

  it.skipIf(!hasRedis())('C6 on two nodes with Redis: who was let in on either node gets it once, others nothing', async () => {
    const redis = await startRedis()
    onTestFinished(redis.close)
    const options = { databaseUrl: await ownDatabase(), env: { EXTENSIONS_DIR: BELL, REDIS_URL: redis.url } }
    const [one, two] = [await startWith({}, options), await startWith({}, options)]
    const { project, owner, editor } = await createTeam(one, 'editor')
    const sockets = [await connect(one, owner), await connect(two, owner), await connect(two, editor)]
    const room = `bell:${owner.id}`
    const entered = []
    for (const socket of sockets) entered.push((await enter(socket, room)).ok)
    expect(entered).toEqual([true, true, false])
    for (const n of upTo(5)) await write(owner, project.id, room, `no-${n}`)
    await write(await login(two, editor), project.id, room, 'last')
    const all = [...upTo(5).map((n) => `no-${n}`), 'last']
    await until('all on both nodes', () => sockets.slice(0, 2).every((socket) => heard(socket).length >= 6))
    expect(sockets.map((socket) => heard(socket, room))).toEqual([all, all, []])
  })
  if (!hasRedis()) refuseWithoutRedis('rooms of extensions on two nodes')
})
