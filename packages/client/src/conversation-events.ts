import type { Conversation, Message, Person, RoomEvent, UserEventName } from '@cutroom/contract'
import type { History } from './conversations.ts'

/** Unread messages are counted so far, as by the server. */
const MAX_UNREAD = 100

export type Event = RoomEvent<UserEventName>

/** A history with where its older messages are. */
export interface OpenHistory extends History {
  cursor: string | null
}

/** What is known of conversations, by their ids. A value that was handed out never changes. */
export interface Known {
  conversations: ReadonlyMap<string, Conversation>
  histories: ReadonlyMap<string, OpenHistory>
}

/** @param stale a conversation that has to be loaded: it is not known, or an event does not say how it is now */
export interface Outcome {
  known: Known
  stale: string | null
}

const replaced = <V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> => new Map(map).set(key, value)

/** The messages with one of them new or changed; one that is newer here stays. */
function withMessage(messages: readonly Message[], message: Message): readonly Message[] {
  const at = messages.findIndex(({ id }) => id >= message.id)
  const found = messages[at]
  if (found?.id === message.id)
    return found.version >= message.version ? messages : messages.map((each) => (each === found ? message : each))
  return at < 0 ? [...messages, message] : [...messages.slice(0, at), message, ...messages.slice(at)]
}

function inHistory(known: Known, id: string, change: (messages: readonly Message[]) => readonly Message[]): Known['histories'] {
  const history = known.histories.get(id)
  return history ? replaced(known.histories, id, { ...history, messages: change(history.messages) }) : known.histories
}

function added(known: Known, message: Message, me: string): Outcome {
  const { conversationId: id, author } = message
  const histories = inHistory(known, id, (messages) => withMessage(messages, message))
  const before = known.conversations.get(id)
  if (!before) return { known: { ...known, histories }, stale: id }
  // one that came with a page that was read later
  if (before.lastMessage && message.id <= before.lastMessage.id) return { known: { ...known, histories }, stale: null }
  const next: Conversation = {
    ...before,
    lastMessage: message,
    updatedAt: message.createdAt,
    unread: author.id === me ? 0 : Math.min(before.unread + 1, MAX_UNREAD),
    readUpTo: { ...before.readUpTo, [author.id]: message.id },
  }
  return { known: { conversations: replaced(known.conversations, id, next), histories }, stale: null }
}

function edited(known: Known, message: Message): Known {
  const { conversationId: id } = message
  const histories = inHistory(known, id, (messages) =>
    messages.some((each) => each.id === message.id) ? withMessage(messages, message) : messages,
  )
  const before = known.conversations.get(id)
  if (before?.lastMessage?.id !== message.id || before.lastMessage.version >= message.version) return { ...known, histories }
  return { conversations: replaced(known.conversations, id, { ...before, lastMessage: message }), histories }
}

function deleted(known: Known, id: string, messageId: string, me: string): Outcome {
  const histories = inHistory(known, id, (messages) => messages.filter((each) => each.id !== messageId))
  const before = known.conversations.get(id)
  const wasLast = before?.lastMessage?.id === messageId
  const mayBeUnread = before !== undefined && before.unread > 0 && messageId > (before.readUpTo[me] ?? '')
  return { known: { ...known, histories }, stale: wasLast || mayBeUnread ? id : null }
}

function read(known: Known, id: string, readBy: string, messageId: string, me: string): Outcome {
  const before = known.conversations.get(id)
  if (!before || (before.readUpTo[readBy] ?? '') >= messageId) return { known, stale: null }
  const isAll = before.lastMessage === null || messageId >= before.lastMessage.id
  const readUpTo = { ...before.readUpTo, [readBy]: messageId }
  const next = { ...before, readUpTo, unread: readBy === me && isAll ? 0 : before.unread }
  return {
    known: { ...known, conversations: replaced(known.conversations, id, next) },
    stale: readBy === me && !isAll ? id : null,
  }
}

function renamed({ conversations, histories }: Known, person: Person): Known {
  const shown = (message: Message) => (message.author.id === person.id ? { ...message, author: person } : message)
  return {
    conversations: new Map(
      [...conversations].map(([id, conversation]) => {
        const { members, lastMessage } = conversation
        if (!members.some((member) => member.id === person.id)) return [id, conversation]
        return [
          id,
          {
            ...conversation,
            members: members.map((member) => (member.id === person.id ? person : member)),
            lastMessage: lastMessage && shown(lastMessage),
          },
        ]
      }),
    ),
    histories: new Map([...histories].map(([id, history]) => [id, { ...history, messages: history.messages.map(shown) }])),
  }
}

/** What is known after an event of the person's own room; applied again it changes nothing. @param me the person's id */
export function afterEvent(known: Known, { name, payload }: Event, me: string): Outcome {
  if (name === 'chat:message') return added(known, payload, me)
  if (name === 'chat:message-deleted') return deleted(known, payload.conversationId, payload.messageId, me)
  if (name === 'chat:read') return read(known, payload.conversationId, payload.readBy, payload.messageId, me)
  if (name === 'chat:message-updated') return { known: edited(known, payload), stale: null }
  if (name === 'contact:updated') return { known: renamed(known, payload), stale: null }
  if (name !== 'conversation:created' || known.conversations.has(payload.id)) return { known, stale: null }
  return { known: { ...known, conversations: replaced(known.conversations, payload.id, payload) }, stale: null }
}

const lastOf = ({ id, lastMessage }: Conversation): string => lastMessage?.id ?? id

/** Those with the newest message first. */
export const sorted = (conversations: Iterable<Conversation>): Conversation[] =>
  [...conversations].sort((a, b) => (lastOf(a) < lastOf(b) ? 1 : -1))
