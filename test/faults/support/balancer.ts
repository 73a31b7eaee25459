import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** One address for several nodes: connections go round, and past the nodes that take none. */
export interface Balancer {
  url: string
  /** Connections that no node took. */
  refused(): number
  close(): Promise<void>
}

/** Starts a round-robin balancer of TCP connections on 127.0.0.1. */
export async function startBalancer(ports: number[]): Promise<Balancer> {
  const open = new Set<Socket>()
  let next = 0
  let refused = 0

  function lead(near: Socket, tries: number): void {
    const port = ports[next++ % ports.length] ?? 0
    const far = connect({ port, host: '127.0.0.1', noDelay: true })
    open.add(far)
    let taken = false
    far.once('connect', () => {
      taken = true
      near.pipe(far)
      far.pipe(near)
    })
    far.on('error', () => {})
    far.on('close', () => {
      open.delete(far)
      if (!taken && tries > 1 && !near.destroyed) return lead(near, tries - 1)
      if (!taken) refused++
      near.destroy()
    })
    near.once('close', () => far.destroy())
  }

  const server = createServer({ noDelay: true }, (near) => {
    open.add(near)
    near.on('error', () => {})
    near.on('close', () => open.delete(near))
    lead(near, ports.length)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    refused: () => refused,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}
