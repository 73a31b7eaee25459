import { reasonOf, sleep } from './timing.ts'
import type { UploadItem } from './upload-handle.ts'

/** Resolves when it is not paused. */
export async function untilResumed(item: UploadItem, signal: AbortSignal): Promise<void> {
  while (item.pausing.signal.aborted) {
    if (signal.aborted) throw reasonOf(signal)
    await new Promise<void>((resolve) => {
      const end = () => {
        stop()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const stop = item.handle.subscribe(end)
      signal.addEventListener('abort', end, { once: true })
    })
  }
}

/** Waits before the next attempt, until the network may be back. */
export async function rest(item: UploadItem, ms: number, signal: AbortSignal): Promise<void> {
  item.waking = new AbortController()
  const wake = () => item.waking.abort()
  const { signal: pausing } = item.pausing
  signal.addEventListener('abort', wake, { once: true })
  pausing.addEventListener('abort', wake, { once: true })
  if (signal.aborted || pausing.aborted) wake()
  await sleep(ms, item.waking.signal).catch(() => {})
  signal.removeEventListener('abort', wake)
  pausing.removeEventListener('abort', wake)
  if (signal.aborted) throw reasonOf(signal)
}
