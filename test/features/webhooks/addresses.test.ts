import { once } from 'node:events'
import { createServer } from 'node:https'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isPublic, namesPrivate } from '../../../src/features/webhooks/addresses.ts'
import { createPost, type PostOptions, postOptions } from '../../../src/features/webhooks/post.ts'
import { until } from '../../support/until.ts'
import { addWebhook, deliveriesOf, makeTasks, startProject, startReceiver } from '../../support/webhooks.ts'

const PRIVATE = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.254',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.0.2.1',
  '192.168.0.1',
  '198.18.0.1',
  '224.0.0.1',
  '239.255.255.250',
  '255.255.255.255',
  '::',
  '::1',
  '::7f00:1',
  '::ffff:127.0.0.1',
  '::ffff:a9fe:a9fe',
  '::ffff:8.8.8.8',
  '64:ff9b::7f00:1',
  '64:ff9b:1::a9fe:a9fe',
  '100::1',
  '2001::1',
  '2001:db8::1',
  '2002:7f00:1::',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  'fec0::1',
  'ff02::1',
]
const PUBLIC = ['1.1.1.1', '93.184.216.34', '172.32.0.1', '2606:4700:4700::1111', '2a00:1450:4001:81b::200e']

const ask = (options: Partial<PostOptions>, url: string) =>
  createPost({ ...postOptions(false), allowsHttp: true, timeoutMs: 2_000, ...options })({
    url,
    headers: { 'content-type': 'application/json' },
    body: '{"type":"x"}',
    signal: new AbortController().signal,
  })
const NOT_PUBLIC = { statusCode: null, error: 'the address of the host is not public' }

describe('Addresses of receivers', () => {
  it('H3 addresses of this machine, its network, its cloud and of groups are not public, in any form', () => {
    expect(PRIVATE.filter(isPublic)).toEqual([])
    expect(PUBLIC.filter((address) => !isPublic(address))).toEqual([])
    for (const host of ['2130706433', '0x7f.1', '0177.0.0.1', '127.1', '[::ffff:7f00:1]', '[::]', '169.254.169.254', '①②⑦.0.0.1'])
      expect(namesPrivate(new URL(`https://${host}/`)), host).toBe(true)
    expect(namesPrivate(new URL('https://hooks.example.com/'))).toBe(false)
  })

  it('H3 an address that is not public is not connected to, written as it is or behind a name', async () => {
    const receiver = await startReceiver()
    expect(await ask({}, receiver.url)).toMatchObject(NOT_PUBLIC)
    for (const address of PRIVATE) {
      const resolve = async () => [address]
      expect(await ask({ resolve }, `http://hooks.test:${receiver.port}/`), address).toMatchObject(NOT_PUBLIC)
    }
    // One that is public beside it helps nothing.
    expect(await ask({ resolve: async () => ['1.1.1.1', '127.0.0.1'] }, `http://hooks.test:${receiver.port}/`)).toMatchObject(
      NOT_PUBLIC,
    )
    expect(receiver.received).toEqual([])
  })

  it('H3 a name is resolved once for an attempt, and what was checked is connected to: rebinding gains nothing', async () => {
    const good = await startReceiver(() => 200, '127.0.0.1')
    const metadata = await startReceiver(() => 200, '127.0.0.2')
    let asked = 0
    // The second answer would be another address, as of a name server that rebinds.
    const resolve = async () => [++asked % 2 === 1 ? '127.0.0.1' : '127.0.0.2']
    const allows = (address: string) => address === '127.0.0.1'
    expect(await ask({ resolve, allows }, `http://rebind.test:${good.port}/a`)).toMatchObject({ statusCode: 200 })
    expect(asked).toBe(1)
    expect(good.received).toHaveLength(1)
    expect(good.received[0]?.headers.host).toBe(`rebind.test:${good.port}`)
    expect(await ask({ resolve, allows }, `http://rebind.test:${metadata.port}/b`)).toMatchObject(NOT_PUBLIC)
    expect(asked).toBe(2)
    expect(metadata.received).toEqual([])
  })

  it('H4 of several addresses one that cannot be connected to costs no attempt, and each that is checked may be it', async () => {
    const receiver = await startReceiver(() => 200, '127.0.0.1')
    const resolve = async () => ['::1', '127.0.0.1', '127.0.0.3']
    for (let n = 0; n < 20; n++)
      expect(await ask({ resolve, allows: () => true }, `http://many.test:${receiver.port}/`)).toMatchObject({ statusCode: 200 })
    expect(receiver.received).toHaveLength(20)
    await receiver.close()
    const refused = { statusCode: null, error: 'the connection was refused' }
    expect(await ask({ resolve, allows: () => true }, `http://many.test:${receiver.port}/`)).toMatchObject(refused)
  })

  it('H3 a redirect to a private address is an answer that failed, and is not followed', async () => {
    const inner = await startReceiver()
    const { owner, project } = await startProject()
    const outer = await startReceiver((_, response) => void response.writeHead(307, { location: inner.url }).end())
    const webhook = await addWebhook(owner, project, outer.url, ['task.created'])
    await makeTasks(owner, project, 1)
    await until('the record', async () => (await deliveriesOf(owner, webhook.id)).length === 1)
    expect((await deliveriesOf(owner, webhook.id))[0]).toMatchObject({ statusCode: 307, error: 'redirects are not followed' })
    expect(inner.received).toEqual([])
  })

  it('H3 a server that sends to public addresses only says so when a webhook is made, and when a name leads elsewhere', async () => {
    const receiver = await startReceiver()
    const { owner, project } = await startProject({ resolve: async () => ['127.0.0.1'] }, { env: { WEBHOOKS_PRIVATE: 'off' } })
    for (const url of [
      `http://hooks.test/`,
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://169.254.169.254/latest/meta-data/',
      'https://2130706433/',
      'https://ann:secret@hooks.test/',
      'https://hooks.test/#part',
      'ftp://hooks.test/',
    ]) {
      const answer = await owner.call('POST', `/api/projects/${project}/webhooks`, { url })
      expect(answer, url).toMatchObject({ status: 422, body: { errors: [{ pointer: '/url' }] } })
    }
    const webhook = await addWebhook(owner, project, `https://hooks.test:${receiver.port}/`, ['task.created'])
    expect((await owner.call('PATCH', `/api/webhooks/${webhook.id}`, { url: 'https://10.0.0.1/' })).status).toBe(422)
    await makeTasks(owner, project, 1)
    await until('the record', async () => (await deliveriesOf(owner, webhook.id)).length === 1)
    expect((await deliveriesOf(owner, webhook.id))[0]).toMatchObject(NOT_PUBLIC)
    expect(receiver.received).toEqual([])
  })

  it('H3 an address without TLS, of a time in which it was allowed, is not connected to', async () => {
    const receiver = await startReceiver()
    const refused = { statusCode: null, error: 'the address does not begin with https:' }
    expect(await ask({ allowsHttp: false, allows: () => true }, receiver.url)).toMatchObject(refused)
    expect(receiver.received).toEqual([])
  })

  it('H4 a receiver that switches protocols has not answered, and takes the place of no other', async () => {
    const receiver = await startReceiver((_, response) => {
      response.socket?.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      return undefined
    })
    const closed = { statusCode: null, error: 'the connection was closed without an answer' }
    expect(await ask({ allows: () => true, timeoutMs: 60_000 }, receiver.url)).toMatchObject(closed)
  })

  it('an answer without an end counts by its status, and does not hold up what comes next', async () => {
    const { owner, project } = await startProject()
    const endless = await startReceiver((_, response) => {
      response.writeHead(200)
      const more = setInterval(() => response.write('x'.repeat(1_000)), 5)
      response.on('close', () => clearInterval(more))
      return undefined
    })
    const webhook = await addWebhook(owner, project, endless.url, ['task.created'])
    await makeTasks(owner, project, 3)
    await until(
      'all of it',
      async () => (await deliveriesOf(owner, webhook.id)).filter(({ status }) => status === 'delivered').length === 3,
    )
  })

  it('a certificate that is not of the host is refused', async () => {
    const server = createServer()
    server.on('tlsClientError', () => {})
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as { port: number }
    const answer = await ask({ resolve: async () => ['127.0.0.1'], allows: () => true }, `https://hooks.test:${port}/`)
    expect(answer).toMatchObject({ statusCode: null, error: expect.stringMatching(/^TLS failed|^the connection was closed/) })
  })
})
