import { type EventName, events, type Payload, type RoomId, userRoom } from '@cutroom/contract'
import type { Database, Query, Rows, Statement, Tx } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import { databaseFault, problem } from '../../errors.ts'
import type { Key } from './idempotency.ts'

/** Who writes. `mutationId` is the Idempotency-Key; it comes back in the events' meta. */
export interface Actor {
  id: string
  name: string
  mutationId?: string | undefined
}

/**
 * Adds an event to the write. It is in the log when, and only when, the write commits.
 * @param label what people call the thing, for the activity feed, where the payload does not say it
 * @returns the payload as the log will hold it
 */
export type Emit = <N extends EventName>(room: RoomId, name: N, payload: Payload<N>, label?: string) => Payload<N>

/**
 * The same event for each of many rooms, at the end of the write, however many there are.
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
  /** Sends a statement that fails, and the write with it, where something is not as the writer thinks. */
  assert: (proof: Statement) => void
  emit: Emit
  emitAll: EmitAll
  /** Gives rows new ranks, in one statement, and each its next version. @returns those that still had the rank they `was` at */
  rerank: (table: 'Task' | 'Vibe' | 'Cut', rows: { id: string; was: string; rank: string }[], at: Date) => Promise<Reranked[]>
  /**
   * Saves the answer to an Idempotency-Key with the rows: as the event that has it as its payload, else as a copy.
   * @param room who may see the answer again: the members of a project, or a person
   */
  saveResponse: (key: Key, body: unknown, room: RoomId) => void
}

/** The one door for writes: rows and events in one transaction, then a wake-up. The callback may run more than once. */
export type Commit = <T>(actor: Actor | null, write: (door: Write) => Promise<T>) => Promise<T>

interface Logged {
  name: EventName
  /** JSON. */
  payload: string
  /** Its length in UTF-8. */
  bytes: number
  label: string | null
}

interface Pending extends Logged {
  id: string
  room: RoomId
}

export interface CommitOptions {
  begin: Database['begin']
  /** Told which rooms have news, after the commit. */
  poke: (rooms: Iterable<RoomId>) => void
  /** Counts the events of a commit, by name. */
  onCommitted?: ((name: EventName, count: number) => void) | undefined
  /** For tests and benches: runs in the transaction after the events were inserted, before COMMIT. */
  beforeCommit?: (() => Promise<void>) | undefined
}

const ATTEMPTS = 8
const pause = (attempt: number) => new Promise((done) => setTimeout(done, Math.random() * 5 * 2 ** attempt))

export function createCommit({ begin, poke, onCommitted, beforeCommit }: CommitOptions): Commit {
  async function attempt<T>(actor: Actor | null, write: (door: Write) => Promise<T>): Promise<{ result: T; rooms: Set<RoomId> }> {
    const pending: Pending[] = []
    /** Payloads and the events that have them: a payload often is the answer, too. */
    const written = new Map<unknown, Pending>()
    const toMany: (Logged & { rooms: Statement; count: number })[] = []
    function log<N extends EventName>(
      name: N,
      payload: Payload<N>,
      label: string | undefined,
    ): { data: Payload<N>; logged: Logged } {
      const parsed = events[name].safeParse(payload)
      if (!parsed.success)
        throw problem('internal', undefined, undefined, {
          cause: new Error(`${name} does not fit its schema`, { cause: parsed.error }),
        })
      const json = JSON.stringify(parsed.data)
      const logged = { name, payload: json, bytes: Buffer.byteLength(json), label: label ?? null }
      return { data: parsed.data as Payload<N>, logged }
    }
    const emit: Emit = (room, name, payload, label) => {
      const { data, logged } = log(name, payload, label)
      const event = { id: newId(), room, ...logged }
      written.set(data, event)
      pending.push(event)
      return data
    }
    const transaction = await begin()
    const { query, send } = transaction
    const door: Write = {
      get tx() {
        return transaction.tx
      },
      query,
      insert: (table, row) => send(insertion(table, [row])),
      assert: send,
      emit,
      emitAll: (rooms, name, payload, label) => void toMany.push({ rooms, count: 0, ...log(name, payload, label).logged }),
      rerank: (table, rows, at) => query(reranking(table, rows, at)),
      saveResponse(key, body, room) {
        const eventId = written.get(body)?.id ?? null
        // What a write without an answer told its writer stays theirs to hear again: they left the project, or deleted it.
        const own = userRoom(key.userId)
        const seenBy = body === undefined && pending.some((event) => event.room === own) ? own : room
        const answer = eventId === null ? JSON.stringify({ room: seenBy, body }) : null
        send(insertion('IdempotencyKey', [{ userId: key.userId, key: key.key, fingerprint: key.fingerprint, eventId, answer }]))
      },
    }
    let result: T
    const rooms = new Set<RoomId>()
    try {
      result = await write(door)
      for (const statement of eventInsertions(actor, pending)) send(statement)
      if (beforeCommit) {
        await transaction.settled()
        await beforeCommit()
      }
      // Counters are locked last, as in COMMIT.
      for (const each of toMany) {
        const reached = await query<{ room: RoomId }>(eventForAll(actor, each))
        each.count = reached.length
        for (const { room } of reached) rooms.add(room)
      }
    } catch (error) {
      throw await transaction.rollback(error)
    }
    await transaction.commit()
    for (const { room, name } of pending) {
      rooms.add(room)
      onCommitted?.(name, 1)
    }
    for (const { name, count } of toMany) onCommitted?.(name, count)
    return { result, rooms }
  }

  return async (actor, write) => {
    for (let n = 1; ; n++) {
      try {
        const { result, rooms } = await attempt(actor, write)
        poke(rooms)
        return result
      } catch (error) {
        // A deadlock ends well when tried again; a write that lost the race for a unique value (a rank, an e-mail) then
        // sees the winner and answers by the rules.
        // A wrong guess is not made twice.
        const fault = databaseFault(error)
        if ((fault !== 'serialization' && fault !== 'unique' && fault !== 'disproved') || n === ATTEMPTS) throw error
        if (fault !== 'disproved') await pause(n)
      }
    }
  }
}

/** The last shape of a row of each table: rows of one table are inserted with the same columns. */
const shapes = new Map<string, { columns: string[]; text: string }>()

/** `($1, $2, …), ($9, …)` */
const places = (rows: number, columns: number): string =>
  Array.from({ length: rows }, (_, row) => `(${Array.from({ length: columns }, (_, n) => `$${row * columns + n + 1}`)})`).join()

/** One statement for rows of one shape. Table and columns are names of the schema, values go beside them. */
function insertion(table: string, rows: object[]): Statement {
  const [row = {}] = rows
  const columns = Object.keys(row)
  const values: unknown[] = []
  // Times in the form that Postgres and V8 have in common: node-postgres's own takes ten times as long.
  for (const each of rows)
    for (const value of Object.values(each)) values.push(value instanceof Date ? value.toISOString() : value)
  const known = rows.length === 1 ? shapes.get(table) : undefined
  if (known?.columns.length === columns.length && columns.every((name, n) => name === known.columns[n]))
    return { text: known.text, values }
  const strange = columns.find((name) => !/^[a-zA-Z]+$/.test(name))
  if (strange !== undefined) throw new RangeError(`${table} has no column ${strange}`)
  const text = `INSERT INTO "${table}" (${columns.map((name) => `"${name}"`)}) VALUES ${places(rows.length, columns.length)}`
  if (rows.length === 1) shapes.set(table, { columns, text })
  return { text, values }
}

/** A row that has moved since it was read keeps the place it moved to. */
function reranking(table: string, rows: { id: string; was: string; rank: string }[], at: Date): Statement {
  const text = `UPDATE "${table}" t SET rank = n.rank, version = t.version + 1, "updatedAt" = $4
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n(id, was, rank)
    WHERE t.id = n.id AND t.rank = n.was RETURNING t.id, t.rank, t.version`
  const column = <K extends 'id' | 'was' | 'rank'>(name: K) => rows.map((row) => row[name])
  return { text, values: [column('id'), column('was'), column('rank'), at.toISOString()] }
}

/** The counters are locked in one order for all writers, and until the commit: what is stamped here is in commit order, too. */
function eventForAll(actor: Actor | null, { rooms, name, payload, bytes, label }: Logged & { rooms: Statement }): Statement {
  const own = rooms.values.length
  const places = Array.from({ length: 7 }, (_, n) => `$${own + n + 1}`)
  const [$name, $payload, $bytes, $label, $actorId, $actorName, $mutationId] = places
  const text = `WITH told AS MATERIALIZED (${rooms.text}), counters AS MATERIALIZED (
      SELECT r.id FROM "Room" r WHERE r.id IN (SELECT room FROM told) ORDER BY r.id COLLATE "C" FOR UPDATE
    ), stamped AS (UPDATE "Room" r SET head = r.head + 1 FROM counters c WHERE r.id = c.id RETURNING r.id, r.head)
    INSERT INTO "Event" (id, room, seq, name, payload, bytes, label, "actorId", "actorName", "mutationId", at)
    SELECT event_id(), s.id, s.head, ${$name}::text, ${$payload}::json, ${$bytes}::int, ${$label}::text,
      ${$actorId}::uuid, ${$actorName}::text, ${$mutationId}::text, clock_timestamp() FROM stamped s RETURNING room`
  const { id = null, name: actorName = null, mutationId = null } = actor ?? {}
  return { text, values: [...rooms.values, name, payload, bytes, label, id, actorName, mutationId] }
}

/** Postgres takes at most 65,535 parameters in one statement. */
const ROWS = 4_096

/** Rooms come in one order for all writers, so that the counters inside COMMIT are never locked crosswise. */
function eventInsertions(actor: Actor | null, pending: Pending[]): Statement[] {
  const [actorId, actorName, mutationId] = [actor?.id ?? null, actor?.name ?? null, actor?.mutationId ?? null]
  const rows = pending
    .map((event) => ({ ...event, actorId, actorName, mutationId }))
    .sort((a, b) => (a.room < b.room ? -1 : a.room > b.room ? 1 : 0))
  const statements: Statement[] = []
  // By powers of two: each number of rows is a statement of its own, of which every connection keeps a plan.
  for (let i = 0, count = 0; i < rows.length; i += count) {
    count = Math.min(2 ** Math.floor(Math.log2(rows.length - i)), ROWS)
    statements.push(insertion('Event', rows.slice(i, i + count)))
  }
  return statements
}
