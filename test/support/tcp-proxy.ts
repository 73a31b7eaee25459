import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { payloadAt } from './websocket-frames.ts'

/** A TCP proxy between a client and a server whose connections can be cut, lost and delayed. */
export interface TcpProxy {
  /** http://127.0.0.1:port */
  url: string
  /** On 127.0.0.1, the same all along. */
  port: number
  /** How many connections there are. */
  connections(): number
  /** Breaks every connection, and refuses new ones until `pass`. */
  cut(): Promise<void>
  /** Breaks every connection; new ones get through. */
  drop(): void
  /** Nothing gets through any more, in either direction, and neither side is told: an unplugged cable. */
  swallow(): void
  /** New connections get through. What was swallowed stays lost, and its connections stay dead. */
  pass(): Promise<void>
  /** Everything arrives so much later from now on, both ways, ms. */
  delay(ms: number): void
  /** New connections go to this port from now on. */
  redirect(port: number): void
  close(): Promise<void>
}

/** What to do with what comes in: `push` sends on, now or later. */
export type Filter = (chunk: Buffer, push: (bytes: Buffer) => void) => void

export interface TcpProxyOptions {
  port: number
  host?: string
  /** A filter per connection, of what the client sends. */
  up?: () => Filter
  /** A filter per connection, of what the server sends. */
  down?: () => Filter
  /** A client that goes ends its connection in order, as the kernel does for a dead process: the server still reads what was sent. */
  lingers?: boolean
}

interface Pair {
  near: Socket
  far: Socket
  dead: boolean
}

/**
 * Forwards to a server, bytes as they come.
 * @param made called with the function that closes it, such as `onTestFinished`
 */
export async function openTcpProxy(options: TcpProxyOptions, made?: (close: () => Promise<void>) => void): Promise<TcpProxy> {
  const pairs = new Set<Pair>()
  const late = new Set<NodeJS.Timeout>()
  let target = options.port
  let swallowing = false
  let delayMs = 0
  let server: Server | null = null

  function pipe(pair: Pair, from: Socket, to: Socket, filter: Filter | undefined): void {
    let free = 0
    const send = (bytes: Buffer) => {
      if (pair.dead || to.destroyed) return
      // A reader that lags makes the writer wait, as over a real network.
      if (to.write(bytes)) return
      from.pause()
      to.once('drain', () => from.resume())
    }
    const push = (bytes: Buffer) => {
      const now = performance.now()
      // Later, but never before what came first.
      free = Math.max(now + delayMs, free)
      if (free <= now) return send(bytes)
      const timer = setTimeout(() => {
        late.delete(timer)
        send(bytes)
      }, free - now)
      late.add(timer)
    }
    from.on('data', (chunk: Buffer) => {
      if (pair.dead) return
      if (filter) filter(chunk, push)
      else push(chunk)
    })
    from.on('error', () => {})
    from.on('close', () => {
      if (pair.dead) return
      if (from === pair.near && options.lingers) to.end()
      else to.destroy()
      if (pair.near.destroyed && pair.far.destroyed) pairs.delete(pair)
    })
  }

  function accept(near: Socket): void {
    const far = connect(target, options.host ?? '127.0.0.1')
    for (const socket of [near, far]) socket.setNoDelay(true)
    const pair: Pair = { near, far, dead: swallowing }
    pairs.add(pair)
    pipe(pair, near, far, options.up?.())
    pipe(pair, far, near, options.down?.())
  }

  async function listen(port: number): Promise<number> {
    const made = createServer(accept).listen(port, '127.0.0.1')
    await once(made, 'listening')
    server = made
    const address = made.address()
    return typeof address === 'object' && address ? address.port : 0
  }

  function drop(): void {
    for (const timer of late) clearTimeout(timer)
    late.clear()
    for (const { near, far } of pairs) {
      near.destroy()
      far.destroy()
    }
    pairs.clear()
  }

  async function cut(): Promise<void> {
    const closing = server
    server = null
    const closed = closing && once(closing, 'close')
    closing?.close()
    drop()
    await closed
  }

  const port = await listen(0)
  made?.(cut)
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    connections: () => pairs.size,
    cut,
    drop,
    swallow() {
      swallowing = true
      for (const pair of pairs) pair.dead = true
    },
    async pass() {
      swallowing = false
      if (server === null) await listen(port)
    },
    delay(ms) {
      delayMs = ms
    },
    redirect(to) {
      target = to
    },
    close: cut,
  }
}

/** Splits what a server sends over one connection into the answer to the upgrade and whole WebSocket frames. */
function splitFrames(): (chunk: Buffer) => { bytes: Buffer; text: string }[] {
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
    for (let payload = payloadAt(rest, 0, rest.length); payload !== null; payload = payloadAt(rest, 0, rest.length))
      take(payload.to, payload.from)
    return whole
  }
}

/** A filter of what a server sends over WebSockets: frames for which `isLost` holds do not arrive. Other protocols get nothing through. */
export const loseFrames = (isLost: (text: string) => boolean) => (): Filter => {
  const split = splitFrames()
  return (chunk, push) => {
    for (const { bytes, text } of split(chunk)) if (!isLost(text)) push(bytes)
  }
}
