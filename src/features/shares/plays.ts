import type { MakeLimit } from '../../http/limits.ts'
import { guarded } from '../../lib/guarded.ts'

/** Pause between two updates of the counts of links, ms: one link makes twelve events a minute at most, on each node. */
const EVERY_MS = 5_000
/** Links whose plays wait for an update; of more of them plays are not counted. */
const MAX_WAITING = 10_000
/** Plays of one link that are counted for one network in 15 minutes: a loop does not make a song popular. */
const PLAYS = 60
/** Links in one write. */
const BATCH = 100

export interface Plays {
  /** Counts a play of a link by a visitor from a network, unless there were too many of them. */
  count(shareId: string, network: string): Promise<void>
  /** Writes what waits. */
  close(): Promise<void>
}

interface PlaysOptions {
  makeLimit: MakeLimit
  /** Writes counts, by the id of the link. */
  save: (plays: ReadonlyMap<string, number>) => Promise<void>
  onError: (error: unknown) => void
  everyMs?: number
}

/**
 * Collects the plays of links, which are many, and writes their counts now and then. What a crash takes with it are those of the last
 * seconds.
 */
export function createPlays({ makeLimit, save, onError, everyMs = EVERY_MS }: PlaysOptions): Plays {
  const limit = makeLimit('share-plays', PLAYS)
  const waiting = new Map<string, number>()
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  function add(shareId: string, plays: number): void {
    const known = waiting.get(shareId)
    if (known !== undefined || waiting.size < MAX_WAITING) waiting.set(shareId, (known ?? 0) + plays)
  }

  async function flush(): Promise<void> {
    while (waiting.size > 0) {
      const batch = new Map([...waiting].slice(0, BATCH))
      for (const id of batch.keys()) waiting.delete(id)
      try {
        await save(batch)
      } catch (error) {
        for (const [id, plays] of batch) add(id, plays)
        throw error
      }
    }
  }

  const flushLater = guarded(onError, async () => {
    running = flush()
    try {
      await running
    } finally {
      timer = undefined
      schedule()
    }
  })
  function schedule(): void {
    if (waiting.size > 0 && !closed) timer ??= setTimeout(flushLater, everyMs)
  }

  return {
    async count(shareId, network) {
      const key = `${shareId} ${network}`
      if (closed || (await limit.used(key)) >= PLAYS) return
      await limit.count(key)
      add(shareId, 1)
      schedule()
    },
    async close() {
      closed = true
      clearTimeout(timer)
      // One that runs has reported its own error.
      await running.catch(() => {})
      await flush().catch(onError)
    },
  }
}
