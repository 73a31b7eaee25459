import { createClient, type RoomEvent } from '@cutroom/client'
import { base } from './router.ts'

/** How long a replay may take, ms. */
const PATIENCE_MS = 30_000

/**
 * Replays a room's log to a second connection that joins after `after`, as a client that comes back does.
 * @throws CutroomError, and a RangeError when the log has no such position
 */
export async function replay(projectId: string, epoch: string, after: number, head: number): Promise<RoomEvent[]> {
  const probe = createClient({ url: base, mode: 'cookie' })
  const events: RoomEvent[] = []
  try {
    await probe.restore()
    const room = probe.room(projectId, { state: false, activity: false, from: { epoch, seq: after } })
    room.on('event', (event) => events.push(event))
    await room.caughtUp(head, { timeoutMs: PATIENCE_MS })
    return events
  } finally {
    probe.close()
  }
}
