// Conversations as the client has them.
import {
  type Conversation,
  type ConversationsState,
  CutroomError,
  type History,
  type Message,
  messages,
  type SendingMessage,
} from '@cutroom/client'
import { useEffect, useState } from 'preact/hooks'
import { queue } from './room.ts'
import { client, reasonOf } from './session.ts'
import { useSelected } from './use-selected.ts'

/** A part of the conversations, drawn again when it changes; null until they are loaded. */
export const useChat = <T>(pick: (state: ConversationsState) => T, deps: readonly unknown[] = []): T | null =>
  useSelected(() => client.conversations.select(({ state }) => state && pick(state)), deps)

const none: readonly SendingMessage[] = []
const noOne: readonly string[] = []
export const useSending = (id: string): readonly SendingMessage[] => useChat(({ sending }) => sending.get(id), [id]) ?? none
/** Ids of the people who write in a conversation. */
export const useTyping = (id: string): readonly string[] => useChat(({ typing }) => typing.get(id), [id]) ?? noOne

export interface Opened {
  /** Undefined until it is loaded, and where there is none. */
  conversation: Conversation | undefined
  history: History | undefined
  isGone: boolean
  /** Why its messages could not be loaded. */
  wrong: string | null
  /** Loads what is older; once at a time. */
  loadOlder(): void
  /** Tries again what could not be loaded. */
  again(): void
}

/** A conversation and its messages, which are kept up to date while this is shown. */
export function useOpened(id: string): Opened {
  const isLoaded = useChat(() => true) ?? false
  const conversation = useChat(({ list }) => list.find((one) => one.id === id), [id]) ?? undefined
  const history = useChat(({ histories }) => histories.get(id), [id]) ?? undefined
  const [failure, setFailure] = useState<unknown>(null)
  const run = (work: () => Promise<unknown>) => {
    setFailure(null)
    work().catch(setFailure)
  }
  const open = () => run(() => client.conversations.open(id))
  const older = () => run(() => client.conversations.loadOlder(id))
  useEffect(() => {
    if (isLoaded) open()
  }, [id, isLoaded])
  useEffect(() => () => void client.conversations.close(id), [id])
  const isGone = failure instanceof CutroomError && /^(not-found|validation)$/.test(failure.problem.code)
  return {
    conversation,
    history,
    isGone: isGone && !conversation,
    wrong: failure === null || isGone ? null : reasonOf(failure),
    loadOlder: () => {
      if (history?.hasMore && failure === null) older()
    },
    again: history ? older : open,
  }
}

/** Changes a message of one's own. Refused, the change stays with the reason. */
export const editMessage = ({ id, version }: Message, body: string) =>
  queue(messages.update, { params: { messageId: id }, body: { body }, ifMatch: version })
