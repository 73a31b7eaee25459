import type { EventName, RoomId } from '@cutroom/contract'
import type { Database, Statement } from '../../db/client.ts'
import { databaseFault } from '../../errors.ts'
import { type Actor, eventForAll, openWrite, type PendingEvents, sendEvents, type Write } from './write.ts'

export type { Actor, Reranked, Write } from './write.ts'

/** The one way to write: rows and events in one transaction, then a notification. The callback may run more than once. */
export type Commit = <T>(actor: Actor | null, work: (write: Write) => Promise<T>) => Promise<T>

export interface CommitOptions {
  begin: Database['begin']
  /** Called after the commit with the rooms that have new events. */
  poke: (rooms: Iterable<RoomId>) => void
  /** Counts the events of a commit, by name. */
  onCommitted?: ((name: EventName, count: number) => void) | undefined
  /** For tests and benches, of writes of requests: runs in the transaction after its rows were written, before the last statement and COMMIT. */
  beforeCommit?: (() => Promise<void>) | undefined
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
    let last: Statement | undefined
    const rooms = new Set<RoomId>()
    try {
      result = await work(openWrite(transaction, pending))
      last = sendEvents(transaction, actor, pending)
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
    const answer = await transaction.commit(last)
    if (answer !== null) pending.head?.report(Number(answer))
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
