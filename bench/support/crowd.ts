import type { CrowdSpec } from './join-script.ts'
import type { HttpRequest } from './subject.ts'
import { startWorker } from './worker.ts'

export interface OpenPlan {
  specs: readonly CrowdSpec[]
  /** How many open at the same time. */
  atOnce: number
}

export interface OpenResult {
  /** From the first opening until each had joined its places, ms. */
  liveMs: number[]
  /** The events of each until all had joined. */
  events: number[]
}

export interface FanPlan {
  /** Writes that all sockets of the crowd receive, taken in turn. */
  requests: readonly HttpRequest[]
  /** Sockets that receive each. */
  listeners: number
  /** Writes under way whose events have not reached all. */
  window: number
  ms: number
}

export interface FanResult {
  writes: number
  deliveries: number
  missing: number
  /** Until the last delivery. */
  perSecond: number
  /** Bytes of one event as it left the server. */
  bytes: number
  complaint: string | null
}

export type ToCrowd = ({ type: 'open' } & OpenPlan) | ({ type: 'fan' } & FanPlan) | { type: 'cut' } | { type: 'close' }

/** Sockets by the thousand in one process, which understands only where a message begins and how it ends. One thing at a time. */
export interface Crowd {
  pid: number
  /** Opens sockets beside those that are there. @throws when one is refused, or not all have joined within two minutes */
  open(plan: OpenPlan): Promise<OpenResult>
  /** Writes as fast as all of the crowd receive. @throws when a write fails */
  fan(plan: FanPlan): Promise<FanResult>
  /** Ends all sockets without a goodbye. */
  cut(): Promise<void>
  close(): Promise<void>
}

export function startCrowd(): Crowd {
  const { pid, ask, close } = startWorker<ToCrowd>('./crowd-process.ts')
  return {
    pid,
    open: (plan) => ask({ type: 'open', ...plan }),
    fan: (plan) => ask({ type: 'fan', ...plan }),
    cut: () => ask({ type: 'cut' }),
    close,
  }
}
