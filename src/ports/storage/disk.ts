import { randomUUID } from 'node:crypto'
import { copyFile, type FileHandle, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { problem } from '../../errors.ts'
import { codeOf, makeFolder } from '../../lib/folders.ts'
import { createSemaphore } from '../../lib/semaphore.ts'
import { assertKey, ofDisk } from './failures.ts'
import type { ByteRange, LocalFile, Storage } from './storage.ts'

/** Bytes that a reader is ahead of who takes them. */
const READ_AHEAD = 64 * 1024

/**
 * Files that are put at a time. Many that become whole together would have the disk write for none but them, and their rows would take
 * all connections to the database, to wait for each other.
 */
const PUTS = 2

/** Makes what was written to a file, or the names in a folder, outlive a crash. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Renames, also to another file system: `draft` is beside the target then. */
async function move(from: string, to: string, draft: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error
    await copyFile(from, draft)
    await sync(draft)
    await rename(draft, to)
    await rm(from, { force: true })
  }
}

/** @throws problem internal where the object is shorter than its row says */
async function assertLength(handle: FileHandle, { end }: ByteRange): Promise<void> {
  const { size } = await handle.stat()
  if (end >= size)
    throw problem('internal', undefined, undefined, { cause: new Error(`an object has ${size} bytes, not ${end + 1}`) })
}

/** The store in a folder of this machine, or one that all nodes share. */
export function openDiskStorage(root: string): Storage {
  // By the last digits, which are random in every kind of UUID.
  const pathOf = (key: string): string => {
    assertKey(key)
    return join(root, key.slice(-4, -2), key.slice(-2), key)
  }
  const draftOf = (key: string) => `${pathOf(key)}.part`
  try {
    makeFolder(root)
  } catch (error) {
    throw ofDisk(error)
  }

  const puts = createSemaphore(PUTS)
  async function put(key: string, path: string): Promise<void> {
    const target = pathOf(key)
    const folder = dirname(target)
    try {
      await sync(path)
      const made = await mkdir(folder, { recursive: true })
      await move(path, target, draftOf(key))
      await sync(folder)
      // A folder that was made is a name in the one above.
      if (made !== undefined) for (const above of [dirname(folder), root]) await sync(above)
    } catch (error) {
      await rm(draftOf(key), { force: true }).catch(() => {})
      throw ofDisk(error)
    }
  }

  const storage: Storage = {
    pathOf,

    put: (key, { path }: Pick<LocalFile, 'path'>) => puts.run(() => put(key, path)),

    async open(key, range, signal) {
      const path = pathOf(key)
      let handle: FileHandle
      try {
        handle = await open(path, 'r')
      } catch (error) {
        throw codeOf(error) === 'ENOENT' ? problem('not-found', undefined, undefined, { cause: error }) : ofDisk(error)
      }
      try {
        if (range) await assertLength(handle, range)
        signal?.throwIfAborted()
      } catch (error) {
        await handle.close()
        throw error
      }
      return handle.createReadStream({ ...range, highWaterMark: READ_AHEAD, ...(signal && { signal }) })
    },

    async remove(key) {
      const paths = [draftOf(key), pathOf(key)]
      try {
        for (const path of paths) await rm(path, { force: true })
      } catch (error) {
        throw ofDisk(error)
      }
    },

    async check() {
      const key = randomUUID()
      const draft = draftOf(key)
      try {
        await mkdir(dirname(draft), { recursive: true })
        await writeFile(draft, key)
      } catch (error) {
        throw ofDisk(error)
      }
      await storage.put(key, { path: draft, size: key.length, type: 'text/plain', sha256: '' })
      const found = await text(await storage.open(key))
      await storage.remove(key)
      if (found !== key) throw ofDisk(new Error('an object came back with other bytes'))
    },

    async close() {},
  }
  return storage
}
