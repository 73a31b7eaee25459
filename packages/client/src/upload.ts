import type { File, FileKind, Problem } from '@cutroom/contract'
import type { TextStore } from './mutation.ts'
import type { Selected } from './select.ts'

/**
 * - `waiting`: for its turn, or for the network.
 * - `sending`: on its way.
 * - `paused`: until `resume()`.
 * - `done`: `file` is there.
 * - `refused`: `problem` says why.
 * - `cancelled`: nothing of it is left.
 */
export type UploadState = 'waiting' | 'sending' | 'paused' | 'done' | 'refused' | 'cancelled'

/** How an upload stands: a new object after each change. */
export interface UploadStatus {
  readonly state: UploadState
  readonly sentBytes: number
  readonly totalBytes: number
  /** The file that it has become. */
  readonly file: File | undefined
  readonly problem: Problem | undefined
}

export interface UploadArgs {
  cutId: string
  /** Its content. A `File` of a browser has a name, by which it is known again after a reload. */
  file: Blob
  /** The name that people see. Default: that of the file. */
  name?: string
  /** Refused where the content is of another kind. Default: whatever it is. */
  kind?: FileKind
}

/** An upload of this client. Its `value` is how it stands. */
export interface Upload extends Selected<UploadStatus> {
  readonly cutId: string
  readonly name: string
  /** Ends the request that is under way; what the server has taken stays there for a day. */
  pause(): void
  resume(): void
  /**
   * Ends it, and removes what the server has of it. Resolves when that is done; rejects where the server could not be reached, which
   * then removes it after a day. One that the server had completed before is `done`.
   */
  cancel(): Promise<void>
  /** The file. Rejects with the `CutroomError` of a refusal, or when it is cancelled or the client closed; need not be caught. */
  readonly done: Promise<File>
}

/** An upload that a reload or the end of a login has interrupted. Given the same file again, `client.upload` goes on with it. */
export interface InterruptedUpload {
  readonly cutId: string
  readonly name: string
  readonly kind: FileKind | undefined
  readonly sentBytes: number
  readonly totalBytes: number
  /** When it was begun, RFC 3339. */
  readonly at: string
  /** Removes what the server has of it. */
  discard(): Promise<void>
}

/** The uploads of the person who is logged in. A new object after each change of the lists. */
export interface Uploads {
  /** Those of this client that have not ended, oldest first. */
  readonly current: readonly Upload[]
  /** Those that can be resumed. */
  readonly interrupted: readonly InterruptedUpload[]
}

/** Where unfinished uploads are noted over a reload. */
export type UploadStore = TextStore

/** An unfinished upload, as it is stored. */
export interface StoredUpload {
  uploadId: string
  /** The Idempotency-Key under which it was made. */
  key: string
  cutId: string
  name: string
  kind: FileKind | undefined
  /** By what the same file is known again. */
  fingerprint: string
  sentBytes: number
  totalBytes: number
  at: string
}

/** Two files of one name, size, type and time count as the same: a content is not compared. */
export function fingerprintOf({ cutId, file, name, kind }: UploadArgs): string {
  const { lastModified = 0 } = file as { lastModified?: number }
  return JSON.stringify([cutId.toLowerCase(), filenameOf(file), name ?? null, kind ?? null, file.size, file.type, lastModified])
}

/** The name of a file; a Blob has none. */
export const filenameOf = (file: Blob): string => (file as { name?: string }).name?.slice(0, 255) || 'file'
