import type { Payload, Person, Role } from '@cutroom/contract'
import type { LogEntry } from '../log/log.ts'

/** How one log entry changes who may see what, or how a person is shown. */
export type AccessEvent =
  /** A person (null: all in the room) loses access. */
  | {
      type: 'revoked'
      userId: string | null
      reason: 'left' | 'removed' | 'deleted'
      /** Whether their sockets leave before the entry is delivered, or see it as the last one. */
      leave: 'before' | 'after'
    }
  | { type: 'role-changed'; userId: string; role: Role }
  | { type: 'session-ended'; sessionId: string }
  /** The person of the room may be in this project from now on. */
  | { type: 'granted'; projectId: string }
  /** Name or picture of a person. */
  | { type: 'person-updated'; person: Person }

/** The access event in an entry of a project's log, if it is one. */
export function projectAccessEvent({ name, payload }: LogEntry): AccessEvent | null {
  switch (name) {
    case 'member:left': {
      const { userId, removedBy } = payload as Payload<'member:left'>
      return { type: 'revoked', userId, reason: removedBy === undefined ? 'left' : 'removed', leave: 'before' }
    }
    case 'project:deleted':
      return { type: 'revoked', userId: null, reason: 'deleted', leave: 'after' }
    case 'member:updated': {
      const { userId, role } = payload as Payload<'member:updated'>
      return { type: 'role-changed', userId, role }
    }
    case 'person:updated':
      return { type: 'person-updated', person: payload as Payload<'person:updated'> }
    default:
      return null
  }
}

/** The access event in an entry of a person's own log, if it is one. */
export function userAccessEvent({ name, payload }: LogEntry): AccessEvent | null {
  switch (name) {
    case 'session:revoked':
      return { type: 'session-ended', sessionId: (payload as Payload<'session:revoked'>).sessionId }
    case 'project:created':
    case 'project:joined':
      return { type: 'granted', projectId: (payload as Payload<'project:joined'>).id }
    default:
      return null
  }
}
