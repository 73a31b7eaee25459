import type { RoomId } from '../contract/index.ts'
import { problem } from '../errors.ts'
import { END, type Log, type LogEntry } from './log.ts'

/** Delivers one room's log to the local sockets in the room: each event once, in order. */
export interface Feed {
  /** Seq of the last event emitted here. */
  delivered(): number
  /** Resolves when at least `seq` was emitted here. Rejects when the log cannot be read. */
  reach(seq: number): Promise<void>
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

export interface FeedOptions {
  log: Log
  /** Emits one event to the local sockets, synchronously. */
  deliver: (room: RoomId, entry: LogEntry) => void
  /** The history was exchanged or cut under us: nothing leads from what the sockets hold to what the log holds. */
  onLost: () => void
  onError: (error: unknown, room?: RoomId) => void
  /** Milliseconds until the next look at the heads; what a lost hint costs at most. */
  sweepMs: () => number
}

const PAGE = 500

interface Open {
  holds: number
  /** NaN until it is known, which no comparison holds for. */
  delivered: number
  /** Resolves when `delivered` is known. */
  opened: Promise<void>
  pumping: Promise<void> | null
  again: boolean
}

export function createFeeds({ log, deliver, onLost, onError, sweepMs }: FeedOptions): Feeds {
  const feeds = new Map<RoomId, Open>()
  let closed = false

  async function pump(room: RoomId, feed: Open): Promise<void> {
    try {
      let more: boolean
      do {
        feed.again = false
        const page = await log.read(room, feed.delivered, END, PAGE)
        for (const entry of page) {
          if (feeds.get(room) !== feed) return
          feed.delivered = entry.meta.seq
          deliver(room, entry)
        }
        more = page.length === PAGE
      } while (more || feed.again)
    } finally {
      // In the tick that saw no more news: a poke after it starts anew, none falls between.
      feed.pumping = null
    }
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

  function open(room: RoomId): Open {
    const feed: Open = { holds: 0, delivered: Number.NaN, opened: Promise.resolve(), pumping: null, again: false }
    feed.opened = log.position(room).then((position) => {
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

  function lost(): void {
    feeds.clear()
    onLost()
  }
  log.onEpoch(lost)

  async function sweep(): Promise<void> {
    const before = new Map([...feeds].map(([room, feed]) => [room, feed.delivered]))
    for (const [room, { head, floor }] of await log.positions([...feeds.keys()])) {
      const feed = feeds.get(room)
      if (!feed) continue
      // The head went back under an unchanged name (files of yesterday were put back), or retention overtook a node that
      // was cut off for longer.
      if (head < (before.get(room) ?? 0) || floor > feed.delivered) return lost()
      // One room's trouble is not the others'.
      if (head > feed.delivered) await advance(room, feed).catch((error) => onError(error, room))
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

  return {
    async hold(room) {
      if (closed) throw problem('unavailable', 'The server is stopping', { retryAfter: 1 })
      const feed = feeds.get(room) ?? open(room)
      feed.holds++
      let released = false
      const release = () => {
        if (released) return
        released = true
        if (--feed.holds === 0 && feeds.get(room) === feed) feeds.delete(room)
      }
      try {
        await feed.opened
      } catch (error) {
        release()
        throw error
      }
      return {
        delivered: () => feed.delivered,
        async reach(seq) {
          while (feed.delivered < seq) {
            if (feeds.get(room) !== feed) throw problem('unavailable', 'The room was closed', { retryAfter: 1 })
            const before = feed.delivered
            await advance(room, feed)
            if (feed.delivered === before) throw problem('unavailable', 'The log does not reach that far', { retryAfter: 1 })
          }
        },
        release,
      }
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
      feeds.clear()
      await Promise.all([sweeping, ...running])
    },
  }
}
