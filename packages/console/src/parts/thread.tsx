import type { Comment, Mutation } from '@cutroom/client'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { memo } from '../lib/memo.ts'
import { withNames } from '../lib/mentions.ts'
import { editKey, replyKey, takeBack } from '../lib/rewriting.ts'
import { useRoom } from '../lib/room.ts'
import { client } from '../lib/session.ts'
import { mediaTime } from '../lib/time.ts'
import { deleteComment, editComment, replyTo, setResolved, type Target } from '../lib/writes.ts'
import { texts } from '../texts.ts'
import { commentTexts } from '../texts-comments.ts'
import { Composer } from './composer.tsx'
import { Confirm } from './dialog.tsx'
import { Ago, Face } from './face.tsx'
import { CheckIcon } from './icons.tsx'
import { hasAddress, Pending, usePending } from './pending.tsx'

const words = commentTexts.comments

/** A first comment with its replies. */
export interface Talk {
  first: Comment
  replies: readonly Comment[]
}

/** What one may do with the comments of others: nothing at all, not even with one's own; resolve; delete, too. */
export type Rights = 'none' | 'own' | 'resolve' | 'all'

/** Draws the moment that a comment is about, where it can be gone to. */
export type DrawMoment = (comment: Comment) => ComponentChildren

interface RowProps {
  comment: Comment
  rights: Rights
  isEditing: boolean
  onEdit: (id: string | null) => void
  /** A new one was refused, and is to be written again. */
  onRewrite: (mutation: Mutation) => void
  drawMoment?: DrawMoment | undefined
}

function Actions({ comment, rights, onEdit, onDelete }: Omit<RowProps, 'isEditing' | 'onRewrite'> & { onDelete: () => void }) {
  const isOwn = comment.author.id === client.userId
  if (rights === 'none' || (!isOwn && rights !== 'all')) return null
  return (
    <span class="actions">
      {isOwn && (
        <button type="button" class="button plain tight" onClick={() => onEdit(comment.id)}>
          {texts.edit}
        </button>
      )}
      <button type="button" class="button plain tight" onClick={onDelete}>
        {texts.delete}
      </button>
    </span>
  )
}

function Row(props: RowProps) {
  const { comment, onEdit } = props
  const room = useRoom()
  const mutation = usePending(comment.id)
  const [isDeleting, setDeleting] = useState(false)
  const rewrite = (refused: Mutation) => {
    if (!hasAddress(comment)) return props.onRewrite(refused)
    takeBack(refused, editKey(comment))
    onEdit(comment.id)
  }
  const isWaiting = mutation !== undefined && mutation.state !== 'refused'
  return (
    <div class={`comment${isWaiting ? ' pending' : ''}`} aria-busy={isWaiting} data-comment={comment.id}>
      <Face person={comment.author} />
      <div class="grow">
        <div class="row wrap comment-head">
          <strong class="clip" title={comment.author.name}>
            {comment.author.name}
          </strong>
          {comment.atMs !== null && (props.drawMoment?.(comment) ?? <span class="chip">{mediaTime(comment.atMs)}</span>)}
          <Ago at={comment.createdAt} />
          {comment.editedAt !== null && <span class="quiet small">{texts.edited}</span>}
          {!mutation && <Actions {...props} onDelete={() => setDeleting(true)} />}
        </div>
        {props.isEditing ? (
          <Composer
            id={`edit-${comment.id}`}
            label={texts.edit}
            targetId={comment.cutId ?? comment.taskId ?? ''}
            draft={editKey(comment)}
            initial={comment.body}
            action={texts.save}
            autoFocus
            onCancel={() => onEdit(null)}
            onSend={(body) => editComment(room, comment, body).then(() => onEdit(null))}
          />
        ) : (
          <p class="body" dir="auto">
            {withNames(comment.body)}
          </p>
        )}
        <Pending mutation={mutation} onEdit={() => mutation && rewrite(mutation)} />
      </div>
      {isDeleting && (
        <Confirm
          title={words.deleteTitle}
          text={words.deleteText}
          action={texts.delete}
          onDo={() => deleteComment(room, comment.id)}
          onClose={() => setDeleting(false)}
        />
      )}
    </div>
  )
}

/** A thread: its first comment, the replies, and what can be done with it. */
export const Thread = memo(function Thread(props: {
  talk: Talk
  target: Target
  rights: Rights
  editing: string | null
  onEdit: (id: string | null) => void
  /** Its first comment was refused, and is to be written again. */
  onRewrite: (mutation: Mutation) => void
  /** It is about the moment that is heard. */
  isHeard?: boolean
  drawMoment?: DrawMoment | undefined
}) {
  const { talk, editing, onEdit } = props
  const { first, replies } = talk
  // with the id that it has until it is confirmed, what is begun would be lost
  const rights = hasAddress(first) ? props.rights : 'none'
  const room = useRoom()
  // counted: a reply that was taken back is in a box of its own
  const [replying, setReplying] = useState(0)
  const isResolved = first.resolvedAt !== null
  const draft = replyKey(props.target, first.id)
  const mayResolve = rights === 'all' || rights === 'resolve' || (rights === 'own' && first.author.id === client.userId)
  const rewriteReply = (refused: Mutation) => {
    takeBack(refused, draft)
    setReplying((n) => n + 1)
  }
  const row = (comment: Comment) => (
    <Row
      key={comment.id}
      comment={comment}
      rights={rights}
      isEditing={editing === comment.id}
      onEdit={onEdit}
      onRewrite={comment === first ? props.onRewrite : rewriteReply}
      drawMoment={props.drawMoment}
    />
  )
  return (
    <article
      class={`thread${isResolved ? ' resolved' : ''}${props.isHeard ? ' heard' : ''}`}
      data-thread={first.id}
      data-focus
      tabIndex={-1}
      aria-label={words.thread(first.author.name)}
    >
      {row(first)}
      {replies.length > 0 && <div class="replies">{replies.map(row)}</div>}
      <div class="row wrap thread-foot">
        {isResolved && (
          <span class="good small row">
            <CheckIcon />
            {words.resolvedBy(first.resolvedBy?.name ?? '')}
          </span>
        )}
        {rights !== 'none' && replying === 0 && (
          <button type="button" class="button plain tight" onClick={() => setReplying(1)}>
            {words.reply}
          </button>
        )}
        {mayResolve && (
          <button type="button" class="button plain tight" onClick={() => setResolved(room, first, !isResolved)}>
            {isResolved ? words.reopen : words.resolve}
          </button>
        )}
      </div>
      {replying > 0 && (
        <Composer
          key={replying}
          id={`reply-${first.id}`}
          label={words.replyTo(first.author.name)}
          targetId={props.target.id}
          draft={draft}
          autoFocus
          action={words.reply}
          onCancel={() => setReplying(0)}
          onSend={(body) => replyTo(room, props.target, first.id, body).then(() => setReplying(0))}
        />
      )}
    </article>
  )
})
