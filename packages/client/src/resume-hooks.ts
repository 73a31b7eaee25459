import type { Meta, Problem } from '@cutroom/contract'
import type { AckOf, Refused } from './frames.ts'

/** A position in one history (epoch) of a room's log: everything up to `seq` has been applied. */
export interface Position {
  epoch: string
  seq: number
}
export type Joined = Extract<AckOf<'join:user'>, { ok: true }>

export interface Event {
  meta: Meta
}

export interface ResumeHooks<E extends Event, J extends Joined> {
  /** Calls `go` when the join may be sent; without this hook that is at once. */
  queue?(go: () => void): void
  /** The join that was queued or sent has finished, or was given up. */
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
