import { randomUUID } from 'node:crypto'
import type { RoomId } from '@cutroom/contract'
import { guarded } from '../../lib/guarded.ts'
import { createTimeSlicedQueue } from '../../lib/time-sliced-queue.ts'
import type { PresenceTable } from '../presence/presence.ts'
import type { Sight } from '../presence/presence-record.ts'
import { restrictCluster } from '../sockets/engine-io.ts'
import type { RoomServer } from '../types.ts'
import { type ClusterMessage, decodeMessage, encodeMessage, MAX_PARTS, MAX_RECORDS, MAX_ROOMS } from './cluster-messages.ts'

/** Who types where, or stopped. */
export type Typed = Omit<Extract<ClusterMessage, { say: 'typing' }>, 'say'>

export interface Cluster {
  /** Wakes the feeds of the other nodes. */
  news(rooms: Iterable<RoomId>): void
  /** What this node sees has changed. */
  changed(sights: Sight[]): void
  typing(typed: Typed): void
  /** Says no more who is where, so that the others keep what this node saw until its people had time to come back. */
  silence(): void
  close(): void
}

export interface NodesOptions {
  io: RoomServer
  presence: PresenceTable
  /** Told which rooms have news elsewhere. */
  poke: (rooms: RoomId[]) => void
  /** Told who types elsewhere. */
  onTyping: (typed: Typed) => void
  /** Told now and then how many messages were refused since the last time. */
  onRefused: (count: number) => void
  onError: (error: unknown) => void
  /** Between signs of life, ms. */
  beatMs: number
  /** A node that said nothing for this long is dead, ms. */
  deadMs: number
}

/** Between questions to one node, and between answers that are everything a node sees, ms. A change is followed by a sign of life as soon. */
const ASK_MS = 500
/** Between reports of refused messages, ms. */
const REPORT_MS = 60_000
/** Nodes that are kept in mind; more than any cluster has. */
const MAX_NODES = 1_000

/** Another node, as far as it is known here. Times are of this process, ms. */
interface Other {
  /** Of what it sees, and of its last word about it. */
  version: number
  newest: number
  heard: number
  asked: number
  /** The parts so far of all that it sees. */
  partial: { version: number; next: number; sights: Sight[] } | null
}

/** The other nodes, over the Socket.IO adapter. A node's version names its state; a node that missed one asks for all of it. */
export function createCluster({ io, presence, poke, onTyping, onRefused, onError, beatMs, deadMs }: NodesOptions): Cluster {
  const self = randomUUID()
  const others = new Map<string, Other>()
  const waiting = new Set<RoomId>()
  const turn = createTimeSlicedQueue()
  let version = 0
  let told = 0
  let silent = false
  /** An answer with everything is due; when the last one was given. */
  let due = false
  let answered = Number.NEGATIVE_INFINITY
  let refused = 0
  let reported = Number.NEGATIVE_INFINITY

  function send(message: ClusterMessage): void {
    // A node that drains still finishes writes, and others have to hear of them.
    if (!silent || message.say === 'news') io.serverSideEmit('word', encodeMessage(message))
  }
  /** Behind what was said before, and not all in one turn of the event loop. */
  const say = (message: ClusterMessage) => void turn(() => send(message)).catch(onError)

  function tellAll(): void {
    due = false
    answered = performance.now()
    const all = presence.own().slice(0, MAX_PARTS * MAX_RECORDS)
    const parts = Math.max(Math.ceil(all.length / MAX_RECORDS), 1)
    for (let part = 0; part < parts; part++) {
      const sights = all.slice(part * MAX_RECORDS, (part + 1) * MAX_RECORDS)
      say({ say: 'all', node: self, version, part, parts, sights })
    }
  }
  function answerAsked(): void {
    if (due && performance.now() - answered >= ASK_MS) tellAll()
  }

  /** @returns all that it sees, once the last part is here; a lost one is found by its version, and asked for */
  function collect(other: Other, message: Extract<ClusterMessage, { say: 'all' }>): Sight[] | null {
    if (message.part === 0) other.partial = { version: message.version, next: 0, sights: [] }
    const { partial } = other
    if (partial?.version !== message.version || partial.next !== message.part) return null
    partial.next++
    partial.sights.push(...message.sights)
    if (partial.next < message.parts) return null
    other.partial = null
    return partial.sights
  }

  function hearOf(message: Extract<ClusterMessage, { node: string; version: number }>): void {
    const { node } = message
    const other = others.get(node) ?? { version: -1, newest: -1, heard: 0, asked: Number.NEGATIVE_INFINITY, partial: null }
    if (!others.has(node) && others.size >= MAX_NODES) return
    others.set(node, other)
    other.heard = performance.now()
    other.newest = Math.max(other.newest, message.version)
    if (message.say === 'changed' && message.version === other.version + 1) {
      presence.heard(node, message.sights, false)
      other.version = message.version
    }
    const all = message.say === 'all' ? collect(other, message) : null
    if (all && message.version >= other.version) {
      presence.heard(node, all, true)
      other.version = message.version
    }
    askFor(node, other)
  }
  function askFor(node: string, other: Other): void {
    if (other.version >= other.newest || performance.now() - other.asked < ASK_MS) return
    other.asked = performance.now()
    say({ say: 'ask', node })
  }

  function hear(text: unknown): void {
    const message = decodeMessage(text)
    if (!message) refused++
    else if (message.say === 'news') poke(message.rooms)
    else if (message.say === 'typing') onTyping(message)
    else if (message.say !== 'ask') hearOf(message)
    else if (message.node === null || message.node === self) {
      due = true
      answerAsked()
    }
  }
  restrictCluster(io, 'word', onError)
  io.on('word', guarded(onError, hear))

  function beat(): void {
    say({ say: 'alive', node: self, version })
    for (const [node, { heard }] of others)
      if (performance.now() - heard > deadMs) {
        others.delete(node)
        presence.forget(node)
      }
  }
  /** A lost message or answer is asked for again before the next beat. */
  function repair(): void {
    if (told < version) say({ say: 'alive', node: self, version })
    told = version
    for (const [node, other] of others) askFor(node, other)
    answerAsked()
    if (refused === 0 || performance.now() - reported < REPORT_MS) return
    onRefused(refused)
    refused = 0
    reported = performance.now()
  }
  const timers = [setInterval(guarded(onError, beat), beatMs), setInterval(guarded(onError, repair), ASK_MS)]
  for (const timer of timers) timer.unref()
  say({ say: 'ask', node: null })

  function tellNews(): void {
    const all = [...waiting]
    waiting.clear()
    for (let i = 0; i < all.length; i += MAX_ROOMS) send({ say: 'news', rooms: all.slice(i, i + MAX_ROOMS) })
  }

  return {
    news(rooms) {
      for (const id of rooms) {
        // Writes of one turn of the event loop make one word.
        if (waiting.size === 0) setImmediate(guarded(onError, tellNews))
        waiting.add(id)
      }
    },
    changed(now) {
      for (let i = 0; i < now.length; i += MAX_RECORDS) {
        version++
        say({ say: 'changed', node: self, version, sights: now.slice(i, i + MAX_RECORDS) })
      }
    },
    typing(typed) {
      send({ say: 'typing', ...typed })
    },
    silence() {
      silent = true
    },
    close() {
      for (const timer of timers) clearInterval(timer)
    },
  }
}
