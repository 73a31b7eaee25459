import type { Notification } from '@cutroom/contract'
import type { Facade } from './part.ts'

export interface NotificationState {
  /** The newest first, as far as they are loaded. */
  readonly items: readonly Notification[]
  /** How many the person has not seen, loaded or not. */
  readonly unseen: number
  readonly hasMore: boolean
}

/** Writes. What they change is shown when its event comes, on every device. */
export interface NotificationActions {
  /** Loads the next page; calls while it is loaded share it. */
  loadMore(): Promise<void>
  markSeen(notificationId: string): Promise<void>
  /** Marks those that are shown, and older ones. What comes while the request is on its way stays as it is. */
  markAllSeen(): Promise<void>
  remove(notificationId: string): Promise<void>
}

export type Notifications = Facade<NotificationState, NotificationActions>
