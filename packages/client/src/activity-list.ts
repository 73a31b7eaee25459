import type { Activity, RoomEvent, UserEventName } from '@cutroom/contract'
import type { ActivityItem, ActivityQuery, ActivityState } from './activity.ts'

/** What changes the list. */
export type Change = RoomEvent<UserEventName> | { name: 'activity:new'; payload: Activity }

/** What is known of the activities that a query asks for. */
export interface Known {
  query: ActivityQuery
  all: ReadonlyMap<string, Activity>
  /** Ids of those that were dismissed since they were loaded. */
  dismissed: ReadonlySet<string>
  /** Read positions by project. */
  read: Readonly<Record<string, number>>
  cursor: string | null
  searchedTo: string | null
  endsAt: string | null
}

/** The order of the server: by time, project, position, the newest first. */
function byAge(a: Activity, b: Activity): number {
  if (a.at !== b.at) return a.at < b.at ? 1 : -1
  if (a.projectId !== b.projectId) return a.projectId < b.projectId ? 1 : -1
  return b.seq - a.seq
}

const isAsked = ({ projectId, action, actorId }: ActivityQuery, activity: Activity): boolean =>
  (projectId === undefined || projectId === activity.projectId) &&
  (action === undefined || action.split(',').includes(activity.action)) &&
  (actorId === undefined || actorId === activity.actor?.id)

/** What is known after a change; the same object where it changes nothing. */
export function after(known: Known, { name, payload }: Change): Known {
  const { query, all, dismissed, read } = known
  if (name === 'activity:new') return isAsked(query, payload) ? { ...known, all: new Map(all).set(payload.id, payload) } : known
  if (name === 'activity:read') {
    const seq = Math.max(read[payload.projectId] ?? 0, payload.seq)
    return { ...known, read: { ...read, [payload.projectId]: seq } }
  }
  if (name === 'activity:dismissed') return { ...known, dismissed: new Set(dismissed).add(payload.eventId) }
  if (name === 'activity:restored') return { ...known, dismissed: new Set([...dismissed].filter((id) => id !== payload.eventId)) }
  if (name === 'project:left')
    return { ...known, all: new Map([...all].filter(([, { projectId }]) => projectId !== payload.projectId)) }
  return known
}

/** A new first page with the older activities that are known, where they follow each other. */
export function above(first: Known, known: Known): Known {
  const last = [...first.all.values()].at(-1)
  if (!last || !known.all.has(last.id)) return first
  const older = [...known.all].filter(([, activity]) => byAge(last, activity) < 0)
  const { cursor, searchedTo } = known
  const dismissed = new Set([...known.dismissed].filter((id) => !first.all.has(id)))
  return {
    ...first,
    all: new Map([...first.all, ...older]),
    dismissed,
    read: { ...known.read, ...first.read },
    cursor,
    searchedTo,
  }
}

/** What is shown of it. */
export function stateOf(
  { query, all, dismissed, read, cursor, searchedTo, endsAt }: Known,
  me: string | undefined,
): ActivityState {
  const items = [...all.values()]
    .filter(({ id }) => !dismissed.has(id))
    .map((activity): ActivityItem => {
      const isRead = activity.actor?.id === me || activity.seq <= (read[activity.projectId] ?? 0)
      return { ...activity, isRead }
    })
    .filter(({ isRead }) => query.unread === undefined || !isRead)
    .sort(byAge)
  return { query, items, hasMore: cursor !== null, searchedTo, endsAt }
}
