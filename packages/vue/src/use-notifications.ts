import type { NotificationState, Notifications } from '@cutroom/client'
import type { ComputedRef } from 'vue'
import { useClient } from './provide.ts'
import { useSelect } from './use-select.ts'

/**
 * The notifications of the person who is logged in, and how many they have not seen. What can be done with them is at
 * `useClient().notifications`.
 *
 * @returns null until they are loaded, and without a login
 */
export const useNotifications = (): ComputedRef<NotificationState | null> =>
  useSelect(useClient().notifications, ({ state }: Notifications) => state)
