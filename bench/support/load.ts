import type { HttpRequest, SocketSpec } from './subject.ts'
import { startWorker } from './worker.ts'

/** Requests one after another on each connection, as fast as they are answered. */
export interface LoopPlan {
  /** Taken in turn; each with an `n` of its own in place of N_MARK. All go to one server. */
  requests: readonly HttpRequest[]
  connections: number
  ms: number
}

export interface LoopResult {
  done: number
  /** Answers that were neither 2xx nor 304. */
  failed: number
  complaint: string | null
  perSecond: number
  /** From sending to the whole answer, ms. */
  p50: number
  p99: number
}

/** Requests that leave on time, whether or not the earlier ones were answered; heard by the sockets of `listen`. */
export interface PacePlan {
  requests: readonly HttpRequest[]
  /** How many sockets are in the place of a request. */
  listeners: number
  perSecond: number
  /** Before anything is measured. */
  warmMs: number
  ms: number
}

export interface PaceResult {
  /** All writes, with those before anything was measured. */
  done: number
  /** From sending a write to having it on a socket, ms; one for each socket and write. */
  delays: number[]
  /** From sending a write to its answer, ms. */
  answers: number[]
  failed: number
  complaint: string | null
  /** Deliveries that had not come 5 s after the last answer, and such as came more often than once. */
  missing: number
  repeated: number
}

export type ToLoad =
  | ({ type: 'loop' } & LoopPlan)
  | { type: 'listen'; specs: readonly SocketSpec[] }
  | ({ type: 'pace' } & PacePlan)
  | { type: 'close' }

/** A process that asks and listens, apart from the server and from the bench. One thing at a time. */
export interface Load {
  pid: number
  loop(plan: LoopPlan): Promise<LoopResult>
  /** Opens sockets, a few at a time; resolves when all have joined their places. They stay until `close`. */
  listen(specs: readonly SocketSpec[]): Promise<void>
  pace(plan: PacePlan): Promise<PaceResult>
  close(): Promise<void>
}

/** Starts a load process; each counts its own `n`, so that no two write the same. */
export function startLoad(): Load {
  const { pid, ask, close } = startWorker<ToLoad>('./load-process.ts')
  return {
    pid,
    loop: (plan) => ask({ type: 'loop', ...plan }),
    listen: (specs) => ask({ type: 'listen', specs }),
    pace: (plan) => ask({ type: 'pace', ...plan }),
    close,
  }
}
