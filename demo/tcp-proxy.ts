import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'

/** A wire to the server that can be pulled out in the middle of a frame. */
export interface Cable {
  url: string
  /** Everything that goes through it breaks, and nothing new gets through. */
  pull(): void
  plug(): void
}

/** A forwarding port in this process: what talks to its url talks to `target`, as long as it is plugged in. */
export async function createCable(target: string): Promise<Cable> {
  const { hostname, port } = new URL(target)
  const ends = new Set<Socket>()
  let plugged = true
  const keep = (socket: Socket) => {
    ends.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('close', () => ends.delete(socket))
  }
  const server = createServer((near) => {
    keep(near)
    if (!plugged) {
      near.resetAndDestroy()
      return
    }
    const far = createConnection({ host: hostname, port: Number(port) })
    keep(far)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.pipe(far).pipe(near)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the cable has no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    pull() {
      plugged = false
      for (const socket of ends) socket.resetAndDestroy()
    },
    plug() {
      plugged = true
    },
  }
}
