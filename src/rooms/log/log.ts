import type { RoomId } from '@cutroom/contract'
import type { Position } from '../../access/sessions.ts'
import type { Database, Query } from '../../db/client.ts'
import {
  bounded,
  createEntryReader,
  ENTRY_COLUMNS,
  type EntryReader,
  type EntryRow,
  type LogEntry,
  READ_BYTES,
  toEntry,
} from './entries.ts'
import { EPOCH, FINGERPRINT, type Fingerprinted, type History, openHistory } from './history.ts'

export type { LogEntry } from './entries.ts'

/** A position of one history. */
export type EpochPosition = Position & { epoch: string }

/**
 * Reads the log. Rows come in `seq` order, which is commit order. Every answer is of the history that `epoch` names:
 * one of another history is thrown away (problem unavailable), and the listeners of `onEpoch` run.
 */
export interface Log extends Pick<History, 'epoch' | 'onEpoch'>, EntryReader {
  /**
   * Events with after < seq ≤ upTo, oldest first, at most `limit` with at most `bytes` of payloads, one at least. Without a hole; the
   * first ones are missing where retention has taken them.
   */
  read(room: RoomId, after: number, upTo: number, limit: number, bytes?: number): Promise<LogEntry[]>
  /**
   * A page after a position together with head and floor, in one snapshot; no entries below the floor. Null where the room does not
   * exist. On the connections of requests: a client that reads the log holds up no delivery.
   */
  page(room: RoomId, after: number, limit: number, bytes?: number): Promise<(EpochPosition & { entries: LogEntry[] }) | null>
  /** Head, floor and epoch as a transaction sees them; null where the room does not exist there. */
  positionIn(query: Query, room: RoomId): Promise<EpochPosition | null>
  /** Head and floor; null where the room does not exist. */
  position(room: RoomId): Promise<Position | null>
  /** How far these rooms are, and when their last events were (null: not kept any more). On the connections of requests. */
  ends(rooms: RoomId[]): Promise<Map<RoomId, { head: number; at: string | null }>>
  /** Positions of these rooms, in one statement, which also checks the epoch. */
  positions(rooms: RoomId[]): Promise<Map<RoomId, Position>>
}

const IN_RANGE = bounded('SELECT * FROM "Event" WHERE room = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4', '$5')
const ABOVE_FLOOR = bounded('SELECT * FROM "Event" WHERE room = r.id AND seq > $2 AND $2 >= r.floor ORDER BY seq LIMIT $3', '$4')

const READ = {
  name: 'log-read',
  text: `SELECT ${FINGERPRINT}, ${ENTRY_COLUMNS} FROM ${IN_RANGE} e ORDER BY e.seq`,
}
const PAGE = {
  name: 'log-page',
  text: `SELECT ${FINGERPRINT}, r.head, r.floor, ${ENTRY_COLUMNS} FROM "Room" r LEFT JOIN LATERAL ${ABOVE_FLOOR} e ON true
         WHERE r.id = $1 ORDER BY e.seq`,
}
const POSITION = { name: 'log-position', text: `SELECT ${FINGERPRINT}, head, floor FROM "Room" WHERE id = $1` }
const POSITIONS = {
  name: 'log-positions',
  text: `SELECT r.id, r.head, r.floor, h.* FROM (SELECT ${FINGERPRINT}, ${EPOCH}) h LEFT JOIN "Room" r ON r.id = ANY($1)`,
}
const ENDS = {
  name: 'log-ends',
  text: `SELECT ${FINGERPRINT}, r.id, r.head, e.at
         FROM "Room" r LEFT JOIN LATERAL (SELECT at FROM "Event" WHERE room = r.id AND seq = r.head LIMIT 1) e ON true WHERE r.id = ANY($1)`,
}

type Row = EntryRow & Fingerprinted
interface PositionRow extends Fingerprinted {
  head: string
  floor: string
}
const toPosition = ({ head, floor }: Pick<PositionRow, 'head' | 'floor'>): Position => ({
  head: Number(head),
  floor: Number(floor),
})

/**
 * @param readers connections for delivery
 * @param request runs what clients ask of the log, on other connections
 * @throws problem unavailable when the database is a standby
 */
export async function openLog(readers: Database['readers'], request?: Query): Promise<Log> {
  const history = await openHistory(readers)
  const { epoch, onEpoch, query, queryEpoch } = history

  return {
    epoch,
    onEpoch,
    ...createEntryReader(history),
    async read(room, after, upTo, limit, bytes = READ_BYTES) {
      const rows = await query<Row>({ ...READ, values: [room, after, upTo, limit, bytes] })
      return rows.map((row) => toEntry(room, epoch(), row))
    },
    async page(room, after, limit, bytes = READ_BYTES) {
      const rows = await query<(Row | { [K in keyof EntryRow]: null }) & PositionRow>(
        { ...PAGE, values: [room, after, limit, bytes] },
        request,
      )
      const [first] = rows
      if (!first) return null
      const entries = rows.flatMap((row) => (row.id === null ? [] : [toEntry(room, epoch(), row)]))
      return { ...toPosition(first), epoch: epoch(), entries }
    },
    async position(room) {
      const [row] = await query<PositionRow>({ ...POSITION, values: [room] })
      return row ? toPosition(row) : null
    },
    async positionIn(run, room) {
      const [row] = await query<PositionRow>({ ...POSITION, values: [room] }, run)
      return row ? { ...toPosition(row), epoch: epoch() } : null
    },
    async ends(rooms) {
      const rows = await query<Fingerprinted & { id: RoomId; head: string; at: Date | null }>(
        { ...ENDS, values: [rooms] },
        request,
      )
      return new Map(rows.map(({ id, head, at }) => [id, { head: Number(head), at: at?.toISOString() ?? null }]))
    },
    async positions(rooms) {
      const rows = await queryEpoch<PositionRow & { id: RoomId | null; epoch: string | null }>({ ...POSITIONS, values: [rooms] })
      return new Map(rows.flatMap((row) => (row.id === null ? [] : [[row.id, toPosition(row)]])))
    },
  }
}
