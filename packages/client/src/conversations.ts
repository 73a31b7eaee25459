import type { Conversation, Message, Problem } from '@cutroom/contract'
import type { Facade } from './part.ts'

/** A message that is not confirmed yet. */
export interface SendingMessage {
  /** Its Idempotency-Key. */
  readonly key: string
  readonly body: string
  /** When it was made, RFC 3339. */
  readonly at: string
  /** Why it was refused; null while it is on its way. A refused one stays until `retry` or `discard`. */
  readonly problem: Problem | null
}

/** What was written in a conversation, as far as it is loaded. */
export interface History {
  /** The oldest first. */
  readonly messages: readonly Message[]
  /** There are older ones: `loadOlder`. */
  readonly hasMore: boolean
}

export interface ConversationsState {
  /** Those with the newest message first. */
  readonly list: readonly Conversation[]
  /** Unread messages of all conversations together. */
  readonly unread: number
  /** Histories that are open, by the id of their conversation. */
  readonly histories: ReadonlyMap<string, History>
  /** What is drawn behind the messages, by the id of the conversation. */
  readonly sending: ReadonlyMap<string, readonly SendingMessage[]>
  /** Ids of the people who type, by the id of the conversation. */
  readonly typing: ReadonlyMap<string, readonly string[]>
}

export interface ConversationActions {
  /** The conversation with one other person, or a new group. */
  start(memberIds: readonly string[], title?: string): Promise<Conversation>
  /** Loads the newest messages into `state.histories`, where events then keep them. */
  open(conversationId: string): Promise<void>
  /** Forgets the history of a conversation. */
  close(conversationId: string): void
  /** Calls while it is loaded share the page. */
  loadOlder(conversationId: string): Promise<void>
  /** Shown at once in `state.sending`. Messages of one conversation are sent one after another; resolves when this one was sent or refused. */
  send(conversationId: string, body: string): Promise<void>
  /** Sends a refused one again. */
  retry(key: string): Promise<void>
  /** Forgets a refused one. */
  discard(key: string): void
  edit(messageId: string, body: string): Promise<Message>
  remove(messageId: string): Promise<void>
  /** Marks all messages up to this one as read; without one all that are there. */
  markRead(conversationId: string, messageId?: string): Promise<void>
  /** Call it with each key; it stops by itself. */
  setTyping(conversationId: string, isTyping: boolean): void
}

export type Conversations = Facade<ConversationsState, ConversationActions>
