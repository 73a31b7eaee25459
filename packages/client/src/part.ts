import type { RoomEvent, UserEventName } from '@cutroom/contract'
import type { Call } from './call.ts'
import type { CutroomSocket, PassingEvent } from './frames.ts'
import type { Selected } from './select.ts'

/** What a part may use. */
export interface PartContext {
  call: Call
  /** The socket while it is connected. */
  socket(): CutroomSocket | undefined
  /** Who is logged in. */
  userId(): string | undefined
  /** Another state is shown now. */
  changed(): void
  onError(error: unknown): void
}

/** What a client shows of the person who is logged in, beside their projects. Its code is loaded when it is first asked for. */
export interface Part<State, Actions> {
  /** A new object after each change; null until it is loaded. */
  readonly state: State | null
  readonly actions: Actions
  /** The next event of the person's own room. */
  applied(event: RoomEvent<UserEventName>): void
  /** Something passing has come. */
  passing?(event: PassingEvent): void
  /** The room of a project is live: what it missed came as events alone. */
  roomLive?(): void
  /** A person has logged in, or events were missed: what is there may be old. Called once when the part is made. */
  reload(): void
  /** What could not be loaded may be had now. */
  retry(): void
  /** Nothing of this person is shown any more. */
  clear(): void
}

/** A function of each action, which loads the part first where it must. */
type Deferred<Actions> = {
  [K in keyof Actions]: Actions[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never
}

/** A part as apps see it. */
export type Facade<State, Actions> = Deferred<Actions> & {
  /**
   * Loaded when it is first read, then kept by events. Null until then, and without a login. What cannot be loaded is tried again for a
   * minute, and then with the next connection, event of the person or action.
   */
  readonly state: State | null
  /** `pick` is given the part: `client.notifications.select(({ state }) => state?.unseen)`. See `room.select`. */
  select<T>(pick: (part: Facade<State, Actions>) => T, same?: (a: T, b: T) => boolean): Selected<T>
}
