import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Problem } from '@cutroom/contract'
import { onTestFinished } from 'vitest'
import type { TestApp } from './app.ts'
import { until } from './until.ts'

/** A TCP connection that sends what it is given and follows no protocol: it answers no ping and no close, and keeps its side open. */
export interface RawConnection {
  socket: Socket
  received(): string
  /** How long it livedMs until the server ended it, ms; undefined while it is open. */
  livedMs(): number | undefined
}

/** Connects and writes `text`, in the given pace. */
export async function dial({ url }: Pick<TestApp, 'url'>, text: string | Buffer = '', headPaceMs = 0): Promise<RawConnection> {
  const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
  let received = ''
  const from = performance.now()
  let livedMs: number | undefined
  const end = () => {
    livedMs ??= performance.now() - from
  }
  socket.on('data', (data) => {
    received += data.toString('latin1')
  })
  // A half-open end, a reset, a close: for the attacker all are the end.
  socket.on('end', end)
  socket.on('close', end)
  socket.on('error', end)
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  if (headPaceMs === 0) socket.write(text)
  else {
    let at = 0
    const timer = setInterval(() => {
      if (livedMs !== undefined || at >= text.length) clearInterval(timer)
      else socket.write(text.slice(at, ++at))
    }, headPaceMs)
    onTestFinished(() => clearInterval(timer))
  }
  return { socket, received: () => received, livedMs: () => livedMs }
}

/** An upgrade request, as text. */
export const upgradeText = (headers: Record<string, string> = {}, query = '') =>
  [
    `GET /socket.io/?EIO=4&transport=websocket${query} HTTP/1.1`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '\r\n',
  ].join('\r\n')

/** What a handshake is answered: status, and the problem when it is refused. */
export interface Answered {
  status: number
  /** Of a poll that was let in. */
  sid?: string
  /** Of an upgrade. */
  line?: RawConnection
  headers: Record<string, string>
  problem: Partial<Problem>
}

/** An upgrade by hand, to its first answer. The connection stays when it is let in, and is not closed by us before the test ends. */
export async function upgrade(
  app: Pick<TestApp, 'url'>,
  headers: Record<string, string> = {},
  query = '',
): Promise<Answered & { line: RawConnection }> {
  const line = await dial(
    app,
    upgradeText({ ...(headers.host === undefined && { host: new URL(app.url).host }), ...headers }, query),
  )
  await until(
    'an answer to the upgrade',
    () => line.received().includes('\r\n\r\n') && (line.received().startsWith('HTTP/1.1 101') || line.livedMs() !== undefined),
  )
  const [head = '', body = ''] = line.received().split('\r\n\r\n', 2)
  const [first = '', ...rest] = head.split('\r\n')
  const status = Number(first.split(' ')[1])
  return {
    line,
    status,
    headers: Object.fromEntries(
      rest.map((row) => [row.slice(0, row.indexOf(':')).toLowerCase(), row.slice(row.indexOf(':') + 1).trim()]),
    ),
    problem: status === 101 ? {} : JSON.parse(body),
  }
}

/** The same by long polling. */
export async function poll({ url }: Pick<TestApp, 'url'>, headers: Record<string, string> = {}, query = ''): Promise<Answered> {
  const response = await fetch(`${url}/socket.io/?EIO=4&transport=polling${query}`, { headers })
  const text = await response.text()
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    problem: response.ok ? {} : JSON.parse(text),
    ...(response.ok && { sid: JSON.parse(text.slice(1)).sid as string }),
  }
}
