import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** A wire between a client and a server that a test can trouble. */
export interface Wire {
  /** On 127.0.0.1, the same all along. */
  port: number
  /** How many connections there are. */
  connections(): number
  /** Breaks every connection, and refuses new ones until `pass`. */
  cut(): Promise<void>
  /** Nothing gets through any more, in either direction, and nobody is told: a cable pulled out somewhere. */
  swallow(): void
  /** New connections get through. What was swallowed stays lost, and its connections stay dead. */
  pass(): Promise<void>
}

interface Pair {
  near: Socket
  far: Socket
  dead: boolean
}

/** Cuts what a server sends over one connection into the answer to the upgrade and whole WebSocket frames. */
function frames(): (chunk: Buffer) => { bytes: Buffer; text: string }[] {
  let rest: Buffer = Buffer.alloc(0)
  let upgraded = false
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    const whole: { bytes: Buffer; text: string }[] = []
    const take = (length: number, from: number) => {
      whole.push({ bytes: rest.subarray(0, length), text: rest.subarray(from, length).toString() })
      rest = rest.subarray(length)
    }
    if (!upgraded) {
      const end = rest.indexOf('\r\n\r\n')
      if (end === -1) return whole
      upgraded = true
      take(end + 4, 0)
    }
    while (rest.length >= 2) {
      // From server to client nothing is masked: two bytes, the longer length where there is one, the payload.
      const short = (rest[1] ?? 0) & 0x7f
      const header = short === 127 ? 10 : short === 126 ? 4 : 2
      if (rest.length < header) break
      const length = short === 127 ? Number(rest.readBigUInt64BE(2)) : short === 126 ? rest.readUInt16BE(2) : short
      if (rest.length < header + length) break
      take(header + length, header)
    }
    return whole
  }
}

/**
 * Forwards to a server on this machine; gone when the test ends.
 * @param target with `lose`, only WebSockets get through, and of what the server sends only the frames it does not name
 */
export async function startProxy(target: { port: number; host?: string; lose?: (frame: string) => boolean }): Promise<Wire> {
  const { lose } = target
  const pairs = new Set<Pair>()
  let swallowing = false
  let server: Server | null = null

  function accept(near: Socket): void {
    const far = connect(target.port, target.host ?? '127.0.0.1')
    const pair: Pair = { near, far, dead: swallowing }
    pairs.add(pair)
    const pipe = (from: Socket, to: Socket, filter = (chunk: Buffer) => chunk) => {
      from.on('data', (chunk: Buffer) => {
        if (!pair.dead) to.write(filter(chunk))
      })
      from.on('error', () => {})
      from.on('close', () => {
        if (pair.dead) return
        to.destroy()
        pairs.delete(pair)
      })
    }
    pipe(near, far)
    const cutUp = frames()
    if (lose === undefined) pipe(far, near)
    else pipe(far, near, (chunk) => Buffer.concat(cutUp(chunk).flatMap(({ bytes, text }) => (lose(text) ? [] : [bytes]))))
  }
  async function listen(port: number): Promise<number> {
    const made = createServer(accept).listen(port, '127.0.0.1')
    await once(made, 'listening')
    server = made
    const address = made.address()
    return typeof address === 'object' && address ? address.port : 0
  }
  async function cut(): Promise<void> {
    const closing = server
    server = null
    const closed = closing && once(closing, 'close')
    closing?.close()
    for (const { near, far } of pairs) {
      near.destroy()
      far.destroy()
    }
    pairs.clear()
    await closed
  }

  const port = await listen(0)
  onTestFinished(cut)
  return {
    port,
    connections: () => pairs.size,
    cut,
    swallow() {
      swallowing = true
      for (const pair of pairs) pair.dead = true
    },
    async pass() {
      swallowing = false
      if (server === null) await listen(port)
    },
  }
}
