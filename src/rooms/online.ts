import type { Database } from '../db/client.ts'

/** Tells people who share a project when somebody comes online or goes offline (`chat:presence`). */
export interface Online {
  changed(userId: string, isOnline: boolean): void
  close(): void
}

export interface OnlineOptions {
  readers: Database['readers']
  /** Tells one person, where they are connected here, about another. */
  tell: (peerId: string, change: { userId: string; isOnline: boolean }) => void
  onError: (error: unknown) => void
  /** Changes within this time are looked up in one query, ms: a reconnect storm asks a few times, not once a person. */
  coalesceMs: number
}

/** By whom it is told to: what one socket is told in one go leaves together. */
const PEERS = `SELECT DISTINCT b."userId" AS peer, a."userId" FROM "Member" a
  JOIN "Member" b ON b."projectId" = a."projectId" AND b."userId" <> a."userId" WHERE a."userId" = ANY($1::uuid[]) ORDER BY peer`

/** After a failed look, ms. */
const RETRY_MS = 1_000
/** How many are told in one turn of the event loop. */
const SLICE = 200
/** How long nothing more is told after a crowd came back, ms: one for each that was told something. */
const MOST_REST_MS = 450

export function createOnline({ readers, tell, onError, coalesceMs }: OnlineOptions): Online {
  const changes = new Map<string, boolean>()
  let flush: NodeJS.Timeout | undefined
  let telling: Promise<void> = Promise.resolve()
  let closed = false
  let restUntil = 0

  async function announce(): Promise<void> {
    const now = new Map(changes)
    changes.clear()
    try {
      const { rows } = await readers.query<{ userId: string; peer: string }>({
        name: 'online-peers',
        text: PEERS,
        values: [[...now.keys()]],
      })
      for (const [index, { userId, peer }] of rows.entries()) {
        // A crowd that comes back is told to itself: everybody else has a turn in between.
        if (index % SLICE === SLICE - 1) await new Promise((next) => setImmediate(next))
        tell(peer, { userId, isOnline: now.get(userId) ?? false })
      }
      restUntil = performance.now() + Math.min(rows.length, MOST_REST_MS)
    } catch (error) {
      if (closed) return
      onError(error)
      for (const [userId, isOnline] of now) if (!changes.has(userId)) changes.set(userId, isOnline)
      later(RETRY_MS)
    }
  }

  function later(ms: number): void {
    if (closed) return
    flush ??= setTimeout(
      () => {
        flush = undefined
        // One look at a time: of two at once the older might be answered last.
        telling = telling.then(announce)
      },
      Math.max(ms, restUntil - performance.now()),
    )
  }

  return {
    changed(userId, isOnline) {
      changes.set(userId, isOnline)
      later(coalesceMs)
    },
    close() {
      closed = true
      clearTimeout(flush)
    },
  }
}
