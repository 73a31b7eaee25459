import type { RoomId } from '@cutroom/contract'
import type { Log, News } from './log.ts'

/** Events of one room in one go: no more than its sockets can be told. */
const EVENTS = 100
/** Payloads of one room, and of all rooms of a statement, bytes; one event of each room is read in any case. */
const ROOM_BYTES = 1024 * 1024
const READ_BYTES = 4 * 1024 * 1024
/** Rooms that are read in one statement, and statements under way at a time. */
const ROOMS = 25
const READS = 2

interface Asked {
  room: RoomId
  after: number
  resolve: (news: News) => void
  reject: (error: unknown) => void
}

/**
 * Reads what rooms hold after a position, at most a page each. Rooms that have news while others are read are read together: the more
 * is written, the less each room costs.
 */
export function createNews(log: Log): (room: RoomId, after: number) => Promise<News> {
  const asked: Asked[] = []
  let reads = 0

  function readMore(): void {
    if (reads === READS || asked.length === 0) return
    reads++
    const batch = asked.splice(0, ROOMS)
    log
      .news(batch, EVENTS, Math.min(ROOM_BYTES, Math.floor(READ_BYTES / batch.length)))
      .then(
        (found) => {
          for (const { room, resolve } of batch) resolve(found.get(room) ?? { entries: [], more: false })
        },
        (error: unknown) => {
          for (const { reject } of batch) reject(error)
        },
      )
      .finally(() => {
        reads--
        readMore()
      })
  }

  return (room, after) =>
    new Promise((resolve, reject) => {
      asked.push({ room, after, resolve, reject })
      readMore()
    })
}
