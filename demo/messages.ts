import type { RoomStatus } from '@cutroom/client'
import type { Action } from './action.ts'

/** What a person's process is for. */
export interface Casting {
  type: 'start'
  /** `member`: the typed client. `phone`: a second device, a plain socket.io-client that filters nothing. */
  part: 'member' | 'phone' | 'stranger'
  url: string
  email: string
  password: string
  projectId: string
}

/** Parent → person. */
export type Order =
  | Casting
  /** `crowd`: one of many at once. */
  | { type: 'do'; key: string; action: Action; crowd: boolean }
  /** Cuts the device off the network, or connects it again. */
  | { type: 'network'; connected: boolean }
  /** Wait until everything up to `head` is there, then compare with a fresh snapshot. */
  | { type: 'settle'; head: number }
  /** The stranger tries every way in; the ids were given to them by a member. */
  | { type: 'try'; cutId: string; commentId: string; ownerId: string }

/** One durable event as it came to a person. */
export interface Sighting {
  seq: number
  id: string
  /** When, on the machine's clock; see clock.ts. */
  at: number
  /** The date the server gave it. */
  date: string
  actorId: string | undefined
  mutationId: string | undefined
  /** For people. */
  text: string
}

/** One try of the stranger, and what the server said to it. */
export interface Attempt {
  what: string
  answer: string
  letIn: boolean
}

/** Person → parent. */
export type Report =
  | { type: 'ready'; userId: string; after: number }
  | { type: 'saw'; sightings: Sighting[] }
  | { type: 'status'; status: RoomStatus; at: number }
  | { type: 'sent'; key: string; at: number; crowd: boolean }
  | { type: 'done'; key: string; id: string }
  | { type: 'failed'; key: string; problem: string }
  | { type: 'settled'; seq: number; difference: string | null }
  | { type: 'frame'; name: string; room?: string | undefined }
  | { type: 'tried'; attempts: Attempt[] }
  | { type: 'trouble'; problem: string }

/** Between a person and its process's parent. */
export interface Line {
  report(report: Report): void
  /** The parent's next orders; an answer that rejects is reported as trouble. */
  onOrder(listener: (order: Order) => unknown): void
}
