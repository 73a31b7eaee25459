import type { Person, Role, RoomId } from '@cutroom/contract'
import { admit, admitSession, type Caller, type Position } from '../access/sessions.ts'
import type { Query } from '../db/client.ts'
import { type AccessEvent, projectAccessEvent, userAccessEvent } from './delivery/access-events.ts'
import type { LogEntry } from './log/log.ts'

/** A person who may join a room, as one snapshot shows them and the room. */
export interface RoomAccess extends Position {
  person: Person
  /** null where the room has no roles. */
  role: Role | null
}

/** What differs between the kinds of rooms. */
export interface RoomKind {
  /**
   * Looks up whether a caller may join the room.
   * @param id of the room without its kind
   * @throws problem not-found | session-revoked
   */
  admit(query: Query, caller: Caller, id: string): Promise<RoomAccess>
  /** The change of access in an entry of the room's log, if it makes one. */
  accessEvent(entry: LogEntry): AccessEvent | null
  /** Receivers of the room's presence: the sockets in it (`presence:changed`), or all who share a project with its person (`chat:presence`). */
  presence: 'room' | 'peers'
}

/** The part before the colon of a room's id. */
export type KindName<R = RoomId> = R extends `${infer Name}:${string}` ? Name : never

/** The kinds of rooms, by the prefix of their ids. */
export const kinds: Record<KindName, RoomKind> = {
  project: {
    admit,
    accessEvent: projectAccessEvent,
    presence: 'room',
  },
  user: {
    admit: async (query, caller) => ({ ...(await admitSession(query, caller)), role: null }),
    accessEvent: userAccessEvent,
    presence: 'peers',
  },
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The two parts of a room's id. */
export function parseRoom(room: RoomId): { kind: KindName; id: string } {
  const colon = room.indexOf(':')
  return { kind: room.slice(0, colon) as KindName, id: room.slice(colon + 1) }
}

/** Whether a value is the id of a room of a known kind. */
export function isRoomId(value: unknown): value is RoomId {
  if (typeof value !== 'string') return false
  const { kind, id } = parseRoom(value as RoomId)
  return Object.hasOwn(kinds, kind) && UUID.test(id)
}

/** The project whose room this is; null for a room of another kind. */
export function projectIdOf(room: string): string | null {
  const { kind, id } = parseRoom(room as RoomId)
  return kind === 'project' ? id : null
}

/** The change of access in an entry of any room's log, if it makes one. */
export const accessEventOf = (entry: LogEntry): AccessEvent | null =>
  kinds[parseRoom(entry.meta.room as RoomId).kind].accessEvent(entry)
