import type { File, Problem } from '@cutroom/contract'
import { createSelections } from './select.ts'
import { abortWith } from './timing.ts'
import { filenameOf, type Upload, type UploadArgs, type UploadStatus } from './upload.ts'

/** An upload as it is driven here. */
export interface UploadItem extends UploadArgs {
  handle: Upload
  /** It has been cancelled: aborts what is under way for good. */
  cancelled: AbortController
  /** Aborted by a pause; another one after each `resume()`. */
  pausing: AbortController
  /** A pause between attempts; another one after each. */
  waking: AbortController
  show(change: Partial<UploadStatus>): void
  settle: { resolve(file: File): void; reject(error: unknown): void }
}

/** @param cancel removes what the server has, once nothing is under way */
export function createUploadItem(args: UploadArgs, onError: (error: unknown) => void, cancel: () => Promise<void>): UploadItem {
  let status: UploadStatus = {
    state: 'waiting',
    sentBytes: 0,
    totalBytes: args.file.size,
    file: undefined,
    problem: undefined as Problem | undefined,
  }
  const selections = createSelections(() => status, onError)
  const selected = selections.select((status) => status)
  let settle: UploadItem['settle'] = { resolve() {}, reject() {} }
  const done = new Promise<File>((resolve, reject) => {
    settle = { resolve, reject }
  })
  // its status says it
  done.catch(() => {})
  let cancelling: Promise<void> | undefined
  const hasEnded = () => ['done', 'refused', 'cancelled'].includes(status.state)

  const item: UploadItem = {
    ...args,
    cancelled: new AbortController(),
    pausing: new AbortController(),
    waking: new AbortController(),
    settle,
    show(change) {
      if (hasEnded()) return
      status = { ...status, ...change }
      selections.changed()
    },
    handle: {
      cutId: args.cutId,
      name: args.name ?? filenameOf(args.file),
      get value() {
        return selected.value
      },
      subscribe: selected.subscribe,
      done,
      pause() {
        if (hasEnded() || item.pausing.signal.aborted) return
        abortWith(item.pausing, new Error('The upload is paused'))
        item.show({ state: 'paused' })
      },
      resume() {
        if (hasEnded() || !item.pausing.signal.aborted) return
        item.pausing = new AbortController()
        item.show({ state: 'waiting' })
      },
      cancel() {
        if (!hasEnded()) cancelling ??= cancel()
        return cancelling ?? Promise.resolve()
      },
    },
  }
  return item
}
