import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from './generated/client.ts'

/** Prisma on the connection of a transaction. */
export type Tx = Omit<PrismaClient, '$connect' | '$disconnect' | '$on' | '$transaction' | '$extends'>

const OWN = new Set(['BEGIN', 'COMMIT', 'ROLLBACK'])
const NOTHING = { rows: [], fields: [], rowCount: 0, command: '', oid: 0 }

/** What Prisma's adapter takes for a pool: one connection, on which a transaction is open that others begin and end. */
class Joined extends pg.Pool {
  /** null: of no transaction. */
  client: pg.PoolClient | null = null
  /** Called before Prisma asks for anything. */
  before = () => {}

  constructor() {
    super()
    const query = async (statement: pg.QueryConfig) => {
      if (!this.client) throw new Error('The transaction has ended')
      this.before()
      return this.client.query(statement)
    }
    // Where Prisma wants a transaction for several statements of one call, it stands in one already.
    const inner = {
      query: async (statement: pg.QueryConfig) => (OWN.has(statement.text) ? NOTHING : query(statement)),
      on: () => inner,
      removeListener: () => inner,
      release: () => {},
    }
    Object.assign(this, { query, connect: async () => inner })
  }
}

interface Lent {
  joined: Joined
  prisma: PrismaClient
  /** ms on the clock of `performance.now`. */
  usedAt: number
}

interface Loan {
  /** Calls that are not answered. */
  calls: number
  isOver: boolean
}

/** Prisma, or a model of it, until the loan is over. */
function onLoan<T extends object>(target: T, loan: Loan): T {
  const get = (_: T, key: string | symbol): unknown => {
    if (loan.isOver) throw new Error('The transaction has ended')
    const value = Reflect.get(target, key)
    if (typeof value === 'object' && value !== null) return onLoan(value, loan)
    if (typeof value !== 'function') return value
    return async (...args: unknown[]) => {
      loan.calls++
      try {
        return await value.apply(target, args)
      } finally {
        loan.calls--
      }
    }
  }
  return new Proxy(target, { get })
}

/** How long one that no transaction needs is kept, ms. */
const UNUSED_MS = 60_000

/**
 * Prisma for transactions, each lent to one at a time. An interactive transaction of one that is shared costs 0.6 ms of CPU more, as much
 * as all of an edit's other work in it; one for each connection takes 14 MB for each, and compiles all queries once more.
 */
export class LentPrisma {
  readonly #schema: string
  readonly #nameOf: (text: string) => string
  /** Those that are not lent. The one that came back last is lent first, so that few are in use. */
  #free: Lent[] = []

  constructor(schema: string, nameOf: (text: string) => string) {
    this.#schema = schema
    this.#nameOf = nameOf
  }

  /**
   * @param client the connection of a transaction
   * @param before called before Prisma asks for anything
   * @returns `giveBack` is called before the transaction ends: nothing is asked for afterwards
   */
  lend(client: pg.PoolClient, before: () => void): { tx: Tx; giveBack: () => void } {
    const lent = this.#free.pop() ?? this.#make()
    Object.assign(lent.joined, { client, before })
    const loan = { calls: 0, isOver: false }
    const giveBack = () => {
      loan.isOver = true
      lent.joined.client = null
      // A call that is still under way may ask for more, and must not in another transaction.
      if (loan.calls === 0) this.#takeBack(lent)
    }
    return { tx: onLoan(lent.prisma, loan), giveBack }
  }

  #make(): Lent {
    const joined = new Joined()
    const adapter = new PrismaPg(joined, { schema: this.#schema, statementNameGenerator: ({ sql }) => this.#nameOf(sql) })
    return { joined, prisma: new PrismaClient({ adapter }), usedAt: 0 }
  }

  #takeBack(lent: Lent): void {
    lent.usedAt = performance.now()
    this.#free.push(lent)
    this.#free = this.#free.filter(({ usedAt }) => lent.usedAt - usedAt < UNUSED_MS)
  }
}
