import { Readable } from 'node:stream'
import type { Position } from '../../access/sessions.ts'
import { eventId, eventText } from '../delivery/event-text.ts'
import type { ReplayBlock } from '../delivery/replay-block.ts'
import type { JoinPlan } from '../delivery/subscription.ts'
import { accessEventOf, projectIdOf } from '../kinds.ts'
import type { LogEntry } from '../log/log.ts'
import { warnAt } from '../sockets/token-expiry.ts'
import type { TokenClaims } from '../types.ts'
import type { Watch, Watcher } from './watch.ts'

/** How long what is sent last may take to leave, ms: within a second of the loss of access the connection is closed. */
const LAST_WORD_MS = 400
/** When a client comes back that lost its connection, ms. */
const RETRY_MS = 1_000
/** Bytes that wait for the connection beside one page of the log, which has 64 KiB, or one event. */
const BUFFER_BYTES = 16 * 1024

export interface EventStreamOptions {
  caller: TokenClaims
  room: string
  plan: JoinPlan
  /** The room's position when the caller was let in; a removal after it is found in the log. */
  at: Position
  epoch: string
  /** Closes the connection at once, with all that is on its way. */
  cut: () => void
  /** Called with what kept it from reading the log: its client comes back. */
  onError: (error: unknown) => void
  /** Milliseconds between signs of life, and how long nothing may leave before it is closed. */
  heartbeatMs: number
  closeMs: number
}

/**
 * The events of one room, for a client without a socket. It always catches up: whenever the connection has taken what was sent, it
 * reads the next page of what the feed has delivered. So a slow reader holds one page, and no event is sent twice or left out.
 */
export class EventStream implements Watcher {
  /** The answer's body. */
  readonly body: Readable
  readonly #options: EventStreamOptions
  #watch: Watch | null = null
  /** Seq of the last event that was sent. */
  #cursor: number
  #isOpen = true
  #isReady: boolean
  #isReading = false
  /** The connection takes more. */
  #wants = true
  #wroteAt = performance.now()
  /** When the connection is closed, ms on the clock of `performance.now`. */
  #cutAt = Number.POSITIVE_INFINITY
  /** When the warning before the end of the token is due, ms since the epoch. */
  #warnAt: number

  constructor(options: EventStreamOptions) {
    const { plan, at, epoch, caller } = options
    this.#options = options
    this.#cursor = plan.mode === 'resumed' ? plan.after : at.head
    this.#isReady = plan.mode === 'reset'
    this.#warnAt = warnAt(caller.expiresAt)
    this.body = new Readable({
      highWaterMark: BUFFER_BYTES,
      read: () => {
        this.#wants = true
        this.#read()
      },
    })
    const from = eventId(epoch, this.#cursor)
    // An id without data moves the client's position, and is no event to it.
    this.#push(`retry: ${RETRY_MS}\nid: ${from}\n\n`)
    if (plan.mode === 'reset') this.#push(eventText('reset', { epoch, head: at.head, floor: at.floor }, from))
  }

  /** Sends what the watched room has, from now on. */
  start(watch: Watch): void {
    this.#watch = watch
    if (this.#isOpen) this.#read()
    else watch.close()
  }

  onEntry(entry: LogEntry): void {
    // A client that reads gets what came before the loss of its access; one that does not is not waited for.
    if (this.#reasonToLeave(entry) !== null) this.#cutSoon()
    this.#read()
  }

  onSessionEnded(): void {
    this.end('session:expired', { reason: 'revoked' })
  }

  /** The client comes back, and is told whether its position is still one. */
  onLost(): void {
    this.end()
  }

  /** Ends it, with a last event where there is one. Events of the log that have not left yet are left out. */
  end(name?: string, data: object = {}, retryMs?: number): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    if (retryMs !== undefined) this.#push(`retry: ${retryMs}\n\n`)
    if (name !== undefined) this.#push(eventText(name, data))
    this.body.push(null)
    this.#cutSoon()
    this.#watch?.close()
  }

  /** The connection is closed: frees what it holds. */
  close(): void {
    this.#isOpen = false
    this.#watch?.close()
    this.body.destroy()
  }

  /**
   * Looks after what is due. Called a few times a second.
   * @param now ms on the clock of `performance.now`
   * @returns whether it was cut because its client does not read
   */
  check(now: number): boolean {
    const { caller, cut, closeMs, heartbeatMs } = this.#options
    if (now >= this.#cutAt) cut()
    if (!this.#isOpen) return false
    if (Date.now() >= caller.expiresAt) this.end('session:expired', { reason: 'expired' })
    else if (!this.#wants && now - this.#wroteAt >= closeMs) {
      cut()
      return true
    } else if (Date.now() >= this.#warnAt) {
      this.#warnAt = Number.POSITIVE_INFINITY
      this.#push(eventText('session:expiring', { expiresAt: new Date(caller.expiresAt).toISOString() }))
    } else if (this.#wants && now - this.#wroteAt >= heartbeatMs) this.#push(':\n\n')
    return false
  }

  #push(text: string | Buffer): void {
    this.#wroteAt = performance.now()
    this.#wants = this.body.push(text)
  }

  #cutSoon(): void {
    this.#cutAt = Math.min(this.#cutAt, performance.now() + LAST_WORD_MS)
  }

  /** Why the caller may not read on behind an entry, or from it on; null where they may. */
  #reasonToLeave(entry: LogEntry): { reason: string; sees: boolean } | null {
    if (entry.meta.seq <= this.#options.at.head) return null
    const event = accessEventOf(entry)
    const { userId } = this.#options.caller
    if (event?.type !== 'revoked' || (event.userId ?? userId) !== userId) return null
    return { reason: event.reason, sees: event.leave === 'after' }
  }

  /** Reads pages while there are some and the connection takes them. A call while it reads is none too few: it looks again before it ends. */
  #read(): void {
    if (this.#isReading || !this.#watch) return
    this.#isReading = true
    this.#readPages(this.#watch).catch((error: unknown) => {
      // The feed was closed, or retention has passed the position.
      if (this.#isOpen) this.#options.onError(error)
      this.end()
    })
  }

  async #readPages({ feed }: Watch): Promise<void> {
    try {
      while (this.#isOpen && this.#wants && this.#cursor < feed.delivered())
        await feed.page(this.#cursor, 'stream', (block) => this.#send(block))
      if (this.#isOpen && this.#wants) this.#sayReady()
    } finally {
      this.#isReading = false
    }
  }

  #sayReady(): void {
    if (this.#isReady) return
    this.#isReady = true
    const { epoch, plan } = this.#options
    this.#push(eventText('ready', { epoch, head: this.#cursor, mode: plan.mode }))
  }

  /** Sends the events of a block behind the last one that was sent, up to the loss of access. */
  #send(block: ReplayBlock): void {
    if (!this.#isOpen) return
    for (const entry of block.accessEntries) {
      const found = entry.meta.seq > this.#cursor ? this.#reasonToLeave(entry) : null
      if (!found) continue
      this.#sendUpTo(block, found.sees ? entry.meta.seq : entry.meta.seq - 1)
      this.end('access:revoked', { projectId: projectIdOf(this.#options.room), reason: found.reason })
      return
    }
    this.#sendUpTo(block, block.last)
  }

  #sendUpTo(block: ReplayBlock, seq: number): void {
    if (seq <= this.#cursor) return
    this.#push(block.joined(this.#cursor, seq))
    this.#cursor = seq
  }
}
