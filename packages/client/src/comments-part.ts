import type { ProjectEventName, RoomEvent } from '@cutroom/contract'

/** Which comments a room keeps: all of the project, none, or those on the cut or task of this id. */
export type CommentsPart = 'all' | 'none' | (string & {})

/** Is this event about a comment that a room does not keep? */
export function isOutside(part: CommentsPart, event: RoomEvent<ProjectEventName>): boolean {
  if (part === 'all') return false
  switch (event.name) {
    case 'comment:created':
    case 'comment:reply':
    case 'comment:updated':
    case 'comment:resolved':
    case 'comment:reopened':
      return part === 'none' || (event.payload.cutId !== part && event.payload.taskId !== part)
    default:
      return false
  }
}
