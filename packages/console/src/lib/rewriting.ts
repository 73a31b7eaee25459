// What was written about comments and has no place of its own any more goes into the box of new ones.
import type { Comment, Mutation, Room } from '@cutroom/client'
import { keepUnsent, unsent } from './unsent.ts'
import type { Target } from './writes.ts'

/** Where the edit of a comment is kept, and the reply to it: under what it is about, to be found when it is gone. */
export const editKey = ({ id, cutId, taskId }: Comment): string => `${cutId ?? taskId} ${id}`
export const replyKey = ({ id }: Target, commentId: string): string => `${id} reply ${commentId}`

const putBefore = (key: string, text: string): void => keepUnsent(key, [text, unsent(key)].filter(Boolean).join('\n'))

/** Takes back a comment that was refused: what it says is before all that was begun since. @returns what it was to be */
export function takeBack(mutation: Mutation, key: string): { atMs?: number | null; endMs?: number | null } {
  const { body, ...span } = mutation.args.body as { body: string; atMs?: number | null; endMs?: number | null }
  putBefore(key, body)
  mutation.discard()
  return span
}

/**
 * Puts there what one wrote about comments that are gone: edits and replies that were not sent, and replies that were refused.
 * @returns whether there is any
 */
export function takeOrphans({ state, pending }: Room, targetId: string): boolean {
  if (!state) return false
  const { comments } = state
  const before = unsent(targetId)
  for (const [id, mutation] of pending) {
    const { parentId, cutId, taskId } = comments.get(id) ?? {}
    const isOrphan = parentId && !comments.has(parentId) && [cutId, taskId].includes(targetId)
    if (isOrphan && mutation.state === 'refused') takeBack(mutation, targetId)
  }
  for (const stored of Object.keys(sessionStorage)) {
    const about = stored.split(` ${targetId} `)[1]
    const key = `${targetId} ${about}`
    const text = unsent(key)
    if (!about || !text || comments.has(about.replace('reply ', ''))) continue
    keepUnsent(key, null)
    putBefore(targetId, text)
  }
  return unsent(targetId) !== before
}
