// Writes that are drawn before they are confirmed.
import {
  type Comment,
  type Cut,
  comments,
  cuts,
  placeAfter,
  type Room,
  type Task,
  tasks,
  type Vibe,
  vibes,
} from '@cutroom/client'
import { complain, queue } from './room.ts'
import { client } from './session.ts'

export const createTask = ({ projectId }: Room, title: string, status: Task['status']) =>
  queue(
    tasks.create,
    { params: { projectId }, body: { title, status } },
    { draw: { name: 'task:created', payload: { title, status } } },
  )

/** Puts a task into a column at `index`, counted without it; nothing where it stands there. */
export function moveTask(room: Room, task: Task, to: Task['status'], index: number): void {
  const list = room.state?.tasksIn(to) ?? []
  // a write that changes nothing would hide a change of another person from the next one
  if (list[index]?.id === task.id) return
  const { after, rank } = placeAfter(list, task.id, index)
  client
    .mutate(
      tasks.move,
      { params: { taskId: task.id }, body: { status: to, after } },
      {
        projectId: room.projectId,
        draw: ({ at }) => ({
          name: 'task:moved',
          payload: { taskId: task.id, from: task.status, to, rank, version: task.version + 1, updatedAt: at },
        }),
      },
    )
    .catch(complain)
}

export function deleteTask({ projectId }: Room, taskId: string): void {
  client
    .mutate(tasks.delete, { params: { taskId } }, { projectId, draw: { name: 'task:deleted', payload: { taskId } } })
    .catch(complain)
}

/** What is commented on. */
export type Target = { kind: 'cut' | 'task'; id: string }

const of = ({ kind, id }: Target) => (kind === 'cut' ? { cutId: id } : { taskId: id })

/** The moment or range of a recording that a comment is about. */
export interface Span {
  atMs: number | null
  endMs: number | null
  fileId: string | null
}

export function createComment({ projectId }: Room, target: Target, body: string, span: Span) {
  const options = { projectId, draw: { name: 'comment:created' as const, payload: { ...of(target), body, ...span } } }
  const { id } = target
  return target.kind === 'cut'
    ? queue(comments.createOnCut, { params: { cutId: id }, body: { body, ...span } }, options)
    : queue(comments.createOnTask, { params: { taskId: id }, body: { body } }, options)
}

export const replyTo = ({ projectId }: Room, target: Target, parentId: string, body: string) =>
  queue(
    comments.reply,
    { params: { commentId: parentId }, body: { body } },
    { projectId, draw: { name: 'comment:reply', payload: { ...of(target), parentId, body } } },
  )

export const editComment = ({ projectId }: Room, comment: Comment, body: string) =>
  queue(
    comments.update,
    { params: { commentId: comment.id }, body: { body } },
    {
      projectId,
      draw: ({ at }) => ({
        name: 'comment:updated',
        payload: { ...comment, body, editedAt: at, updatedAt: at, version: comment.version + 1 },
      }),
    },
  )

export function setResolved({ projectId }: Room, comment: Comment, isResolved: boolean): void {
  client
    .mutate(
      isResolved ? comments.resolve : comments.reopen,
      { params: { commentId: comment.id } },
      {
        projectId,
        draw: ({ at, me }) => ({
          name: isResolved ? 'comment:resolved' : 'comment:reopened',
          payload: {
            ...comment,
            resolvedAt: isResolved ? at : null,
            resolvedBy: isResolved ? me : null,
            version: comment.version + 1,
            updatedAt: at,
          },
        }),
      },
    )
    .catch(complain)
}

export function deleteComment({ projectId }: Room, commentId: string): void {
  client
    .mutate(comments.delete, { params: { commentId } }, { projectId, draw: { name: 'comment:deleted', payload: { commentId } } })
    .catch(complain)
}

export const createVibe = ({ projectId }: Room, name: string) =>
  queue(vibes.create, { params: { projectId }, body: { name } }, { draw: { name: 'vibe:created', payload: { name } } })

export const createCut = ({ projectId }: Room, vibe: Vibe, name: string) =>
  queue(
    cuts.create,
    { params: { vibeId: vibe.id }, body: { name } },
    { projectId, draw: { name: 'cut:created', payload: { vibeId: vibe.id, name, state: 'draft' } } },
  )

/** Puts a cut into a vibe at `index`, counted without it; nothing where it stands there. */
export function moveCut(room: Room, cut: Cut, toVibeId: string, index: number): void {
  const list = room.state?.cutsOf(toVibeId) ?? []
  if (list[index]?.id === cut.id) return
  const { after, rank } = placeAfter(list, cut.id, index)
  client
    .mutate(
      cuts.move,
      { params: { cutId: cut.id }, body: { vibeId: toVibeId, after } },
      {
        projectId: room.projectId,
        draw: ({ at }) => ({
          name: 'cut:moved',
          payload: { cutId: cut.id, fromVibeId: cut.vibeId, toVibeId, rank, version: cut.version + 1, updatedAt: at },
        }),
      },
    )
    .catch(complain)
}
