import { events, passing } from '@cutroom/contract'
import { describe, expect, it } from 'vitest'
import type { TestApp } from '../support/app.ts'
import { converse, readUpTo, say } from '../support/conversations.ts'
import { type Deployed, deployments, useDeployment } from '../support/deployments.ts'
import { cookiesOf, named } from '../support/dialects.ts'
import { cutOut, rowsOf, runExample } from '../support/documents.ts'
import { textOf, uploadFile } from '../support/files.ts'
import { mention } from '../support/notifications.ts'
import { addMember, createCut, createProject, createTeam, type Person, register } from '../support/people.ts'
import { type Listener, open } from '../support/sockets.ts'
import { until } from '../support/until.ts'

const CONNECT = cutOut('bandmate', "import { io } from 'socket.io-client';", 'Authentication\n')
const TO_CLIENT = rowsOf(cutOut('bandmate', 'Server to Client', 'Client to Server'))
const TO_SERVER = rowsOf(cutOut('bandmate', 'Client to Server', 'Rooms\n'))

/** A client of BandMate: its cookie, and nothing that it joins. */
async function bandmateOf(app: TestApp, person: Person, options: Parameters<typeof open>[1] = {}): Promise<Listener> {
  const extraHeaders = { cookie: await cookiesOf(app, person) }
  const listener = open(app, { transports: ['polling', 'websocket'], withCredentials: true, extraHeaders, ...options })
  await until('connected', () => named(listener, 'connected').length > 0)
  return listener
}

interface Scene {
  site: Deployed
  owner: Person
  mate: Person
  projectId: string
}

/** By name: what causes it, once `mate` is connected. */
const causes: Record<string, (scene: Scene) => Promise<unknown>> = {
  'file:uploaded': async ({ site, owner, projectId }) =>
    uploadFile(site.rest, owner, (await createCut(owner, projectId)).cut.id, textOf(100), { filename: 'notes.txt' }),
  'comment:created': async ({ owner, projectId }) =>
    owner.must('POST', `/api/cuts/${(await createCut(owner, projectId)).cut.id}/comments`, { body: 'Louder' }),
  'comment:reply': async ({ owner, projectId }) => {
    const { cut } = await createCut(owner, projectId)
    const { id } = await owner.must<{ id: string }>('POST', `/api/cuts/${cut.id}/comments`, { body: 'Louder' })
    await owner.must('POST', `/api/comments/${id}/replies`, { body: 'Softer' })
  },
  'cut:created': ({ owner, projectId }) => createCut(owner, projectId),
  'cut:moved': async ({ owner, projectId }) => {
    const [{ cut }, { vibe }] = [await createCut(owner, projectId), await createCut(owner, projectId)]
    await owner.must('POST', `/api/cuts/${cut.id}/move`, { vibeId: vibe.id, after: null })
  },
  'cut:deleted': async ({ owner, projectId }) => owner.must('DELETE', `/api/cuts/${(await createCut(owner, projectId)).cut.id}`),
  'vibe:created': ({ owner, projectId }) => createCut(owner, projectId),
  'activity:new': ({ owner, projectId }) => createCut(owner, projectId),
  'notification:new': async ({ owner, mate, projectId }) =>
    owner.must('POST', `/api/cuts/${(await createCut(owner, projectId)).cut.id}/comments`, { body: mention(mate) }),
  'member:joined': async ({ site, owner, projectId }) => addMember(owner, projectId, await register(site.rest, 'Newcomer')),
  'chat:message': async ({ owner, mate }) => say(owner, (await converse(owner, [mate])).id, 'Hello'),
  'chat:typing': async ({ site, owner, mate }) => {
    const { id } = await converse(owner, [mate])
    const other = await bandmateOf(site.others, owner)
    expect(await other.ask('chat:typing', { conversationId: id, isTyping: true })).toMatchObject({ ok: true })
  },
  'chat:read': async ({ owner, mate }) => {
    const { id } = await converse(owner, [mate])
    await readUpTo(owner, id, (await say(mate, id, 'Hello')).id)
  },
  'chat:presence': async ({ site, owner }) => bandmateOf(site.others, owner),
}

it('the document has 14 events from the server and 3 from clients, and each has a row here', () => {
  expect(TO_CLIENT.map(([name]) => name).toSorted()).toEqual(Object.keys(causes).toSorted())
  expect(TO_SERVER.map(([name]) => name)).toEqual(['join:project', 'leave:project', 'chat:typing'])
})

const settings = { DIALECTS: 'bandmate', DIALECT: 'bandmate' }
describe.each(deployments)('the dialect bandmate, $title', (deployment) => {
  const site = useDeployment(deployment, (redis) => ({ env: { ...settings, ...redis } }))
  for (const [name = '', payload = ''] of TO_CLIENT)
    it(`C8 ${name} comes with ${payload}, to a client that has joined nothing`, async () => {
      const { project, owner, editor } = await createTeam(site().rest, 'editor')
      const mate = await bandmateOf(site().sockets, editor)
      await causes[name]?.({ site: site(), owner, mate: editor, projectId: project.id })
      await until(name, () => named(mate, name).length > 0)
      const told = named(mate, name)[0]?.payload
      const schema = ({ ...events, ...passing } as Record<string, { parse: (value: unknown) => unknown }>)[name]
      expect(schema?.parse(told)).toEqual(told)
      // `{ a, b }` names the fields; anything else is an object of the API.
      const fields = /^\{ (.*) \}$/.exec(payload)?.[1]?.split(', ') ?? ['id']
      const known = Object.keys(told ?? {})
      // A member is named by person and project.
      if (name !== 'member:joined') expect(known).toEqual(expect.arrayContaining(fields))
    })

  it('C8 connects as printed, by the cookie of the login, and hears its projects', async () => {
    const { project, owner, editor } = await createTeam(site().rest, 'editor')
    const headers = { cookie: await cookiesOf(site().rest, editor) }
    const { sockets } = await runExample(CONNECT, { fill: { 'http://localhost:3000': site().sockets.url }, headers })
    const heard: string[] = []
    sockets[0]?.on('vibe:created', ({ projectId }: { projectId: string }) => void heard.push(projectId))
    await until('connected', () => sockets[0]?.connected ?? false)
    await until('heard', async () => {
      await createCut(owner, project.id)
      return heard.includes(project.id)
    })
  })

  it('C8 leave:project ends the events of a project, join:project brings them back', async () => {
    const { project, owner, editor } = await createTeam(site().rest, 'editor')
    const mate = await bandmateOf(site().sockets, editor)
    const count = () => named(mate, 'vibe:created').length
    await createCut(owner, project.id)
    await until('heard', () => count() === 1)
    expect(await mate.ask('leave:project', { projectId: project.id })).toEqual({ ok: true })
    await createCut(owner, project.id)
    expect(await mate.ask('join:project', { projectId: project.id })).toMatchObject({ ok: true, mode: 'live' })
    await createCut(owner, project.id)
    await until('heard again', () => count() === 2)
  })

  it('C8 sends what was emitted while it was disconnected when it is back', async () => {
    const { project, owner, editor } = await createTeam(site().rest, 'editor')
    const mate = await bandmateOf(site().sockets, editor, { reconnection: true, reconnectionDelay: 10 })
    const answer = new Promise((resolve) => {
      mate.socket.once('disconnect', () => mate.socket.emit('leave:project', { projectId: project.id }, resolve))
    })
    mate.socket.io.engine.close()
    expect(await answer).toEqual({ ok: true })
    const { head } = await mate.join(project.id)
    await createCut(owner, project.id)
    await until('heard', () => mate.events().some(({ meta }) => meta.seq > head))
  })

  it('C8 falls back to long polling, and after a lost connection goes on without joining again', async () => {
    const { project, owner, editor } = await createTeam(site().rest, 'editor')
    for (const transports of [['polling'], ['polling', 'websocket']]) {
      const mate = await bandmateOf(site().sockets, editor, { transports, reconnection: true, reconnectionDelay: 10 })
      for (let n = 1; n <= 3; n++) {
        const { vibe } = await createCut(owner, project.id)
        await until('heard', () => named(mate, 'vibe:created').some(({ payload }) => payload.id === vibe.id))
        mate.socket.io.engine.close()
        await until('back', () => named(mate, 'connected').length === n + 1)
      }
      const heard = named(mate, 'vibe:created').map(({ payload }) => payload.id)
      expect(new Set(heard).size).toBe(heard.length)
    }
  })

  it('goes into a new project by itself, and is told of those it is taken from', async () => {
    const [owner, editor] = [await register(site().rest, 'Olga'), await register(site().rest, 'Mo')]
    const mate = await bandmateOf(site().sockets, editor)
    const project = await createProject(owner, 'Later')
    await addMember(owner, project.id, editor)
    await until('heard', async () => {
      await createCut(owner, project.id)
      return named(mate, 'cut:created').length > 0
    })
    await owner.must('DELETE', `/api/projects/${project.id}/members/${editor.id}`)
    await until('told', () => named(mate, 'access:revoked').length === 1)
  })
})
