import type { Database } from '../db/client.ts'
import { newId } from '../db/ids.ts'
import type { LocalFile, Storage } from '../ports/storage/storage.ts'
import type { Job } from '../rooms/log/consumers/consumer.ts'

/** How long an object may be without a file, as an interval of Postgres: it is written before its file is. */
const UNCLAIMED = '1 hour'

/** The objects of the store, each with a row that says so before there are bytes: none is ever lost sight of. */
export interface Objects {
  /** Stores a local file under a new key. @throws problem storage-full | unavailable; nothing is left then, or it is swept */
  store(file: LocalFile): Promise<string>
  /** Removes an object, unless a file has claimed it. Where it cannot, the sweep will. */
  discard(key: string): Promise<void>
  /** The same. @throws problem unavailable */
  remove(key: string): Promise<void>
  /** Removes the objects that no file has. @returns how many */
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
const FIND_OLD = `SELECT key FROM "StoredObject" WHERE "fileId" IS NULL AND "createdAt" < now() - interval '${UNCLAIMED}'
  ORDER BY "createdAt" LIMIT 1 FOR UPDATE SKIP LOCKED`

export function createObjects({ pool, storage, onError }: ObjectsOptions): Objects {
  /** Removes the bytes, then the row. @returns whether there was one */
  async function removeOne(find: string, values: unknown[]): Promise<boolean> {
    const client = await pool.connect()
    let isBroken = true
    try {
      await client.query('BEGIN')
      const { rows } = await client.query<{ key: string }>(find, values)
      const [row] = rows
      if (row) {
        await storage.remove(row.key)
        await client.query('DELETE FROM "StoredObject" WHERE key = $1', [row.key])
      }
      await client.query('COMMIT')
      isBroken = false
      return row !== undefined
    } finally {
      // With the connection goes a transaction that is still open.
      client.release(isBroken)
    }
  }

  async function discard(key: string): Promise<void> {
    await removeOne(FIND, [key]).catch(onError)
  }

  return {
    discard,
    remove: async (key) => void (await removeOne(FIND, [key])),

    async store(file) {
      const key = newId()
      await pool.query('INSERT INTO "StoredObject" (key, size) VALUES ($1, $2)', [key, file.size])
      try {
        await storage.put(key, file)
      } catch (error) {
        await discard(key)
        throw error
      }
      return key
    },

    async sweep(signal) {
      for (let swept = 0; ; swept++) {
        signal.throwIfAborted()
        if (!(await removeOne(FIND_OLD, []))) return swept
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
export const objectsJob = (
  { remove, sweep }: Objects,
  sweepUploads: () => Promise<number>,
  onSwept: (swept: { objects: number; uploads: number }) => void,
): Job => ({
  name: OBJECTS_JOB,
  every: { firstMs: 60_000, everyMs: EVERY_MS },
  async run({ key, signal }) {
    if (key !== '') await remove(key)
    else {
      const uploads = await sweepUploads()
      const objects = await sweep(signal)
      if (objects + uploads > 0) onSwept({ objects, uploads })
    }
    return undefined
  },
})
