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
import { complain } from './room.ts'
import { client } from './session.ts'

/** Refused ones stay where they are drawn, with the reason. */
const stays = () => {}

export function createTask({ projectId }: Room, title: string, status: Task['status']): void {
  client
    .mutate(
      tasks.create,
      { params: { projectId }, body: { title, status } },
      {
        keep: true,
        draw: ({ id, at, me }) => ({
          name: 'task:created',
          payload: {
            ...{ id, projectId, title, status, author: me, version: 1, createdAt: at, updatedAt: at },
            ...{ description: null, assigneeId: null, assignee: null, dueAt: null, labels: [] },
            // behind all that the server has ranked
            rank: `~${at}`,
          },
        }),
      },
    )
    .catch(stays)
}

/** Puts a task into a column at `index`, counted without it. */
export function moveTask(room: Room, task: Task, to: Task['status'], index: number): void {
  const { after, rank } = placeAfter(room.state?.tasksIn(to) ?? [], task.id, index)
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

const newComment =
  (projectId: string, { kind, id: targetId }: Target, body: string, atMs: number | null, parentId: string | null) =>
  (it: { id: string; at: string; me: Comment['author'] }): Comment => ({
    ...{ id: it.id, projectId, body, atMs, parentId, author: it.me, version: 1, createdAt: it.at, updatedAt: it.at },
    ...{ cutId: kind === 'cut' ? targetId : null, taskId: kind === 'task' ? targetId : null },
    ...{ endMs: null, resolvedAt: null, resolvedBy: null, editedAt: null },
  })

export function createComment({ projectId }: Room, target: Target, body: string, atMs: number | null): void {
  const make = newComment(projectId, target, body, atMs, null)
  const options = {
    projectId,
    keep: true,
    draw: (it: Parameters<typeof make>[0]) => ({ name: 'comment:created' as const, payload: make(it) }),
  }
  const { id } = target
  if (target.kind === 'cut')
    client.mutate(comments.createOnCut, { params: { cutId: id }, body: { body, atMs } }, options).catch(stays)
  else client.mutate(comments.createOnTask, { params: { taskId: id }, body: { body } }, options).catch(stays)
}

export function replyTo({ projectId }: Room, target: Target, parentId: string, body: string): void {
  const make = newComment(projectId, target, body, null, parentId)
  client
    .mutate(
      comments.reply,
      { params: { commentId: parentId }, body: { body } },
      { projectId, keep: true, draw: (it) => ({ name: 'comment:reply', payload: make(it) }) },
    )
    .catch(stays)
}

export function editComment({ projectId }: Room, comment: Comment, body: string): void {
  client
    .mutate(
      comments.update,
      { params: { commentId: comment.id }, body: { body } },
      {
        projectId,
        keep: true,
        draw: ({ at }) => ({
          name: 'comment:updated',
          payload: { ...comment, body, editedAt: at, updatedAt: at, version: comment.version + 1 },
        }),
      },
    )
    .catch(stays)
}

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

export function createVibe({ projectId }: Room, name: string): void {
  client
    .mutate(
      vibes.create,
      { params: { projectId }, body: { name } },
      {
        keep: true,
        draw: ({ id, at, me }) => ({
          name: 'vibe:created',
          payload: {
            ...{ id, projectId, name, author: me, version: 1, createdAt: at, updatedAt: at },
            ...{ theme: null, notes: null, rank: `~${at}` },
          },
        }),
      },
    )
    .catch(stays)
}

export function createCut({ projectId }: Room, vibe: Vibe, name: string): void {
  client
    .mutate(
      cuts.create,
      { params: { vibeId: vibe.id }, body: { name } },
      {
        projectId,
        keep: true,
        draw: ({ id, at, me }) => ({
          name: 'cut:created',
          payload: {
            ...{ id, projectId, vibeId: vibe.id, name, author: me, version: 1, createdAt: at, updatedAt: at },
            ...{ bpm: null, timeSignature: null, rank: `~${at}` },
          },
        }),
      },
    )
    .catch(stays)
}

/** Puts a cut into a vibe at `index`, counted without it. */
export function moveCut(room: Room, cut: Cut, toVibeId: string, index: number): void {
  const { after, rank } = placeAfter(room.state?.cutsOf(toVibeId) ?? [], cut.id, index)
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
