import type { Socket } from 'node:net'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { type Prisma, PrismaClient } from './generated/client.ts'

/** Prisma on the connection of a transaction. */
export type Tx = Omit<PrismaClient, '$connect' | '$disconnect' | '$on' | '$transaction' | '$extends'>

/** Anything that runs one SQL statement: the pool, or a transaction. */
export type Query = <R extends pg.QueryResultRow>(statement: Statement) => Promise<R[]>

/** `Prisma.sql` makes one. */
export type Statement = Pick<Prisma.Sql, 'text' | 'values'>

/**
 * One transaction on one connection. Statements leave in the order in which they are asked for, each without waiting for the
 * answer to the one before: what nobody waits for shares a round trip with what follows.
 */
export interface Transaction {
  tx: Tx
  query: Query
  /** Sends a statement whose rows nobody needs. Its failure is thrown by `settled` and `commit`. */
  send(statement: Statement): void
  /** Everything that was sent has run. @throws the first failure */
  settled(): Promise<void>
  /** @throws what failed first, and when Postgres did not commit; the connection has gone back to the pool either way */
  commit(): Promise<void>
  /** @returns what failed first: a statement that nobody waited for, else `error` */
  rollback(error: unknown): Promise<unknown>
}

const OWN = new Set(['BEGIN', 'COMMIT', 'ROLLBACK'])
const NOTHING = { rows: [], fields: [], rowCount: 0, command: '', oid: 0 }

/** What Prisma's adapter takes for a pool: one connection, on which a transaction is open that others begin and end. */
class Joined extends pg.Pool {
  constructor(client: pg.PoolClient) {
    super()
    const query = (statement: pg.QueryConfig) => client.query(statement)
    // Where Prisma wants a transaction for several statements of one call, it stands in one already.
    const inner = {
      query: async (statement: pg.QueryConfig) => (OWN.has(statement.text) ? NOTHING : client.query(statement)),
      on: () => inner,
      removeListener: () => inner,
      release: () => {},
    }
    Object.assign(this, { query, connect: async () => inner })
  }
}

/**
 * What is asked for in one turn of the event loop leaves in one packet: a system call for each statement is the dearest part
 * of a write.
 */
function gather(client: pg.PoolClient): () => void {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
  let gathering = false
  return () => {
    if (gathering) return
    gathering = true
    stream.cork()
    process.nextTick(() => {
      gathering = false
      stream.uncork()
    })
  }
}

/** Opens transactions on the connections of a pool whose clients pipeline. */
export function openTransactions(pool: pg.Pool, nameOf: (text: string) => string): () => Promise<Transaction> {
  // One Prisma per connection: an interactive transaction of a shared one costs more than all statements of a write.
  const clients = new WeakMap<pg.PoolClient, PrismaClient>()
  function prismaOn(client: pg.PoolClient): PrismaClient {
    const known = clients.get(client)
    if (known) return known
    const adapter = new PrismaPg(new Joined(client), { statementNameGenerator: ({ sql }) => nameOf(sql) })
    const made = new PrismaClient({ adapter })
    clients.set(client, made)
    return made
  }

  return async function begin() {
    const client = await pool.connect()
    const sent: Promise<unknown>[] = []
    const together = gather(client)
    function ask<R extends pg.QueryResultRow>(statement: string | pg.QueryConfig) {
      together()
      return client.query<R>(statement)
    }
    const named = ({ text, values }: Statement) => ({ name: nameOf(text), text, values: values as unknown[] })
    function later(answer: Promise<unknown>): void {
      // Whoever waits for all of them is told; until then it is nobody's.
      answer.catch(() => {})
      sent.push(answer)
    }
    async function settled(): Promise<void> {
      for (const answer of sent) await answer
    }
    // A connection on which a transaction is still open is not given to anybody else.
    const giveBack = () => client.release(client.getTransactionStatus() !== 'I')
    later(ask('BEGIN'))

    return {
      tx: prismaOn(client),
      query: async <R extends pg.QueryResultRow>(statement: Statement) => (await ask<R>(named(statement))).rows,
      send: (statement) => later(ask(named(statement))),
      settled,
      async commit() {
        const ended = ask('COMMIT')
        try {
          await Promise.allSettled([ended])
          await settled()
          // Behind a failed statement COMMIT is a ROLLBACK.
          if ((await ended).command !== 'COMMIT') throw new Error('the transaction was rolled back')
        } finally {
          giveBack()
        }
      },
      async rollback(error) {
        await ask('ROLLBACK').catch(() => {})
        giveBack()
        const failed = (await Promise.allSettled(sent)).find((answer) => answer.status === 'rejected')
        return failed?.reason ?? error
      },
    }
  }
}
