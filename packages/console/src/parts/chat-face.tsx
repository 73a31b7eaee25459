import type { Conversation, Person } from '@cutroom/client'
import { useOnline } from '../lib/online.ts'
import { client } from '../lib/session.ts'
import { chatTexts as words } from '../texts-chat.ts'
import { Face } from './face.tsx'

/** The others in a conversation. */
export const othersOf = ({ members }: Conversation): readonly Person[] => members.filter(({ id }) => id !== client.userId)

/** How a conversation is called. */
export const titleOf = (conversation: Conversation): string =>
  conversation.title ?? (words.names(othersOf(conversation).map(({ name }) => name)) || words.nameless)

/** The people of a conversation as circles, with a dot for one who is online. */
export function ChatFace({ conversation }: { conversation: Conversation }) {
  const online = useOnline()
  const others = othersOf(conversation)
  const [first, second] = others
  if (!first) return <span class="chat-face" />
  if (others.length > 1 && second)
    return (
      <span class="chat-face pair">
        <Face person={first} small />
        <Face person={second} small />
      </span>
    )
  return (
    <span class="chat-face">
      <Face person={first} />
      {online.has(first.id) && (
        <span class="dot">
          <span class="hidden">{words.online}</span>
        </span>
      )}
    </span>
  )
}
