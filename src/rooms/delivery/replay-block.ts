import { problem } from '../../errors.ts'
import { accessEventOf } from '../kinds.ts'
import type { LogEntry } from '../log/log.ts'

/** Events that one socket is sent in one go, encoded. */
export interface ReplayPage {
  /** Seq of its first and of its last event. */
  first: number
  last: number
  /** Entries that change the access of a person, oldest first. */
  accessEntries: readonly LogEntry[]
  /** The frames of its events up to one, one behind the other. */
  joined(upTo: number): Buffer
  /** The same frames, each on its own. */
  frames(upTo: number): Buffer[]
}

/** Frames of one block, bytes; one event fits in any case. A socket that does not read holds at most as much. */
const MAX_BYTES = 64 * 1024
/** Objects of a block, and of each event, bytes, roughly. */
const BLOCK_COST = 500
const EVENT_COST = 16
/** Memory of a kept entry, in lengths of its frame, roughly. */
const ENTRY_COST = 4

/** Consecutive events of one room, each encoded once, in one buffer that grows. */
export class ReplayBlock {
  /** The position that it begins behind. */
  readonly after: number
  /** Ends of the frames in the buffer. */
  readonly #ends: number[] = []
  readonly #accessEntries: LogEntry[] = []
  #buffer = Buffer.alloc(0)
  #bytes = BLOCK_COST

  constructor(after: number) {
    this.after = after
  }

  /** Seq of the last event. */
  get last(): number {
    return this.after + this.#ends.length
  }

  /** Memory that it takes. */
  get bytes(): number {
    return this.#bytes
  }

  get #end(): number {
    return this.#ends.at(-1) ?? 0
  }

  /** Adds the next event. @returns false where it does not fit */
  append(entry: LogEntry, frame: Buffer): boolean {
    const start = this.#end
    const end = start + frame.length
    if (end > MAX_BYTES && start > 0) return false
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, Math.min(this.#buffer.length * 2, MAX_BYTES)))
      this.#buffer.copy(larger, 0, 0, start)
      this.#bytes += larger.length - this.#buffer.length
      this.#buffer = larger
    }
    frame.copy(this.#buffer, start)
    this.#ends.push(end)
    this.#bytes += EVENT_COST
    if (accessEventOf(entry)) {
      this.#accessEntries.push(entry)
      this.#bytes += frame.length * ENTRY_COST
    }
    return true
  }

  /**
   * The events behind a position.
   * @throws problem unavailable where the block has none: retention has cut the log, or it is another one
   */
  page(after: number): ReplayPage {
    if (after < this.after || after >= this.last)
      throw problem('unavailable', 'The log was cut before the reader came here', { retryAfter: 1 })
    const offset = (seq: number) => this.#ends[seq - this.after - 1] ?? 0
    const buffer = this.#buffer
    return {
      first: after + 1,
      last: this.last,
      accessEntries: this.#accessEntries.filter(({ meta }) => meta.seq > after),
      joined: (upTo) => buffer.subarray(offset(after), offset(upTo)),
      frames: (upTo) => Array.from({ length: upTo - after }, (_, n) => buffer.subarray(offset(after + n), offset(after + n + 1))),
    }
  }
}
