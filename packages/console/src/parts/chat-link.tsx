import { useEffect } from 'preact/hooks'
import { useCell } from '../lib/cell.ts'
import { useHasBeenIdle } from '../lib/idle.ts'
import { address, base } from '../lib/router.ts'
import { announce } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { useSelected } from '../lib/use-selected.ts'
import { texts } from '../texts.ts'
import { ChatIcon } from './frame-icons.tsx'

const MOST = 99

/** The way to the conversations, with how many messages were not read; those that arrive elsewhere are spoken. */
export function ChatLink() {
  // reading the state loads it: not before there is time
  const isTime = useHasBeenIdle()
  const unread = useSelected(() => client.conversations.select((part) => (isTime && part.state?.unread) || 0), [isTime])
  const at = useCell(address)
  useEffect(
    () =>
      client.on('chat:message', ({ author, conversationId }, { replayed }) => {
        const isShown = address.value === `/chat/${conversationId}`
        if (author.id !== client.userId && !replayed && !isShown) announce(texts.frame.written(author.name))
      }),
    [],
  )
  return (
    <a
      class="icon-button bell"
      href={`${base}/chat`}
      aria-label={texts.frame.chat(unread)}
      aria-current={at.startsWith('/chat') ? 'page' : undefined}
    >
      <ChatIcon />
      {unread > 0 && (
        <span class="badge" aria-hidden="true">
          {unread > MOST ? texts.frame.many : unread}
        </span>
      )}
    </a>
  )
}
