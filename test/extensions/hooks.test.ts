import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ExtensionEvent, projectRoom, userRoom } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { clientOf, live } from '../client/clients.ts'
import { consumed, ownDatabase, startWith } from '../support/consumers.ts'
import { converse, say } from '../support/conversations.ts'
import { BELL, extensionsOf, ring } from '../support/extensions.ts'
import { readLog, upTo } from '../support/log.ts'
import { mention, nextNotification } from '../support/notifications.ts'
import { addMember, createCut, createProject, createTeam, login, type Person, register } from '../support/people.ts'
import { hasRedis, refuseWithoutRedis, startRedis } from '../support/redis.ts'
import { connect, type Listener } from '../support/sockets.ts'
import { until } from '../support/until.ts'

/** What the extension of a test keeps, in this process. */
interface Kept {
  hook: string
  data: Record<string, unknown>
  event: { name: string; meta: { room: string; seq: number; actor: { id: string } | null } }
  attempt: number
}
const kept = (name: string): Kept[] => {
  const all = globalThis as unknown as Record<string, Kept[]>
  all[name] ??= []
  return all[name]
}

const addTask = (person: Person, projectId: string, title: string) =>
  person.must<{ id: string; version: number }>('POST', `/api/projects/${projectId}/tasks`, { title })
/** What extensions sent to a room, as a socket got it. */
const said = ({ events }: Listener, room: string) =>
  events(room).flatMap(({ name, payload, meta }) =>
    name === 'extension:event' ? [{ ...(payload as ExtensionEvent), actor: meta.actor }] : [],
  )
const titles = (n: number, room: string) => upTo(n).map((each) => ring(room, `no-${each}`))
const names = (n: number) => upTo(n).map((each) => `no-${each}`)

/** The hook of the seed document, cut out of it. */
function seedHook(): string {
  const document = readFileSync(join(import.meta.dirname, '..', 'seeds', 'baasix.txt'), 'utf8')
  const hook = /\/\/ In a hook file\n([\s\S]*?\n\};)/.exec(document)?.[1]
  if (hook === undefined) throw new Error('The document has no hook file')
  return hook
}

describe('hooks of extensions', () => {
  it('E1 the hook file of the seed document runs as printed: who is notified is told so by its event', async () => {
    const folder = await extensionsOf({ 'notification-hook/index.js': seedHook() })
    const app = await startWith({}, { env: { EXTENSIONS_DIR: folder } })
    const { project, owner, editor } = await createTeam(app, 'editor')
    const { cut } = await createCut(owner, project.id)
    const [theirs, others] = [await connect(app, editor), await connect(app, owner)]
    await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: `${mention(editor)} louder here` })
    const { id, kind, text } = await nextNotification(editor, 'the mention', (each) => each.kind === 'mention')
    const room = userRoom(editor.id)
    const ofIt = () => said(theirs, room).filter(({ data }) => (data as { id: string }).id === id)
    await until('the event of the hook', () => ofIt().length > 0)
    await consumed(app.db)
    expect(ofIt()).toEqual([
      { from: 'notification-hook', event: 'notification.new', data: { id, message: text, type: kind }, actor: null },
    ])
    const order = theirs.events(room).filter(({ payload }) => payload.id === id || (payload.data as { id?: string })?.id === id)
    expect(order.map(({ name }) => name)).toEqual(['notification:new', 'extension:event'])
    expect(said(others, userRoom(owner.id))).toEqual([])
  })

  it('E1 E2 two leaders on two nodes: what is emitted to projects and people is logged once, in order, and comes to sockets of either node', async () => {
    const redis = hasRedis() ? await startRedis() : null
    if (redis) onTestFinished(redis.close)
    else refuseWithoutRedis('extensions of two nodes with Redis')
    const env = { EXTENSIONS_DIR: BELL, ...(redis && { REDIS_URL: redis.url }) }
    const databaseUrl = await ownDatabase()
    const nodes = await Promise.all([1, 2].map(() => startWith({ alwaysLead: true }, { databaseUrl, env })))
    const [one, two] = nodes
    if (!one || !two) throw new Error('no nodes')
    await until('two leaders', () => nodes.every(({ app }) => app.consumers.isLeader()))
    const { project, owner, editor } = await createTeam(one, 'editor')
    const sockets = [await connect(one, owner), await connect(two, editor)]
    for (const socket of sockets) expect(await socket.join(project.id)).toMatchObject({ ok: true })
    const person = await login(two, editor)
    const [room, own] = [projectRoom(project.id), userRoom(editor.id)]
    for (const title of titles(20, room)) await addTask(owner, project.id, title)
    for (const title of titles(20, own)) await addTask(person, project.id, title)
    const [first, second] = sockets
    if (!first || !second) throw new Error('no sockets')
    await until('all in the project', () => said(first, room).length >= 20 && said(second, room).length >= 20)
    await until('all of the person', () => said(second, own).length >= 20)
    await consumed(one.db)
    for (const socket of sockets) expect(said(socket, room).map(({ event }) => event)).toEqual(names(20))
    expect(said(second, own).map(({ event }) => event)).toEqual(names(20))
    expect(said(first, own)).toEqual([])
    const log = (await readLog(owner, project.id)).filter(({ name }) => name === 'extension:event')
    expect(log.map(({ payload }) => payload.event)).toEqual(names(20))
  })

  it('E1 each kind of item has its hooks, with the item, its `id` and whose it is; a message counts once for all its participants', async () => {
    const folder = await extensionsOf({
      'keeper.mjs': `
        const hooks = ['projects', 'members', 'tasks', 'comments', 'cuts', 'messages', 'notifications'].flatMap((collection) =>
          ['create', 'update', 'delete'].map((verb) => ({
            collection,
            action: 'items.' + verb + '.after',
            async handler(data, { event, attempt }) {
              globalThis.keptOfItems.push({ hook: collection + ' ' + verb, data, event, attempt })
              // Copies are its own.
              data.id = event.meta.room = 'changed'
            },
          })),
        )
        export default { id: 'keeper', events: [...hooks, ...hooks.slice(6, 7)] }`,
    })
    const told = kept('keptOfItems')
    const app = await startWith({}, { env: { EXTENSIONS_DIR: folder } })
    const owner = await register(app, 'Olga')
    const mate = await register(app, 'Mo')
    const project = await createProject(owner)
    await owner.must('PATCH', `/api/projects/${project.id}`, { name: 'Record' })
    await addMember(owner, project.id, mate)
    const task = await addTask(owner, project.id, 'Mix')
    await mate.must('POST', `/api/tasks/${task.id}/move`, { status: 'done', after: null })
    const { cut } = await createCut(owner, project.id)
    const note = await mate.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'Louder' })
    await owner.must('POST', `/api/comments/${note.id}/resolve`)
    await owner.must('DELETE', `/api/comments/${note.id}`)
    const hail = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: mention(mate) })
    await owner.must('PATCH', `/api/comments/${hail.id}`, { body: `${mention(mate)} again` })
    const { id } = await converse(owner, [mate])
    const message = await say(mate, id, 'Hello')
    await mate.must('PATCH', `/api/messages/${message.id}`, { body: 'Good day' })
    await mate.must('DELETE', `/api/messages/${message.id}`)
    await consumed(app.db)
    const [o, m] = [owner.id, mate.id]
    const got = told.map(({ hook, data }) => [hook, data.user_id === o ? 'owner' : data.user_id === m ? 'mate' : data.user_id])
    const ofHook = (hook: string) => told.filter((each) => each.hook === hook).map(({ data }) => data)
    expect(got.toSorted()).toEqual(
      [
        ['projects create', 'owner'],
        ['projects update', 'owner'],
        // The founder, too, is a member only by the project.
        ['members create', 'mate'],
        // Two hooks of one action.
        ['tasks create', 'owner'],
        ['tasks create', 'owner'],
        ['tasks update', 'mate'],
        ['cuts create', 'owner'],
        ['comments create', 'mate'],
        ['comments create', 'owner'],
        ['comments update', 'mate'],
        ['comments update', 'owner'],
        ['comments delete', 'owner'],
        ['messages create', 'mate'],
        ['messages update', 'mate'],
        ['messages delete', 'mate'],
        ['notifications create', 'mate'],
        ['notifications create', 'mate'],
        ['notifications update', 'mate'],
      ].toSorted(),
    )
    // What the first of two hooks changed, the second did not see.
    expect(told.filter(({ hook }) => hook === 'tasks create').every(({ event }) => event.name === 'task:created')).toBe(true)
    expect(ofHook('comments create')).toMatchObject([
      { text: 'Louder', user: { id: mate.id }, body: 'Louder' },
      { text: mention(mate), user: { id: owner.id } },
    ])
    const hailed = { type: 'mention', seen: false }
    expect(ofHook('notifications create')).toMatchObject([{ type: 'added', seen: false }, hailed])
    expect(ofHook('notifications update')).toMatchObject([{ ...hailed, message: '@Mo again' }])
    expect(told.every(({ attempt }) => attempt === 1)).toBe(true)
  })

  it('E4 an extension that throws or never returns holds up neither writes, nor other rooms, nor other extensions; what fails is tried again, then given up', async () => {
    const hook = (id: string, body: string) => `export default { id: '${id}', events: [{
      collection: 'tasks', action: 'items.create.after',
      async handler(task, { attempt, services: { socket } }) { ${body}
        socket.emitToRoom('project:' + task.projectId, 'done', { title: task.title, attempt }) } }] }`
    const folder = await extensionsOf({
      'hanging.mjs': hook('hanging', `if (task.title === 'Bad') await new Promise(() => {})`),
      'throwing.mjs': hook(
        'throwing',
        `if (task.title === 'Bad') throw new Error('it is bad'); if (task.title === 'Third' && attempt < 3) throw 3`,
      ),
      'sound.mjs': hook('sound', ''),
    })
    const app = await startWith({ timings: { handlerMs: 300 } }, { env: { EXTENSIONS_DIR: folder } })
    const { project, owner } = await createTeam(app)
    const other = await createProject(owner, 'Other')
    const socket = await connect(app, owner)
    for (const { id } of [project, other]) await socket.join(id)
    for (const title of ['Bad', 'Third', 'Good']) await addTask(owner, project.id, title)
    await addTask(owner, other.id, 'Good')
    const done = (id: string, from: string) =>
      said(socket, projectRoom(id)).flatMap((each) => (each.from === from ? [each.data] : []))
    const good = { title: 'Good', attempt: 1 }
    await until('the other room', () => ['hanging', 'throwing', 'sound'].every((id) => done(other.id, id).length === 1))
    // Nothing was given up by then: the first room waits.
    expect(done(project.id, 'hanging')).toEqual([])
    await until('the sound extension', () => done(project.id, 'sound').length === 3)
    await until('the rest', () => ['hanging', 'throwing'].every((id) => done(project.id, id).length === 2))
    const third = { title: 'Third', attempt: 1 }
    expect(done(project.id, 'sound')).toEqual([{ title: 'Bad', attempt: 1 }, third, good])
    expect(done(project.id, 'hanging')).toEqual([third, good])
    expect(done(project.id, 'throwing')).toEqual([{ ...third, attempt: 3 }, good])
    const { rows } = await app.db.query('SELECT consumer, attempts, error FROM "DeadLetter" ORDER BY consumer')
    expect(rows).toEqual([
      { consumer: 'extension-hanging', attempts: 5, error: 'Error: took longer than 0.3 s' },
      { consumer: 'extension-throwing', attempts: 5, error: 'Error: it is bad' },
    ])
  })

  it('E2 E4 what cannot be sent fails the handler: rooms that do not exist, too much, what is no JSON, what comes too late; nothing of it is logged', async () => {
    const uuid = '01234567-89ab-7cde-8f01-23456789abcd'
    const bad: Record<string, string> = {
      'no project': `socket.emitToRoom('project:${uuid}', 'x')`,
      'no person': `socket.emitToUser('${uuid}', 'x')`,
      'no person beside': `socket.emitToRoom(here, 'x'); socket.emitToUser('${uuid}', 'x')`,
      'no id': `socket.emitToUser(undefined, 'x')`,
      'no uuid': `socket.emitToRoom('project:1', 'x')`,
      'no extension': `socket.emitToRoom('nowhere:1', 'x')`,
      'a socket': `socket.emitToRoom('aBcDeFgHiJkLmNoPqRsT', 'x')`,
      'no name': `socket.emitToRoom(here, '')`,
      'a long name': `socket.emitToRoom(here, 'x'.repeat(101))`,
      'lines in a name': `socket.emitToRoom(here, 'a\\nb')`,
      many: `for (let n = 0; n < 101; n++) socket.emitToRoom(here, 'x')`,
      large: `socket.emitToRoom(here, 'x', 'y'.repeat(16 * 1024))`,
      'large in sum': `for (let n = 0; n < 17; n++) socket.emitToRoom(here, 'x', 'y'.repeat(16 * 1000))`,
      deep: `let deep = {}; for (let n = 0; n < 40; n++) deep = { deep }; socket.emitToRoom(here, 'x', deep)`,
      'a number too large': `socket.emitToRoom(here, 'x', 1n)`,
      'a circle': `const data = {}; data.data = data; socket.emitToRoom(here, 'x', data)`,
      'a function': `socket.emitToRoom(here, 'x', () => {})`,
    }
    const folder = await extensionsOf({
      'wild.mjs': `
        const bad = { ${Object.entries(bad).map(([title, body]) => `'${title}'(socket, here) { ${body} }`)} }
        export default { id: 'wild', events: [{ collection: 'tasks', action: 'items.create.after',
          async handler({ title, projectId }, { services: { socket } }) {
            const here = 'project:' + projectId
            if (title === 'late') setTimeout(() => { try { socket.emitToRoom(here, 'late') } catch (error) { globalThis.late = error.message } })
            else if (title === 'most') for (let n = 0; n < 100; n++) socket.emitToRoom(here, 'most', { n })
            else if (bad[title]) bad[title](socket, here)
            else socket.emitToRoom(here, 'good')
          } }] }`,
    })
    const app = await startWith({}, { env: { EXTENSIONS_DIR: folder } })
    const { project, owner } = await createTeam(app)
    for (const title of [...Object.keys(bad), 'late', 'good', 'most']) await addTask(owner, project.id, title)
    const sent = async () =>
      (await readLog(owner, project.id)).filter(({ name }) => name === 'extension:event').map(({ payload }) => payload)
    await until('the last one', async () => (await sent()).length >= 101)
    const expected = [{ event: 'good', data: null }, ...upTo(100).map((n) => ({ event: 'most', data: { n: n - 1 } }))]
    expect(await sent()).toEqual(expected.map((each) => ({ from: 'wild', ...each })))
    const { rows } = await app.db.query<{ title: string; attempts: number }>(
      `SELECT e.payload->>'title' AS title, d.attempts FROM "DeadLetter" d JOIN "Event" e ON e.room = d.room AND e.seq = d.seq ORDER BY d.seq`,
    )
    expect(rows).toEqual(Object.keys(bad).map((title) => ({ title, attempts: 5 })))
    expect((globalThis as { late?: string }).late).toContain('The handler has ended')
  })

  it('S1 names of the engine are forged in vain: they are the payload of `extension:event`, and change nothing; an extension does not hear itself', async () => {
    const app = await startWith({}, { env: { EXTENSIONS_DIR: BELL } })
    const { project, owner, editor } = await createTeam(app, 'editor')
    const { client, errors } = clientOf(app, editor)
    const room = client.room(project.id)
    await live(room)
    const heard: unknown[] = []
    room.on('extension:event', ({ event }, { room: from }) => heard.push([event, from]))
    client.on('extension:event', ({ event }, { room: from }) => heard.push([event, from]))
    const socket = await connect(app, editor)
    await socket.join(project.id)
    const forged = ['project:deleted', 'session:revoked', 'access:revoked', 'disconnect', 'extension:event']
    for (const name of forged)
      for (const place of [projectRoom(project.id), userRoom(editor.id)]) await addTask(owner, project.id, ring(place, name))
    await until('all of them', () => heard.length === 10)
    await consumed(app.db)
    for (const place of [projectRoom(project.id), userRoom(editor.id)])
      expect(heard.filter((each) => (each as string[])[1] === place)).toEqual(forged.map((name) => [name, place]))
    const got = new Set(socket.frames.map(({ name }) => name))
    for (const name of forged.slice(0, 4)) expect(got.has(name), name).toBe(false)
    expect(socket.socket.connected).toBe(true)
    expect(room.status).toBe('live')
    expect(room.state?.tasks.size).toBe(10)
    expect(heard).toHaveLength(10)
    expect(errors).toEqual([])
  })
})
