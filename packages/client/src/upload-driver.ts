import type { File } from '@cutroom/contract'
import { askedToWait, type Call, type Credentials, isPassing } from './call.ts'
import { files, me } from './generated/contract.ts'
import { CutroomError, problemOf } from './problem.ts'
import { backoff, deadline, reasonOf } from './timing.ts'
import { filenameOf, type StoredUpload } from './upload.ts'
import type { UploadItem } from './upload-handle.ts'
import type { createUploadList } from './upload-list.ts'
import { rest, untilResumed } from './upload-pauses.ts'
import { createTransfer, type TransferDeps } from './upload-transfer.ts'
import { createUploadTurns } from './upload-turns.ts'

/** How long the file of a completed upload is asked for, ms. */
const FETCH_FILE_MS = 600_000

/** How far an upload has come here. */
export interface Progress {
  /** The Idempotency-Key of its creation. */
  key: string
  /** What the server has of it. */
  stored: StoredUpload | undefined
  /** Attempts without progress. */
  tries: number
  /** Attempts without progress that were refused for their token. */
  refusals: number
}

/** One upload, in the login in which it was made. */
export interface Drive {
  item: UploadItem
  progress: Progress
  /** Aborts with the login, the client, or a cancellation. */
  signal: AbortSignal
  credentials(): Promise<Credentials>
}

export interface DriverDeps extends TransferDeps {
  call: Call
  list: ReturnType<typeof createUploadList>
}

const isConflict = (error: unknown): boolean =>
  error instanceof CutroomError && (error.code === 'conflict' || error.code === 'locked')
/** The server does not know this upload any more. */
const isGone = (error: unknown): boolean => error instanceof CutroomError && (error.status === 404 || error.status === 410)

/** Can the content still be read? A file may have been changed or removed since it was chosen. */
async function isReadable(blob: Blob): Promise<boolean> {
  try {
    await blob.slice(0, 1).arrayBuffer?.()
    return true
  } catch {
    return false
  }
}

/**
 * Renews what can be renewed, and says what has become of the login: the answer to HEAD has no body.
 * @returns what kept it from that and is passing; undefined: nothing
 * @throws what is final
 */
async function renew(call: Call, signal: AbortSignal): Promise<unknown> {
  try {
    await call(me.get, { signal })
    return undefined
  } catch (error) {
    if (!isPassing(error)) throw error
    return error
  }
}

/** Sends uploads, some at a time, each until it is a file or is refused for good. */
export function createUploadDriver({ call, list, ...deps }: DriverDeps) {
  const transfer = createTransfer(deps)
  const turns = createUploadTurns()

  /** One attempt, from where the server stands. @returns the id of the file */
  async function attempt({ item, progress, credentials, signal }: Drive, pausing: AbortSignal): Promise<string> {
    const { cutId, name, kind, file } = item
    const limit = deadline(undefined, signal, pausing)
    item.show({ state: 'sending' })
    try {
      return await transfer({
        blob: file,
        metadata: { cutId, filename: filenameOf(file), ...(name !== undefined && { name }), ...(kind !== undefined && { kind }) },
        key: progress.key,
        uploadId: progress.stored?.uploadId,
        credentials,
        signal: limit.signal,
        onCreated(uploadId) {
          // the login has ended: it would be one of the next person
          if (signal.aborted && !item.cancelled.signal.aborted) return
          progress.stored = list.note(item, uploadId, progress.key)
        },
        onProgress(sentBytes, isAccepted) {
          item.show({ sentBytes })
          if (isAccepted && progress.stored) list.sent(progress.stored, sentBytes)
        },
      })
    } finally {
      limit.done()
    }
  }

  /** Waits, or prepares what the next attempt needs. @throws what is final */
  async function recover({ item, progress, signal }: Drive, failure: unknown): Promise<void> {
    let error = failure
    if (isGone(error) && progress.stored) {
      list.forget(progress.stored)
      progress.stored = undefined
      item.show({ sentBytes: 0, state: 'waiting' })
      // behind a proxy that sends its parts to another node it would be begun without end
      if (progress.tries++ > 0) await rest(item, backoff(progress.tries - 2), signal)
      return
    }
    if (error instanceof CutroomError && error.status === 401 && progress.refusals === 0) {
      error = await renew(call, signal)
      // one that could not be followed by a renewal does not count
      if (error === undefined) {
        progress.refusals++
        return
      }
    }
    if (!isPassing(error) && !isConflict(error)) throw error
    if (!(await isReadable(item.file))) throw new CutroomError(problemOf('bad-request', 'The file cannot be read any more'))
    // it may have been paused by now
    if (!item.pausing.signal.aborted) item.show({ state: 'waiting' })
    await rest(item, Math.max(askedToWait(error), backoff(progress.tries++)), signal)
  }

  /** @returns the id of the file */
  async function send(drive: Drive): Promise<string> {
    const { item, progress, signal } = drive
    for (;;) {
      await untilResumed(item, signal)
      const release = await turns.take(signal)
      const { signal: pausing } = item.pausing
      const before = progress.stored?.sentBytes ?? 0
      let failed: unknown
      try {
        if (pausing.aborted) continue
        return await attempt(drive, pausing)
      } catch (error) {
        failed = error
      } finally {
        release()
      }
      if (signal.aborted) throw reasonOf(signal)
      if (pausing.aborted) continue
      if ((progress.stored?.sentBytes ?? 0) > before) Object.assign(progress, { tries: 0, refusals: 0 })
      await recover(drive, failed)
    }
  }

  /** Goes on until it is the file. @throws CutroomError when it is refused; the reason of the signal */
  return async (drive: Drive): Promise<File> => {
    const { item, progress, signal } = drive
    await Promise.race([list.storage.opened, aborted(signal)])
    progress.stored = list.claim(item)
    if (progress.stored) {
      progress.key = progress.stored.key
      item.show({ sentBytes: progress.stored.sentBytes })
    }
    const fileId = await send(drive)
    return call(files.get, { params: { fileId }, retryForMs: FETCH_FILE_MS, signal })
  }
}

/** Never resolves. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(reasonOf(signal))
    else signal.addEventListener('abort', () => reject(reasonOf(signal)), { once: true })
  })
