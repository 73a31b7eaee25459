import type { Database } from '../db/client.ts'
import { newId } from '../db/ids.ts'
import { ProblemError, problem } from '../errors.ts'
import { createSemaphore } from '../lib/semaphore.ts'
import type { LocalFile, Storage } from '../ports/storage/storage.ts'
import type { Job } from '../rooms/log/consumers/consumer.ts'

/** How long an object may be without a file, as an interval of Postgres: it is written before its file is. */
const UNCLAIMED = '1 hour'
/** Removals at a time. Each has a connection for as long as the store takes to answer, and requests need the others. */
const REMOVALS = 1
/** How long a request waits for its removal to begin. */
const PATIENCE = { ms: 5_000, error: () => problem('unavailable', 'Too many objects are removed at a time') }
/** Failures after which a sweep ends: the store is away. */
const MOST_FAILURES = 5

/** The objects of the store, each with a row that says so before there are bytes: none is ever lost sight of. */
export interface Objects {
  /** Stores a local file under a new key. @throws problem storage-full | unavailable; nothing is left then, or it is swept */
  store(file: LocalFile): Promise<string>
  /** Removes an object, unless a file has claimed it. Where it cannot, the sweep will. */
  discard(key: string): Promise<void>
  /** The same. @throws problem unavailable */
  remove(key: string): Promise<void>
  /** Removes the objects that no file has. @returns how many @throws the first failure, after what could be removed */
  sweep(signal: AbortSignal): Promise<number>
}

export interface ObjectsOptions {
  pool: Database['pool']
  storage: Storage
  /** An object could not be removed now. */
  onError: (error: unknown) => void
}

// The lock keeps a write from claiming what is being removed; one that has claimed it holds the lock until it is over, and is passed over.
const FIND = `SELECT key FROM "StoredObject" WHERE "fileId" IS NULL AND key = $1 FOR UPDATE SKIP LOCKED`
// Most have been claimed: those need no transaction.
const IS_UNCLAIMED = 'SELECT FROM "StoredObject" WHERE "fileId" IS NULL AND key = $1'
const FIND_OLD = `SELECT key FROM "StoredObject" WHERE "fileId" IS NULL AND "createdAt" < now() - interval '${UNCLAIMED}'
  ORDER BY "createdAt" LIMIT 1 FOR UPDATE SKIP LOCKED`
// One that cannot be removed does not keep the others: its time begins anew.
const LATER = 'UPDATE "StoredObject" SET "createdAt" = now() WHERE key = $1'

const isAway = (error: unknown): boolean => error instanceof ProblemError && error.code === 'unavailable'

export function createObjects({ pool, storage, onError }: ObjectsOptions): Objects {
  const removals = createSemaphore(REMOVALS)

  /** Removes the bytes, then the row. @returns whether there was one @throws what the store does; its turn comes again later */
  async function removeOne(find: string, values: unknown[]): Promise<boolean> {
    const client = await pool.connect()
    let isBroken = true
    try {
      await client.query('BEGIN')
      const { rows } = await client.query<{ key: string }>(find, values)
      const [row] = rows
      let failure: { error: unknown } | undefined
      if (row) {
        await storage.remove(row.key).catch((error: unknown) => {
          failure = { error }
        })
        await client.query(failure ? LATER : 'DELETE FROM "StoredObject" WHERE key = $1', [row.key])
      }
      await client.query('COMMIT')
      isBroken = false
      if (failure) throw failure.error
      return row !== undefined
    } finally {
      // With the connection goes a transaction that is still open.
      client.release(isBroken)
    }
  }

  async function discard(key: string): Promise<void> {
    try {
      if ((await pool.query(IS_UNCLAIMED, [key])).rowCount === 0) return
      await removals.run(() => removeOne(FIND, [key]), PATIENCE)
    } catch (error) {
      onError(error)
    }
  }

  return {
    discard,
    remove: async (key) => void (await removals.run(() => removeOne(FIND, [key]))),

    async store(file) {
      const key = newId()
      await pool.query('INSERT INTO "StoredObject" (key, size) VALUES ($1, $2)', [key, file.size])
      try {
        await storage.put(key, file)
      } catch (error) {
        // A store that is away does not remove it, either.
        if (!isAway(error)) await discard(key)
        throw error
      }
      return key
    },

    async sweep(signal) {
      const failures: unknown[] = []
      for (let swept = 0; ; ) {
        signal.throwIfAborted()
        const found = await removals
          .run(() => removeOne(FIND_OLD, []))
          .catch((error: unknown) => {
            if (failures.push(error) === MOST_FAILURES) throw failures[0]
            return null
          })
        if (found) swept++
        if (found !== false) continue
        if (failures.length > 0) throw failures[0]
        return swept
      }
    },
  }
}

/** The name of the job that removes objects: a row of work names the object of a deleted file. */
export const OBJECTS_JOB = 'objects'

const EVERY_MS = 600_000

/**
 * Removes what no file has: at once what a deleted file had, and every few minutes what was left by crashes, by uploads that were given up,
 * and by all that was deleted with its cut or its project.
 */
export const objectsJob = ({ remove, sweep }: Objects, onSwept: (objects: number) => void): Job => ({
  name: OBJECTS_JOB,
  every: { firstMs: 60_000, everyMs: EVERY_MS },
  async run({ key, signal }) {
    if (key !== '') await remove(key)
    else {
      const objects = await sweep(signal)
      if (objects > 0) onSwept(objects)
    }
    return undefined
  },
})
