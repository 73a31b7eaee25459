import type { Activity, Meta, Payload, Presence, Problem, ProjectEventName, Role, RoomEvent } from '@cutroom/contract'
import type { CommentsPart } from './comments-part.ts'
import type { Emitter } from './emitter.ts'
import type { Passing } from './frames.ts'
import type { Mutation } from './mutation.ts'
import type { ProjectState } from './reduce.ts'
import type { Position } from './resume-hooks.ts'
import type { Selected } from './select.ts'

/**
 * - `connecting`: the first connection is under way.
 * - `syncing`: joined or joining; a replay or a snapshot is under way.
 * - `live`: in the room, and everything up to the server's head has been applied.
 * - `stale`: was further, but the connection is lost: what is shown may be old. Comes back by itself.
 * - `offline`: given up; `room.problem` says why. For good when it was left or closed, or the project deleted. It comes back by itself
 *   when the same person logs in again; when they were removed, or no member yet, and are added (nothing is kept until then); when it was beyond the number of rooms that the server allows (`rate-limited`) and another
 *   one is left; and when the server, which failed several times in a row (`internal`), answers again.
 */
export type RoomStatus = 'connecting' | 'syncing' | 'live' | 'stale' | 'offline'

export type RoomOptions = {
  /** Also asks for `activity` events. Default true. */
  activity?: boolean
} & (
  | {
      /** Keep the whole project in `room.state`. Default true. */
      state?: true
      /** Which comments are kept there: those on one cut or task (its id), for a large project. All are events. Default `all`. */
      comments?: CommentsPart
      from?: undefined
    }
  | {
      state: false
      comments?: undefined
      /** The position of the app's own state; without it, events from now on. */
      from?: Position
    }
)

export type RoomEvents = {
  status: [status: RoomStatus]
  /** A durable event after it was applied: each exactly once, in order. */
  event: [event: RoomEvent<ProjectEventName>]
  /** `room.state` changed. */
  change: []
  /** Events were skipped that cannot be had any more. With `state`: the state has been loaded anew as a whole. */
  reset: []
  /** One was removed: the room is empty, and comes back with `reset` when one is added again. Or the project is gone. */
  revoked: [reason: Passing<'access:revoked'>['reason']]
  activity: [activity: Activity]
  presence: [presence: ReadonlyMap<string, Presence>]
  typing: [typing: Passing<'typing'>]
} & { [N in ProjectEventName]: [payload: Payload<N>, meta: Meta] }

export interface Room<P extends Presence['state'] = Presence['state']> {
  readonly projectId: string
  readonly status: RoomStatus
  /** Why the room is offline; undefined when it was left or the client was closed, and when it is not offline. */
  readonly problem: Problem | undefined
  /** Everything up to here has been applied; null while a start is being fetched. */
  readonly position: Position | null
  /**
   * The project with what mutations draw over it: a new object after each change, in which maps, lists and rows that the change did
   * not touch are the same. Null before the first snapshot, with `state: false`, and after the end.
   */
  readonly state: ProjectState | null
  /** The mutations that are drawn, by the key of the row that shows them. */
  readonly pending: ReadonlyMap<string, Mutation>
  /** Who is here, by user id. */
  readonly presence: ReadonlyMap<string, Presence & { state: P | null }>
  /** Who types: ids of people by what they type on. */
  readonly typing: ReadonlyMap<string, readonly string[]>
  /** One's own role, as of the last join or change of it. */
  readonly role: Role | undefined
  on: Emitter<RoomEvents>['on']
  /**
   * A value of the room that components draw: `room.select((room) => room.state?.commentsOf(cutId))`. Its listeners are called once
   * for all changes of one turn. @param same values that count as one (default `Object.is`)
   */
  select<T>(pick: (room: Room<P>) => T, same?: (a: T, b: T) => boolean): Selected<T>
  /** Shown to the others beside one's name, at most 1 KiB as JSON; sent again after each reconnect. */
  setPresence(state: P): void
  /** Call it with each key: it is sent every 3 s, and stops by itself after 4 s. Best effort; lost when not connected. */
  setTyping(targetId: string, isTyping: boolean): void
  /** The last events of the log, oldest first; fewer where the log was cut. */
  history(options: { last: number }): Promise<RoomEvent<ProjectEventName>[]>
  /** Resolves when the room has its start: `state` is there, or with `state: false` a position. Rejects as `caughtUp` does. */
  ready(options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<void>
  /**
   * Resolves when everything up to `seq` has been applied. Rejects when the room goes offline or the signal aborts, and with a
   * RangeError when the log has no such position, which the server is asked about after some seconds. Default timeout: 60 s.
   */
  caughtUp(seq: number, options?: { signal?: AbortSignal; timeoutMs?: number }): Promise<void>
  /**
   * Releases the room, once for each `client.room()` that gave it. Not held any more, it is left after `keepRoomsMs`: who comes back
   * until then finds it as it is.
   */
  leave(): void
}
