import type { Readable } from 'node:stream'

/** A file on this machine that is to be stored. */
export interface LocalFile {
  path: string
  /** Bytes. */
  size: number
  /** Media type by its content. */
  type: string
  /** Of its bytes, in hex. */
  sha256: string
}

/** Bytes of an object: both ends included. */
export interface ByteRange {
  start: number
  end: number
}

/** Where the bytes of files are kept: objects that never change, each under a key (a UUID) that the server made. */
export interface Storage {
  /**
   * Stores a local file; when it returns the object outlives a crash. The local file is gone or may be removed afterwards.
   * @throws problem storage-full | unavailable; nothing is stored then, or what `remove` takes away
   */
  put(key: string, file: LocalFile): Promise<void>
  /**
   * The bytes of an object, read no faster than they are taken. The caller reads the stream to its end or destroys it; the signal
   * destroys it, too.
   * @param range lies within the object; without it the whole
   * @throws problem not-found | unavailable
   */
  open(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Readable>
  /** Removes an object; one that is not there is no error. @throws problem unavailable */
  remove(key: string): Promise<void>
  /** The path of an object on this machine; null where the store is elsewhere. */
  pathOf(key: string): string | null
  /** Stores, reads and removes a small object. @throws problem storage-full | unavailable, with the reason as its cause */
  check(): Promise<void>
  /** Ends what is open. */
  close(): Promise<void>
}
