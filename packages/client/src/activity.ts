import type { Activity } from '@cutroom/contract'
import type { Input } from './endpoint.ts'
import type { activity } from './generated/contract.ts'
import type { Facade } from './part.ts'

/** Which activities are shown: of all projects or one, of some actions (names with commas between them), of a person, those not read. */
export type ActivityQuery = Pick<
  NonNullable<Input<typeof activity.list, 'querystring'>>,
  'projectId' | 'action' | 'actorId' | 'unread'
>

export interface ActivityItem extends Activity {
  /** Below the read position of its project, or done by the person themselves. */
  readonly isRead: boolean
}

export interface ActivityState {
  readonly query: ActivityQuery
  /** The newest first, as far as they are loaded. */
  readonly items: readonly ActivityItem[]
  readonly hasMore: boolean
  /** How far back was looked; null: over all that is kept. */
  readonly searchedTo: string | null
  /** Since then all activities are kept; null: all are. */
  readonly endsAt: string | null
}

/** What dismissals and marks change is shown when their event comes, on every device. */
export interface ActivityActions {
  /** Shows others from now on: of all projects, where nothing is said. */
  show(query: ActivityQuery): Promise<void>
  /** Loads the next page, which may be empty where few are looked for; calls while it is loaded share it. */
  loadMore(): Promise<void>
  /** Loads the newest ones again: in projects whose room is not open nothing says that there are new ones. */
  refresh(): Promise<void>
  /** Marks the activities of a project as read, up to this one; without it all that are shown. */
  markRead(upTo?: Pick<Activity, 'projectId' | 'seq'>): Promise<void>
  dismiss(eventId: string): Promise<void>
  /** Brings one back, read or unread as it was. */
  restore(eventId: string): Promise<void>
}

/** The activities of the person who is logged in. New ones come from the rooms that are open. */
export type Activities = Facade<ActivityState, ActivityActions>
