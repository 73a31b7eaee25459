import { createClient } from '@cutroom/client'
import { type ClientToServer, type Meta, projectRoom, type ServerToClient } from '@cutroom/contract'
import { io, type Socket } from 'socket.io-client'
import { openTcpProxy } from '../test/support/tcp-proxy.ts'
import { now, pause } from './clock.ts'
import type { Casting, Line } from './messages.ts'
import { bundle } from './sightings.ts'

/**
 * A member's second device without our client: a plain socket.io-client that asks for what it missed and filters nothing.
 * So repeats and disorder on the wire, which the typed client would hide, are seen here.
 */
export async function playPhone({ url, email, password, projectId }: Casting, line: Line): Promise<void> {
  const proxy = await openTcpProxy({ port: Number(new URL(url).port) })
  const client = createClient({ url: proxy.url })
  const user = await client.login({ email, password })
  const token = client.tokens?.accessToken
  const room = projectRoom(projectId)
  const seen = bundle(line)
  let last: { after: number; epoch: string } | undefined

  const settings = { transports: ['websocket'], auth: { token }, reconnectionDelay: 200, reconnectionDelayMax: 1_000 }
  const socket: Socket<ServerToClient, ClientToServer> = io(proxy.url, settings)
  socket.onAny((_name: string, _payload: unknown, meta?: Meta) => {
    if (meta?.room !== room) return
    last = { after: meta.seq, epoch: meta.epoch }
    const { seq, id, at: date, actor, mutationId } = meta
    seen.add({ seq, id, at: now(), date, actorId: actor?.id, mutationId, text: '' })
  })
  async function join(): Promise<void> {
    const answer = await socket.timeout(10_000).emitWithAck('join:project', { projectId, activity: false, ...last })
    if (!answer.ok) throw new Error(answer.error.title)
    if (answer.mode === 'reset') line.report({ type: 'trouble', problem: 'the room was reset' })
    if (last === undefined) line.report({ type: 'ready', userId: user.id, after: answer.head })
    last ??= { after: answer.head, epoch: answer.epoch }
    seen.flush()
    line.report({ type: 'status', status: 'live', at: now() })
  }
  socket.on('connect', async () => {
    while (socket.connected) {
      try {
        await join()
        return
      } catch {
        await pause(200)
      }
    }
  })
  socket.on('disconnect', () => line.report({ type: 'status', status: 'stale', at: now() }))
  line.onOrder(async (order) => {
    if (order.type === 'network') await proxy[order.connected ? 'pass' : 'cut']()
  })
}
