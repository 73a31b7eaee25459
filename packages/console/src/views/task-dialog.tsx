import { type Mutation, type Task, tasks } from '@cutroom/client'
import { useState } from 'preact/hooks'
import { keptDraft, useDraft } from '../lib/draft.ts'
import { saveTask, takeTheirs, theirsOf, useEdit } from '../lib/edits.ts'
import { complain, useMay, useRoom, useRoomValue } from '../lib/room.ts'
import { keepUnsent } from '../lib/unsent.ts'
import { deleteTask } from '../lib/writes.ts'
import { Comments } from '../parts/comments.tsx'
import { Conflict } from '../parts/conflict.tsx'
import { Confirm, Dialog } from '../parts/dialog.tsx'
import { Area, Choice, Field, Form, useSubmission } from '../parts/form.tsx'
import { Pending } from '../parts/pending.tsx'
import { texts } from '../texts.ts'
import { commentTexts } from '../texts-comments.ts'

const words = commentTexts.task

type Draft = {
  title: string
  description: string
  assigneeId: string
  due: string
  labels: string
}
const draftOf = (task: Task): Draft => ({
  title: task.title,
  description: task.description ?? '',
  assigneeId: task.assigneeId ?? '',
  due: task.dueAt?.slice(0, 10) ?? '',
  labels: task.labels.join(', '),
})

const labelsOf = (text: string): string[] => [
  ...new Set(
    text
      .split(',')
      .map((label) => label.trim())
      .filter(Boolean),
  ),
]

/** Of the edit of a task that is kept. */
const keyOf = (taskId: string): string => `task ${taskId}`

function EditTask({ task, onDone }: { task: Task; onDone: () => void }) {
  const room = useRoom()
  const submission = useSubmission()
  const members = useRoomValue((room) => room.state?.members)
  const { draft, set, forget, begun, isChanged } = useDraft(task, draftOf, keyOf(task.id))
  const end = () => {
    forget()
    onDone()
  }
  const save = async () => {
    await saveTask(room, begun, {
      ...(isChanged('title') && { title: draft.title.trim() }),
      ...(isChanged('description') && { description: draft.description === '' ? null : draft.description }),
      ...(isChanged('assigneeId') && { assigneeId: draft.assigneeId === '' ? null : draft.assigneeId }),
      ...(isChanged('due') && { dueAt: draft.due === '' ? null : `${draft.due}T00:00:00.000Z` }),
      ...(isChanged('labels') && { labels: labelsOf(draft.labels) }),
    })
    end()
  }
  return (
    <Form
      submission={submission}
      action={texts.save}
      disabled={draft.title.trim() === ''}
      work={save}
      beside={
        <button type="button" class="button" onClick={end}>
          {texts.cancel}
        </button>
      }
    >
      <Field label={words.title} value={draft.title} onInput={set('title')} maxLength={500} dir="auto" />
      <Area label={words.description} value={draft.description} onInput={set('description')} rows={5} maxLength={20_000} />
      <Choice
        label={words.assignee}
        value={draft.assigneeId}
        onChoose={set('assigneeId')}
        options={[
          { value: '', text: words.noOne },
          ...[...(members?.values() ?? [])].map(({ userId, user }) => ({ value: userId, text: user.name })),
        ]}
      />
      <Field label={words.due} type="date" value={draft.due} onInput={set('due')} />
      <Field label={words.labels} value={draft.labels} onInput={set('labels')} help={words.labelsHelp} />
    </Form>
  )
}

/** Both versions of a task that another person changed first. */
function Both({ task, mutation }: { task: Task; mutation: Mutation }) {
  const room = useRoom()
  const members = useRoomValue(({ state }) => state?.members)
  const theirs = theirsOf<Task>(mutation)
  if (!theirs) return <Pending mutation={mutation} />
  return (
    <Conflict
      mine={draftOf(task)}
      theirs={draftOf(theirs)}
      names={{
        title: words.title,
        description: words.description,
        assigneeId: words.assignee,
        due: words.due,
        labels: words.labels,
      }}
      show={(name, value) => (name === 'assigneeId' ? (members?.get(value)?.user.name ?? words.noOne) : value)}
      onKeepMine={() => saveTask(room, task, null).catch(complain)}
      onTakeTheirs={() => takeTheirs(tasks.update, task.id)}
    />
  )
}

function ShowTask({ task, onEdit, onDelete }: { task: Task; onEdit: () => void; onDelete: () => void }) {
  const mayEdit = useMay('editor')
  const { description, assignee, dueAt, labels } = task
  return (
    <div class="stack">
      <p class={description ? 'body scroll' : 'quiet'} dir="auto">
        {description ?? words.noDescription}
      </p>
      <dl class="facts">
        <dt>{texts.board.column}</dt>
        <dd>{texts.board.columns[task.status]}</dd>
        <dt>{words.assignee}</dt>
        <dd>{assignee?.name ?? words.noOne}</dd>
        {dueAt !== null && (
          <>
            <dt>{words.due}</dt>
            <dd>{dueAt.slice(0, 10)}</dd>
          </>
        )}
        {labels.length > 0 && (
          <>
            <dt>{words.labels}</dt>
            <dd class="row wrap">
              {labels.map((label) => (
                <span key={label} class="chip" title={label}>
                  {label}
                </span>
              ))}
            </dd>
          </>
        )}
      </dl>
      {mayEdit && (
        <div class="row">
          <button type="button" class="button" onClick={onEdit}>
            {texts.edit}
          </button>
          <button type="button" class="button plain" onClick={onDelete}>
            {texts.delete}
          </button>
        </div>
      )}
    </div>
  )
}

/** In place of a task that is gone: what was written of it and not saved, to be copied. */
function GoneTask({ taskId, mutation, onClose }: { taskId: string; mutation: Mutation | undefined; onClose: () => void }) {
  const refused = mutation?.args.body as { title?: string; description?: string | null } | undefined
  const written = keptDraft<Task, Draft>(keyOf(taskId))?.draft ?? refused
  const discard = () => {
    keepUnsent(keyOf(taskId), null)
    takeTheirs(tasks.update, taskId)
    onClose()
  }
  return (
    <Dialog title={words.gone} onClose={onClose}>
      <div class="stack">
        <p class="quiet">{texts.problems['not-found']}</p>
        {written && (
          <>
            <p>{words.goneText}</p>
            <p class="note body scroll" dir="auto">
              {[written.title, written.description].filter(Boolean).join('\n\n')}
            </p>
            <div class="row">
              <button type="button" class="button" onClick={discard}>
                {texts.discard}
              </button>
            </div>
          </>
        )}
      </div>
    </Dialog>
  )
}

/** A task with all that belongs to it. @param commentId the comment to begin at */
export function TaskDialog({ taskId, commentId, onClose }: { taskId: string; commentId: string | null; onClose: () => void }) {
  const room = useRoom()
  const task = useRoomValue(({ state }) => state?.tasks.get(taskId), [taskId])
  const mutation = useEdit(tasks.update, taskId)
  const [mode, setMode] = useState<'show' | 'edit' | 'delete'>(() => (keptDraft(keyOf(taskId)) ? 'edit' : 'show'))
  if (!task) return <GoneTask {...{ taskId, mutation, onClose }} />
  if (mode === 'delete')
    return (
      <Confirm
        title={words.deleteTitle}
        text={words.deleteText}
        action={texts.delete}
        onDo={() => {
          onClose()
          deleteTask(room, taskId)
        }}
        onClose={() => setMode('show')}
      />
    )
  return (
    <Dialog title={task.title} wide onClose={onClose}>
      <div class="stack">
        {mutation && mode === 'show' && <Both task={task} mutation={mutation} />}
        {mode === 'edit' ? (
          <EditTask task={task} onDone={() => setMode('show')} />
        ) : (
          <ShowTask task={task} onEdit={() => setMode('edit')} onDelete={() => setMode('delete')} />
        )}
        <div class="task-comments">
          <Comments target={{ kind: 'task', id: taskId }} commentId={commentId} />
        </div>
      </div>
    </Dialog>
  )
}
