import { type RoomId, userRoom } from '@cutroom/contract'
import type { Caller } from '../../access/sessions.ts'
import type { Feed } from '../delivery/feed.ts'
import type { Feeds } from '../delivery/feeds.ts'
import { accessEventOf } from '../kinds.ts'
import type { LogEntry } from '../log/log.ts'

/** What a caller without a socket is told of a room. Its functions do not throw. */
export interface Watcher {
  /** An event was delivered in the room. */
  onEntry(entry: LogEntry): void
  onSessionEnded(): void
  /** The server stops, or the log is another one. */
  onLost(): void
}

export interface Watch {
  /** The feed of the room. */
  feed: Feed
  /** Releases what it holds; also a second time. */
  close(): void
}

/**
 * Watches a room for one caller, and their own room for the end of their session, as a socket does.
 * @param where `head` has been delivered in the room when it resolves
 * @param assertSession throws where the session has ended
 * @throws problem not-found | session-revoked | unavailable
 */
export async function watchRoom(
  where: { feeds: Feeds; room: RoomId; caller: Caller; head: number },
  assertSession: () => Promise<unknown>,
  watcher: Watcher,
): Promise<Watch> {
  const { feeds, room, caller, head } = where
  const held: (() => void)[] = []
  const close = () => {
    for (const release of held.splice(0)) release()
  }
  async function follow(each: RoomId, listener: (entry: LogEntry) => void): Promise<Feed> {
    const feed = await feeds.acquire(each)
    held.push(() => feed.release())
    held.push(feed.follow({ onEntry: listener, onClosed: () => watcher.onLost() }))
    return feed
  }
  try {
    await follow(userRoom(caller.userId), (entry) => {
      const event = accessEventOf(entry)
      if (event?.type === 'session-ended' && event.sessionId === caller.sessionId) watcher.onSessionEnded()
    })
    const feed = await follow(room, (entry) => watcher.onEntry(entry))
    // An end before this is seen here, a later one is delivered.
    await assertSession()
    await feed.waitFor(head)
    return { feed, close }
  } catch (error) {
    close()
    throw error
  }
}
