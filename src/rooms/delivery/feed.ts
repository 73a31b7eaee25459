import type { EventName, RoomId } from '@cutroom/contract'
import type { Position } from '../../access/sessions.ts'
import { problem } from '../../errors.ts'
import type { Log, LogEntry } from '../log/log.ts'
import type { ReplayBlock } from './replay-block.ts'
import type { ReplayCache } from './replay-cache.ts'

/** What events are encoded as: for sockets that catch up, themselves or as `activity:new`, where they are one; for event streams. */
export type ReplayForm = 'socket' | 'activity' | 'stream'
const FORMS: readonly ReplayForm[] = ['socket', 'activity', 'stream']

/** Is told of a feed's course, in the tick in which it happens. Its functions do not throw. */
export interface Follower {
  /** An event was emitted here. */
  onEntry(entry: LogEntry): void
  /** Nothing is emitted here any more: the server stops, or the log is another one. */
  onClosed(): void
}

export interface FeedContext {
  log: Pick<Log, 'readNext'>
  /** The room's position, when the feed opens. */
  positionOf: (room: RoomId) => Promise<Position | undefined>
  /** By what the events are encoded for. */
  createReplayCache: Record<ReplayForm, (room: RoomId) => ReplayCache>
  /** Emits one event to the local sockets, synchronously. */
  deliver: (room: RoomId, entry: LogEntry) => void
  /** Counts the events that were sent to a socket which catches up. */
  onReplayed?: ((count: number) => void) | undefined
  /** Called when the feed has closed: the last user released it, or it could not be opened. */
  onClosed: (feed: Feed) => void
}

/** Says that events before it were rewritten, so that what was in them is read no more: no cache keeps them. */
const REWRITING: EventName = 'notification:deleted'

interface Waiter {
  seq: number
  resolve: () => void
}

/** A run that reads the log until it has no more; in a room that is always written to, it may never end. */
interface Pump {
  finished: Promise<void>
  /** There may be events that it has not seen: it reads once more. */
  rerun: boolean
  waiters: Waiter[]
}

type FeedState =
  | { status: 'opening'; opened: Promise<void> }
  /** `pump` is null while there is nothing to read. */
  | { status: 'open'; delivered: number; pump: Pump | null }
  | { status: 'closed' }

type Open = FeedState & { status: 'open' }

const roomClosed = () => problem('unavailable', 'The room was closed', { retryAfter: 1 })

/** Delivers one room's log to the local sockets in the room: each event once, in order. Begins at the head. */
export class Feed {
  readonly room: RoomId
  readonly #context: FeedContext
  #users = 0
  #state: FeedState
  /** Each made by the first replay: most rooms, above all user rooms, never need one. */
  #replayCaches: Partial<Record<ReplayForm, ReplayCache>> | null = null
  #followers: Set<Follower> | null = null

  constructor(room: RoomId, context: FeedContext) {
    this.room = room
    this.#context = context
    this.#state = { status: 'opening', opened: this.#open() }
  }

  get isOpen(): boolean {
    return this.#state.status === 'open'
  }

  /** Seq of the last event emitted here. @throws problem unavailable where the feed is not open */
  delivered(): number {
    return this.#assertOpen().delivered
  }

  /**
   * Keeps the feed open until as many releases, and resolves when it is.
   * @throws problem not-found | unavailable where it cannot be opened; needs no release then
   */
  async acquire(): Promise<this> {
    this.#users++
    try {
      if (this.#state.status === 'opening') await this.#state.opened
      this.#assertOpen()
      return this
    } catch (error) {
      this.release()
      throw error
    }
  }

  /** Ends one use; the last one closes the feed. */
  release(): void {
    if (--this.#users > 0) return
    this.close()
    this.#context.onClosed(this)
  }

  /** Emits nothing from now on. @returns resolves when nothing of it runs any more */
  close(): Promise<void> {
    const state = this.#state
    this.#state = { status: 'closed' }
    this.dropReplayCaches(Number.POSITIVE_INFINITY)
    const followers = this.#followers ?? []
    this.#followers = null
    for (const follower of followers) follower.onClosed()
    return state.status === 'open' && state.pump ? state.pump.finished.catch(() => {}) : Promise.resolve()
  }

  /** Tells a follower of each event from now on. @returns ends that */
  follow(follower: Follower): () => void {
    this.#assertOpen()
    this.#followers ??= new Set()
    this.#followers.add(follower)
    return () => void this.#followers?.delete(follower)
  }

  /** Frees replay caches that were not read since a time, ms on the clock of `performance.now`. The next replay reads the log again. */
  dropReplayCaches(unreadSince: number): void {
    if (!this.#replayCaches) return
    for (const form of FORMS) {
      const cache = this.#replayCaches[form]
      if (!cache || cache.readAt > unreadSince) continue
      cache.close()
      delete this.#replayCaches[form]
    }
  }

  /** Emits what the log has new; a call while it is read makes it be read once more. @throws problem unavailable when it cannot be read */
  async advance(): Promise<void> {
    if (this.#state.status === 'opening') await this.#state.opened
    const state = this.#state
    if (state.status === 'open') await this.#pump(state).finished
  }

  /** Resolves when at least `seq` was emitted here. @throws problem unavailable when the log cannot be read, or ends before it */
  async waitFor(seq: number): Promise<void> {
    for (let state = this.#assertOpen(); state.delivered < seq; state = this.#assertOpen()) {
      const { delivered } = state
      const pump = this.#pump(state)
      const arrived = new Promise<void>((resolve) => pump.waiters.push({ seq, resolve }))
      await Promise.race([pump.finished, arrived])
      if (state.delivered === delivered) throw problem('unavailable', 'The log does not reach that far', { retryAfter: 1 })
    }
  }

  /**
   * Sends a page of the events behind a position that were emitted here.
   * @param form what they are encoded for
   * @param send called once with a block that holds the first of them; nothing is emitted here between it and the code that awaits the promise
   * @throws problem unavailable where the log does not go back that far, or is another one; and what `send` throws
   */
  async page(after: number, form: ReplayForm, send: (block: ReplayBlock) => void): Promise<void> {
    const { delivered } = this.#assertOpen()
    this.#replayCaches ??= {}
    this.#replayCaches[form] ??= this.#context.createReplayCache[form](this.room)
    await this.#replayCaches[form].page(after, delivered, (block) => {
      this.#assertOpen()
      send(block)
      if (form === 'socket') this.#context.onReplayed?.(block.last - after)
    })
  }

  #assertOpen(): Open {
    if (this.#state.status !== 'open') throw roomClosed()
    return this.#state
  }

  async #open(): Promise<void> {
    try {
      const position = await this.#context.positionOf(this.room)
      if (!position) throw problem('not-found')
      if (this.#state.status === 'opening') this.#state = { status: 'open', delivered: position.head, pump: null }
    } catch (error) {
      // A feed that could not be opened must not be found by the next join.
      this.#state = { status: 'closed' }
      this.#context.onClosed(this)
      throw error
    }
  }

  /** The run that is under way, made to read once more, or a new one. */
  #pump(state: Open): Pump {
    if (state.pump) {
      state.pump.rerun = true
      return state.pump
    }
    const pump: Pump = { finished: Promise.resolve(), rerun: false, waiters: [] }
    state.pump = pump
    pump.finished = this.#run(state, pump)
    return pump
  }

  async #run(state: Open, pump: Pump): Promise<void> {
    try {
      let more: boolean
      do {
        pump.rerun = false
        const page = await this.#context.log.readNext(this.room, state.delivered)
        for (const entry of page.entries) {
          if (this.#state !== state) return
          if (entry.meta.seq !== state.delivered + 1) throw problem('unavailable', 'The log has a hole', { retryAfter: 1 })
          state.delivered = entry.meta.seq
          if (this.#replayCaches) for (const form of FORMS) this.#replayCaches[form]?.push(entry)
          this.#context.deliver(this.room, entry)
          if (entry.name === REWRITING) this.dropReplayCaches(Number.POSITIVE_INFINITY)
          if (this.#followers) for (const follower of this.#followers) follower.onEntry(entry)
        }
        resolveWaiters(pump, state.delivered)
        more = page.more
      } while (more || pump.rerun)
    } finally {
      // In the tick that found nothing more: a call of `advance` after it starts a new run, so none is lost.
      state.pump = null
    }
  }
}

function resolveWaiters(pump: Pump, delivered: number): void {
  if (pump.waiters.length === 0) return
  for (const { seq, resolve } of pump.waiters) if (seq <= delivered) resolve()
  pump.waiters = pump.waiters.filter(({ seq }) => seq > delivered)
}
