import type { Database } from '../../db/client.ts'
import { guarded } from '../../lib/guarded.ts'

/** Sends `chat:presence` to people who share a project with one who comes online or goes offline. */
export interface OnlineStatus {
  changed(userId: string, isOnline: boolean): void
  close(): void
}

/** One person came online or went offline; encoded once for all who are told. */
export interface OnlineChange {
  userId: string
  isOnline: boolean
  /** ISO 8601. */
  at: string
  frame: Buffer
}

export interface OnlineStatusOptions {
  readers: Database['readers']
  /** The people who are connected here: peers are looked up among them alone. */
  connected: () => Iterable<string>
  encode: (change: { userId: string; isOnline: boolean }) => OnlineChange
  /** Tells the sockets of one person on this node. */
  send: (peerId: string, changes: OnlineChange[]) => void
  onError: (error: unknown) => void
  /** Changes within this time are looked up together, ms: a crowd of reconnects takes a few lookups, not one for each person. */
  coalesceMs: number
}

/** Never more rows than pairs of the two lists. */
const PEERS = `SELECT DISTINCT b."userId" AS peer, a."userId" FROM "Member" a
  JOIN "Member" b ON b."projectId" = a."projectId" AND b."userId" <> a."userId"
  WHERE a."userId" = ANY($1::uuid[]) AND b."userId" = ANY($2::uuid[])`

/** Pairs of one changed and one connected person in one statement, and people of either side. */
const MAX_PAIRS = 5_000
const MAX_PEERS = 500
const MAX_CHANGED = 200
/** After a failed lookup, ms. */
const RETRY_MS = 1_000
/** Receivers in one tick. */
const SLICE = 200
/** Longest pause after an announcement, ms; it is as many as there were receivers, up to this. */
const MAX_PAUSE_MS = 450

const nextTick = () => new Promise<void>((next) => setImmediate(next))

/** @returns how many pairs of receiver and changed person there were */
async function announceTo(
  peers: string[],
  encoded: ReadonlyMap<string, OnlineChange>,
  { readers, send }: OnlineStatusOptions,
): Promise<number> {
  const values = [[...encoded.keys()], peers]
  const { rows } = await readers.query<{ userId: string; peer: string }>({ name: 'online-peers', text: PEERS, values })
  const byPeer = new Map<string, OnlineChange[]>()
  for (const { userId, peer } of rows) {
    const change = encoded.get(userId)
    if (change) byPeer.set(peer, (byPeer.get(peer) ?? []).concat(change))
  }
  let sent = 0
  for (const [peer, own] of byPeer) {
    // In slices: other sockets are served in between.
    if (++sent % SLICE === 0) await nextTick()
    send(peer, own)
  }
  return rows.length
}

export function createOnlineStatus(options: OnlineStatusOptions): OnlineStatus {
  const { connected, encode, onError, coalesceMs } = options
  let changes = new Map<string, boolean>()
  let timer: NodeJS.Timeout | undefined
  let announcing: Promise<void> = Promise.resolve()
  let closed = false
  let pausedUntil = 0

  /** Pairs are looked up a few at a time: in a crowd there are millions, and each list of them is freed before the next. */
  async function announce(): Promise<void> {
    let sent = 0
    const waiting = changes
    changes = new Map()
    try {
      while (waiting.size > 0 && !closed) {
        const here = [...new Set(connected())]
        const peersAtOnce = Math.min(here.length, MAX_PEERS)
        const changedAtOnce = Math.min(Math.max(Math.floor(MAX_PAIRS / Math.max(peersAtOnce, 1)), 1), MAX_CHANGED)
        const next = [...waiting].slice(0, changedAtOnce)
        const encoded = new Map(next.map(([userId, isOnline]) => [userId, encode({ userId, isOnline })]))
        for (let i = 0; i < here.length; i += MAX_PEERS) sent += await announceTo(here.slice(i, i + MAX_PEERS), encoded, options)
        for (const userId of encoded.keys()) waiting.delete(userId)
        await nextTick()
      }
      pausedUntil = performance.now() + Math.min(sent, MAX_PAUSE_MS)
    } catch (error) {
      if (closed) return
      onError(error)
      // Changes since then are newer.
      changes = new Map([...waiting, ...changes])
      schedule(RETRY_MS)
    }
  }

  function schedule(ms: number): void {
    if (closed) return
    const start = () => {
      timer = undefined
      // One announcement at a time: of two at once the older might arrive last.
      announcing = announcing.then(announce)
      return announcing
    }
    timer ??= setTimeout(guarded(onError, start), Math.max(ms, pausedUntil - performance.now()))
  }

  return {
    changed(userId, isOnline) {
      changes.set(userId, isOnline)
      schedule(coalesceMs)
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
