import type { RoomId } from '@cutroom/contract'
import type { Position } from '../../access/authorize.ts'
import { problem } from '../../errors.ts'
import type { Log, LogEntry } from '../log/log.ts'
import { createNews } from '../log/read-many.ts'
import { createReplayCaches, type Page, type ReplayCache, type TailOptions } from './replay-cache.ts'

/** Delivers one room's log to the local sockets in the room: each event once, in order. */
export interface Feed {
  /** Seq of the last event emitted here. */
  delivered(): number
  /** Resolves when at least `seq` was emitted here. Rejects when the log cannot be read. */
  reach(seq: number): Promise<void>
  /**
   * What a socket that was told everything up to `after` is told next, of what was emitted here: a page, never empty.
   * @param floor how far back may be read along for others
   * @param tell called once; nothing is emitted here between it and the code that awaits the promise
   * @throws problem unavailable where the log does not go back that far, or is another one; and what `tell` throws
   */
  page(after: number, floor: number, tell: (page: Page) => void): Promise<void>
  release(): void
}

export interface Feeds {
  /** The room's feed, opened at the room's head if there was none; kept until as many releases. */
  hold(room: RoomId): Promise<Feed>
  /** There may be news. A hint: lost, repeated and shuffled pokes do no harm. */
  poke(rooms: Iterable<RoomId>): void
  /** How many rooms are fed. */
  size(): number
  close(): Promise<void>
}

export interface FeedOptions extends TailOptions {
  log: Log
  /** Emits one event to the local sockets, synchronously. */
  deliver: (room: RoomId, entry: LogEntry) => void
  /** The history was exchanged or cut under us: nothing leads from what the sockets hold to what the log holds. */
  onLost: () => void
  /** Counts the events that were sent to a socket which catches up. */
  onReplayed?: (count: number) => void
  onError: (error: unknown, room?: RoomId) => void
  /** Milliseconds until the next look at the heads; what a lost hint costs at most. */
  sweepMs: () => number
  /** How long the cached end of a log is kept after its last reader, ms. */
  unreadMs: number
}

const closedRoom = () => problem('unavailable', 'The room was closed', { retryAfter: 1 })

interface Open {
  /** Created by the first replay: most rooms, each person's own above all, never need one. */
  tail: ReplayCache | null
  holds: number
  /** NaN until it is known, which no comparison holds for. */
  delivered: number
  /** Resolves when `delivered` is known. */
  opened: Promise<void>
  /** Ends when there is no more news, which in a room that is always written to may be never. */
  pumping: Promise<void> | null
  again: boolean
  /** Who waits for an event of the pump that runs. */
  waiting: { seq: number; arrived: () => void }[]
}

export function createFeeds({ log, encode, deliver, onLost, onReplayed, onError, sweepMs, unreadMs }: FeedOptions): Feeds {
  const feeds = new Map<RoomId, Open>()
  const openTail = createReplayCaches({ log, encode })
  let closed = false

  const news = createNews(log)

  async function pump(room: RoomId, feed: Open): Promise<void> {
    try {
      let more: boolean
      do {
        feed.again = false
        const { entries, more: further } = await news(room, feed.delivered)
        for (const entry of entries) {
          if (feeds.get(room) !== feed) return
          if (entry.meta.seq !== feed.delivered + 1) throw problem('unavailable', 'The log has a hole', { retryAfter: 1 })
          feed.delivered = entry.meta.seq
          feed.tail?.push(entry)
          deliver(room, entry)
        }
        resolveWaiters(feed)
        more = further
      } while (more || feed.again)
    } finally {
      // In the tick that saw no more news: a poke after it starts anew, none falls between.
      feed.pumping = null
      feed.waiting = []
    }
  }

  function resolveWaiters(feed: Open): void {
    if (feed.waiting.length === 0) return
    for (const { seq, arrived } of feed.waiting) if (seq <= feed.delivered) arrived()
    feed.waiting = feed.waiting.filter(({ seq }) => seq > feed.delivered)
  }

  /** Single flight: a poke while reading makes it read once more. */
  function advance(room: RoomId, feed: Open): Promise<void> {
    if (feed.pumping) {
      feed.again = true
      return feed.pumping
    }
    feed.pumping = feed.opened.then(() => pump(room, feed))
    return feed.pumping
  }

  let opening: { rooms: RoomId[]; positions: Promise<Map<RoomId, Position>> } | null = null
  /** One statement for all rooms that are opened in one turn: in a crowd of reconnects each person brings a user room. */
  function positionOf(room: RoomId): Promise<Position | undefined> {
    if (!opening) {
      const rooms: RoomId[] = []
      const positions = new Promise<void>((next) => setImmediate(next)).then(() => {
        opening = null
        return log.positions(rooms)
      })
      opening = { rooms, positions }
    }
    opening.rooms.push(room)
    return opening.positions.then((all) => all.get(room))
  }

  function open(room: RoomId): Open {
    const feed: Open = {
      holds: 0,
      delivered: Number.NaN,
      opened: Promise.resolve(),
      pumping: null,
      again: false,
      waiting: [],
      tail: null,
    }
    feed.opened = positionOf(room).then((position) => {
      if (!position) throw problem('not-found')
      feed.delivered = position.head
    })
    feed.opened.catch(() => {
      // A feed that never opened must not be found by the next join.
      if (feeds.get(room) === feed) feeds.delete(room)
    })
    feeds.set(room, feed)
    return feed
  }

  function clear(): void {
    for (const { tail } of feeds.values()) tail?.close()
    feeds.clear()
  }
  function lost(): void {
    clear()
    onLost()
  }
  log.onEpoch(lost)

  /** A replay after the cache was dropped reads the log, as the first one did. */
  function dropIdleCaches(): void {
    const before = performance.now() - unreadMs
    for (const feed of feeds.values()) {
      if (!feed.tail || feed.tail.readAt() > before) continue
      feed.tail.close()
      feed.tail = null
    }
  }

  async function sweep(): Promise<void> {
    dropIdleCaches()
    const before = new Map([...feeds].map(([room, feed]) => [room, feed.delivered]))
    for (const [room, { head, floor }] of await log.positions([...feeds.keys()])) {
      const feed = feeds.get(room)
      if (!feed) continue
      // The head went back under an unchanged name (files of yesterday were put back), or retention overtook a node that
      // was cut off for longer.
      if (head < (before.get(room) ?? 0) || floor > feed.delivered) return lost()
      // One room's trouble is not the others', nor is its length.
      if (head > feed.delivered) advance(room, feed).catch((error) => onError(error, room))
    }
  }

  let sweeping: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout
  const rest = () => {
    timer = setTimeout(() => {
      sweeping = sweep()
        .catch((error) => onError(error))
        .finally(() => {
          if (!closed) rest()
        })
    }, sweepMs())
    timer.unref()
  }
  rest()

  /** A class, since each socket holds two: closures for each would cost it a kilobyte. */
  class Held implements Feed {
    #released = false
    readonly #room: RoomId
    readonly #feed: Open

    constructor(room: RoomId, feed: Open) {
      this.#room = room
      this.#feed = feed
    }

    delivered(): number {
      return this.#feed.delivered
    }

    async reach(seq: number): Promise<void> {
      const feed = this.#feed
      while (feed.delivered < seq) {
        if (feeds.get(this.#room) !== feed) throw closedRoom()
        const before = feed.delivered
        const pumped = advance(this.#room, feed)
        const arrived = new Promise<void>((arrived) => feed.waiting.push({ seq, arrived }))
        await Promise.race([pumped, arrived])
        if (feed.delivered === before) throw problem('unavailable', 'The log does not reach that far', { retryAfter: 1 })
      }
    }

    async page(after: number, floor: number, tell: (page: Page) => void): Promise<void> {
      const feed = this.#feed
      if (feeds.get(this.#room) !== feed) throw closedRoom()
      feed.tail ??= openTail(this.#room)
      await feed.tail.page(after, feed.delivered, floor, (page) => {
        if (feeds.get(this.#room) !== feed) throw closedRoom()
        if (page.events.length === 0) throw problem('unavailable', 'The log moved under the reader', { retryAfter: 1 })
        tell(page)
        onReplayed?.(page.events.length)
      })
    }

    release(): void {
      if (this.#released) return
      this.#released = true
      if (--this.#feed.holds > 0) return
      this.#feed.tail?.close()
      if (feeds.get(this.#room) === this.#feed) feeds.delete(this.#room)
    }
  }

  return {
    async hold(room) {
      if (closed) throw problem('unavailable', 'The server is stopping', { retryAfter: 1 })
      const feed = feeds.get(room) ?? open(room)
      feed.holds++
      const held = new Held(room, feed)
      try {
        await feed.opened
      } catch (error) {
        held.release()
        throw error
      }
      return held
    },
    poke(rooms) {
      for (const room of rooms) {
        const feed = feeds.get(room)
        if (feed) advance(room, feed).catch((error) => onError(error, room))
      }
    },
    size: () => feeds.size,
    async close() {
      closed = true
      clearTimeout(timer)
      const running = [...feeds.values()].map((feed) => feed.pumping?.catch(() => {}))
      clear()
      await Promise.all([sweeping, ...running])
    },
  }
}
