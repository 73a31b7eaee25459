import { createClient } from '@cutroom/client'
import { projects } from '@cutroom/contract'
import { describe, expect, it, onTestFinished } from 'vitest'
import { useApp } from '../support/app.ts'
import { createTeam, login, PASSWORD } from '../support/people.ts'
import { PREFIX, startStrippingProxy } from '../support/stripping-proxy.ts'
import { clientOf, expectCurrent, live, writeTask } from './clients.ts'
import { createJar } from './network.ts'

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
