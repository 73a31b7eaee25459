import type { RoomServer, RoomSocket } from '../types.ts'

type Connection = RoomSocket['conn']

/** The WebSocket of a connection, which Engine.IO keeps without a public name. */
interface Wire {
  readyState: number
  CLOSED: number
  once(name: 'close', listener: () => void): void
  terminate(): void
}
const wireOf = (connection: Connection): Wire[] => {
  const { socket } = connection.transport as unknown as { socket?: Partial<Wire> }
  return socket?.terminate ? [socket as Wire] : []
}

const SLICE = 200
const SLICE_MS = 50
/** How long a closed client has to say goodbye, ms. One that fell silent never does, and would hold up the stop. */
const CLOSE_TIMEOUT_MS = 2_000
const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

/** Sends every client away so that it comes back by itself: told when, spread over time, then closed. */
export function createDrain(io: RoomServer): () => Promise<void> {
  // Those in the middle of their handshake too: they are no sockets yet.
  const connections = new Set<Connection>()
  io.engine.on('connection', (connection: Connection) => {
    connections.add(connection)
    connection.once('close', () => connections.delete(connection))
  })

  return async () => {
    const sockets = [...io.of('/').sockets.values()]
    const spreadMs = Math.min(10_000, 200 + sockets.length * 5)
    for (const socket of sockets) socket.emit('server:draining', { reconnectInMs: Math.round(Math.random() * spreadMs) })
    const leaving = [...connections]
    const wires = leaving.flatMap(wireOf)
    for (let i = 0; i < leaving.length; i += SLICE) {
      await pause(SLICE_MS)
      // A closed transport makes stock clients reconnect; an ordered disconnect would not.
      for (const connection of leaving.slice(i, i + SLICE)) connection.close()
    }
    const closed = wires.map((wire) => wire.readyState === wire.CLOSED || new Promise<void>((done) => wire.once('close', done)))
    await Promise.race([Promise.all(closed), pause(CLOSE_TIMEOUT_MS)])
    for (const wire of wires) wire.terminate()
  }
}
