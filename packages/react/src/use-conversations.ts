import type { ConversationsState } from '@cutroom/client'
import { useClient } from './provider.ts'
import { useSelect } from './use-select.ts'

/**
 * The conversations of the person who is logged in. What can be done with them is at `useClient().conversations`.
 *
 * @returns null until they are loaded, and without a login
 */
export const useConversations = (): ConversationsState | null => useSelect(useClient().conversations, ({ state }) => state)
