import { forkProgram } from '../../support/fork.ts'
import { until } from '../../support/until.ts'
import type { Stage } from './stage.ts'

/** One client: it says it has everything of its project up to `after`. */
export interface RawPlan {
  token: string
  projectId: string
  after: number
}

/** The state of one client. */
export interface RawClient {
  last: number
  /** Ms from the opening to its ack; null until then. */
  liveMs: number | null
  reconnects: number
  refusals: number
  /** What was not `last + 1`. */
  wrong: string[]
}

export interface RawStatus {
  live: number
  /** The lowest seq that one of them has. */
  slowest: number
  frames: number
  /** What the process of the clients took so far. */
  cpuSeconds: number
}

export type ToRawCrowd =
  | { type: 'open'; url: string; plans: RawPlan[] }
  | { type: 'pause' }
  | { type: 'resume' }
  | { type: 'finish' }
export type FromRawCrowd = { type: 'status'; status: RawStatus } | { type: 'result'; clients: RawClient[]; cpuSeconds: number }

/**
 * Clients in a process of their own that speak Socket.IO by hand: cheap enough for thousands of them beside the server,
 * and able to stop reading.
 */
export interface RawCrowd {
  size: number
  status(): RawStatus
  allLive(withinMs: number): Promise<void>
  /** All stop reading: what is sent stays with the kernel, then with the server. They still answer pings. */
  pause(): void
  resume(): void
  /** Resolves when all have everything up to this; adds a note where it takes longer. */
  settled(head: number, withinMs: number): Promise<void>
  /** Closes them. */
  finish(): Promise<{ clients: RawClient[]; cpuSeconds: number }>
}

/** Opens all of them at once. */
export function startRawCrowd(stage: Stage, url: string, plans: RawPlan[]): RawCrowd {
  const { child, exited, end } = forkProgram(new URL('./raw-crowd-process.ts', import.meta.url))
  stage.undo(end)
  let status: RawStatus = { live: 0, slowest: -1, frames: 0, cpuSeconds: 0 }
  let finished: ((result: { clients: RawClient[]; cpuSeconds: number }) => void) | undefined
  child.on('message', (message: FromRawCrowd) => {
    if (message.type === 'status') status = message.status
    else finished?.(message)
  })
  const send = (message: ToRawCrowd) => void child.send(message)
  send({ type: 'open', url, plans })
  const wait = (what: string, condition: () => boolean, withinMs: number) =>
    until('', condition, withinMs).catch(() => {
      stage.notes.push(`after ${withinMs} ms not ${what}: ${JSON.stringify(status)}`)
    })
  return {
    size: plans.length,
    status: () => status,
    allLive: (withinMs) => wait('all live', () => status.live === plans.length, withinMs),
    pause: () => send({ type: 'pause' }),
    resume: () => send({ type: 'resume' }),
    settled: (head, withinMs) => wait(`all at ${head}`, () => status.slowest >= head, withinMs),
    async finish() {
      const result = new Promise<{ clients: RawClient[]; cpuSeconds: number }>((resolve) => {
        finished = resolve
      })
      send({ type: 'finish' })
      const found = await Promise.race([result, exited])
      if (!('clients' in found)) throw new Error('the raw crowd died')
      await exited
      return found
    },
  }
}
