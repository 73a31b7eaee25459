import type { Stage } from './stage.ts'

/** One fault, or a family of them: what is done to the servers, and what must hold all the same. */
export interface Scenario {
  /** As the list of faults has it: F1, F2, … */
  id: string
  title: string
  /** Not without the `redis-server` binary. */
  needsRedis?: boolean
  run(stage: Stage): Promise<void>
}

/** One line of the table at the end. */
export interface Figure {
  what: string
  asked: string
  measured: string
  ok: boolean
  /** A promise, and not a speed: where it is not kept, something is broken. */
  invariant: boolean
}

/** One event's way to one client. */
export interface Samples {
  /** When it arrived, ms since the scenario began. */
  at: number[]
  /** Ms since it was committed. */
  delay: number[]
  /** Index of the node that sent it. */
  node: number[]
  /** It was sent to catch up. */
  replayed: boolean[]
}

/** Something that was done, for the plot. */
export interface Mark {
  /** Ms since the scenario began. */
  at: number
  label: string
}

export const noSamples = (): Samples => ({ at: [], delay: [], node: [], replayed: [] })
