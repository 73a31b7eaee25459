import type { RoomId } from '@cutroom/contract'
import { concatenate } from '../../lib/buffers.ts'
import { createTimeSlicedQueue } from '../../lib/time-sliced-queue.ts'
import { accessEventOf } from '../kinds.ts'
import type { Log, LogEntry } from '../log/log.ts'

/** One event, encoded once for all who catch up. */
export interface EncodedEvent {
  seq: number
  frame: Buffer
  /** The entry, where it changes the access of a person. */
  access: LogEntry | null
}

/** What is sent to a socket in one go. */
export interface Page {
  events: EncodedEvent[]
  /** The length of `frames`. */
  bytes: number
  /** Their frames, one behind the other, joined once for all who read the same page. */
  frames: () => Buffer
}

/**
 * The end of one room's log, in memory: clients that come back at once read the same few events, and the log is asked
 * once for all of them.
 */
export interface ReplayCache {
  /** The next event that the feed delivers. */
  push(entry: LogEntry): void
  /**
   * Events with after < seq ≤ upTo, oldest first: as many as one socket should have to hold, one at least.
   * @param floor how far back it may be read along for others
   * @param tell called once, when it is its turn; where the tail goes back that far, with what it holds in that very tick
   * @throws problem unavailable where retention has taken the first of them, and what `tell` throws
   */
  page(after: number, upTo: number, floor: number, tell: (page: Page) => void): Promise<void>
  /** When it was read last, ms on the clock of `performance.now`. */
  readAt(): number
  close(): void
}

const MOST_EVENTS = 512
const ROOM_BYTES = 1024 * 1024
const NODE_BYTES = 64 * 1024 * 1024
/** What is sent before the socket must have taken it. */
const PAGE_BYTES = 64 * 1024
const PAGE_EVENTS = 500
/** Pages from further back that are kept for others who were away as long. */
const FAR_PAGES = 64
/** A first guess of an event's size; too small a page costs little, too large a one memory. */
const GUESS_BYTES = 1024

export interface TailOptions {
  log: Log
  encode: (entry: LogEntry) => Buffer
}

/** Makes the tails of one node, which share what memory they may take. */
export function createReplayCaches({ log, encode }: TailOptions): (room: RoomId) => ReplayCache {
  const turn = createTimeSlicedQueue()
  /** What gives up its memory first when there is too much. */
  const forget = new Map<RoomId, () => void>()
  let total = 0

  const toTold = (entry: LogEntry): EncodedEvent => ({
    seq: entry.meta.seq,
    frame: encode(entry),
    access: accessEventOf(entry) ? entry : null,
  })
  // A frame, and the objects around it.
  const costOf = (bytes: number) => bytes + 500
  const sizeOf = ({ frame }: EncodedEvent) => costOf(frame.length)

  return (room) => {
    let tail: EncodedEvent[] = []
    let bytes = 0
    let closed = false
    let readAt = performance.now()
    let typical = GUESS_BYTES
    let loading: Promise<void> | null = null
    let latest: { after: number; page: Page } | null = null
    const reading = new Map<number, Promise<Page>>()
    /** By where they begin. */
    const far = new Map<number, Page>()

    function count(change: number): void {
      bytes += change
      total += change
    }
    const pageSize = ({ events, bytes }: Page) => events.reduce((sum, told) => sum + sizeOf(told), bytes)
    function drop(after: number, page: Page): void {
      far.delete(after)
      total -= pageSize(page)
    }
    /** Its events are the tail's, and counted there. */
    function setLatest(now: typeof latest): void {
      total += (now?.page.bytes ?? 0) - (latest?.page.bytes ?? 0)
      latest = now
    }
    function clear(): void {
      count(-bytes)
      tail = []
      setLatest(null)
      for (const [after, page] of far) drop(after, page)
      // Where this one is closed, another may stand there.
      if (forget.get(room) === clear) forget.delete(room)
    }
    /** The room that was touched last forgets last. */
    function touch(): void {
      forget.delete(room)
      forget.set(room, clear)
      for (const [other, clear] of forget) {
        if (total <= NODE_BYTES) break
        if (other !== room) clear()
      }
    }
    function trim(): void {
      let old = 0
      for (const told of tail) {
        if (tail.length - old <= MOST_EVENTS && bytes <= ROOM_BYTES) break
        count(-sizeOf(told))
        old++
      }
      tail.splice(0, old)
      touch()
    }
    const first = () => tail[0]?.seq ?? Number.POSITIVE_INFINITY
    const last = () => tail.at(-1)?.seq ?? Number.NEGATIVE_INFINITY
    const has = (after: number) => after + 1 >= first() && after < last()
    /** How many more events there is room for. */
    const space = () => Math.min(MOST_EVENTS - tail.length, Math.floor((ROOM_BYTES - bytes) / costOf(typical)))

    /** Remembers how large the events of this room are. */
    function learn(seen: EncodedEvent[]): void {
      if (seen.length > 0) typical = seen.reduce((sum, { frame }) => sum + frame.length, 0) / seen.length
    }

    /** As many of these as make a page. */
    function pageOf(all: Iterable<EncodedEvent>): Page {
      const events: EncodedEvent[] = []
      let bytes = 0
      for (const told of all) {
        if (bytes + told.frame.length > PAGE_BYTES && events.length > 0) break
        bytes += told.frame.length
        events.push(told)
      }
      let joined: Buffer | undefined
      const frames = () => {
        joined ??= concatenate(events.map(({ frame }) => frame))
        return joined
      }
      return { events, bytes, frames }
    }

    /** Puts what lies between a position and the tail before it. */
    async function load(after: number, upTo: number, floor: number): Promise<void> {
      if (after >= last()) clear()
      const end = Math.min(upTo, first() - 1)
      // Others come from a little further back.
      const span = Math.min(2 ** Math.ceil(Math.log2(Math.max(end - after, 64))), space())
      const entries = await log.read(room, Math.max(floor, end - span), end, span, ROOM_BYTES - bytes)
      const before = entries.map(toTold)
      learn(before)
      if (closed || before.at(-1)?.seq !== end || (tail.length > 0 && first() !== end + 1)) return
      for (const told of before) count(sizeOf(told))
      tail = [...before, ...tail]
      trim()
    }

    /** A page of the tail. */
    function recall(after: number): Page {
      if (latest?.after === after) return latest.page
      const page = pageOf(tail.slice(after + 1 - first()))
      setLatest({ after, page })
      return page
    }

    /** Keeps a page for those who come after. */
    function keep(after: number, page: Page): void {
      if (closed || page.events.length === 0) return
      far.set(after, page)
      total += pageSize(page)
      for (const [oldest, page] of far) {
        if (far.size <= FAR_PAGES) break
        drop(oldest, page)
      }
      touch()
    }

    /** A page from further back than the tail goes. Pages end at round numbers: who began elsewhere soon reads the same ones. */
    async function read(after: number, upTo: number): Promise<Page> {
      const known = far.get(after) ?? reading.get(after)
      if (known) return known
      const step = 2 ** Math.floor(Math.log2(Math.min(Math.max(PAGE_BYTES / typical, 8), PAGE_EVENTS)))
      const end = Math.min(upTo, after - (after % step) + step)
      const made = log
        .read(room, after, end, step, PAGE_BYTES)
        .then((entries) => {
          // What does not fit is read again, and not kept, nor encoded, until then.
          function* lazily() {
            for (const entry of entries) yield toTold(entry)
          }
          const page = pageOf(lazily())
          learn(page.events)
          keep(after, page)
          return page
        })
        .finally(() => reading.delete(after))
      reading.set(after, made)
      return made
    }

    return {
      push(entry) {
        if (tail.length > 0 && last() + 1 !== entry.meta.seq) clear()
        const told = toTold(entry)
        tail.push(told)
        setLatest(null)
        count(sizeOf(told))
        trim()
      },
      async page(after, upTo, floor, tell) {
        readAt = performance.now()
        if (!has(after) && loading) await loading
        if (!has(after) && Math.min(upTo, first() - 1) - after <= space()) {
          loading ??= load(after, upTo, floor).finally(() => {
            loading = null
          })
          await loading
        }
        for (let told = false; !told; ) {
          const earlier = has(after) ? null : await read(after, upTo)
          // As the tail is then: who is told what it was before their turn came never arrives where much is written.
          told = await turn(() => {
            const page = has(after) ? recall(after) : earlier
            if (page) tell(page)
            return page !== null
          })
        }
      },
      readAt: () => readAt,
      close() {
        closed = true
        clear()
      },
    }
  }
}
