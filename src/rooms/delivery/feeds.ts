import type { RoomId } from '@cutroom/contract'
import type { Position } from '../../access/sessions.ts'
import { problem } from '../../errors.ts'
import type { Log, LogEntry } from '../log/log.ts'
import { encodeEvent } from './event-text.ts'
import { Feed, type FeedContext } from './feed.ts'
import { createReplayCaches, type ReplayCacheOptions } from './replay-cache.ts'

/** The feeds of one node. */
export interface Feeds {
  /** The room's feed, opened at the room's head if there was none. The caller has to release it, once. */
  acquire(room: RoomId): Promise<Feed>
  /** A hint that rooms may have news. Lost, repeated and shuffled ones do no harm. */
  poke(rooms: Iterable<RoomId>): void
  /** How many feeds there are. */
  size(): number
  close(): Promise<void>
}

export interface FeedsOptions extends ReplayCacheOptions, Pick<FeedContext, 'deliver' | 'onReplayed'> {
  log: Log
  /** Encodes an entry as `activity:new`; empty where it is none. */
  encodeActivity: (entry: LogEntry) => Buffer
  /** The epoch changed or retention passed this node: all local sockets must reload. */
  onLost: () => void
  onError: (error: unknown, room?: RoomId) => void
  /** Milliseconds until the next sweep, which is the longest delay that a lost hint causes. */
  sweepMs: () => number
  /** How long a replay cache is kept after its last reader, ms. */
  unreadMs: number
  createReplayCaches?: typeof createReplayCaches | undefined
}

/** Positions of all rooms that are asked for in one tick, in one statement: in a crowd of reconnects each person brings a user room. */
function createPositionReader(log: Pick<Log, 'positions'>): (room: RoomId) => Promise<Position | undefined> {
  let batch: { rooms: RoomId[]; positions: Promise<Map<RoomId, Position>> } | null = null
  function startBatch() {
    const rooms: RoomId[] = []
    const positions = new Promise<void>((next) => setImmediate(next)).then(() => {
      batch = null
      return log.positions(rooms)
    })
    return { rooms, positions }
  }
  return async (room) => {
    batch ??= startBatch()
    batch.rooms.push(room)
    return (await batch.positions).get(room)
  }
}

/** Opens feeds for the rooms that have local sockets, and finds by a sweep of the heads what lost hints left. */
export function createFeeds(options: FeedsOptions): Feeds {
  const { log, encode, encodeActivity, deliver, onReplayed, onLost, onError, sweepMs, unreadMs } = options
  const feeds = new Map<RoomId, Feed>()
  const makeCaches = options.createReplayCaches ?? createReplayCaches
  const context: FeedContext = {
    log,
    positionOf: createPositionReader(log),
    createReplayCache: {
      socket: makeCaches({ log, encode }),
      activity: makeCaches({ log, encode: encodeActivity }),
      stream: makeCaches({ log, encode: encodeEvent }),
    },
    deliver,
    onReplayed,
    onClosed(feed) {
      if (feeds.get(feed.room) === feed) feeds.delete(feed.room)
    },
  }
  let closed = false

  function closeAll(): Promise<unknown> {
    const closing = [...feeds.values()].map((feed) => feed.close())
    feeds.clear()
    return Promise.all(closing)
  }
  function lose(): void {
    void closeAll()
    onLost()
  }
  log.onEpoch(lose)

  const advance = (feed: Feed) => void feed.advance().catch((error) => onError(error, feed.room))

  async function sweep(): Promise<void> {
    const unreadSince = performance.now() - unreadMs
    for (const feed of feeds.values()) feed.dropReplayCaches(unreadSince)
    const deliveredBefore = new Map([...feeds].map(([room, feed]) => [room, feed.isOpen ? feed.delivered() : 0]))
    for (const [room, { head, floor }] of await log.positions([...feeds.keys()])) {
      const feed = feeds.get(room)
      if (!feed?.isOpen) continue
      const delivered = feed.delivered()
      // The head went back under an unchanged epoch (older files were put back), or retention overtook a node that was cut off.
      if (head < (deliveredBefore.get(room) ?? 0) || floor > delivered) return lose()
      // Rooms are read side by side: neither an error nor the length of one delays the others.
      if (head > delivered) advance(feed)
    }
  }

  let sweeping: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout
  function scheduleSweep(): void {
    timer = setTimeout(() => {
      sweeping = sweep()
        .catch((error) => onError(error))
        .finally(() => {
          if (!closed) scheduleSweep()
        })
    }, sweepMs())
    timer.unref()
  }
  scheduleSweep()

  return {
    async acquire(room) {
      if (closed) throw problem('unavailable', 'The server is stopping', { retryAfter: 1 })
      const feed = feeds.get(room) ?? new Feed(room, context)
      feeds.set(room, feed)
      return feed.acquire()
    },
    poke(rooms) {
      for (const room of rooms) {
        const feed = feeds.get(room)
        if (feed) advance(feed)
      }
    },
    size: () => feeds.size,
    async close() {
      closed = true
      clearTimeout(timer)
      await Promise.all([sweeping, closeAll()])
    },
  }
}
