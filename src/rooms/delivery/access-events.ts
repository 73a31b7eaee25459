import type { Payload, Person, Role } from '@cutroom/contract'
import type { LogEntry } from '../log/log.ts'

export interface Revocation {
  /** The person who loses access; null: all in the room. */
  userId: string | null
  reason: 'left' | 'removed' | 'deleted'
  /** When the others in the room see the event: those who lose access are out before it, or see it as the last. */
  order: 'before' | 'after'
}

/** The loss of access by this entry of a project's log, if any. */
export function revokes(entry: LogEntry): Revocation | null {
  if (entry.name === 'member:left') {
    const { userId, removedBy } = entry.payload as Payload<'member:left'>
    return { userId, reason: removedBy === undefined ? 'left' : 'removed', order: 'before' }
  }
  if (entry.name === 'project:deleted') return { userId: null, reason: 'deleted', order: 'after' }
  return null
}

/** The role that this entry of a project's log gives to a person. */
export function changesRole(entry: LogEntry): { userId: string; role: Role } | null {
  return entry.name === 'member:updated' ? (entry.payload as Payload<'member:updated'>) : null
}

/** Does this entry of a person's log close a session? */
export function endsSession(entry: LogEntry): string | null {
  return entry.name === 'session:revoked' ? (entry.payload as Payload<'session:revoked'>).sessionId : null
}

/** The person whose name or picture this entry of a project's log changes. */
export function redraws(entry: LogEntry): Person | null {
  return entry.name === 'person:updated' ? (entry.payload as Payload<'person:updated'>) : null
}
