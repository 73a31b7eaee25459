import type { Conversation, History, Message } from '@cutroom/client'
import type { RefObject } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { editMessage, type Opened, useOpened, useSending, useTyping } from '../lib/conversations.ts'
import { useMessageRows } from '../lib/message-rows.ts'
import { useOnline } from '../lib/online.ts'
import { complain } from '../lib/room.ts'
import { base } from '../lib/router.ts'
import { announce, toast } from '../lib/say.ts'
import { client } from '../lib/session.ts'
import { useVisible } from '../lib/visible.ts'
import { ChatFace, othersOf, titleOf } from '../parts/chat-face.tsx'
import { BackIcon } from '../parts/chat-icons.tsx'
import { MessageItem } from '../parts/message.tsx'
import { plainBody } from '../parts/message-body.tsx'
import { MessageBox } from '../parts/message-box.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { Windowed, type WindowedHandle } from '../parts/windowed.tsx'
import { texts } from '../texts.ts'
import { chatTexts } from '../texts-chat.ts'

const words = chatTexts.messages
const ROW_HEIGHT = 56

/** Who this is with, and who of them is here. */
function Head({ conversation }: { conversation: Conversation }) {
  const online = useOnline()
  const others = othersOf(conversation)
  const here = others.filter(({ id }) => online.has(id)).length
  return (
    <div class="row chat-head">
      <a class="icon-button narrow-only flip" href={`${base}/chat`} aria-label={chatTexts.all}>
        <BackIcon />
      </a>
      <ChatFace conversation={conversation} />
      <div class="grow">
        <h1 class="clip" dir="auto" title={others.map(({ name }) => name).join(', ')}>
          {titleOf(conversation)}
        </h1>
        <p class="quiet small">
          {others.length > 1 ? chatTexts.onlineOf(here, others.length + 1) : here > 0 && chatTexts.online}
        </p>
      </div>
    </div>
  )
}

/** Names of those who write here. */
function Typing({ conversation }: { conversation: Conversation }) {
  const ids = useTyping(conversation.id)
  const names = othersOf(conversation)
    .filter(({ id }) => ids.includes(id))
    .map(({ name }) => name)
  return (
    <p class="quiet small typing-line clip" aria-live="off">
      {names.length > 0 && words.typing(names)}
    </p>
  )
}

/** What stands above the first message. */
function Start({ history, wrong, onAgain }: { history: History; wrong: string | null; onAgain: () => void }) {
  if (wrong !== null)
    return (
      <p class="chat-start">
        {words.failed}{' '}
        <button type="button" class="link" onClick={onAgain}>
          {texts.tryAgain}
        </button>
      </p>
    )
  return <p class="chat-start quiet small">{history.hasMore ? words.loading : words.begin}</p>
}

/** Says what others write while the conversation is shown. */
function useSpokenMessages(id: string): void {
  useEffect(
    () =>
      client.on('chat:message', ({ conversationId, author, body }, { replayed }) => {
        if (conversationId === id && author.id !== client.userId && !replayed)
          announce(words.arrived(author.name, plainBody(body)))
      }),
    [id],
  )
}

const actions = {
  edit: editMessage,
  remove: ({ id }: Message) => void client.conversations.remove(id).then(() => announce(words.wasDeleted), complain),
}

/** Marks as read what is in sight. */
function useReading({ id, unread }: Conversation, last: Message | undefined): () => void {
  const isVisible = useVisible()
  const marked = useRef('')
  return () => {
    if (!isVisible || !last || unread === 0 || marked.current >= last.id) return
    marked.current = last.id
    // it is marked again with the next message, or when it is opened again
    client.conversations.markRead(id, last.id).catch(() => {})
  }
}

/** Brings a message that the address names into sight, however far back it is. @returns its id while it is marked */
function useNamedMessage(
  id: string | null,
  { messages, hasMore }: History,
  opened: Opened,
  handle: RefObject<WindowedHandle | null>,
): string | null {
  const shown = useRef<string | null>(null)
  const [marked, setMarked] = useState<string | null>(null)
  useEffect(() => {
    if (id === null || shown.current === id) return
    const [oldest] = messages
    if (messages.some((message) => message.id === id)) {
      handle.current?.reveal(id)
      setMarked(id)
    } else if (hasMore && oldest && id < oldest.id) return opened.loadOlder()
    else toast(words.noMessage)
    shown.current = id
  }, [id, messages])
  return marked
}

interface SaidProps {
  conversation: Conversation
  history: History
  opened: Opened
  messageId: string | null
}

function Said({ conversation, history, opened, messageId }: SaidProps) {
  const handle = useRef<WindowedHandle>(null)
  const { id, members, canWrite } = conversation
  const rows = useMessageRows(conversation, history.messages, useSending(id))
  const title = titleOf(conversation)
  const isGroup = members.length > 2
  const readAll = useReading(conversation, history.messages.at(-1))
  const marked = useNamedMessage(messageId, history, opened, handle)
  useSpokenMessages(id)
  const start = useMemo(() => <Start history={history} wrong={opened.wrong} onAgain={opened.again} />, [history, opened.wrong])
  return (
    <>
      <Windowed
        class="messages"
        items={rows}
        keyOf={({ key }) => key}
        estimate={ROW_HEIGHT}
        label={words.title}
        fromEnd
        handle={handle}
        head={rows.length > 0 && start}
        onStart={opened.loadOlder}
        onEnd={readAll}
        empty={
          <div class="empty">
            <h2>{chatTexts.noMessages}</h2>
            <p>{chatTexts.noMessagesText(title)}</p>
          </div>
        }
        draw={(row) => (
          <MessageItem row={row} isGroup={isGroup} isMarked={row.key === marked} mayWrite={canWrite} actions={actions} />
        )}
      />
      <Typing conversation={conversation} />
      {canWrite ? (
        <MessageBox
          id={`chat ${id}`}
          label={words.label(title)}
          onTyping={(isTyping) => void client.conversations.setTyping(id, isTyping)}
          onSend={(body) => {
            handle.current?.toEnd()
            return client.conversations.send(id, body)
          }}
        />
      ) : (
        <p class="note warn">{isGroup ? chatTexts.closedGroup : chatTexts.closed(title)}</p>
      )}
    </>
  )
}

function Gone() {
  return (
    <div class="chat-none">
      <div class="empty">
        <h1>{chatTexts.gone}</h1>
        <p>{chatTexts.goneText}</p>
        <p>
          <a class="button" href={`${base}/chat`}>
            {chatTexts.all}
          </a>
        </p>
      </div>
    </div>
  )
}

/** One conversation: its messages, who has read them, and a place to write. */
export function ConversationView({ id, messageId }: { id: string; messageId: string | null }) {
  const opened = useOpened(id)
  const { conversation, history, isGone, wrong } = opened
  if (isGone) return <Gone />
  if (!conversation || !history)
    return (
      <div class="chat-none">
        {wrong === null ? (
          <Waiting reason={texts.waits} />
        ) : (
          <Start history={{ messages: [], hasMore: true }} wrong={wrong} onAgain={opened.again} />
        )}
      </div>
    )
  return (
    <section class="conversation-view" aria-label={titleOf(conversation)}>
      <Head conversation={conversation} />
      <Said conversation={conversation} history={history} opened={opened} messageId={messageId} />
    </section>
  )
}
