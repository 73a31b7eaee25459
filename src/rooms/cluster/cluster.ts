import { randomUUID } from 'node:crypto'
import type { ExtensionMessage, RoomId } from '@cutroom/contract'
import { guarded } from '../../lib/guarded.ts'
import { createTimeSlicedQueue } from '../../lib/time-sliced-queue.ts'
import type { PresenceTable } from '../presence/presence.ts'
import type { PresenceRecord } from '../presence/presence-record.ts'
import { restrictCluster } from '../sockets/engine-io.ts'
import type { RoomServer } from '../types.ts'
import { type ClusterMessage, decodeMessage, encodeMessage, MAX_PARTS, MAX_RECORDS, MAX_ROOMS } from './cluster-messages.ts'
import { collect, newNode, type RemoteNode } from './remote-node.ts'

/** A person types, or stopped. */
export type Typed = Omit<Extract<ClusterMessage, { say: 'typing' }>, 'say'>
/** What a client of a dialect says to the others in its projects. */
export type Relayed = Omit<Extract<ClusterMessage, { say: 'relay' }>, 'say'>
/** Typing in a conversation, with those who are to know. */
export type ChatTyped = Omit<Extract<ClusterMessage, { say: 'chat-typing' }>, 'say'>

export interface ClusterOptions {
  io: RoomServer
  presence: PresenceTable
  /** Called with rooms that have new events elsewhere. */
  poke: (rooms: RoomId[]) => void
  /** Called with typing on other nodes. */
  onTyping: (typed: Typed) => void
  onChatTyping: (typed: ChatTyped) => void
  /** Called with messages to rooms of extensions. */
  onExtension: (message: ExtensionMessage) => void
  onRelay: (relayed: Relayed) => void
  /** Called once a minute at most with how many messages were refused since the last time. */
  onRefused: (count: number) => void
  onError: (error: unknown) => void
  /** Between heartbeats, ms. */
  beatMs: number
  /** A node without a message for this long is dead, ms. */
  deadMs: number
}

/** Between requests to one node for all its records, and between answers to them, ms. A change is followed by a heartbeat as soon. */
const REQUEST_MS = 500
/** Between reports of refused messages, ms. */
const REPORT_MS = 60_000
/** Nodes that are remembered; more than any cluster has. */
const MAX_NODES = 1_000

/**
 * The other nodes, over the Socket.IO adapter. A node's version names the state of its presence records; a node that missed one requests
 * all of them.
 */
export class Cluster {
  readonly #options: ClusterOptions
  readonly #self = randomUUID()
  readonly #nodes = new Map<string, RemoteNode>()
  /** Rooms to be announced at the end of this tick. */
  readonly #pokes = new Set<RoomId>()
  readonly #inSlice = createTimeSlicedQueue()
  readonly #timers: NodeJS.Timeout[]
  #version = 0
  #sentVersion = 0
  #silent = false
  /** All records were requested; when they were sent last. */
  #requested = false
  #sentAllAt = Number.NEGATIVE_INFINITY
  #refused = 0
  #reportedAt = Number.NEGATIVE_INFINITY

  constructor(options: ClusterOptions) {
    this.#options = options
    const { io, onError, beatMs } = options
    restrictCluster(io, 'word', onError)
    io.on(
      'word',
      guarded(onError, (text: unknown) => this.#onMessage(text)),
    )
    this.#timers = [
      setInterval(
        guarded(onError, () => this.#beat()),
        beatMs,
      ),
      setInterval(
        guarded(onError, () => this.#repair()),
        REQUEST_MS,
      ),
    ]
    for (const timer of this.#timers) timer.unref()
    this.#enqueue({ say: 'ask', node: null })
  }

  /** Wakes the feeds of rooms on the other nodes. Writes of one tick make one message. */
  poke(rooms: Iterable<RoomId>): void {
    for (const id of rooms) {
      if (this.#pokes.size === 0)
        setImmediate(
          guarded(this.#options.onError, () => {
            const all = [...this.#pokes]
            this.#pokes.clear()
            for (let i = 0; i < all.length; i += MAX_ROOMS) this.#send({ say: 'news', rooms: all.slice(i, i + MAX_ROOMS) })
          }),
        )
      this.#pokes.add(id)
    }
  }

  /** Sends changed presence records of this node. */
  publish(records: PresenceRecord[]): void {
    for (let i = 0; i < records.length; i += MAX_RECORDS) {
      this.#version++
      this.#enqueue({ say: 'changed', ...this.#head(), sights: records.slice(i, i + MAX_RECORDS) })
    }
  }

  /** Sends that a person types, or stopped. */
  typing(typed: Typed): void {
    this.#send({ say: 'typing', ...typed })
  }

  chatTyping(typed: ChatTyped): void {
    this.#send({ say: 'chat-typing', ...typed })
  }

  extension(message: ExtensionMessage): void {
    this.#send({ say: 'extension', message })
  }

  relay(relayed: Relayed): void {
    this.#send({ say: 'relay', ...relayed })
  }

  /** Sends nothing more but pokes and what extensions say, so that the others keep this node's records until its people had time to come back. */
  silence(): void {
    this.#silent = true
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  #head(): { node: string; version: number } {
    return { node: this.#self, version: this.#version }
  }

  #send(message: ClusterMessage): void {
    // A node that drains still finishes writes, and the others have to learn of them.
    if (!this.#silent || message.say === 'news' || message.say === 'extension')
      this.#options.io.serverSideEmit('word', encodeMessage(message))
  }

  /** Sends behind earlier messages, and not all in one tick. */
  #enqueue(message: ClusterMessage): void {
    this.#inSlice(() => this.#send(message)).catch(this.#options.onError)
  }

  #sendAllIfRequested(): void {
    if (!this.#requested || performance.now() - this.#sentAllAt < REQUEST_MS) return
    this.#requested = false
    this.#sentAllAt = performance.now()
    const all = this.#options.presence.localRecords().slice(0, MAX_PARTS * MAX_RECORDS)
    const parts = Math.max(Math.ceil(all.length / MAX_RECORDS), 1)
    for (let part = 0; part < parts; part++) {
      const sights = all.slice(part * MAX_RECORDS, (part + 1) * MAX_RECORDS)
      this.#enqueue({ say: 'all', ...this.#head(), part, parts, sights })
    }
  }

  #onMessage(text: unknown): void {
    const message = decodeMessage(text)
    if (!message) this.#refused++
    else if (message.say === 'news') this.#options.poke(message.rooms)
    else if (message.say === 'typing') this.#options.onTyping(message)
    else if (message.say === 'chat-typing') this.#options.onChatTyping(message)
    else if (message.say === 'extension') this.#options.onExtension(message.message)
    else if (message.say === 'relay') this.#options.onRelay(message)
    else if (message.say !== 'ask') this.#onRecords(message)
    else if (message.node === null || message.node === this.#self) {
      this.#requested = true
      this.#sendAllIfRequested()
    }
  }

  #onRecords(message: Extract<ClusterMessage, { node: string; version: number }>): void {
    const id = message.node
    if (!this.#nodes.has(id) && this.#nodes.size >= MAX_NODES) return
    const node = this.#nodes.get(id) ?? newNode()
    this.#nodes.set(id, node)
    node.receivedAt = performance.now()
    node.newest = Math.max(node.newest, message.version)
    const { presence } = this.#options
    if (message.say === 'changed' && message.version === node.version + 1) {
      presence.applyRemote(id, message.sights, false)
      node.version = message.version
    }
    const all = message.say === 'all' ? collect(node, message) : null
    if (all && message.version >= node.version) {
      presence.applyRemote(id, all, true)
      node.version = message.version
    }
    this.#requestMissing(id, node)
  }

  #requestMissing(id: string, node: RemoteNode): void {
    if (node.version >= node.newest || performance.now() - node.requestedAt < REQUEST_MS) return
    node.requestedAt = performance.now()
    this.#enqueue({ say: 'ask', node: id })
  }

  /** Sends a heartbeat, and removes nodes that sent none. */
  #beat(): void {
    this.#enqueue({ say: 'alive', ...this.#head() })
    for (const [id, { receivedAt }] of this.#nodes)
      if (performance.now() - receivedAt > this.#options.deadMs) {
        this.#nodes.delete(id)
        this.#options.presence.forgetNode(id)
      }
  }

  /** A lost message or answer is requested again before the next heartbeat. */
  #repair(): void {
    if (this.#sentVersion < this.#version) this.#enqueue({ say: 'alive', ...this.#head() })
    this.#sentVersion = this.#version
    for (const [id, node] of this.#nodes) this.#requestMissing(id, node)
    this.#sendAllIfRequested()
    if (this.#refused === 0 || performance.now() - this.#reportedAt < REPORT_MS) return
    this.#options.onRefused(this.#refused)
    this.#refused = 0
    this.#reportedAt = performance.now()
  }
}
