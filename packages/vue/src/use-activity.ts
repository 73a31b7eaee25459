import type { Activities, ActivityState } from '@cutroom/client'
import type { ComputedRef } from 'vue'
import { useClient } from './provide.ts'
import { useSelect } from './use-select.ts'

/** What happened in the projects of the person who is logged in. What can be done with it is at `useClient().activity`. */
export const useActivity = (): ComputedRef<ActivityState | null> =>
  useSelect(useClient().activity, ({ state }: Activities) => state)
