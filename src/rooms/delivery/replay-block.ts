import { accessEventOf } from '../kinds.ts'
import type { LogEntry } from '../log/log.ts'

/** Frames of one block, bytes; one event fits in any case. A socket that does not read holds at most as much. */
const MAX_BYTES = 64 * 1024
/** Objects of a block, and of each event, bytes, roughly; a kept entry is several times as large as its frame. */
const BLOCK_COST = 500
const EVENT_COST = 16
const ENTRY_COST = 4

/** Consecutive events of one room, each encoded once, in one buffer that grows. */
export class ReplayBlock {
  /** Entries that change the access of a person, oldest first. */
  readonly accessEntries: LogEntry[] = []
  /** Memory that it takes. */
  bytes = BLOCK_COST
  /** The position that it begins behind. */
  readonly #after: number
  /** Ends of the frames in the buffer. */
  readonly #ends: number[] = []
  #buffer = Buffer.alloc(0)

  constructor(entry: LogEntry, frame: Buffer) {
    this.#after = entry.meta.seq - 1
    this.append(entry, frame)
  }

  /** Seq of the last event. */
  get last(): number {
    return this.#after + this.#ends.length
  }

  /** Whether it holds the event behind a position. */
  covers(after: number): boolean {
    return after >= this.#after && after < this.last
  }

  /** Adds the next event. @returns false where it does not fit */
  append(entry: LogEntry, frame: Buffer): boolean {
    const start = this.#endOf(this.last)
    const end = start + frame.length
    if (end > MAX_BYTES && start > 0) return false
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, Math.min(this.#buffer.length * 2, MAX_BYTES)))
      this.#buffer.copy(larger, 0, 0, start)
      this.bytes += larger.length - this.#buffer.length
      this.#buffer = larger
    }
    frame.copy(this.#buffer, start)
    this.#ends.push(end)
    this.bytes += EVENT_COST
    if (accessEventOf(entry)) {
      this.accessEntries.push(entry)
      this.bytes += frame.length * ENTRY_COST
    }
    return true
  }

  /** The frames of the events with after < seq ≤ upTo, one behind the other. */
  joined(after: number, upTo: number): Buffer {
    return this.#buffer.subarray(this.#endOf(after), this.#endOf(upTo))
  }

  /** The same frames, each on its own. */
  frames(after: number, upTo: number): Buffer[] {
    return Array.from({ length: upTo - after }, (_, n) => this.joined(after + n, after + n + 1))
  }

  #endOf(seq: number): number {
    return this.#ends[seq - this.#after - 1] ?? 0
  }
}
