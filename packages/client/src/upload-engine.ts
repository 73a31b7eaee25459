import { type Call, type Credentials, isPassing, randomKey } from './call.ts'
import { files } from './generated/contract.ts'
import type { PersonStorageDeps } from './person-storage.ts'
import { CutroomError, problemOf } from './problem.ts'
import { backoff, deadline, reasonOf, sleep } from './timing.ts'
import type { StoredUpload } from './upload.ts'
import { createUploadDriver, type Progress } from './upload-driver.ts'
import type { UploadItem } from './upload-handle.ts'
import { createUploadList, isWorthKeeping } from './upload-list.ts'
import { removeUpload, type TransferDeps } from './upload-transfer.ts'

export interface UploadsDeps extends TransferDeps, PersonStorageDeps {
  call: Call
  /** Runs in the login that is current now. */
  inLogin<T>(signal: AbortSignal, run: (signal: AbortSignal, credentials: () => Promise<Credentials>) => Promise<T>): Promise<T>
  changed(): void
}

/** How long the server is asked to remove one, ms. */
const REMOVE_MS = 30_000

/** Removes what the server has of an upload. @returns the id of the file that it had become before */
async function removeAtServer({ inLogin, target }: UploadsDeps, { uploadId }: StoredUpload): Promise<string | null> {
  const limit = deadline(REMOVE_MS)
  try {
    return await inLogin(limit.signal, async (signal, credentials) => {
      for (let tries = 0; ; tries++) {
        try {
          return await removeUpload(target, uploadId, await credentials(), signal)
        } catch (error) {
          // what fetch throws is of the network: the address is right, and there is no body
          if (signal.aborted || (error instanceof CutroomError && !isPassing(error))) throw error
          await sleep(backoff(tries, 250, 5_000), signal)
        }
      }
    })
  } finally {
    limit.done()
  }
}

/** What uploads need beside their handles; loaded with the first one, with tus-js-client. */
export function createUploadEngine(deps: UploadsDeps) {
  const { call, onError } = deps
  const running = new Map<UploadItem, { progress: Progress; over: Promise<unknown> }>()
  let isClosed = false
  const list = createUploadList({ ...deps, remove: async (entry) => void (await removeAtServer(deps, entry)) })
  const drive = createUploadDriver({ ...deps, list })

  /** It has failed, and was not cancelled. */
  function failed(item: UploadItem, stored: StoredUpload | undefined, error: unknown): void {
    if (isClosed) {
      item.show({ state: 'paused' })
      item.settle.reject(new Error('The client was closed'))
      return
    }
    const problem = error instanceof CutroomError ? error.problem : problemOf('internal')
    if (!(error instanceof CutroomError)) onError(error)
    if (stored && !isWorthKeeping(problem)) list.forget(stored)
    item.show({ state: 'refused', problem })
    item.settle.reject(error)
  }

  async function run(item: UploadItem, progress: Progress, signal: AbortSignal, credentials: () => Promise<Credentials>) {
    const { signal: cancelled } = item.cancelled
    try {
      const file = await drive({ item, progress, signal, credentials })
      if (progress.stored) list.forget(progress.stored)
      item.show({ state: 'done', file, sentBytes: item.file.size })
      item.settle.resolve(file)
    } catch (error) {
      if (cancelled.aborted && !isClosed) return
      failed(item, progress.stored, error)
    }
    leave(item)
  }
  function leave(item: UploadItem): void {
    running.delete(item)
    list.remove(item)
  }

  async function cancel(item: UploadItem): Promise<void> {
    const mine = running.get(item)
    await mine?.over
    const stored = mine?.progress.stored
    if (mine && !running.has(item)) return
    try {
      const fileId = stored ? await removeAtServer(deps, stored) : null
      if (stored) list.forget(stored)
      if (fileId === null) return
      const file = await call(files.get, { params: { fileId }, retryForMs: REMOVE_MS })
      item.show({ state: 'done', file, sentBytes: item.file.size })
      item.settle.resolve(file)
    } finally {
      item.show({ state: 'cancelled' })
      item.settle.reject(reasonOf(item.cancelled.signal))
      leave(item)
    }
  }

  return {
    all: list.get,
    /** Sends one, until it has ended. */
    async run(item: UploadItem, signal: AbortSignal, credentials: () => Promise<Credentials>): Promise<void> {
      const progress: Progress = { key: randomKey(), stored: undefined, tries: 0, refusals: 0 }
      try {
        if (signal.aborted) throw reasonOf(signal)
        list.add(item)
      } catch (error) {
        if (!item.cancelled.signal.aborted) failed(item, undefined, error)
        return
      }
      const over = run(item, progress, signal, credentials)
      running.set(item, { progress, over })
      await over
    },
    /** Ends one that was cancelled, and removes what the server has of it. */
    cancel,
    began: list.began,
    /** The network may be back. */
    nudge(): void {
      for (const { waking } of list.items()) waking.abort()
    },
    clear: list.clear,
    /** Ends all requests; what is stored can be resumed by the next client. */
    close(): void {
      isClosed = true
      list.storage.close()
    },
  }
}
