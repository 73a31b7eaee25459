import { type EventName, events, type Payload, type RoomId, userRoom } from '@cutroom/contract'
import type { Query, RankedTable, Rows, Statement, Transaction, Tx } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import { problem } from '../../errors.ts'
import type { Key } from './idempotency.ts'

/** Who writes. `mutationId` is the Idempotency-Key; it comes back in the events' meta. */
export interface Actor {
  id: string
  name: string
  mutationId?: string | undefined
}

/** An event as a row holds it. */
interface EventRow {
  name: EventName
  /** JSON. */
  payload: string
  /** Its length in UTF-8. */
  bytes: number
  label: string | null
}

/**
 * Adds an event to the write. It is in the log when, and only when, the write commits.
 * @param label the name of the changed thing, for the activity feed, where the payload does not contain it
 * @returns the payload as the log will hold it
 */
export type Emit = <N extends EventName>(room: RoomId, name: N, payload: Payload<N>, label?: string) => Payload<N>

/**
 * Adds the same event to each of many rooms, at the end of the write, however many there are.
 * @param rooms a query with one column, `room`; rooms that do not exist are passed over
 */
export type EmitAll = <N extends EventName>(rooms: Statement, name: N, payload: Payload<N>, label?: string) => void

/** A row with its new rank. */
export interface Reranked {
  id: string
  rank: string
  version: number
}

/** One transaction. `query` runs hand-written SQL in it, `insert` makes a row: it travels with what comes next. */
export interface Write {
  tx: Tx
  query: Query
  insert: <T extends keyof Rows>(table: T, row: Rows[T]) => void
  /** Sends a statement that fails, and the write with it, where an assumption of the writer does not hold. */
  assert: (statement: Statement) => void
  emit: Emit
  emitAll: EmitAll
  /** Gives rows new ranks, in one statement, and each its next version. @returns those that still had the rank they `was` at */
  rerank: (table: RankedTable, rows: { id: string; was: string; rank: string }[], at: Date) => Promise<Reranked[]>
  /**
   * Saves the answer to an Idempotency-Key with the rows: as the event that has it as its payload, else as a copy.
   * @param room who may see the answer again: the members of a project, or a person
   */
  saveResponse: (key: Key, body: unknown, room: RoomId) => void
  /** Calls `report` after the commit with the head of the room's log, in which the events of this write are. The last call counts. */
  reportHead: (room: RoomId, report: (head: number) => void) => void
}

interface PendingEvent extends EventRow {
  id: string
  room: RoomId
}

/** The events of one write. */
export interface PendingEvents {
  single: PendingEvent[]
  /** Payloads and the events that have them: a payload often is the answer, too. */
  byPayload: Map<unknown, PendingEvent>
  toMany: (EventRow & { rooms: Statement; count: number })[]
  head: { room: RoomId; report: (head: number) => void } | null
}

/** The last statement for one row of each table: rows of one table are inserted with the same columns. */
const insertions = new Map<string, { columns: string[]; text: string }>()

/** `($1, $2, …), ($9, …)` */
const placeholders = (rows: number, columns: number): string =>
  Array.from({ length: rows }, (_, row) => `(${Array.from({ length: columns }, (_, n) => `$${row * columns + n + 1}`)})`).join()

/** One statement for rows of one shape. Table and columns are names of the schema, values go beside them. */
function insertion(table: string, rows: object[]): Statement {
  const [row = {}] = rows
  const columns = Object.keys(row)
  const values: unknown[] = []
  // Times in the form that Postgres and V8 have in common: node-postgres's own takes ten times as long.
  for (const each of rows)
    for (const value of Object.values(each)) values.push(value instanceof Date ? value.toISOString() : value)
  const known = rows.length === 1 ? insertions.get(table) : undefined
  if (known?.columns.length === columns.length && columns.every((name, n) => name === known.columns[n]))
    return { text: known.text, values }
  const invalid = columns.find((name) => !/^[a-zA-Z][a-zA-Z0-9]*$/.test(name))
  if (invalid !== undefined) throw new RangeError(`${table} has no column ${invalid}`)
  const names = columns.map((name) => `"${name}"`)
  const text = `INSERT INTO "${table}" (${names}) VALUES ${placeholders(rows.length, columns.length)}`
  if (rows.length === 1) insertions.set(table, { columns, text })
  return { text, values }
}

/** Gives rows new ranks. A row that has moved since it was read keeps the rank it moved to. */
function reranking(table: string, rows: { id: string; was: string; rank: string }[], at: Date): Statement {
  const text = `UPDATE "${table}" t SET rank = n.rank, version = t.version + 1, "updatedAt" = $4
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n(id, was, rank)
    WHERE t.id = n.id AND t.rank = n.was RETURNING t.id, t.rank, t.version`
  const column = <K extends 'id' | 'was' | 'rank'>(name: K) => rows.map((row) => row[name])
  return { text, values: [column('id'), column('was'), column('rank'), at.toISOString()] }
}

/**
 * Inserts one event into each room of a query, and returns the rooms. The counters are locked in one order for all writers, and until the
 * commit: `seq` is in commit order here, too.
 */
export function eventForAll(
  actor: Actor | null,
  { rooms, name, payload, bytes, label }: EventRow & { rooms: Statement },
): Statement {
  const first = rooms.values.length
  const [$name, $payload, $bytes, $label, $actorId, $actorName, $mutationId] = Array.from(
    { length: 7 },
    (_, n) => `$${first + n + 1}`,
  )
  const text = `WITH receivers AS MATERIALIZED (${rooms.text}), counters AS MATERIALIZED (
      SELECT r.id FROM "Room" r WHERE r.id IN (SELECT room FROM receivers) ORDER BY r.id COLLATE "C" FOR UPDATE
    ), stamped AS (UPDATE "Room" r SET head = r.head + 1 FROM counters c WHERE r.id = c.id RETURNING r.id, r.head)
    INSERT INTO "Event" (id, room, seq, name, payload, bytes, label, "actorId", "actorName", "mutationId", at)
    SELECT event_id(), s.id, s.head, ${$name}::text, ${$payload}::json, ${$bytes}::int, ${$label}::text,
      ${$actorId}::uuid, ${$actorName}::text, ${$mutationId}::text, clock_timestamp() FROM stamped s RETURNING room`
  const { id = null, name: actorName = null, mutationId = null } = actor ?? {}
  return { text, values: [...rooms.values, name, payload, bytes, label, id, actorName, mutationId] }
}

/** Postgres takes at most 65,535 parameters in one statement. */
const MAX_ROWS = 4_096

/** Inserts events. Rooms come in one order for all writers, so that the counters inside COMMIT are never locked crosswise. */
function eventInsertions(actor: Actor | null, events: readonly PendingEvent[]): Statement[] {
  const [actorId, actorName, mutationId] = [actor?.id ?? null, actor?.name ?? null, actor?.mutationId ?? null]
  const rows = events
    .map((event) => ({ ...event, actorId, actorName, mutationId }))
    .sort((a, b) => (a.room < b.room ? -1 : a.room > b.room ? 1 : 0))
  const statements: Statement[] = []
  // By powers of two: each number of rows is a statement of its own, of which every connection keeps a plan.
  for (let i = 0, count = 0; i < rows.length; i += count) {
    count = Math.min(2 ** Math.floor(Math.log2(rows.length - i)), MAX_ROWS)
    statements.push(insertion('Event', rows.slice(i, i + count)))
  }
  return statements
}

/**
 * The last statement before COMMIT of a write with several events, or with none: stamps them, and returns the head of a room's log with
 * them.
 */
const headAfterWrite = (room: string): Statement => ({ text: 'SELECT head_after_write($1)', values: [room] })

const STAMPED = `WITH counter AS (UPDATE "Room" SET "head" = "head" + 1 WHERE "id" = $2 RETURNING "head")
  INSERT INTO "Event" ("id", "room", "seq", "at", "name", "payload", "bytes", "label", "actorId", "actorName", "mutationId")
  VALUES ($1, $2, (SELECT "head" FROM counter), clock_timestamp(), $3, $4, $5, $6, $7, $8, $9) RETURNING "seq"`

/**
 * The last statement before COMMIT of a write with one event: takes the next position, inserts the event there, and returns it. Where there is
 * no such room the event has no position, and the trigger `event_stamp` fails the write.
 */
function stampedInsertion(actor: Actor | null, { id, room, name, payload, bytes, label }: PendingEvent): Statement {
  return {
    text: STAMPED,
    values: [id, room, name, payload, bytes, label, actor?.id ?? null, actor?.name ?? null, actor?.mutationId ?? null],
  }
}

/** @throws problem internal where the payload does not fit its schema */
function toRow<N extends EventName>(name: N, payload: Payload<N>, label: string | undefined) {
  const parsed = events[name].safeParse(payload)
  if (!parsed.success)
    throw problem('internal', undefined, undefined, {
      cause: new Error(`${name} does not fit its schema`, { cause: parsed.error }),
    })
  const json = JSON.stringify(parsed.data)
  const row: EventRow = { name, payload: json, bytes: Buffer.byteLength(json), label: label ?? null }
  return { data: parsed.data as Payload<N>, row }
}

/** A write on a transaction. Rows are sent with what comes next, events are collected in `pending`. */
export function openWrite(transaction: Transaction, pending: PendingEvents): Write {
  const { query, send } = transaction
  return {
    get tx() {
      return transaction.tx
    },
    query,
    insert: (table, row) => send(insertion(table, [row])),
    assert: send,
    emit(room, name, payload, label) {
      const { data, row } = toRow(name, payload, label)
      const event = { id: newId(), room, ...row }
      pending.byPayload.set(data, event)
      pending.single.push(event)
      return data
    },
    emitAll: (rooms, name, payload, label) => void pending.toMany.push({ rooms, count: 0, ...toRow(name, payload, label).row }),
    reportHead(room, report) {
      pending.head = { room, report }
    },
    rerank: (table, rows, at) => query(reranking(table, rows, at)),
    saveResponse({ userId, key, fingerprint }, body, room) {
      const eventId = pending.byPayload.get(body)?.id ?? null
      // A write with an event for the writer's user room and no body left or deleted the project: its answer stays visible to the writer.
      const ownRoom = userRoom(userId)
      const visibleIn = body === undefined && pending.single.some((event) => event.room === ownRoom) ? ownRoom : room
      const answer = eventId === null ? JSON.stringify({ room: visibleIn, body }) : null
      send(insertion('IdempotencyKey', [{ userId, key, fingerprint, eventId, answer }]))
    },
  }
}

/**
 * Sends the events of single rooms, when all have been collected, but for what can go with COMMIT.
 * @returns the statement that goes with COMMIT and returns the head of the room that is asked for
 */
export function sendEvents(
  { send }: Transaction,
  actor: Actor | null,
  { single, toMany, head }: PendingEvents,
): Statement | undefined {
  const [event] = single
  // One event, as most writes have, is one statement and one row version, for three and two: in one project 1,203 writes per second at
  // 787 µs of Postgres for 1,054 at 869 (0.96 of the bench's limit for 0.84, `npm run bench -- hot`).
  if (event && single.length === 1 && toMany.length === 0 && (head === null || head.room === event.room))
    return stampedInsertion(actor, event)
  for (const statement of eventInsertions(actor, single)) send(statement)
  return head ? headAfterWrite(head.room) : undefined
}
