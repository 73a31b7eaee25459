import type { FastifyInstance } from 'fastify'
import fastifySocketIO from 'fastify-socket.io'
import { problem } from '../../errors.ts'
import type { RoomsOptions } from '../options.ts'
import type { RoomServer } from '../types.ts'
import type { Admission } from './connection-limits.ts'
import { createDrain } from './drain.ts'
import { refuse } from './handshake.ts'

declare module 'fastify' {
  interface FastifyInstance {
    io: RoomServer
  }
}

export interface SocketServerOptions extends Pick<RoomsOptions, 'redis' | 'path' | 'corsOrigins' | 'mayConnect' | 'noteOrigin'> {
  admission: Admission
  /** Called when the server begins to stop, before clients are sent away. */
  onDrain: () => void
}

/** Opens the Socket.IO server on a Fastify server. When that closes, clients are sent away so that they come back by themselves. */
export async function openSocketServer(
  app: FastifyInstance,
  { redis, path, corsOrigins, mayConnect, noteOrigin, admission, onDrain }: SocketServerOptions,
): Promise<RoomServer> {
  let draining = false
  const streams = redis && (await import('@socket.io/redis-streams-adapter'))
  await app.register(fastifySocketIO.default, {
    path,
    cors: { origin: corsOrigins, credentials: true },
    serveClient: false,
    maxHttpBufferSize: 64 * 1024,
    connectTimeout: 5_000,
    pingInterval: 10_000,
    pingTimeout: 8_000,
    ...(redis && { adapter: streams?.createAdapter(redis.client, { streamName: redis.name, channelPrefix: redis.name }) }),
    // CORS does not guard WebSockets: an upgrade with cookies from a page of another site is refused before a socket exists.
    allowRequest: (request, decide) => {
      noteOrigin(request.headers)
      const refused = draining
        ? problem('unavailable', 'The server is stopping', { retryAfter: 1 })
        : mayConnect(request.headers)
          ? admission.refusal(request)
          : problem('origin-refused')
      if (refused) refuse(request, refused)
      else decide(null, true)
    },
    preClose: (done) => {
      draining = true
      onDrain()
      drain().then(
        () => done(),
        (error: unknown) => done(error),
      )
    },
  })
  admission.watch(app.io, app.server)
  const drain = createDrain(app.io)
  return app.io
}
