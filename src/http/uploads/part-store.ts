import { constants } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { DataStore, ERRORS, Upload } from '@tus/server'
import { codeOf } from '../../lib/folders.ts'
import { ofDisk } from '../../ports/storage/failures.ts'
import type { Staging } from '../../ports/storage/staging.ts'

/** Ends the names of what has come of uploads in parts. */
export const PARTIAL = '.partial'

/** What is known of an upload besides its bytes. */
export interface KnownUpload {
  id: string
  length: number
  /** It became a file: its bytes are elsewhere. */
  isDone: boolean
  metadata?: Upload['metadata']
  createdAt: Date
}

/**
 * The bytes of uploads in parts, in a folder; all else about them is in the database. Unlike the one of tus it keeps why a write failed (a
 * full disk), and has no second file that a crash could leave half written.
 */
export class PartStore extends DataStore {
  readonly #staging: Pick<Staging, 'folder' | 'turn'>
  readonly #find: (id: string) => Promise<KnownUpload | null>
  readonly #lifeMs: number
  /** Why writes failed, by upload, until it is asked. tus tells an end of the stream only. */
  readonly #failures = new Map<string, unknown>()

  /**
   * @param staging whose folder it is, and whose turns
   * @param find looks an upload up
   * @param lifeMs how long an upload may take
   */
  constructor(staging: Pick<Staging, 'folder' | 'turn'>, find: (id: string) => Promise<KnownUpload | null>, lifeMs: number) {
    super()
    this.#staging = staging
    this.#find = find
    this.#lifeMs = lifeMs
    this.extensions = ['creation', 'creation-with-upload', 'termination', 'expiration']
  }

  /** Where the bytes of an upload are. */
  pathOf(id: string): string {
    if (!/^[0-9a-f-]{36}$/.test(id)) throw ERRORS.FILE_NOT_FOUND
    return join(this.#staging.folder, id + PARTIAL)
  }

  /** Makes the file of an upload, where there is none. */
  async begin(id: string): Promise<void> {
    await open(this.pathOf(id), 'a', 0o600).then(
      (file) => file.close(),
      (error: unknown) => {
        throw ofDisk(error)
      },
    )
  }

  /** Asked by tus after `onCreate`, which has made the file with the row. */
  override async create(upload: Upload): Promise<Upload> {
    return upload
  }

  override async remove(id: string): Promise<void> {
    await rm(this.pathOf(id), { force: true }).catch((error: unknown) => {
      throw ofDisk(error)
    })
  }

  /** @returns the offset behind what was written; what came before a failure stays */
  override async write(source: Readable, id: string, offset: number): Promise<number> {
    const toDisk = (error: unknown): never => {
      throw ofDisk(error)
    }
    const file = await open(this.pathOf(id), constants.O_WRONLY).catch(toDisk)
    let at = offset
    this.#failures.delete(id)
    try {
      for await (const chunk of source) {
        await this.#staging.turn(async () => {
          // A disk that is nearly full takes a part of it, and fails with the next.
          for (let done = 0; done < chunk.length; ) {
            const { bytesWritten } = await file.write(chunk, done, chunk.length - done, at).catch(toDisk)
            done += bytesWritten
            at += bytesWritten
          }
        })
      }
      // The offset that is answered outlives a crash.
      await file.sync().catch(toDisk)
      return at
    } catch (error) {
      this.#failures.set(id, error)
      throw error
    } finally {
      await file.close().catch(() => {})
    }
  }

  override async getUpload(id: string): Promise<Upload> {
    const known = await this.#find(id)
    if (!known) throw ERRORS.FILE_NOT_FOUND
    const offset = known.isDone ? known.length : await this.offsetOf(id)
    return new Upload({ id, size: known.length, offset, metadata: known.metadata, creation_date: known.createdAt.toISOString() })
  }

  /** Why the last write to an upload failed, asked once; undefined where it did not. */
  takeFailure(id: string): unknown {
    const failure = this.#failures.get(id)
    this.#failures.delete(id)
    return failure
  }

  override getExpiration(): number {
    return this.#lifeMs
  }

  /** Bytes that have come. @throws ERRORS.FILE_NO_LONGER_EXISTS where they are not on this node */
  async offsetOf(id: string): Promise<number> {
    try {
      return (await stat(this.pathOf(id))).size
    } catch (error) {
      if (codeOf(error) === 'ENOENT') throw ERRORS.FILE_NO_LONGER_EXISTS
      throw ofDisk(error)
    }
  }
}
