import type { Person, Problem } from '@cutroom/contract'
import type { CallArgs, LooseArgs } from './call.ts'
import type { Draw, Drawing } from './draw.ts'
import type { Endpoint } from './endpoint.ts'

/**
 * - `queued`: waits for those before it, or for the network.
 * - `sending`: on its way, or being tried again.
 * - `sent`: answered; the room has not come to its event yet.
 * - `refused`: `problem` says why. Stays until `retry()` or `discard()`. Those of the same row and endpoint that were
 *   made over what it draws are refused with it.
 */
export type MutationState = 'queued' | 'sending' | 'sent' | 'refused'

/** A write that is not confirmed yet, as it is now: a new object after each change. */
export interface Mutation {
  /** Its Idempotency-Key, and `meta.mutationId` of its event. */
  readonly key: string
  /** The project in which it is drawn, and in whose order it is sent; null: none. */
  readonly projectId: string | null
  readonly endpoint: Endpoint
  /** `ifMatch` is the version that the server had of the row; one's own writes that were queued before it take it along. */
  readonly args: LooseArgs
  /** When it was made, RFC 3339. */
  readonly at: string
  readonly state: MutationState
  readonly problem: Problem | undefined
  /** Sends a refused one again. */
  retry(): void
  /** Forgets a refused one, and what it drew. */
  discard(): void
}

export type MutationArgs<E extends Endpoint> = Omit<CallArgs<E>, 'idempotencyKey' | 'retryForMs' | 'signal' | 'onPosition'>
/** Left out where nothing in it is needed. */
export type MutationRest<E extends Endpoint> =
  Record<never, never> extends MutationArgs<E>
    ? [args?: MutationArgs<E>, options?: MutationOptions]
    : [args: MutationArgs<E>, options?: MutationOptions]

export interface MutationOptions {
  /** The project in which it is drawn, and in whose order it is sent. Default: the parameter `projectId` of the endpoint. */
  projectId?: string
  /** What it is expected to bring, shown until the event comes: as a value, or made from the id, time and person of a new row. */
  draw?: Draw | readonly Draw[] | ((made: { id: string; at: string; me: Person }) => Draw | readonly Draw[])
  /** When it is refused it stays in `client.mutations`, drawn, for `retry()` or `discard()`. Default: what it drew is taken back. */
  keep?: boolean
}

/** Where a text is kept over a reload, for this client alone: in browsers `sessionStorage`, which tabs do not share. */
export interface TextStore {
  load(): string | null | Promise<string | null>
  /** @param text what the next `load` must give; null: nothing */
  save(text: string | null): unknown
}

/** Where mutations are kept over a reload. */
export type MutationStore = TextStore

/** A mutation with what it draws, as it is stored. */
export interface StoredMutation extends Omit<Drawing, 'projectId'> {
  key: string
  projectId: string | null
  endpoint: Pick<Endpoint, 'method' | 'url' | 'access'>
  args: LooseArgs
  state: MutationState
  problem?: Problem | undefined
  /** What it is about: the noun of what it draws, else its endpoint, and the parameters. */
  row: string
  /** The version that the server had of the row, without what was drawn over it; one's own writes take it along. */
  base: number
  /** When it was first sent, ms since 1970, unless it is known not to have been done: its key is known to the server for a day. */
  sentAt?: number | undefined
}
