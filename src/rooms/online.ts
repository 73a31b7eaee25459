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

const PEERS = `SELECT DISTINCT a."userId", b."userId" AS peer FROM "Member" a
  JOIN "Member" b ON b."projectId" = a."projectId" AND b."userId" <> a."userId" WHERE a."userId" = ANY($1::uuid[])`

/** After a failed look, ms. */
const RETRY_MS = 1_000

export function createOnline({ readers, tell, onError, coalesceMs }: OnlineOptions): Online {
  const changes = new Map<string, boolean>()
  let flush: NodeJS.Timeout | undefined
  let telling: Promise<void> = Promise.resolve()
  let closed = false

  async function announce(): Promise<void> {
    const now = new Map(changes)
    changes.clear()
    try {
      const { rows } = await readers.query<{ userId: string; peer: string }>({
        name: 'online-peers',
        text: PEERS,
        values: [[...now.keys()]],
      })
      for (const { userId, peer } of rows) tell(peer, { userId, isOnline: now.get(userId) ?? false })
    } catch (error) {
      if (closed) return
      onError(error)
      for (const [userId, isOnline] of now) if (!changes.has(userId)) changes.set(userId, isOnline)
      later(RETRY_MS)
    }
  }

  function later(ms: number): void {
    if (closed) return
    flush ??= setTimeout(() => {
      flush = undefined
      // One look at a time: of two at once the older might be answered last.
      telling = telling.then(announce)
    }, ms)
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
