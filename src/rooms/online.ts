import type { Database } from '../db/client.ts'

/** Tells people who share a project when somebody comes online or goes offline (`chat:presence`). */
export interface Online {
  connected(userId: string): void
  disconnected(userId: string): void
  close(): void
}

export interface OnlineOptions {
  readers: Database['readers']
  /** Tells one person about another. */
  tell: (peerId: string, change: { userId: string; isOnline: boolean }) => void
  onError: (error: unknown) => void
  graceMs: number
  /** Changes within this time are looked up in one query, ms: a reconnect storm asks a few times, not once a person. */
  coalesceMs: number
}

const PEERS = `SELECT DISTINCT a."userId", b."userId" AS peer FROM "Member" a
  JOIN "Member" b ON b."projectId" = a."projectId" AND b."userId" <> a."userId" WHERE a."userId" = ANY($1::uuid[])`

export function createOnline({ readers, tell, onError, graceMs, coalesceMs }: OnlineOptions): Online {
  const sockets = new Map<string, number>()
  const leaving = new Map<string, NodeJS.Timeout>()
  const changed = new Set<string>()
  let flush: NodeJS.Timeout | null = null

  async function announce(): Promise<void> {
    const users = [...changed]
    changed.clear()
    const { rows } = await readers.query<{ userId: string; peer: string }>({ name: 'online-peers', text: PEERS, values: [users] })
    for (const { userId, peer } of rows) if (sockets.has(peer)) tell(peer, { userId, isOnline: sockets.has(userId) })
  }
  function touch(userId: string): void {
    changed.add(userId)
    flush ??= setTimeout(() => {
      flush = null
      announce().catch(onError)
    }, coalesceMs)
  }

  return {
    connected(userId) {
      const count = sockets.get(userId) ?? 0
      sockets.set(userId, count + 1)
      const timer = leaving.get(userId)
      if (timer) clearTimeout(timer)
      leaving.delete(userId)
      if (count === 0 && !timer) touch(userId)
    },
    disconnected(userId) {
      const count = (sockets.get(userId) ?? 0) - 1
      if (count > 0) {
        sockets.set(userId, count)
        return
      }
      sockets.set(userId, 0)
      leaving.set(
        userId,
        setTimeout(() => {
          leaving.delete(userId)
          sockets.delete(userId)
          touch(userId)
        }, graceMs),
      )
    },
    close() {
      if (flush) clearTimeout(flush)
      for (const timer of leaving.values()) clearTimeout(timer)
    },
  }
}
