import type { RoomId } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import type { RoomSocket } from './types.ts'

/** Log lines of the engine. */
export function createReporters({ log }: FastifyInstance) {
  const onDeliveryError = (err: unknown, room?: RoomId) => log.error({ err, room }, 'delivery: failed, the sweep tries again')
  return {
    onTimerError: (err: unknown) => log.error({ err }, 'rooms: a timer or a notification failed, the next one goes on'),
    onDeliveryError,
    onSlowLost: (socket: RoomSocket, error: unknown) => {
      onDeliveryError(error)
      socket.conn.close()
    },
    onSocketError: (err: unknown) => log.error({ err }, 'sockets: a handshake or a request failed'),
    onRefusedMessages: (count: number) => log.warn({ count }, 'cluster: messages of other nodes were refused'),
    onSlowClosed: ({ data }: RoomSocket, { bytes }: { bytes: number }) =>
      log.warn({ userId: data.person.id, bytes }, 'sockets: closed one that does not read'),
    onSlowStream: (userId: string) => log.warn({ userId }, 'streams: closed one that does not read'),
    onStreamError: (err: unknown) => log.warn({ err }, 'streams: ended one that could not read the log'),
    onLogLost: (epoch: string) => log.warn({ epoch }, 'log: epoch changed or log cut, disconnecting all sockets'),
  }
}
