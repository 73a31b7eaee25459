import { isDeepStrictEqual } from 'node:util'
import { createClient, loadProject, type Room, snapshotOf } from '@cutroom/client'
import { rooms } from '@cutroom/contract'
import { openTcpProxy } from '../test/support/tcp-proxy.ts'
import { perform } from './action.ts'
import { now } from './clock.ts'
import { createTeller } from './describe-event.ts'
import type { Casting, Line } from './messages.ts'
import { bundle } from './sightings.ts'

const SETTLE_MS = 20_000
/** Sooner than the default: this is a film, not a night with a server down. */
const socket = { reconnectionDelay: 200, reconnectionDelayMax: 1_000 }

/** A member at the typed client: keeps the project, does what is asked, reports every event the client applied. */
export async function playMember({ url, email, password, projectId }: Casting, line: Line): Promise<void> {
  const proxy = await openTcpProxy({ port: Number(new URL(url).port) })
  const client = createClient({
    url: proxy.url,
    socket,
    onError: (error) => line.report({ type: 'trouble', problem: String(error) }),
  })
  const user = await client.login({ email, password })
  const teller = createTeller()
  const seen = bundle(line)
  const room = client.room(projectId)
  room.on('event', (event) => {
    const { seq, id, at: date, actor, mutationId } = event.meta
    seen.add({ seq, id, at: now(), date, actorId: actor?.id, mutationId, text: teller.tell(event) })
  })
  room.on('status', (status) => {
    seen.flush()
    line.report({ type: 'status', status, at: now() })
  })
  // what was missed for good would be missing in the end, but its reason would be gone
  room.on('reset', () => line.report({ type: 'trouble', problem: 'the room was reset' }))
  await room.ready()
  if (room.state) teller.know(snapshotOf(room.state))
  line.report({ type: 'ready', userId: user.id, after: room.position?.seq ?? 0 })

  line.onOrder(async (order) => {
    if (order.type === 'network') await proxy[order.connected ? 'pass' : 'cut']()
    if (order.type === 'settle') {
      const settled = await settle(room, order.head)
      seen.flush()
      line.report({ type: 'settled', ...settled })
    }
    if (order.type !== 'do') return
    const { key, action, crowd } = order
    line.report({ type: 'sent', key, at: now(), crowd })
    const done = await perform(client, action, key).catch((error: Error) => error)
    line.report(done instanceof Error ? { type: 'failed', key, problem: done.message } : { type: 'done', key, id: done })
  })

  /** Is what the events made of the project what the server has? */
  async function settle(room: Room, head: number): Promise<{ seq: number; difference: string | null }> {
    await room.caughtUp(head, { timeoutMs: SETTLE_MS }).catch(() => {})
    const page = (cursor?: string) => client.call(rooms.snapshot, { params: { projectId }, query: { cursor } })
    const { state, start } = await loadProject(page, AbortSignal.timeout(SETTLE_MS))
    const { epoch, seq } = start
    if (!room.state || room.position?.seq !== seq || room.position.epoch !== epoch)
      return { seq: room.position?.seq ?? 0, difference: `stands at #${room.position?.seq ?? '?'}, the snapshot at #${seq}` }
    const [mine, fresh] = [snapshotOf(room.state), snapshotOf(state)]
    const differs = (Object.keys(fresh) as (keyof typeof fresh)[]).filter((part) => !isDeepStrictEqual(mine[part], fresh[part]))
    return { seq, difference: differs.length > 0 ? `${differs.join(', ')} differ` : null }
  }
}
