import { type EventName, projectEvents, type RoomId } from '@cutroom/contract'
import type { Query } from '../../db/client.ts'
import { parseRoom } from '../../rooms/kinds.ts'
import type { Consumer } from '../../rooms/log/consumers/consumer.ts'
import type { LogEntry } from '../../rooms/log/entries.ts'
import type { RunningLanes } from './job.ts'
import { WEBHOOKS, wakeProject } from './queue.ts'

/** Rooms at a time. */
const PARALLEL = 8

/**
 * Wakes the webhooks of projects in which something happened. What each of them has sent is its own position in the log: so this may be
 * done again, and for several events at once. What is deleted or changed sends nothing more to where it did.
 */
export function webhooksConsumer(query: Query, lanes: RunningLanes): Consumer {
  async function handleAll(events: readonly LogEntry[]): Promise<void> {
    const last = events.at(-1)
    if (!last) return
    const projectId = parseRoom(last.meta.room as RoomId).id
    for (const { name, payload } of events) {
      if (name === 'webhook:updated' || name === 'webhook:deleted') lanes.breakOff({ webhookId: String(payload.webhookId) })
      if (name === 'project:deleted') lanes.breakOff({ projectId })
    }
    await query(wakeProject(projectId, last.meta.seq))
  }
  return {
    name: `${WEBHOOKS}-wake`,
    events: Object.keys(projectEvents) as EventName[],
    parallel: PARALLEL,
    handleAll,
    async handle({ event }) {
      await handleAll([event])
      return undefined
    },
  }
}
