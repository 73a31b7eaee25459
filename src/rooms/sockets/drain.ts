import type { RoomServer, RoomSocket } from '../types.ts'
import { webSocketOf } from './engine-io.ts'

type Connection = RoomSocket['conn']

/** Connections that are closed at a time, and the pause between, ms. */
const SLICE = 200
const SLICE_MS = 50
/** Time for a closed client to answer the close frame, ms. A silent one never does, and would hold up the stop. */
const CLOSE_TIMEOUT_MS = 2_000
const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

/** Sends every client away so that it comes back by itself: told when, spread over time, then closed. */
export function createDrain(io: RoomServer): () => Promise<void> {
  // Also connections in their handshake: they are no sockets yet.
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
    const webSockets = leaving.flatMap((connection) => webSocketOf(connection) ?? [])
    for (let i = 0; i < leaving.length; i += SLICE) {
      await pause(SLICE_MS)
      // A closed transport makes stock clients reconnect; an ordered disconnect would not.
      for (const connection of leaving.slice(i, i + SLICE)) connection.close()
    }
    const closed = webSockets.map(
      (each) => each.readyState === each.CLOSED || new Promise<void>((done) => each.once('close', done)),
    )
    await Promise.race([Promise.all(closed), pause(CLOSE_TIMEOUT_MS)])
    for (const each of webSockets) each.terminate()
  }
}
