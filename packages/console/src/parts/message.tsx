import type { Message, Person } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { memo } from '../lib/memo.ts'
import type { MessageRow } from '../lib/message-rows.ts'
import { clockTime, exact } from '../lib/time.ts'
import { texts } from '../texts.ts'
import { chatTexts } from '../texts-chat.ts'
import { DeleteIcon, EditIcon } from './chat-icons.tsx'
import { Confirm } from './dialog.tsx'
import { Face } from './face.tsx'
import { MessageBody, plainBody } from './message-body.tsx'
import { MessageBox } from './message-box.tsx'
import { Pending } from './pending.tsx'

const words = chatTexts.messages
/** Characters of a message that a button's name takes from it. */
const EXCERPT = 40

export interface MessageActions {
  edit(message: Message, body: string): Promise<unknown>
  remove(message: Message): void
}

function Actions({ body, onEdit, onDelete }: { body: string; onEdit: (() => void) | null; onDelete: () => void }) {
  const excerpt = plainBody(body).slice(0, EXCERPT)
  return (
    <span class="message-actions">
      {onEdit && (
        <button type="button" class="icon-button" aria-label={words.edit(excerpt)} onClick={onEdit}>
          <EditIcon />
        </button>
      )}
      <button type="button" class="icon-button" aria-label={words.delete(excerpt)} onClick={onDelete}>
        <DeleteIcon />
      </button>
    </span>
  )
}

function Readers({ people }: { people: readonly Person[] }) {
  if (people.length === 0) return null
  return (
    <span class="readers faces" role="img" aria-label={words.readBy(people.map(({ name }) => name))}>
      {people.slice(0, 3).map((person) => (
        <Face key={person.id} person={person} small />
      ))}
      {people.length > 3 && <span class="face small">+{people.length - 3}</span>}
    </span>
  )
}

/** What was written, with its time. */
function Bubble({ row: { message, body, at } }: { row: MessageRow }) {
  const isEdited = message?.editedAt != null
  return (
    <div class="bubble">
      <MessageBody body={body} />
      <span class="meta quiet">
        {isEdited && `${texts.edited} · `}
        <time dateTime={at} title={exact(at)}>
          {clockTime(Date.parse(at))}
        </time>
      </span>
    </div>
  )
}

/** One message of a conversation. */
export const MessageItem = memo(function MessageItem(props: {
  row: MessageRow
  isGroup: boolean
  /** The address names it. */
  isMarked: boolean
  mayWrite: boolean
  actions: MessageActions
}) {
  const { row, actions, mayWrite } = props
  const { message, author, isOwn, starts, unsent } = row
  const [isEditing, setEditing] = useState(false)
  const [isDeleting, setDeleting] = useState(false)
  const isWaiting = unsent !== undefined && unsent.state !== 'refused'
  return (
    <>
      {row.day !== null && <h2 class="message-day">{row.day}</h2>}
      <div
        class={`message${isOwn ? ' own' : ''}${starts ? ' starts' : ''}${isWaiting ? ' pending' : ''}${props.isMarked ? ' marked' : ''}`}
        aria-busy={isWaiting}
        data-message={message?.id}
      >
        {!isOwn && (starts ? <Face person={author} /> : <span class="no-face" />)}
        <div class="said">
          <span class={starts && props.isGroup && !isOwn ? 'name clip small' : 'hidden'}>{isOwn ? texts.you : author.name}</span>
          {isEditing && message ? (
            <MessageBox
              id={`edit ${message.id}`}
              label={words.editing}
              initial={message.body}
              action={texts.save}
              autoFocus
              onCancel={() => setEditing(false)}
              onSend={async (body) => {
                if (body !== message.body) await actions.edit(message, body)
                setEditing(false)
              }}
            />
          ) : (
            <Bubble row={row} />
          )}
          <Pending mutation={unsent} />
        </div>
        {isOwn && message && !unsent && !isEditing && (
          <Actions body={message.body} onEdit={mayWrite ? () => setEditing(true) : null} onDelete={() => setDeleting(true)} />
        )}
        <Readers people={row.readers} />
      </div>
      {isDeleting && message && (
        <Confirm
          title={words.deleteTitle}
          text={words.deleteText}
          action={texts.delete}
          onDo={() => actions.remove(message)}
          onClose={() => setDeleting(false)}
        />
      )}
    </>
  )
})
