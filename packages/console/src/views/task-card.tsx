import type { Task } from '@cutroom/client'
import { useRef } from 'preact/hooks'
import { useDragItem } from '../lib/drag.ts'
import { memo } from '../lib/memo.ts'
import { useRoomValue } from '../lib/room.ts'
import { base, withQuery } from '../lib/router.ts'
import { dueDay, isDayOver } from '../lib/time.ts'
import { Face } from '../parts/face.tsx'
import { CommentIcon, MoveIcon } from '../parts/icons.tsx'
import { hasAddress, Pending, usePending } from '../parts/pending.tsx'
import { texts } from '../texts.ts'

const MOST_LABELS = 4

function Labels({ labels }: { labels: readonly string[] }) {
  if (labels.length === 0) return null
  return (
    <div class="row wrap labels">
      {labels.slice(0, MOST_LABELS).map((label) => (
        <span key={label} class="chip" title={label}>
          {label}
        </span>
      ))}
      {labels.length > MOST_LABELS && (
        <span class="chip" title={labels.slice(MOST_LABELS).join(', ')}>
          {texts.board.moreLabels(labels.length - MOST_LABELS)}
        </span>
      )}
    </div>
  )
}

function Foot({ task }: { task: Task }) {
  const comments = useRoomValue((room) => room.state?.commentsOf(task.id).length ?? 0, [task.id])
  const isLate = task.dueAt !== null && task.status !== 'done' && isDayOver(task.dueAt)
  if (comments === 0 && task.dueAt === null && task.assignee === null) return null
  return (
    <div class="row small quiet">
      {task.dueAt !== null && (
        <span class={isLate ? 'chip warn' : 'chip'}>
          {isLate ? texts.board.overdue(dueDay(task.dueAt)) : texts.board.due(dueDay(task.dueAt))}
        </span>
      )}
      {comments > 0 && (
        <span class="row count" title={texts.board.comments(comments)}>
          <CommentIcon />
          {comments}
          <span class="hidden">{texts.board.comments(comments)}</span>
        </span>
      )}
      <span class="grow" />
      {task.assignee && (
        <>
          <Face person={task.assignee} small />
          <span class="hidden">{texts.board.assigned(task.assignee.name)}</span>
        </>
      )}
    </div>
  )
}

/** The title opens the task. One that is not confirmed has no address yet. */
function Title({ task, isLink, onMove }: { task: Task; isLink: boolean; onMove: ((task: Task) => void) | null }) {
  if (!isLink)
    return (
      <span class="grow long title" dir="auto">
        {task.title}
      </span>
    )
  return (
    <a
      class="grow long title"
      href={base + withQuery('task', task.id)}
      data-focus
      data-task={task.id}
      draggable={false}
      dir="auto"
      onKeyDown={(event) => {
        if (event.key !== 'm' || !onMove) return
        event.preventDefault()
        onMove(task)
      }}
    >
      {task.title}
    </a>
  )
}

/** A task on the board. */
export const TaskCard = memo(function TaskCard({
  task,
  mayMove,
  onMove,
}: {
  task: Task
  mayMove: boolean
  onMove: (task: Task) => void
}) {
  const card = useRef<HTMLElement>(null)
  const mutation = usePending(task.id)
  const isThere = hasAddress(task)
  const { edge, isDragged } = useDragItem(card, task.status, task.id, mayMove && isThere)
  const isWaiting = mutation !== undefined && mutation.state !== 'refused'
  return (
    <article
      ref={card}
      class={`task${edge === null ? '' : ` edge-${edge}`}${isDragged || isWaiting ? ' pending' : ''}`}
      aria-busy={isWaiting}
    >
      <div class="row task-head">
        <Title task={task} isLink={isThere} onMove={mayMove ? onMove : null} />
        {mayMove && isThere && (
          <button type="button" class="icon-button" aria-label={texts.board.moveTitle(task.title)} onClick={() => onMove(task)}>
            <MoveIcon />
          </button>
        )}
      </div>
      <Labels labels={task.labels} />
      <Foot task={task} />
      <Pending mutation={mutation} compare={withQuery('task', task.id)} />
    </article>
  )
})
