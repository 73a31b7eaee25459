import type { Conversation } from '@cutroom/client'
import { base, chatPath } from '../lib/router.ts'
import { client } from '../lib/session.ts'
import { chatTexts as words } from '../texts-chat.ts'
import { ChatFace, titleOf } from './chat-face.tsx'
import { Ago } from './face.tsx'
import { plainBody } from './message-body.tsx'
import { Windowed } from './windowed.tsx'

const ROW_HEIGHT = 64
/** Characters of the last message that are drawn. */
const EXCERPT = 200

/** The last message as one line. */
function excerptOf({ lastMessage, members }: Conversation): string {
  if (lastMessage === null) return words.noMessages
  const body = plainBody(lastMessage.body).slice(0, EXCERPT)
  if (lastMessage.author.id === client.userId) return words.own(body)
  return members.length > 2 ? words.by(lastMessage.author.name, body) : body
}

function Row({ conversation, isOpen }: { conversation: Conversation; isOpen: boolean }) {
  const { id, unread, lastMessage } = conversation
  const title = titleOf(conversation)
  return (
    <a
      class={`conversation${unread > 0 ? ' fresh' : ''}`}
      href={base + chatPath(id)}
      aria-current={isOpen ? 'page' : undefined}
      data-focus
    >
      <ChatFace conversation={conversation} />
      <span class="grow">
        <span class="row">
          <span class="grow clip name" dir="auto" title={title}>
            {title}
          </span>
          {lastMessage && <Ago at={lastMessage.createdAt} />}
        </span>
        <span class="row">
          <span class="grow clip quiet small" dir="auto">
            {excerptOf(conversation)}
          </span>
          {unread > 0 && (
            <span class="count">
              {words.few(unread)} <span class="hidden">{words.unread}</span>
            </span>
          )}
        </span>
      </span>
    </a>
  )
}

/** One's conversations, the newest first. */
export function ConversationList({ list, openId }: { list: readonly Conversation[]; openId: string | null }) {
  return (
    <Windowed
      class="conversations"
      items={list}
      keyOf={({ id }) => id}
      estimate={ROW_HEIGHT}
      label={words.list}
      empty={
        <div class="empty">
          <h2>{words.none}</h2>
          <p>{words.noneText}</p>
        </div>
      }
      draw={(conversation) => <Row conversation={conversation} isOpen={conversation.id === openId} />}
    />
  )
}
