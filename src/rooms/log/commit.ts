import { type EventName, events, type Payload, type RoomId, userRoom } from '@cutroom/contract'
import type { Database, Query, RankedTable, Rows, Statement, Transaction, Tx } from '../../db/client.ts'
import { newId } from '../../db/ids.ts'
import { databaseFault, problem } from '../../errors.ts'
import type { Key } from './idempotency.ts'
import { type Actor, type EventRow, eventForAll, eventInsertions, headAfterWrite, insertion, reranking } from './statements.ts'

export type { Actor } from './statements.ts'

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

/** The one way to write: rows and events in one transaction, then a notification. The callback may run more than once. */
export type Commit = <T>(actor: Actor | null, work: (write: Write) => Promise<T>) => Promise<T>

export interface CommitOptions {
  begin: Database['begin']
  /** Called after the commit with the rooms that have new events. */
  poke: (rooms: Iterable<RoomId>) => void
  /** Counts the events of a commit, by name. */
  onCommitted?: ((name: EventName, count: number) => void) | undefined
  /** For tests and benches: runs in the transaction after the events were inserted, before COMMIT. */
  beforeCommit?: (() => Promise<void>) | undefined
}

interface PendingEvent extends EventRow {
  id: string
  room: RoomId
}

/** The events of one write. */
interface PendingEvents {
  single: PendingEvent[]
  /** Payloads and the events that have them: a payload often is the answer, too. */
  byPayload: Map<unknown, PendingEvent>
  toMany: (EventRow & { rooms: Statement; count: number })[]
  head: { room: RoomId; report: (head: number) => void } | null
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

function openWrite(transaction: Transaction, pending: PendingEvents): Write {
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

const MAX_ATTEMPTS = 8
/** Waits before another attempt, longer each time. */
const backOff = (attempt: number) => new Promise((done) => setTimeout(done, Math.random() * 5 * 2 ** attempt))

/** Whether another write saved an answer under the same Idempotency-Key: Postgres names the table whose row is there already. */
const isDuplicateKey = (error: unknown): boolean => (error as { table?: unknown } | null)?.table === 'IdempotencyKey'

/** @returns whether another attempt may succeed, and whether it should wait */
function retryOf(error: unknown): 'at once' | 'later' | 'never' {
  switch (databaseFault(error)) {
    case 'assumption':
      // The next attempt looks up what this one assumed.
      return 'at once'
    case 'unique':
      // Of a key: the next attempt finds the saved answer. Of a rank or an e-mail: it finds the winner, and answers by the rules.
      return isDuplicateKey(error) ? 'at once' : 'later'
    case 'serialization':
      return 'later'
    default:
      return 'never'
  }
}

export function createCommit({ begin, poke, onCommitted, beforeCommit }: CommitOptions): Commit {
  async function attempt<T>(actor: Actor | null, work: (write: Write) => Promise<T>): Promise<{ result: T; rooms: Set<RoomId> }> {
    const pending: PendingEvents = { single: [], byPayload: new Map(), toMany: [], head: null }
    const transaction = await begin()
    let result: T
    const rooms = new Set<RoomId>()
    try {
      result = await work(openWrite(transaction, pending))
      for (const statement of eventInsertions(actor, pending.single)) transaction.send(statement)
      if (beforeCommit) {
        await transaction.settled()
        await beforeCommit()
      }
      // Counters are locked last, as in COMMIT.
      for (const event of pending.toMany) {
        const reached = await transaction.query<{ room: RoomId }>(eventForAll(actor, event))
        event.count = reached.length
        for (const { room } of reached) rooms.add(room)
      }
    } catch (error) {
      throw await transaction.rollback(error)
    }
    const { head } = pending
    const answer = await transaction.commit(head ? headAfterWrite(head.room) : undefined)
    if (answer !== null) head?.report(Number(answer))
    for (const { room, name } of pending.single) {
      rooms.add(room)
      onCommitted?.(name, 1)
    }
    for (const { name, count } of pending.toMany) onCommitted?.(name, count)
    return { result, rooms }
  }

  return async (actor, work) => {
    for (let n = 1; ; n++) {
      try {
        const { result, rooms } = await attempt(actor, work)
        poke(rooms)
        return result
      } catch (error) {
        const retry = retryOf(error)
        if (retry === 'never' || n === MAX_ATTEMPTS) throw error
        if (retry === 'later') await backOff(n)
      }
    }
  }
}
