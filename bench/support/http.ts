import { connect, type Socket } from 'node:net'
import { type HttpRequest, N_MARK } from './subject.ts'

/** A request in bytes but for its `n`. */
export interface Prepared {
  parts: readonly string[]
}

/** An HTTP/1.1 client that costs as little as it can, since it shares the machine with what it measures. */
export interface HttpClient {
  /** One connection per request in flight, kept alive. Resolves with the status; rejects when the connection is lost. */
  send(request: Prepared, n: string): Promise<number>
  /** The body of the first answer that was not 2xx or 304. */
  complaint(): string | null
  close(): void
}

/** @throws when the text is not ASCII: its length in bytes is counted in characters */
export function prepare({ url, method, headers, body }: HttpRequest): Prepared {
  const { host, pathname, search } = new URL(url)
  const all = { host, ...headers, ...(method === 'POST' && { 'content-length': String(body.length) }) }
  const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  const text = `${method} ${pathname}${search} HTTP/1.1\r\n${head.join('')}\r\n${body}`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
  if (!/^[\x00-\x7f]*$/.test(text)) throw new Error('requests of the bench are ASCII')
  return { parts: text.split(N_MARK) }
}

interface Answer {
  status: number
  body: string
}

/** A whole answer, or null while bytes are missing. */
function parse(text: string): Answer | null {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return null
  const head = text.slice(0, end)
  const status = Number(head.slice(9, 12))
  const body = text.slice(end + 4)
  if (status === 204 || status === 304) return { status, body }
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) return body.length < Number(length) ? null : { status, body }
  // One answer per connection at a time, so the last chunk is the end of what came.
  return body.endsWith('0\r\n\r\n') ? { status, body } : null
}

interface Connection {
  ask(text: string): Promise<Answer>
  socket: Socket
}

function open(url: URL): Connection {
  const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true })
  let text = ''
  let waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined
  // One character per byte: lengths agree.
  socket.setEncoding('latin1')
  socket.on('data', (chunk) => {
    text = text === '' ? String(chunk) : text + chunk
    const answer = parse(text)
    if (answer === null) return
    text = ''
    waiting?.resolve(answer)
    waiting = undefined
  })
  socket.on('error', (error) => waiting?.reject(error))
  socket.on('close', () => waiting?.reject(new Error('the server closed the connection')))
  return {
    socket,
    ask: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        socket.write(request, 'latin1')
      }),
  }
}

/** @param url of the server; paths come with the requests */
export function openHttp(url: string): HttpClient {
  const server = new URL(url)
  const all = new Set<Connection>()
  const free: Connection[] = []
  let complaint: string | null = null
  return {
    async send({ parts }, n) {
      let connection = free.pop()
      while (connection?.socket.destroyed) connection = free.pop()
      if (connection === undefined) {
        connection = open(server)
        all.add(connection)
      }
      const { status, body } = await connection.ask(parts.length === 1 ? (parts[0] ?? '') : parts.join(n))
      free.push(connection)
      if (status >= 300 && status !== 304) complaint ??= `${status} ${body.slice(0, 500)}`
      return status
    },
    complaint: () => complaint,
    close() {
      for (const { socket } of all) socket.destroy()
    },
  }
}
