import '../styles/chat.css'
import '../styles/messages.css'
import { useState } from 'preact/hooks'
import { useChat } from '../lib/conversations.ts'
import { useKeys } from '../lib/keys.ts'
import { lazy } from '../lib/lazy.tsx'
import { ConversationList } from '../parts/conversation-list.tsx'
import { PlusIcon } from '../parts/icons.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { texts } from '../texts.ts'
import { chatTexts as words } from '../texts-chat.ts'
import { ConversationView } from './conversation.tsx'

const NewConversation = lazy(() => import('./new-conversation.tsx').then(({ NewConversation }) => NewConversation), null)

/** Conversations, and the one that is open. */
export function ChatView({ conversationId, messageId }: { conversationId: string | null; messageId: string | null }) {
  const list = useChat(({ list }) => list)
  const [isCreating, setCreating] = useState(false)
  useKeys({ n: () => setCreating(true) })
  if (list === null) return <Waiting reason={texts.waits} />
  const Title = conversationId === null ? 'h1' : 'h2'
  return (
    <div class={`chat${conversationId === null ? '' : ' opened'}`}>
      <div class="chat-list">
        <div class="row chat-head">
          <Title class="grow">{words.title}</Title>
          <button type="button" class="button" aria-label={words.create.title} onClick={() => setCreating(true)}>
            <PlusIcon />
            {words.create.short}
          </button>
        </div>
        <ConversationList list={list} openId={conversationId} />
      </div>
      {conversationId === null ? (
        <div class="chat-none">
          <div class="empty">
            <h2>{words.choose}</h2>
            <p>{words.chooseText}</p>
          </div>
        </div>
      ) : (
        <ConversationView key={conversationId} id={conversationId} messageId={messageId} />
      )}
      {isCreating && <NewConversation onClose={() => setCreating(false)} />}
    </div>
  )
}
