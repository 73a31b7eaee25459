import type { Activity, EventName } from '@cutroom/contract'
import { parseRoom } from '../../rooms/kinds.ts'
import type { Write } from '../../rooms/log/commit.ts'
import type { Consumer } from '../../rooms/log/consumers/consumer.ts'
import type { LogEntry } from '../../rooms/log/log.ts'
import { mayNotify, ofApproval, ofComment, ofInvitation, ofMember, ofTask, ofUpload, type ReadCause } from './causes.ts'
import { endLostCuts, endMembership, endThing } from './endings.ts'
import { notify, rewrite } from './writes.ts'

/** Rooms at a time. */
const PARALLEL = 2

/** What people are notified of, by event. */
const causes = {
  'comment:created': ofComment,
  'comment:reply': ofComment,
  'comment:updated': ofComment,
  'task:created': ofTask,
  'task:updated': ofTask,
  'member:joined': ofMember,
  'member:updated': ofMember,
  'file:uploaded': ofUpload,
  'cut:approved': ofApproval,
  'invitation:created': ofInvitation,
} satisfies { [N in EventName]?: ReadCause }

type End = (write: Write, event: LogEntry) => Promise<void>
const endOf =
  (field: string): End =>
  (write, { payload }) =>
    endThing(write, String(payload[field]))

/** What ends notifications, by event. */
const endings = {
  'comment:deleted': endOf('commentId'),
  'task:deleted': endOf('taskId'),
  'cut:deleted': endOf('cutId'),
  'file:deleted': endOf('fileId'),
  'invitation:revoked': endOf('invitationId'),
  'invitation:accepted': endOf('invitationId'),
  'invitation:expired': endOf('invitationId'),
  'vibe:deleted': (write, { meta }) => endLostCuts(write, parseRoom(meta.room as never).id),
  'project:left': (write, event) => endMembership(write, parseRoom(event.meta.room as never).id, event),
} satisfies { [N in EventName]?: End }

const causeOf = new Map<string, ReadCause>(Object.entries(causes))
const endingOf = new Map<string, End>(Object.entries(endings))

/**
 * Notifies people of what happens in their projects, and takes notifications away with what they are about. Each event is written once,
 * with the consumer's place in the log.
 * @param activityOf how an event reads in the activity feed
 */
export function notificationsConsumer(activityOf: (entry: LogEntry) => Activity | null): Consumer {
  return {
    name: 'notifications',
    events: [...Object.keys(causes), ...Object.keys(endings)] as EventName[],
    parallel: PARALLEL,
    async handle({ event }) {
      const end = endingOf.get(event.name)
      if (end) return (write) => end(write, event)
      if (!mayNotify(event)) return undefined
      const read = causeOf.get(event.name)
      const activity = activityOf(event)
      const actorId = event.meta.actor?.id
      if (!read || !activity || actorId === undefined) return undefined
      return async (write) => {
        const cause = await read({ event, actorId, activity }, write)
        if (!cause) return
        if (event.name === 'comment:updated') await rewrite(write, cause)
        await notify(write, cause)
      }
    },
  }
}
