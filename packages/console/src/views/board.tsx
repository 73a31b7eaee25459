import '../styles/board.css'
import type { Task } from '@cutroom/client'
import { useCallback, useRef, useState } from 'preact/hooks'
import { indexBeside, useDropList, useDrops } from '../lib/drag.ts'
import { useKeys } from '../lib/keys.ts'
import { lazy } from '../lib/lazy.tsx'
import { complain, useMay, useRoom, useRoomValue } from '../lib/room.ts'
import { go, projectPath } from '../lib/router.ts'
import { announce } from '../lib/say.ts'
import { createTask, moveTask } from '../lib/writes.ts'
import { PlusIcon } from '../parts/icons.tsx'
import { MoveDialog } from '../parts/moving.ts'
import { Windowed, type WindowedHandle } from '../parts/windowed.tsx'
import { texts } from '../texts.ts'
import { TaskCard } from './task-card.tsx'

const TaskDialog = lazy(() => import('./task-dialog.tsx').then(({ TaskDialog }) => TaskDialog), null)
type Status = Task['status']
const COLUMNS = Object.entries(texts.board.columns) as [Status, string][]
const words = texts.board
const CARD_HEIGHT = 76

function AddTask({ onAdded }: { onAdded: () => void }) {
  const room = useRoom()
  const [title, setTitle] = useState('')
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault()
        if (title.trim() === '') return
        createTask(room, title.trim(), 'todo').then(() => {
          setTitle('')
          onAdded()
        }, complain)
      }}
    >
      <input
        id="new-task"
        aria-label={words.add}
        placeholder={words.addPlaceholder}
        value={title}
        maxLength={500}
        dir="auto"
        onInput={(event) => setTitle(event.currentTarget.value)}
      />
      <button type="submit" class="button primary">
        <PlusIcon />
        {words.add}
      </button>
    </form>
  )
}

function Column(props: {
  status: Status
  name: string
  isShown: boolean
  mayMove: boolean
  onMove: (task: Task) => void
  handle: (handle: WindowedHandle | null) => void
}) {
  const { status, mayMove, onMove } = props
  const tasks = useRoomValue((room) => room.state?.tasksIn(status) ?? [], [status])
  const box = useRef<HTMLElement>(null)
  const isOver = useDropList(box, status, mayMove)
  return (
    <section
      ref={box}
      class={`column${isOver ? ' over' : ''}${props.isShown ? ' shown' : ''}`}
      aria-labelledby={`column-${status}`}
    >
      <h2 id={`column-${status}`}>
        {props.name} <span class="quiet small">{tasks.length}</span>
      </h2>
      <Windowed
        items={tasks}
        keyOf={({ id }) => id}
        estimate={CARD_HEIGHT}
        label={`${props.name}: ${words.count(tasks.length)}`}
        handle={props.handle}
        draw={(task) => <TaskCard task={task} mayMove={mayMove} onMove={onMove} />}
      />
    </section>
  )
}

/** Says where a task went, once it is drawn there. */
function useMove() {
  const room = useRoom()
  return (task: Task, to: Status, index: number) => {
    const of = (room.state?.tasksIn(to) ?? []).filter(({ id }) => id !== task.id).length + 1
    moveTask(room, task, to, index)
    announce(words.moved(task.title, texts.board.columns[to], index + 1, of))
  }
}

/** Arrow keys go from card to card. */
function useArrows(handles: Partial<Record<Status, WindowedHandle | null>>) {
  const room = useRoom()
  const step = (right: number, down: number) => () => {
    const id = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.task : undefined
    const task = id === undefined ? undefined : room.state?.tasks.get(id)
    if (!task || !room.state) return false
    const at = COLUMNS.findIndex(([status]) => status === task.status)
    const place = room.state.tasksIn(task.status).findIndex((one) => one.id === id)
    for (let n = at + right; n >= 0 && n < COLUMNS.length; n += right) {
      const [status] = COLUMNS[n] as [Status, string]
      const list = room.state.tasksIn(status)
      const next = list[Math.min(place + down, list.length - 1)]
      if (next && next.id !== id) {
        handles[status]?.show(next.id)
        return true
      }
      if (right === 0) return true
    }
    return true
  }
  useKeys({ ArrowUp: step(0, -1), ArrowDown: step(0, 1), ArrowLeft: step(-1, 0), ArrowRight: step(1, 0) })
}

/** Tasks in four columns. @param taskId the task that is open, at this comment */
export function Board({ taskId, commentId }: { taskId: string | null; commentId: string | null }) {
  const room = useRoom()
  const mayMove = useMay('editor')
  const isEmpty = useRoomValue(({ state }) => state?.tasks.size === 0)
  const [moving, setMoving] = useState<Task | null>(null)
  const [shown, setShown] = useState<Status>('todo')
  const handles = useRef<Partial<Record<Status, WindowedHandle | null>>>({}).current
  const move = useMove()
  const onMove = useCallback((task: Task) => setMoving(task), [])
  useArrows(handles)
  useKeys({ n: () => (mayMove ? document.getElementById('new-task')?.focus() : false) })
  useDrops((id, list, beside) => {
    const task = room.state?.tasks.get(id)
    const to = list as Status
    if (task) move(task, to, indexBeside(room.state?.tasksIn(to) ?? [], id, beside))
  })
  const named = (list: string) => (room.state?.tasksIn(list as Status) ?? []).map(({ id, title }) => ({ id, name: title }))
  return (
    <div class="board-page">
      <div class="page-head">
        <h1>{words.title}</h1>
        {mayMove && <AddTask onAdded={() => setShown('todo')} />}
      </div>
      {isEmpty && (
        <div class="empty">
          <h2>{words.empty}</h2>
          <p>{words.emptyText}</p>
        </div>
      )}
      <fieldset class="switch narrow-only" aria-label={words.switch}>
        {COLUMNS.map(([status, name]) => (
          <button
            key={status}
            type="button"
            class="button tight"
            aria-pressed={shown === status}
            onClick={() => setShown(status)}
          >
            {name}
          </button>
        ))}
      </fieldset>
      <div class="board">
        {COLUMNS.map(([status, name]) => (
          <Column
            key={status}
            {...{ status, name, mayMove, onMove }}
            isShown={shown === status}
            handle={(handle) => {
              handles[status] = handle
            }}
          />
        ))}
      </div>
      {moving && (
        <MoveDialog
          title={moving.title}
          id={moving.id}
          label={words.column}
          lists={COLUMNS.map(([id, name]) => ({ id, name }))}
          from={moving.status}
          itemsOf={named}
          onMove={(list, index) => {
            move(moving, list as Status, index)
            requestAnimationFrame(() => handles[list as Status]?.show(moving.id))
          }}
          onClose={() => setMoving(null)}
        />
      )}
      {taskId !== null && (
        <TaskDialog key={taskId} {...{ taskId, commentId }} onClose={() => go(projectPath(room.projectId), true)} />
      )}
    </div>
  )
}
