import type { Conversations, ConversationsState } from '@cutroom/client'
import type { ComputedRef } from 'vue'
import { useClient } from './provide.ts'
import { useSelect } from './use-select.ts'

/**
 * The conversations of the person who is logged in. What can be done with them is at `useClient().conversations`.
 *
 * @returns null until they are loaded, and without a login
 */
export const useConversations = (): ComputedRef<ConversationsState | null> =>
  useSelect(useClient().conversations, ({ state }: Conversations) => state)
