import type { Meta, Problem } from '@cutroom/contract'
import type { AckOf, Refused } from './frames.ts'

/** A place in one history of a room's log: all up to `seq` has been applied. */
export interface Position {
  epoch: string
  seq: number
}
export type Joined = Extract<AckOf<'join:user'>, { ok: true }>

export interface Event {
  meta: Meta
}

export interface ResumeHooks<E extends Event, J extends Joined> {
  /** Says when it is this room's turn to ask; without it the turn is at once. */
  queue?(go: () => void): void
  /** What was queued or asked has come to its end, one way or the other. */
  done?(): void
  /** Asks the server to join after `position`, or live without one. `ack` must be called in the tick the answer comes in. */
  send(position: Position | null, ack: (answer: J | Refused) => void): void
  /** The next event. */
  apply(event: E): void
  /** The server let us in. */
  joined(answer: J): void
  /** There is nothing to resume from: gets a new start, and returns its position. Aborted when the connection is lost. */
  load(answer: J, signal: AbortSignal): Promise<Position>
  syncing(): void
  live(): void
  /** Not allowed here (any more), or beyond the number of rooms that a socket may be in. */
  refused(problem: Problem): void
  /** The server failed several times in a row. It is asked again, less and less often. */
  failing?(problem: Problem): void
}
