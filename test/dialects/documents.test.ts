import { describe, expect, it } from 'vitest'
import { converse, say } from '../support/conversations.ts'
import { deployments, useDeployment } from '../support/deployments.ts'
import { ALL, cookiesOf, named, speak } from '../support/dialects.ts'
import { cutOut, documentOf, filled, rowsOf, runExample } from '../support/documents.ts'
import { createTeam } from '../support/people.ts'
import { until } from '../support/until.ts'

// The examples are cut out of the documents, and run as printed once the host and the token or the cookie of a login are filled in. Those of
// React, Vue and a page are in documents-browser.test.ts, BandMate's in bandmate.test.ts, the events of BAASIX in baasix-events.test.ts.

const HOST = 'http://your-api-domain'
const IMPORT = "import { io } from 'socket.io-client';"

const AUTHENTICATION = cutOut('baasix', `${IMPORT}\n// Get the token`, 'Custom Events\n')
const SETTINGS = cutOut('baasix', 'SOCKET_ENABLED=', 'Redis Adapter for Scaling')
/** The environment of the document, with this Redis in place of its own. */
function settingsOf({ REDIS_URL = '' }: { REDIS_URL?: string }): Record<string, string> {
  const lines = [...filled(SETTINGS, { 'redis://localhost:6379': REDIS_URL }).matchAll(/^([A-Z_]+)=(.+)$/gm)]
  return Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]))
}

describe.each(deployments)('the document of BAASIX on $title', (deployment) => {
  const site = useDeployment(deployment, (redis) => ({
    env: settingsOf(redis),
    seams: { mayEnter: async (_, room) => room === 'discussion:123' },
  }))

  const team = async () => {
    const people = await createTeam(site().rest, 'editor')
    const headers = { cookie: await cookiesOf(site().rest, people.editor) }
    const fill = { [HOST]: site().sockets.url, 'your-auth-token': people.editor.token }
    const localStorage = { getItem: (name: string) => (name === 'auth_token' ? people.editor.token : null) }
    return { ...people, headers, fill, globals: { localStorage } }
  }

  it('C8 its environment starts a server that its clients find at /realtime', () => {
    const { config } = site().sockets
    expect(config).toMatchObject({ socketPath: '/realtime', dialects: ['baasix'] })
    expect(config.corsOrigins).toEqual(['https://yourdomain.com', 'https://app.yourdomain.com'])
    expect(config.redisUrl !== undefined).toBe(deployment.withRedis)
  })

  it('C8 “Connecting to Socket” and “Subscribing to Events” run', async () => {
    const { project, owner, headers, fill } = await team()
    const connecting = cutOut('baasix', IMPORT, 'Subscribing to Events')
    // Collections are those of the server, and it has no posts.
    const subscribing = cutOut('baasix', '// Listen for item events', 'Authentication\n').replaceAll("'posts'", "'tasks'")
    const page = { currentPostId: '' }
    const run = await runExample(`${connecting}\n${subscribing}`, { fill, headers, globals: page })
    await until('connected', () => run.said.includes('Connected to BAASIX socket server'))
    let task: { id: string } = { id: '' }
    await until('a new one', async () => {
      task = await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'A post' })
      return run.said.some((line) => line.startsWith('New post created: {"id":"'))
    })
    run.sockets[0]?.disconnect()
    await until('disconnected', () => run.said.includes('Disconnected from BAASIX socket server'))
    const again = await runExample(`${connecting}\n${subscribing}`, { fill, headers, globals: { currentPostId: task.id } })
    await until('updated', async () => {
      await owner.must('PATCH', `/api/tasks/${task.id}`, { title: `Changed ${again.said.length} ${Math.random()}` })
      return again.said.some((line) => line.startsWith('Current post updated: {"id":"'))
    })
  })

  it('C8 its handler of errors is called with a sentence', async () => {
    const { fill } = await team()
    const run = await runExample(cutOut('baasix', IMPORT, 'Subscribing to Events'), { fill })
    await until('refused', () => run.said.some((line) => /^Socket connection error: \w.{8,}/.test(line)))
  })

  it('C8 “Authentication” runs, with the token of its store', async () => {
    const { fill, globals } = await team()
    const run = await runExample(AUTHENTICATION, { fill, globals })
    await until('connected', () => run.sockets[0]?.connected ?? false)
  })

  it('C8 C6 “Joining Custom Rooms” runs where an authoriser opens the room, and says so where none does', async () => {
    const { fill, globals } = await team()
    const code = `${AUTHENTICATION}${cutOut('baasix', '// Join a specific discussion room', 'Client Examples')}`
    const run = await runExample(code, { fill, globals })
    await until('joined', () => run.said.includes('Joined discussion room'))
    const other = await runExample(code, { fill: { ...fill, 'discussion:123': 'discussion:124' }, globals })
    await until('refused', () => other.said.includes('Failed to join room: There is no such room, or you may not join it'))
  })

  it('C8 C6 the rooms that “Room Management” names are joined under these names', async () => {
    const { project, owner, editor, fill, globals } = await team()
    const { id } = await owner.must<{ id: string }>('POST', `/api/projects/${project.id}/tasks`, { title: 'An item' })
    const run = await runExample(AUTHENTICATION, { fill, globals })
    const printed = cutOut('baasix', 'User-specific room', 'Users are automatically').match(/\w+(:\{\w+\})+/g) ?? []
    expect(printed).toEqual(['user:{userId}', 'collection:{collectionName}', 'item:{collectionName}:{itemId}'])
    for (const room of printed) {
      const name = filled(room, { '{userId}': editor.id, '{collectionName}': 'tasks', '{itemId}': id })
      expect(await run.sockets[0]?.emitWithAck('join', name)).toMatchObject({ success: true })
    }
  })

  it('C8 “Vanilla JavaScript” runs, with the function that the document leaves out', async () => {
    const { owner, editor, fill } = await team()
    const lines: { textContent: string }[] = []
    const list = { appendChild: (line: { textContent: string }) => void lines.push(line) }
    const document = { getElementById: () => list, createElement: () => ({ textContent: '' }) }
    const code = cutOut(
      'baasix',
      "const socket = io('http://your-api-domain', {\npath: '/realtime',\nauth: { token: 'your",
      'React Integration',
    )
    const run = await runExample(code, { fill, globals: { document, handleItemUpdate: () => {} } })
    await until('connected', () => run.sockets[0]?.connected ?? false)
    const { id } = await converse(owner, [editor])
    await until('a message is shown', async () => {
      await say(owner, id, 'Hello')
      return lines.length > 0
    })
    expect(lines[0]?.textContent).toBe(`${owner.name}: Hello`)
  })
})

describe.each(deployments)('the documents of the content planner, PhotoFlow and the article on $title', (deployment) => {
  const site = useDeployment(deployment, (redis) => ({ env: { DIALECTS: ALL, ...redis } }))

  it('C8 the planner’s table of events holds: `update` of one client is `update` at all of them, the sender included', async () => {
    const [incoming] = rowsOf(cutOut('content-planner', 'update |\nmsg (any) |\nserver.js:125', 'Outgoing').replaceAll('\n', ' '))
    expect(incoming?.slice(0, 2)).toEqual(['update', 'msg (any)'])
    const [says = '', hears = ''] =
      /emit\('(\w+)', msg\)[\s\S]*?io\.emit\('(\w+)', msg\)/.exec(documentOf('content-planner'))?.slice(1) ?? []
    const { owner, editor } = await createTeam(site().rest, 'editor')
    const [a, b] = [await speak(site().sockets, owner, 'planner'), await speak(site().others, editor, 'planner')]
    a.socket.emit(says, { anything: ['at', 'all'] })
    await until('both heard it', () => [a, b].every((one) => named(one, hears).length === 1))
    expect(named(a, hears)[0]?.payload).toEqual({ anything: ['at', 'all'] })
  })

  it('C8 PhotoFlow’s steps run: a client emits what its document names, and all are told to read again', async () => {
    const text = documentOf('photoflow').replaceAll('`', '')
    const says = /emits a\s*(database-change)\s*event/.exec(text)?.[1] ?? ''
    const hears = /broadcasts a\s*(database-changed)\s*event/.exec(text)?.[1] ?? ''
    const context = /like\s*(type),\s*(taskId),\s*(timestamp)/.exec(text)?.slice(1) ?? []
    const { project, owner, editor } = await createTeam(site().rest, 'editor')
    const [a, b] = [await speak(site().sockets, owner, 'photoflow'), await speak(site().others, editor, 'photoflow')]
    expect(context).toHaveLength(3)
    const said = Object.fromEntries(context.map((key) => [key, `its ${key}`]))
    a.socket.emit(says, said)
    await until('both heard it', () => [a, b].every((one) => named(one, hears).length === 1))
    for (const one of [a, b]) expect(named(one, hears)[0]?.payload).toEqual(said)
    await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: 'An order' })
    await until('both are told', () => [a, b].every((one) => named(one, hears).length === 2))
    expect(Object.keys(named(b, hears)[1]?.payload ?? {})).toEqual(context)
  })

  it('C8 the article’s flow holds: what an event tells is in the database by then, and it reaches that project’s room alone', async () => {
    const flow = cutOut('article-socketio-rooms', 'The correct flow is:', 'Never emit')
    expect(flow.match(/^- /gm)).toHaveLength(5)
    const { project, owner, editor } = await createTeam(site().rest, 'editor')
    const elsewhere = await createTeam(site().rest)
    const read: Promise<number>[] = []
    const inside = await speak(site().sockets, editor, 'bandmate')
    const outside = await speak(site().sockets, elsewhere.owner, 'bandmate')
    inside.socket.on('task:created', ({ id }: { id: string }) => {
      read.push(editor.call('GET', `/api/tasks/${id}`).then(({ status }) => status))
    })
    for (let n = 0; n < 10; n++) await owner.must('POST', `/api/projects/${project.id}/tasks`, { title: `${n}` })
    await until('all came', () => read.length === 10)
    expect(await Promise.all(read)).toEqual(Array(10).fill(200))
    expect(named(outside, 'task:created')).toEqual([])
  })
})
