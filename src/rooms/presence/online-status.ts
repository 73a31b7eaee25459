import type { Database } from '../../db/client.ts'
import { guarded } from '../../lib/guarded.ts'

/** Tells people who share a project when one of them comes online or goes offline (`chat:presence`). */
export interface Online {
  changed(userId: string, isOnline: boolean): void
  close(): void
}

export interface OnlineOptions {
  readers: Database['readers']
  /** The people who are connected here: no one else is asked for. */
  connected: () => Iterable<string>
  encode: (change: { userId: string; isOnline: boolean }) => Buffer
  /** Sends frames to the sockets of one person on this node. */
  send: (peerId: string, frames: { frame: Buffer }[]) => void
  onError: (error: unknown) => void
  /** Changes within this time are looked up together, ms: a reconnect storm asks a few times, not once a person. */
  coalesceMs: number
}

/** Never more rows than pairs of the two lists. */
const PEERS = `SELECT DISTINCT b."userId" AS peer, a."userId" FROM "Member" a
  JOIN "Member" b ON b."projectId" = a."projectId" AND b."userId" <> a."userId"
  WHERE a."userId" = ANY($1::uuid[]) AND b."userId" = ANY($2::uuid[])`

/** Pairs of one changed and one connected person in one statement, and people of either side. */
const PAIRS = 5_000
const PEERS_AT_ONCE = 500
const CHANGED_AT_ONCE = 200
/** After a failed look, ms. */
const RETRY_MS = 1_000
/** How many are told in one turn of the event loop. */
const SLICE = 200
/** How long nothing more is told after a crowd came back, ms: one for each that was told something. */
const MOST_REST_MS = 450

const nextTurn = () => new Promise<void>((next) => setImmediate(next))

export function createOnline({ readers, connected, encode, send, onError, coalesceMs }: OnlineOptions): Online {
  let changes = new Map<string, boolean>()
  let flush: NodeJS.Timeout | undefined
  let telling: Promise<void> = Promise.resolve()
  let closed = false
  let restUntil = 0

  /** @returns how much was told */
  async function announceTo(peers: string[], now: ReadonlyMap<string, { frame: Buffer }>): Promise<number> {
    const values = [[...now.keys()], peers]
    const { rows } = await readers.query<{ userId: string; peer: string }>({ name: 'online-peers', text: PEERS, values })
    const byPeer = new Map<string, { frame: Buffer }[]>()
    for (const { userId, peer } of rows) {
      const frames = byPeer.get(peer) ?? []
      const change = now.get(userId)
      if (change) byPeer.set(peer, frames.concat(change))
    }
    let told = 0
    for (const [peer, frames] of byPeer) {
      // A crowd of reconnects is sent in slices: other sockets get their turn in between.
      if (++told % SLICE === 0) await nextTurn()
      send(peer, frames)
    }
    return rows.length
  }

  /** The pairs are looked up a few at a time: of a crowd there are millions, and each list of them is let go before the next. */
  async function announce(): Promise<void> {
    let told = 0
    const waiting = changes
    changes = new Map()
    try {
      while (waiting.size > 0 && !closed) {
        const here = [...new Set(connected())]
        const peersAtOnce = Math.min(here.length, PEERS_AT_ONCE)
        const changedAtOnce = Math.min(Math.max(Math.floor(PAIRS / Math.max(peersAtOnce, 1)), 1), CHANGED_AT_ONCE)
        const next = [...waiting].slice(0, changedAtOnce)
        const now = new Map(next.map(([userId, isOnline]) => [userId, { frame: encode({ userId, isOnline }) }]))
        for (let i = 0; i < here.length; i += PEERS_AT_ONCE) told += await announceTo(here.slice(i, i + PEERS_AT_ONCE), now)
        for (const userId of now.keys()) waiting.delete(userId)
        await nextTurn()
      }
      restUntil = performance.now() + Math.min(told, MOST_REST_MS)
    } catch (error) {
      if (closed) return
      onError(error)
      // What has changed since is newer.
      changes = new Map([...waiting, ...changes])
      later(RETRY_MS)
    }
  }

  function later(ms: number): void {
    if (closed) return
    const start = () => {
      flush = undefined
      // One look at a time: of two at once the older might be answered last.
      telling = telling.then(announce)
      return telling
    }
    flush ??= setTimeout(guarded(onError, start), Math.max(ms, restUntil - performance.now()))
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
