import type { Meta, RoomId } from '../contract/index.ts'
import type { Database } from '../db/client.ts'

/** One event as the log holds it. */
export interface LogEntry {
  name: string
  payload: Record<string, unknown>
  label: string | null
  meta: Meta
}

export interface Position {
  head: number
  floor: number
}

/** Reads the log. Rows come in `seq` order, which is commit order. */
export interface Log {
  /** Events with after < seq ≤ upTo, oldest first, at most `limit`. */
  read(room: RoomId, after: number, upTo: number, limit: number): Promise<LogEntry[]>
  /** Head and floor; null where the room does not exist. */
  position(room: RoomId): Promise<Position | null>
  /** Heads of these rooms, and the epoch, in one statement. */
  heads(rooms: RoomId[]): Promise<{ epoch: string; heads: Map<RoomId, number> }>
  /** The name of this history, as last seen. */
  epoch(): string
}

/**
 * One history of one database: another cluster, another database restored from a dump, or a promotion after which the
 * tail may be lost, all give another name. Positions of one epoch mean nothing in another.
 */
const EPOCH = `substr(md5(concat_ws('.',
  (SELECT system_identifier FROM pg_control_system()),
  CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,
  (SELECT oid FROM pg_database WHERE datname = current_database()))), 1, 12)`

interface Row {
  id: string
  seq: string
  name: string
  payload: Record<string, unknown>
  label: string | null
  actorId: string | null
  actorName: string | null
  mutationId: string | null
  at: Date
}

export async function openLog(readers: Database['readers']): Promise<Log> {
  const first = await readers.query<{ epoch: string }>(`SELECT ${EPOCH} AS epoch`)
  let epoch = first.rows[0]?.epoch ?? ''

  const toEntry = (room: RoomId, row: Row): LogEntry => ({
    name: row.name,
    payload: row.payload,
    label: row.label,
    meta: {
      room,
      seq: Number(row.seq),
      epoch,
      id: row.id,
      at: row.at.toISOString(),
      actor: row.actorId === null ? null : { id: row.actorId, name: row.actorName ?? '' },
      ...(row.mutationId !== null && { mutationId: row.mutationId }),
    },
  })

  return {
    async read(room, after, upTo, limit) {
      const { rows } = await readers.query<Row>({
        name: 'log-read',
        text: `SELECT id, seq, name, payload, label, "actorId", "actorName", "mutationId", at
               FROM "Event" WHERE room = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4`,
        values: [room, after, upTo, limit],
      })
      return rows.map((row) => toEntry(room, row))
    },
    async position(room) {
      const { rows } = await readers.query<{ head: string; floor: string }>({
        name: 'log-position',
        text: 'SELECT head, floor FROM "Room" WHERE id = $1',
        values: [room],
      })
      return rows[0] ? { head: Number(rows[0].head), floor: Number(rows[0].floor) } : null
    },
    async heads(rooms) {
      const { rows } = await readers.query<{ id: RoomId | null; head: string; epoch: string }>({
        name: 'log-heads',
        text: `SELECT r.id, r.head, e.epoch FROM (SELECT ${EPOCH} AS epoch) e LEFT JOIN "Room" r ON r.id = ANY($1)`,
        values: [rooms],
      })
      epoch = rows[0]?.epoch ?? epoch
      return { epoch, heads: new Map(rows.flatMap((row) => (row.id === null ? [] : [[row.id, Number(row.head)]]))) }
    },
    epoch: () => epoch,
  }
}

/** The highest `upTo`: everything there is. */
export const END = Number.MAX_SAFE_INTEGER
