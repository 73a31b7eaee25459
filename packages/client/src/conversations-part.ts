import type { ChatRead, Message } from '@cutroom/contract'
import { sorted } from './conversation-events.ts'
import { createConversationStore } from './conversation-store.ts'
import type { ConversationActions, ConversationsState } from './conversations.ts'
import { conversations as endpoints, messages } from './generated/contract.ts'
import { createMessageSending } from './message-sending.ts'
import type { Part, PartContext } from './part.ts'
import { createRoomTyping } from './room-typing.ts'

/** The conversations of the person who is logged in: the list, the histories that are open, and what is on its way. */
export function createConversations(context: PartContext): Part<ConversationsState, ConversationActions> {
  const { call, socket, changed } = context
  let state: ConversationsState | null = null
  const update = (): void => {
    const known = store.known()
    const list = known && sorted(known.conversations.values())
    state = known &&
      list && {
        list,
        unread: list.reduce((sum, { unread }) => sum + unread, 0),
        histories: known.histories,
        sending: sending.shown(),
        typing: typing.shown(),
      }
    changed()
  }
  const sending = createMessageSending({
    call,
    sent: (message: Message) => store.answered('chat:message', message),
    onChange: () => update(),
  })
  const typing = createRoomTyping({
    send: (conversationId, isTyping) => socket()?.emit('chat:typing', { conversationId, isTyping }),
    onChange: () => update(),
  })
  const store = createConversationStore(context, update)

  async function markRead(conversationId: string, messageId?: string): Promise<void> {
    const conversation = store.known()?.conversations.get(conversationId)
    const upTo = messageId ?? conversation?.lastMessage?.id
    if (upTo === undefined || (conversation?.readUpTo[store.me()] ?? '') >= upTo) return
    const read: ChatRead = await call(endpoints.read, { params: { conversationId }, body: { messageId: upTo } })
    store.answered('chat:read', read)
  }

  return {
    get state() {
      return state
    },
    actions: {
      async start(memberIds, title) {
        const body = { memberIds: [...memberIds], ...(title !== undefined && { title }) }
        const conversation = await call(endpoints.create, { body })
        store.answered('conversation:created', conversation)
        return conversation
      },
      open: store.histories.open,
      close: store.histories.close,
      loadOlder: store.histories.loadOlder,
      send(conversationId, body) {
        typing.set(conversationId, false)
        return sending.send(conversationId, body)
      },
      retry: sending.retry,
      discard: sending.remove,
      async edit(messageId, body) {
        const message = await call(messages.update, { params: { messageId }, body: { body } })
        store.answered('chat:message-updated', message)
        return message
      },
      async remove(messageId) {
        await call(messages.delete, { params: { messageId } })
      },
      markRead,
      setTyping: typing.set,
    },
    applied(event) {
      store.applied(event)
      if (event.name === 'chat:message') {
        const { conversationId: targetId, author } = event.payload
        typing.received({ targetId, userId: author.id, isTyping: false })
        if (event.meta.mutationId !== undefined) sending.remove(event.meta.mutationId)
      }
      // whether one may write has changed with it
      if (event.name === 'project:joined' || event.name === 'project:left') store.renew()
    },
    passing(event) {
      if (event.name !== 'chat:typing') return
      const { conversationId: targetId, userId, isTyping } = event.payload
      typing.received({ targetId, userId, isTyping })
    },
    reload: store.reload,
    retry: store.retry,
    clear() {
      typing.clear()
      sending.clear()
      store.clear()
    },
  }
}
