// A process that sends files (uploads.ts): one buffer for all of them, sockets by hand, since it shares the cores with what it measures.
import { connect, type Socket } from 'node:net'
import { piece, type Sending, type SendPlan, type SendResult, type ToUploader } from './uploads.ts'
import { serve } from './worker.ts'

const bytes = piece()
/** Bytes given to a socket at a time. */
const CHUNK = 256 * 1024

/** Resolves when the socket takes more, or has ended. */
const writable = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.once('drain', done)
    socket.once('close', done)
  })

async function sendBody(socket: Socket, { from, to, cutAt }: Sending): Promise<void> {
  const end = Math.min(to, cutAt ?? to)
  for (let at = from; at < end && !socket.destroyed; ) {
    const start = at % bytes.length
    const length = Math.min(CHUNK, end - at, bytes.length - start)
    at += length
    if (!socket.write(bytes.subarray(start, start + length))) await writable(socket)
  }
}

/** The head and the start of the body of an answer; '' where none came. */
async function send(sending: Sending): Promise<string> {
  const { url, method, headers, before, after, from, to, cutAt } = sending
  const { hostname, port, host, pathname } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  let answer = ''
  const ended = new Promise<void>((resolve) => {
    socket.setEncoding('latin1').on('data', (text) => {
      answer = (answer + text).slice(0, 4096)
    })
    // It ends with the answer, since it was asked to; a server that was killed ends it, too.
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
  const length = before.length + (to - from) + after.length
  const all = { host, connection: 'close', ...headers, 'content-length': String(length) }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`${method} ${pathname} HTTP/1.1\r\n${head.join('')}\r\n${before}`, 'latin1')
  await sendBody(socket, sending)
  if (cutAt === null) socket.write(after, 'latin1')
  else socket.destroy()
  await ended
  return answer
}

async function sendAll({ sendings, parallel }: SendPlan): Promise<SendResult> {
  const statuses: number[] = []
  let complaint: string | null = null
  let turn = 0
  const start = performance.now()
  async function run(): Promise<void> {
    for (let sending = sendings[turn++]; sending !== undefined; sending = sendings[turn++]) {
      const answer = await send(sending)
      const status = Number(answer.slice(9, 12))
      statuses.push(status)
      if (sending.cutAt === null && (status < 200 || status >= 300)) complaint ??= answer.slice(0, 500)
    }
  }
  await Promise.all(Array.from({ length: parallel }, run))
  return { ms: performance.now() - start, statuses, complaint }
}

serve<ToUploader>(async (message) => (message.type === 'send' ? sendAll(message) : undefined))
