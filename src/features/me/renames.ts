import { Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { createSemaphore } from '../../lib/semaphore.ts'

/** Projects of a person from which on a new name is much work. */
const MANY = 300
/** Such renames at a time, for all people together. */
const WIDTH = 2
/** Those that may wait. */
const MOST_WAITING = 100
/** How long they may, ms. With the wait for a place in flight before and the write after it, under the 30 s of a silent connection. */
const PATIENCE_MS = 8_000
const RETRY_AFTER = 5

export interface Renames {
  /**
   * Runs a rename when there is time for it: those of one person one after another. Those that wait hold no connection.
   * @throws problem unavailable when too many wait, or for too long
   */
  run<T>(userId: string, write: () => Promise<T>): Promise<T>
}

/** Lets renames of people in many projects take turns, so that they leave the database to others. */
export function createRenames(query: Query): Renames {
  const all = createSemaphore(WIDTH)
  const people = new Map<string, { semaphore: ReturnType<typeof createSemaphore>; present: number }>()
  let waiting = 0

  async function isMuch(userId: string): Promise<boolean> {
    const [found] = await query<{ much: boolean }>(Prisma.sql`
      SELECT (SELECT count(*) FROM (SELECT 1 FROM "Member" WHERE "userId" = ${userId}::uuid LIMIT ${MANY}) AS m) = ${MANY}
        OR (SELECT count(*) FROM (SELECT 1 FROM "Project" WHERE "authorId" = ${userId}::uuid LIMIT ${MANY}) AS p) = ${MANY} AS much`)
    return found?.much ?? false
  }

  async function takeTurn<T>(userId: string, write: () => Promise<T>): Promise<T> {
    const busy = () => problem('unavailable', 'Too many changes of names at once', { retryAfter: RETRY_AFTER })
    if (waiting >= MOST_WAITING) throw busy()
    const person = people.get(userId) ?? { semaphore: createSemaphore(1), present: 0 }
    people.set(userId, person)
    person.present++
    waiting++
    const until = performance.now() + PATIENCE_MS
    const patience = () => ({ ms: until - performance.now(), error: busy })
    try {
      return await person.semaphore.run(() => all.run(write, patience()), patience())
    } finally {
      waiting--
      if (--person.present === 0) people.delete(userId)
    }
  }

  return {
    run: async (userId, write) => ((await isMuch(userId)) ? takeTurn(userId, write) : write()),
  }
}
