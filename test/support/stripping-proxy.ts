import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { onTestFinished } from 'vitest'

export const PREFIX = '/studio'

/** A proxy that has a server under `/studio`, takes that away, and belongs to a stranger at its root. */
export async function startStrippingProxy(port: number) {
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
