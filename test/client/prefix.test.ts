import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { createClient } from '@cutroom/client'
import { projects } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { createTeam, login, PASSWORD } from '../support/people.ts'
import { clientOf, expectCurrent, live, writeTask } from './clients.ts'
import { createJar } from './network.ts'

const PREFIX = '/studio'

/** A proxy that has a server under `/studio`, takes that away, and belongs to a stranger at its root. */
async function startStrippingProxy(port: number) {
  const stolen: string[] = []
  const within = ({ url = '' }: IncomingMessage) => url === PREFIX || url.startsWith(`${PREFIX}/`) || url.startsWith(`${PREFIX}?`)
  const stripped = ({ url = '' }: IncomingMessage) => url.slice(PREFIX.length) || '/'
  const steal = ({ method, url, headers }: IncomingMessage) => stolen.push(`${method} ${url} ${JSON.stringify(headers)}`)

  const proxy = createServer((incoming, answer) => {
    if (!within(incoming)) {
      steal(incoming)
      answer.writeHead(404).end()
      return
    }
    const { method, headers } = incoming
    const outgoing = request({ port, host: '127.0.0.1', path: stripped(incoming), method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.rawHeaders)
      response.pipe(answer)
    })
    outgoing.on('error', () => answer.destroy())
    incoming.pipe(outgoing)
  })
  proxy.on('upgrade', (incoming, near) => {
    near.on('error', () => {})
    if (!within(incoming)) {
      steal(incoming)
      near.destroy()
      return
    }
    const far = connect(port, '127.0.0.1', () => {
      const head = [`GET ${stripped(incoming)} HTTP/1.1`]
      for (let n = 0; n < incoming.rawHeaders.length; n += 2)
        head.push(`${incoming.rawHeaders[n]}: ${incoming.rawHeaders[n + 1]}`)
      far.write(`${head.join('\r\n')}\r\n\r\n`)
      near.pipe(far).pipe(near)
    })
    far.on('error', () => near.destroy())
    far.on('close', () => near.destroy())
    near.on('close', () => far.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onTestFinished(async () => {
    proxy.closeAllConnections()
    proxy.close()
    await once(proxy, 'close')
  })
  const address = proxy.address()
  if (typeof address !== 'object' || address === null) throw new Error('the proxy has no port')
  return { origin: `http://127.0.0.1:${address.port}`, stolen }
}

describe('a server under a path of its host', () => {
  const app = useApp({ env: { PUBLIC_URL: `http://cutroom.test${PREFIX}` } })
  const start = () => startStrippingProxy(Number(new URL(app().url).port))

  it.each(['', '/', '//'])(
    'REST, socket and refresh go to the path, and nothing to the root (url with %j at its end)',
    async (end) => {
      const { origin, stolen } = await start()
      const { project, owner } = await createTeam(app())
      const { client, errors } = clientOf({ url: `${origin}${PREFIX}${end}` }, await login(app(), owner))
      const room = client.room(project.id)
      await live(room)
      await writeTask(owner, project.id, 'through the proxy')
      await expectCurrent(room, owner)
      await client.refresh()
      expect(await client.call(projects.get, { params: { projectId: project.id } })).toMatchObject({ id: project.id })
      await client.logout()
      expect([stolen, errors]).toEqual([[], []])
    },
  )

  it('a socket path of its own is taken as it is', async () => {
    const { origin, stolen } = await start()
    const { owner } = await createTeam(app())
    const { client } = clientOf({ url: `${origin}${PREFIX}` }, owner, { socket: { path: `${PREFIX}/socket.io` } })
    await client.connect()
    expect(client.status).toBe('online')
    client.close()
    expect(stolen).toEqual([])
  })

  it('a login by cookie lasts under the path: its cookies fit the refresh and the socket', async () => {
    const { origin, stolen } = await start()
    const { owner } = await createTeam(app())
    const jar = createJar()
    const client = createClient({
      url: `${origin}${PREFIX}`,
      mode: 'cookie',
      fetch: jar.fetch,
      socket: { extraHeaders: jar.headersFor(`${PREFIX}/socket.io/`) },
    })
    onTestFinished(() => client.close())
    await client.login({ email: owner.email, password: PASSWORD })
    await client.refresh()
    await client.connect()
    expect(client.userId).toBe(owner.id)
    await client.logout()
    expect([stolen, [...jar.cookies.keys()]]).toEqual([[], []])
  })

  it('a path of the page is one, too', async () => {
    const sent: string[] = []
    const fake: typeof fetch = async (url) => {
      sent.push(String(url))
      return new Response('{}')
    }
    for (const url of ['', '/', PREFIX, `${PREFIX}/`]) await createClient({ url, fetch: fake }).call(projects.list)
    expect(sent).toEqual(['/api/projects', '/api/projects', '/studio/api/projects', '/studio/api/projects'])
  })

  it.each([
    'studio',
    '//other.test/studio',
    'ws://host',
    'https://',
    'https://ann:secret@host',
    'https://host/studio?token=1',
    'https://host/studio#top',
    'https://host/a/../b',
    '/a/%2e%2e/b',
    'https://host\\@other.test',
    'javascript:alert(1)',
    ' https://host',
  ])('%j is refused at once', (url) => {
    expect(() => createClient({ url })).toThrow(RangeError)
  })
})
