import type pg from 'pg'
import { type Named, runBatch } from './batch.ts'
import type { Prisma } from './generated/client.ts'
import type { LentPrisma, Tx } from './lent-prisma.ts'

/** Anything that runs one SQL statement: the pool, or a transaction. */
export type Query = <R extends pg.QueryResultRow>(statement: Statement) => Promise<R[]>

/** `Prisma.sql` makes one. */
export type Statement = Pick<Prisma.Sql, 'text' | 'values'>

/**
 * One transaction on one connection. Statements leave in the order in which they are asked for, without waiting for the answer
 * to the one before. Where no answer is awaited, the whole transaction is one message.
 */
export interface Transaction {
  tx: Tx
  query: Query
  /** Sends a statement without waiting for its rows. Its failure is thrown by `settled` and `commit`. */
  send(statement: Statement): void
  /** All of them have run. @throws the first failure */
  settled(): Promise<void>
  /**
   * @param last a statement that is sent with COMMIT
   * @returns the first column of its row, as text
   * @throws what failed first, and when Postgres did not commit; the connection has gone back to the pool either way
   */
  commit(last?: Statement): Promise<string | null>
  /** @returns what failed first: a statement that was not awaited, else `error` */
  rollback(error: unknown): Promise<unknown>
}

/** Runs one transaction on a connection of the pool, which is released at its end. */
function openTransaction(client: pg.PoolClient, prisma: LentPrisma, named: (statement: Statement) => Named): Transaction {
  /** Statements that were not sent yet: no answer was awaited so far. */
  let unsent: Statement[] | null = []
  const sent: Promise<unknown>[] = []
  const run = <R extends pg.QueryResultRow>(statement: string | pg.QueryConfig) => client.query<R>(statement)
  function track(answer: Promise<unknown>): void {
    // Its failure is thrown to the caller that awaits all of them, so it is no unhandled rejection here.
    answer.catch(() => {})
    sent.push(answer)
  }
  function start(): void {
    if (unsent === null) return
    const first = unsent
    unsent = null
    track(run('BEGIN'))
    for (const statement of first) track(run(named(statement)))
  }
  async function settled(): Promise<void> {
    start()
    for (const answer of sent) await answer
  }
  const rollbackQuietly = () => run('ROLLBACK').catch(() => {})
  let lent: ReturnType<LentPrisma['lend']> | null = null
  let isOver = false
  function assertNotOver(): void {
    if (isOver) throw new Error('The transaction has ended')
  }
  /** Refuses what is asked for from now on: it would run behind the transaction, or in the next one. */
  function end(): void {
    isOver = true
    lent?.giveBack()
  }
  // A connection on which a transaction is still open does not return to the pool.
  const release = () => client.release(client.getTransactionStatus() !== 'I')

  return {
    // Most writes do without.
    get tx() {
      assertNotOver()
      lent ??= prisma.lend(client, start)
      return lent.tx
    },
    async query<R extends pg.QueryResultRow>(statement: Statement) {
      assertNotOver()
      start()
      return (await run<R>(named(statement))).rows
    },
    send(statement) {
      assertNotOver()
      if (unsent) unsent.push(statement)
      else track(run(named(statement)))
    },
    settled,
    async commit(last) {
      end()
      try {
        if (unsent) {
          const all = [...unsent, ...(last ? [last] : [])].map(named)
          // All of it is known: one message, which Postgres takes for one transaction, and one answer.
          if (all.every(({ name }) => name !== '')) return await runBatch(client, all)
          start()
        }
        const answer = last && run<Record<string, string | null>>(named(last))
        if (answer) track(answer)
        const ended = run('COMMIT')
        await Promise.allSettled([ended])
        await settled()
        // Behind a failed statement COMMIT is a ROLLBACK.
        if ((await ended).command !== 'COMMIT') throw new Error('the transaction was rolled back')
        return Object.values((await answer)?.rows[0] ?? {})[0] ?? null
      } finally {
        release()
      }
    },
    async rollback(error) {
      end()
      // What was asserted is heard, too.
      if (unsent === null || unsent.length > 0) {
        start()
        await rollbackQuietly()
      }
      release()
      const failed = (await Promise.allSettled(sent)).find((answer) => answer.status === 'rejected')
      return failed?.reason ?? error
    },
  }
}

/** Opens transactions on the connections of a pool whose clients pipeline. */
export function openTransactions(
  pool: pg.Pool,
  prisma: LentPrisma,
  nameOf: (text: string) => string,
): () => Promise<Transaction> {
  const named = ({ text, values }: Statement): Named => ({ name: nameOf(text), text, values: values as unknown[] })
  return async () => openTransaction(await pool.connect(), prisma, named)
}
