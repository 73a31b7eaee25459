import { connect } from 'node:net'
import { clientFrame, payloadAt } from '../../test/support/websocket-frames.ts'

/** A WebSocket client that does little more than count: thousands of them share two cores with the server that they read from. */
export interface CountingSocket {
  send(text: string): void
  /** Ends the connection without a goodbye. */
  cut(): void
}

export interface Listener {
  /** One text message; its bytes are in `data` until this returns. */
  text(data: Buffer, from: number, to: number): void
  opened(): void
  closed(why: string): void
}

const TEXT = 1
const CLOSE = 8
const PING = 9
/** With an empty mask and nothing in it. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0])
/** What is read at a time, by all of them: each is done with it before the next one reads. */
const shared = Buffer.allocUnsafeSlow(256 * 1024)

/** @param url of the server, http://host:port */
export function openCountingSocket(url: string, path: string, listener: Listener): CountingSocket {
  const { hostname, port, host } = new URL(url)
  let rest: Buffer | null = null
  let upgraded = false

  function take(data: Buffer, end: number): void {
    let at = 0
    if (!upgraded) {
      // Bytes behind the end are of an earlier read.
      const head = data.subarray(0, end).indexOf('\r\n\r\n')
      if (head === -1) {
        keep(data, 0, end)
        return
      }
      const status = data.toString('latin1', 0, Math.min(head, 100)).split('\r\n')[0] ?? ''
      if (!status.startsWith('HTTP/1.1 101')) {
        listener.closed(status)
        socket.destroy()
        return
      }
      upgraded = true
      at = head + 4
      listener.opened()
    }
    for (let frame = payloadAt(data, at, end); frame !== null; frame = payloadAt(data, at, end)) {
      const opcode = (data[at] ?? 0) & 15
      if (opcode === TEXT) listener.text(data, frame.from, frame.to)
      else if (opcode === PING) socket.write(PONG)
      else if (opcode === CLOSE) listener.closed(`closed with ${data.readUInt16BE(frame.from)}`)
      at = frame.to
    }
    keep(data, at, end)
  }
  function keep(data: Buffer, at: number, end: number): void {
    rest = at < end ? Buffer.from(data.subarray(at, end)) : null
  }

  const socket = connect({
    host: hostname,
    port: Number(port),
    noDelay: true,
    onread: {
      buffer: shared,
      callback(size, data) {
        if (rest === null) take(data as Buffer, size)
        else {
          const all = Buffer.concat([rest, (data as Buffer).subarray(0, size)])
          take(all, all.length)
        }
        return true
      },
    },
  })
  socket.on('error', (error) => listener.closed(error.message))
  socket.on('close', () => listener.closed('the server hung up'))
  const head = {
    Host: host,
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': 13,
    'Sec-WebSocket-Key': 'Y3V0cm9vbSBiZW5jaCBrZQ==',
  }
  socket.write(
    `GET ${path} HTTP/1.1\r\n${Object.entries(head)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`,
  )
  return { send: (text) => void socket.write(clientFrame(text)), cut: () => socket.destroy() }
}
