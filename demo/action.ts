import type { CutroomClient } from '@cutroom/client'
import { comments, cuts, type Task, tasks } from '@cutroom/contract'

/** What a member can be asked to do while the session is played. */
export type Action =
  | { kind: 'comment'; cutId: string; body: string; atMs: number | null }
  | { kind: 'reply'; commentId: string; body: string }
  | { kind: 'resolve'; commentId: string }
  | { kind: 'edit-cut'; cutId: string; bpm: number; timeSignature: string }
  | { kind: 'move-cut'; cutId: string; vibeId: string }
  | { kind: 'lyrics'; cutId: string; lines: string[] }
  | { kind: 'add-task'; projectId: string; title: string; assigneeId: string }
  | { kind: 'assign'; taskId: string; assigneeId: string }
  | { kind: 'move-task'; taskId: string; status: Task['status'] }

/** Long enough for a server to be killed and started. */
const RETRY_MS = 60_000

/** Does it: repeated with the same key until the server has answered. Resolves with the id of what was written. */
export async function perform({ call }: CutroomClient, action: Action, key: string): Promise<string> {
  const again = { idempotencyKey: key, retryForMs: RETRY_MS }
  switch (action.kind) {
    case 'comment': {
      const { cutId, body, atMs } = action
      return (await call(comments.createOnCut, { params: { cutId }, body: { body, atMs }, ...again })).id
    }
    case 'reply': {
      const { commentId, body } = action
      return (await call(comments.reply, { params: { commentId }, body: { body }, ...again })).id
    }
    case 'resolve':
      return (await call(comments.resolve, { params: { commentId: action.commentId }, ...again })).id
    case 'edit-cut': {
      const { cutId, bpm, timeSignature } = action
      return (await call(cuts.update, { params: { cutId }, body: { bpm, timeSignature }, ...again })).id
    }
    case 'move-cut': {
      const { cutId, vibeId } = action
      return (await call(cuts.move, { params: { cutId }, body: { vibeId, after: null }, ...again })).id
    }
    case 'lyrics': {
      const lyrics = action.lines.map((text) => ({ text }))
      return (await call(cuts.writeLyrics, { params: { cutId: action.cutId }, body: { lyrics }, ...again })).cutId
    }
    case 'add-task': {
      const { projectId, title, assigneeId } = action
      return (await call(tasks.create, { params: { projectId }, body: { title, assigneeId }, ...again })).id
    }
    case 'assign': {
      const { taskId, assigneeId } = action
      return (await call(tasks.update, { params: { taskId }, body: { assigneeId }, ...again })).id
    }
    case 'move-task': {
      const { taskId, status } = action
      return (await call(tasks.move, { params: { taskId }, body: { status, after: null }, ...again })).id
    }
  }
}
