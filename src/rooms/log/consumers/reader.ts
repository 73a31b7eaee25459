import type { RoomId } from '@cutroom/contract'
import type { Query } from '../../../db/client.ts'
import { type EntryRow, type LogEntry, toEntry } from '../entries.ts'
import { type Place, statements } from './statements.ts'

/** Rooms of one statement; events and payload bytes of one room, payload bytes of one statement; positions that are looked at. */
export const MAX_ROOMS = 50
const MAX_EVENTS = 100
const MAX_ROOM_BYTES = 1024 * 1024
const MAX_STATEMENT_BYTES = 4 * 1024 * 1024
const MAX_SPAN = 1_000

export interface ReadRequest {
  consumer: string
  /** Names of wanted events, by commas. */
  names: string
  room: RoomId
  /** Where the leader has got to; 0: as the cursor says. */
  after: number
}

/** The next wanted events of a room for one consumer. */
export interface RoomPage {
  room: RoomId
  floor: number
  /** The cursor in the database. */
  saved: number
  entries: LogEntry[]
  /** There is no wanted event between the last one, if any, and this position. */
  upto: number
  /** There may be further ones. */
  more: boolean
  /** The oldest failed event that the cursor has not passed; `waits`: its time has not come. */
  retry: { seq: number; attempt: number; waits: boolean } | null
}

interface PageRow extends Omit<EntryRow, 'id'> {
  n: string
  room: RoomId
  id: string | null
  floor: string
  saved: string
  upto: string
  beyond: boolean
  found: string | null
  retrySeq: string | null
  retryAttempt: number
  retryWaits: boolean
}

export interface ConsumerReader {
  /** Pages by room; without those that do not exist. Requests of one tick share a statement. */
  read(requests: readonly ReadRequest[]): Promise<Map<RoomId, RoomPage>>
  /** An event to be tried again, null where retention has taken it; null where it is not to be tried again. */
  readRetry(place: Place): Promise<{ attempt: number; event: LogEntry | null } | null>
}

function addRow(pages: Map<RoomId, RoomPage>, row: PageRow, epoch: string): void {
  const { room, retrySeq } = row
  const page = pages.get(room) ?? {
    room,
    floor: Number(row.floor),
    saved: Number(row.saved),
    entries: [],
    upto: Number(row.upto),
    more: row.beyond,
    retry: retrySeq === null ? null : { seq: Number(retrySeq), attempt: row.retryAttempt, waits: row.retryWaits },
  }
  pages.set(room, page)
  if (row.id !== null) page.entries.push(toEntry(room, epoch, { ...row, id: row.id }))
}

/** A page that was cut short ends at its last event. */
function endPage(page: RoomPage, found: number): RoomPage {
  const last = page.entries.at(-1)
  if (last === undefined || (page.entries.length === found && found < MAX_EVENTS)) return page
  return { ...page, upto: last.meta.seq, more: true }
}

interface Waiting {
  requests: readonly ReadRequest[]
  resolve: (pages: Map<RoomId, RoomPage>) => void
  reject: (error: unknown) => void
}

/**
 * Reads the log for consumers.
 * @param epoch of the log, for the meta of events
 */
export function createConsumerReader(query: Query, epoch: () => string): ConsumerReader {
  let batch: Waiting[] = []

  async function runBatch(waiting: Waiting[]): Promise<void> {
    const all = waiting.flatMap(({ requests }) => requests)
    const column = <K extends keyof ReadRequest>(name: K) => all.map((request) => request[name])
    const bytes = Math.min(MAX_ROOM_BYTES, Math.floor(MAX_STATEMENT_BYTES / all.length))
    const values = [column('consumer'), column('room'), column('after'), column('names'), MAX_EVENTS, bytes, MAX_SPAN]
    const rows = await query<PageRow>({ text: statements.read, values })
    const byRequest = all.map(() => [] as PageRow[])
    for (const row of rows) byRequest[Number(row.n) - 1]?.push(row)
    let from = 0
    for (const { requests, resolve } of waiting) {
      const pages = new Map<RoomId, RoomPage>()
      for (const of of byRequest.slice(from, from + requests.length)) {
        for (const row of of) addRow(pages, row, epoch())
        const [first] = of
        const page = first && pages.get(first.room)
        if (page) pages.set(page.room, endPage(page, Number(first.found)))
      }
      from += requests.length
      resolve(pages)
    }
  }

  function flush(): void {
    const waiting = batch
    batch = []
    // Each statement has the rooms of a few consumers.
    for (let from = 0; from < waiting.length; ) {
      let count = 0
      let to = from
      while (to < waiting.length && (to === from || count + (waiting[to]?.requests.length ?? 0) <= MAX_ROOMS))
        count += waiting[to++]?.requests.length ?? 0
      const part = waiting.slice(from, to)
      runBatch(part).catch((error: unknown) => {
        for (const { reject } of part) reject(error)
      })
      from = to
    }
  }

  return {
    read: (requests) =>
      new Promise((resolve, reject) => {
        if (batch.length === 0) setImmediate(flush)
        batch.push({ requests, resolve, reject })
      }),
    async readRetry({ consumer, room, seq }) {
      type Row = Omit<EntryRow, 'id'> & { id: string | null; retryAttempt: number }
      const [row] = await query<Row>({ text: statements.retry, values: [consumer, room, seq] })
      if (!row) return null
      const { id } = row
      return { attempt: row.retryAttempt, event: id === null ? null : toEntry(room as RoomId, epoch(), { ...row, id }) }
    },
  }
}
