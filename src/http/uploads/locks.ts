import type { Lock, Locker } from '@tus/server'
import { problem } from '../../errors.ts'

/** How long a request waits for the one that it has asked to end, ms. */
const PATIENCE_MS = 10_000

interface Held {
  /** Asks the holder to end. */
  end: () => Promise<void> | void
  /** Resolves when it has. */
  released: Promise<void>
  release: () => void
}

/**
 * One request at a time writes to an upload. A new one ends the one before, which may hang on a connection that is long gone; unlike the
 * locker of tus it waits without turning the event loop.
 */
export class UploadLocks implements Locker {
  readonly #held = new Map<string, Held>()

  newLock(id: string): Lock {
    return {
      lock: async (stop, end) => {
        const until = performance.now() + PATIENCE_MS
        for (let held = this.#held.get(id); held; held = this.#held.get(id)) {
          await held.end()
          await endOf(held, until - performance.now(), stop)
        }
        let release = () => {}
        const released = new Promise<void>((resolve) => {
          release = resolve
        })
        this.#held.set(id, { end, released, release })
      },
      unlock: async () => {
        this.#held.get(id)?.release()
        this.#held.delete(id)
      },
    }
  }
}

/** @throws problem locked where the holder does not end in time, or the request that waits is over */
async function endOf({ released }: Held, ms: number, stop: AbortSignal): Promise<void> {
  const locked = () => problem('locked', undefined, { retryAfter: 1 })
  if (ms <= 0 || stop.aborted) throw locked()
  let timer: NodeJS.Timeout | undefined
  let onStop = () => {}
  try {
    await Promise.race([
      released,
      new Promise<never>((_, reject) => {
        onStop = () => reject(locked())
        timer = setTimeout(onStop, ms)
        stop.addEventListener('abort', onStop, { once: true })
      }),
    ])
  } finally {
    clearTimeout(timer)
    stop.removeEventListener('abort', onStop)
  }
}
