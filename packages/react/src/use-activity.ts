import type { ActivityState } from '@cutroom/client'
import { useClient } from './provider.ts'
import { useSelect } from './use-select.ts'

/** What happened in the projects of the person who is logged in. What can be done with it is at `useClient().activity`. */
export const useActivity = (): ActivityState | null => useSelect(useClient().activity, ({ state }) => state)
