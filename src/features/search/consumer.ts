import type { EventName, Payload } from '@cutroom/contract'
import type { Consumer } from '../../rooms/log/consumers/consumer.ts'
import type { LogEntry } from '../../rooms/log/entries.ts'
import type { IndexWriter } from './index-writer.ts'
import type { Doc } from './sources.ts'

/** Its name in the database. */
export const SEARCH = 'search'

/** Rooms that are handled at the same time: what they have to write shares statements. */
const PARALLEL = 32

/** What an event changes in the index. */
interface Change {
  refresh?: Doc
  /** A thing that is gone, with all that went along. */
  below?: string
  /** A project that is gone. */
  scope?: string
}

const put =
  (type: Doc['type']) =>
  ({ id }: { id: string }): Change => ({ refresh: { type, id } })

/** Events that change what can be found. Names that are shown with a hit are read when it is found. */
const changes: { [N in EventName]?: (payload: Payload<N>) => Change } = {
  'project:created': put('project'),
  'project:updated': put('project'),
  'project:deleted': ({ projectId }) => ({ scope: projectId }),
  'vibe:created': put('vibe'),
  'vibe:updated': put('vibe'),
  'vibe:deleted': ({ vibeId }) => ({ below: vibeId }),
  'cut:created': put('cut'),
  'cut:updated': put('cut'),
  // It goes with its new vibe from now on.
  'cut:moved': ({ cutId }) => ({ refresh: { type: 'cut', id: cutId } }),
  'cut:deleted': ({ cutId }) => ({ below: cutId }),
  'lyrics:updated': ({ cutId }) => ({ refresh: { type: 'lyrics', id: cutId } }),
  'task:created': put('task'),
  'task:updated': put('task'),
  'task:deleted': ({ taskId }) => ({ below: taskId }),
  'file:uploaded': put('file'),
  'file:updated': put('file'),
  'file:deleted': ({ fileId }) => ({ below: fileId }),
  'comment:created': put('comment'),
  'comment:reply': put('comment'),
  'comment:updated': put('comment'),
  'comment:deleted': ({ commentId }) => ({ below: commentId }),
  'chat:message': put('message'),
  'chat:message-updated': put('message'),
  'chat:message-deleted': ({ messageId }) => ({ below: messageId }),
}

const changeOf = ({ name, payload }: LogEntry): Change =>
  (changes[name as EventName] as ((payload: unknown) => Change) | undefined)?.(payload) ?? {}

/**
 * The consumer that keeps the index. An event says which things are to be looked at, and the index takes them as they are by then: so
 * events may be handled again, and several at once.
 */
export function searchConsumer(writer: Pick<IndexWriter, 'refresh' | 'removeBelow' | 'removeScope'>): Consumer {
  async function handleAll(events: readonly LogEntry[]): Promise<void> {
    const all = events.map(changeOf)
    const refresh = all.flatMap((change) => change.refresh ?? [])
    if (refresh.length > 0) await writer.refresh(refresh)
    const below = all.flatMap((change) => change.below ?? [])
    if (below.length > 0) await writer.removeBelow(below)
    for (const { scope } of all) if (scope !== undefined) await writer.removeScope(scope)
  }

  return {
    name: SEARCH,
    events: Object.keys(changes) as EventName[],
    parallel: PARALLEL,
    handleAll,
    async handle({ event }) {
      await handleAll([event])
      return undefined
    },
  }
}
