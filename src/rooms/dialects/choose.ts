import type { IncomingMessage, Server } from 'node:http'
import { problem } from '../../errors.ts'
import { type Dialect, NATIVE } from '../dialect.ts'
import type { RoomServer, RoomSocket } from '../types.ts'

export interface ChooserOptions {
  io: RoomServer
  server: Server
  /** Those that are loaded. */
  dialects: readonly Dialect[]
  /** Of clients that name none and come in by no dialect's path. */
  dialect: string
  /** Of Socket.IO. */
  path: string
}

/** Whether an address is this path, or below it. */
const isAt = (url: string, path: string): boolean => url.startsWith(path) && ['', '/', '?'].includes(url.charAt(path.length))

/**
 * Paths beside that of Socket.IO: the address of a request is rewritten before Engine.IO sees it. A second Engine.IO would know neither the
 * limits of connections nor how to drain.
 * @returns the dialect by whose path a connection came in
 */
function openPaths({
  io,
  server,
  dialects,
  path: socketPath,
}: ChooserOptions): (connection: RoomSocket['conn']) => string | undefined {
  const byPath = dialects.flatMap(({ name, path }) => (path === undefined ? [] : [{ name, path }]))
  const requests = new WeakMap<IncomingMessage, string>()
  const connections = new WeakMap<RoomSocket['conn'], string>()
  if (byPath.length === 0) return () => undefined

  const onRequest = (request: IncomingMessage) => {
    const { url = '' } = request
    for (const { name, path } of byPath) {
      // A path of Socket.IO below that of a dialect is its own.
      if (!isAt(url, path) || (path !== socketPath && isAt(url, socketPath))) continue
      requests.set(request, name)
      request.url = socketPath + url.slice(path.length)
      return
    }
  }
  server.prependListener('request', onRequest)
  server.prependListener('upgrade', onRequest)
  io.engine.on('connection', (connection: RoomSocket['conn']) => {
    const name = requests.get(connection.request)
    if (name !== undefined) connections.set(connection, name)
  })
  return (connection) => connections.get(connection)
}

const isNamed = (name: unknown): boolean => name !== undefined && name !== null && name !== ''

/**
 * Chooses the dialect of a socket: of `auth.dialect`, else `?dialect=`, else the path it came in by, else the fallback. null: it speaks as
 * the contract does.
 * @returns throws problem bad-request for a name that is not loaded
 */
export function createChooser(options: ChooserOptions): (socket: RoomSocket) => Dialect | null {
  const byName = new Map<unknown, Dialect>(options.dialects.map((dialect) => [dialect.name, dialect]))
  const cameInBy = openPaths(options)
  return ({ handshake: { auth, query }, conn }) => {
    const name = [auth.dialect, query.dialect, cameInBy(conn), options.dialect].find(isNamed)
    if (name === NATIVE) return null
    const dialect = byName.get(name)
    if (dialect) return dialect
    const known = [NATIVE, ...byName.keys()].join(', ')
    throw problem('bad-request', `There is no such dialect here: the server speaks ${known} (DIALECTS)`)
  }
}
