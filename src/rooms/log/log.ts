import type { Meta, RoomId } from '@cutroom/contract'
import type { Position } from '../../access/sessions.ts'
import type { Database, Query, QueryResultRow, Statement } from '../../db/client.ts'
import { problem } from '../../errors.ts'

/** One event as the log holds it. */
export interface LogEntry {
  name: string
  payload: Record<string, unknown>
  label: string | null
  meta: Meta
}

/** Payloads that are read at a time, bytes, where the reader names no other bound. */
const READ_BYTES = 1024 * 1024

/**
 * Reads the log. Rows come in `seq` order, which is commit order. Every answer is of the history that `epoch` names:
 * one of another history is thrown away (problem unavailable), and `onEpoch` told.
 */
export interface Log {
  /**
   * Events with after < seq ≤ upTo, oldest first, at most `limit` with at most `bytes` of payloads, one at least; without a hole.
   * @throws problem unavailable where retention has taken the first of them
   */
  read(room: RoomId, after: number, upTo: number, limit: number, bytes?: number): Promise<LogEntry[]>
  /**
   * What each of these rooms holds after a position, in one statement; both bounds are each room's. A room whose log was cut there is
   * left to the reader of the positions.
   */
  news(rooms: readonly { room: RoomId; after: number }[], limit: number, bytes?: number): Promise<Map<RoomId, News>>
  /**
   * The same from `after` on, with the position, in one snapshot; no entries below the floor. Null where the room does not exist.
   * On the connections of requests: a client that reads the log holds up no delivery.
   */
  page(
    room: RoomId,
    after: number,
    limit: number,
    bytes?: number,
  ): Promise<(Position & { epoch: string; entries: LogEntry[] }) | null>
  /** Head, floor and epoch as a transaction sees them; null where the room does not exist there. */
  positionIn(query: Query, room: RoomId): Promise<(Position & { epoch: string }) | null>
  /** Head and floor; null where the room does not exist. */
  position(room: RoomId): Promise<Position | null>
  /** Positions of these rooms, in one statement, which also looks whether it still is the same history. */
  positions(rooms: RoomId[]): Promise<Map<RoomId, Position>>
  /** The name of this history, as last seen. */
  epoch(): string
  /** Told in the tick in which another history was seen: no position of the old one means anything now. */
  onEpoch(listener: () => void): void
}

/** What a room has new. */
export interface News {
  entries: LogEntry[]
  /** There are further events behind these. */
  more: boolean
}

/**
 * One history of one database. Another cluster (system identifier), a promotion after which the tail may be lost
 * (timeline), another database, and a dump restored into the same one (its tables are new files) all give another name.
 * Null on a standby, whose history is not ours to name, and where there are no tables yet.
 */
const EPOCH = `(SELECT CASE WHEN NOT pg_is_in_recovery() THEN substr(md5(
  (SELECT system_identifier FROM pg_control_system()) || '.' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
  || '.' || pg_relation_filepath(to_regclass('"Room"'))), 1, 12) END) AS epoch`
/**
 * Which server answers, and from which files: a tenth of the cost of EPOCH, so each row carries it. While it stays, the
 * epoch stays; a pool or proxy may have put any other server behind a connection that never broke.
 */
const MARK = `(SELECT hashtextextended(extract(epoch FROM pg_postmaster_start_time()) || pg_relation_filepath(to_regclass('"Room"')), 0)) AS mark`
const COLUMNS = 'e.id, e.seq, e.name, e.payload, e.label, e."actorId", e."actorName", e."mutationId", e.at'
/** As many of the events that are found as the bound allows, and how many there were. Payloads are not read for their length. */
const bounded = (found: string, bytes: string) => `(SELECT * FROM (
    SELECT *, row_number() OVER w AS n, sum(coalesce(bytes, octet_length(payload::text))) OVER w AS total, count(*) OVER () AS found
    FROM (${found}) e WINDOW w AS (ORDER BY seq ROWS UNBOUNDED PRECEDING)
  ) e WHERE n = 1 OR total <= ${bytes})`

const READ = bounded('SELECT * FROM "Event" WHERE room = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4', '$5')
const NEWS = bounded('SELECT * FROM "Event" WHERE room = r.room AND seq > r.after ORDER BY seq LIMIT $3', '$4')
const PAGE = bounded('SELECT * FROM "Event" WHERE room = r.id AND seq > $2 AND $2 >= r.floor ORDER BY seq LIMIT $3', '$4')
const POSITION = { name: 'log-position', text: `SELECT ${MARK}, head, floor FROM "Room" WHERE id = $1` }

type Named = Statement & { name: string }
interface At {
  mark: string
  head: string
  floor: string
}
interface History {
  mark: string
  epoch: string | null
}

interface Row {
  mark: string
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

const changed = () => problem('unavailable', 'The database has changed', { retryAfter: 1 })

/**
 * @param readers connections for delivery
 * @param request runs what clients ask of the log, on other connections
 * @throws problem unavailable when the database is a standby
 */
export async function openLog(readers: Database['readers'], request?: Query): Promise<Log> {
  let mark = ''
  let epoch = ''
  const listeners: (() => void)[] = []

  function settle(seen: History): void {
    if (seen.epoch === null) throw problem('unavailable', 'The database is a standby, or empty', { retryAfter: 1 })
    const before = epoch
    ;({ mark, epoch } = { mark: seen.mark, epoch: seen.epoch })
    if (before !== '' && before !== epoch) for (const listener of listeners) listener()
  }
  async function look(): Promise<void> {
    const { rows } = await readers.query<History>(`SELECT ${MARK}, ${EPOCH}`)
    for (const row of rows) settle(row)
  }
  const byReaders: Query = async <R extends QueryResultRow>(statement: Statement) =>
    (await readers.query<R>(statement as Named)).rows
  /** Runs a statement; its rows are of the history that had the name `epoch` when it was asked, and still has. */
  async function query<R extends { mark: string }>(statement: Named, run = byReaders): Promise<R[]> {
    const asked = epoch
    const rows = await run<R>(statement)
    const seen = rows[0]?.mark ?? mark
    if (seen !== mark) await look()
    if (seen !== mark || asked !== epoch) throw changed()
    return rows
  }
  await look()

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

  const toPosition = (row: { head: string; floor: string }): Position => ({ head: Number(row.head), floor: Number(row.floor) })

  return {
    async read(room, after, upTo, limit, bytes = READ_BYTES) {
      const rows = await query<Row>({
        name: 'log-read',
        text: `SELECT ${MARK}, ${COLUMNS}
               FROM ${READ} e
               ORDER BY e.seq`,
        values: [room, after, upTo, limit, bytes],
      })
      const entries = rows.map((row) => toEntry(room, row))
      // Only retention makes holes. The next join gets `reset`.
      if (entries[0] && entries[0].meta.seq !== after + 1)
        throw problem('unavailable', 'The log was cut before the reader came here', { retryAfter: 1 })
      return entries
    },
    async news(rooms, limit, bytes = READ_BYTES) {
      const rows = await query<Row & { room: RoomId; found: string }>({
        name: 'log-news',
        text: `SELECT e.room, e.found, ${MARK}, ${COLUMNS} FROM unnest($1::text[], $2::bigint[]) AS r(room, after)
               CROSS JOIN LATERAL ${NEWS} e
               ORDER BY e.room, e.seq`,
        values: [rooms.map(({ room }) => room), rooms.map(({ after }) => after), limit, bytes],
      })
      const news = new Map<RoomId, News>(rooms.map(({ room }) => [room, { entries: [], more: false }]))
      for (const row of rows) {
        const one = news.get(row.room)
        one?.entries.push(toEntry(row.room, row))
        if (one) one.more = one.entries.length < Number(row.found) || one.entries.length === limit
      }
      return news
    },
    async page(room, after, limit, bytes = READ_BYTES) {
      const rows = await query<(Row | { [K in keyof Row]: null }) & { mark: string; head: string; floor: string }>(
        {
          name: 'log-page',
          text: `SELECT ${MARK}, r.head, r.floor, ${COLUMNS} FROM "Room" r LEFT JOIN LATERAL ${PAGE} e ON true
                 WHERE r.id = $1 ORDER BY e.seq`,
          values: [room, after, limit, bytes],
        },
        request,
      )
      const [first] = rows
      if (!first) return null
      return { ...toPosition(first), epoch, entries: rows.flatMap((row) => (row.id === null ? [] : [toEntry(room, row)])) }
    },
    async position(room) {
      const [row] = await query<At>({ ...POSITION, values: [room] })
      return row ? toPosition(row) : null
    },
    async positionIn(run, room) {
      const [row] = await query<At>({ ...POSITION, values: [room] }, run)
      return row ? { ...toPosition(row), epoch } : null
    },
    async positions(rooms) {
      const asked = epoch
      const { rows } = await readers.query<History & { id: RoomId | null; head: string; floor: string }>({
        name: 'log-positions',
        text: `SELECT r.id, r.head, r.floor, h.* FROM (SELECT ${MARK}, ${EPOCH}) h LEFT JOIN "Room" r ON r.id = ANY($1)`,
        values: [rooms],
      })
      // The answer of a server that a later answer has already replaced: it is ignored.
      if (asked !== epoch && rows[0]?.epoch !== epoch) throw changed()
      if (rows[0]) settle(rows[0])
      return new Map(rows.flatMap((row) => (row.id === null ? [] : [[row.id, toPosition(row)]])))
    },
    epoch: () => epoch,
    onEpoch: (listener) => void listeners.push(listener),
  }
}
