import { io } from 'socket.io-client'
import { clock, type Listen, nOfBody } from '../../support/subject.ts'

/** Logs in over the socket and joins each project, as the Feathers client does. */
export const listen: Listen = async ({ url, token, places }, onComment) => {
  const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false })
  socket.on('comments created', ({ body }: { body: string }) => onComment(nOfBody(body), clock()))
  const call = (service: string, data: object) =>
    new Promise<void>((resolve, reject) => {
      // Feathers answers (error, result) and has no place for Socket.IO's own timeout in it.
      socket.emit('create', service, data, {}, (error: { message: string } | null) =>
        error ? reject(new Error(error.message)) : resolve(),
      )
      socket.once('disconnect', (reason) => reject(new Error(`disconnected: ${reason}`)))
    })
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('connect_error', reject))
  await call('authentication', { strategy: 'jwt', accessToken: token })
  for (const place of places) await call('stands', { projectId: Number(place) })
  return {
    async close() {
      socket.disconnect()
    },
  }
}
