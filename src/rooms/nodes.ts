import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { Presence, type RoomId } from '../contract/index.ts'
import type { RoomServer } from './delivery.ts'
import type { PresenceTable, Sight } from './presence.ts'

const room = z.custom<RoomId>((value) => typeof value === 'string' && /^(project|user):/.test(value))
const sights: z.ZodType<Sight[]> = z.array(z.object({ room, userId: z.uuid(), presence: Presence.nullable(), at: z.number() }))
const head = { node: z.uuid(), version: z.int() }

/** What nodes say to each other. All of it are hints: lost, repeated and shuffled ones do no lasting harm. */
const Word = z.discriminatedUnion('say', [
  /** There is news in these rooms. */
  z.object({ say: z.literal('news'), rooms: z.array(room) }),
  /** What I see has changed, from the version before this one. */
  z.object({ say: z.literal('changed'), ...head, sights }),
  /** All that I see. */
  z.object({ say: z.literal('all'), ...head, sights }),
  /** I live, and this is my version. */
  z.object({ say: z.literal('alive'), ...head }),
  /** Tell all that you see; null: everybody. */
  z.object({ say: z.literal('ask'), node: z.uuid().nullable() }),
])
type Word = z.output<typeof Word>

export interface NodeToNode {
  word: (word: Word) => void
}

export interface Nodes {
  /** Wakes the feeds of the other nodes. */
  news(rooms: Iterable<RoomId>): void
  /** What this node sees has changed. */
  changed(sights: Sight[]): void
  /** Says no more who is where, so that the others keep what this node saw until its people had time to come back. */
  silence(): void
  close(): void
}

export interface NodesOptions {
  io: RoomServer
  presence: PresenceTable
  /** Told which rooms have news elsewhere. */
  poke: (rooms: RoomId[]) => void
  /** Between signs of life, ms. */
  beatMs: number
  /** A node that said nothing for this long is dead, ms. */
  deadMs: number
}

/** Between questions to one node, ms: its answer is everything it sees. A change is followed by a sign of life as soon. */
const ASK_MS = 500
/** Most rooms in one word. */
const NEWS_ROOMS = 1_000

/** Another node, as far as it is known here. Times are of this process, ms. */
interface Other {
  /** Of what it sees, and of its last word about it. */
  version: number
  newest: number
  heard: number
  asked: number
}

/** The other nodes, over the Socket.IO adapter. A node's version names what it sees; whoever missed one asks for all of it. */
export function createNodes({ io, presence, poke, beatMs, deadMs }: NodesOptions): Nodes {
  const self = randomUUID()
  const others = new Map<string, Other>()
  const waiting = new Set<RoomId>()
  let version = 0
  let told = 0
  let silent = false
  // A node that drains still finishes writes, and others have to hear of them.
  const say = (word: Word) => void ((silent && word.say !== 'news') || io.serverSideEmit('word', word))
  const tellAll = () => say({ say: 'all', node: self, version, sights: presence.own() })

  function hear(word: Word): void {
    if (word.say === 'news') {
      poke(word.rooms)
      return
    }
    if (word.say === 'ask') {
      if (word.node === null || word.node === self) tellAll()
      return
    }
    const other = others.get(word.node) ?? { version: -1, newest: -1, heard: 0, asked: Number.NEGATIVE_INFINITY }
    others.set(word.node, other)
    other.heard = performance.now()
    other.newest = Math.max(other.newest, word.version)
    const next = word.say === 'changed' && word.version === other.version + 1
    const newer = word.say === 'all' && word.version >= other.version
    if (next || newer) {
      presence.heard(word.node, word.sights, newer)
      other.version = word.version
    }
    askFor(word.node, other)
  }
  function askFor(node: string, other: Other): void {
    if (other.version >= other.newest || performance.now() - other.asked < ASK_MS) return
    other.asked = performance.now()
    say({ say: 'ask', node })
  }

  io.on('word', (word) => {
    const parsed = Word.safeParse(word)
    if (parsed.success) hear(parsed.data)
  })

  const beat = setInterval(() => {
    say({ say: 'alive', node: self, version })
    for (const [node, { heard }] of others)
      if (performance.now() - heard > deadMs) {
        others.delete(node)
        presence.forget(node)
      }
  }, beatMs)
  // Of what was lost, a word or the answer to a question, nobody waits for the next beat.
  const repair = setInterval(() => {
    if (told < version) say({ say: 'alive', node: self, version })
    told = version
    for (const [node, other] of others) askFor(node, other)
  }, ASK_MS)
  for (const timer of [beat, repair]) timer.unref()
  say({ say: 'ask', node: null })

  return {
    news(rooms) {
      // Writes of one turn of the event loop make one word.
      if (waiting.size === 0)
        setImmediate(() => {
          const all = [...waiting]
          waiting.clear()
          for (let i = 0; i < all.length; i += NEWS_ROOMS) say({ say: 'news', rooms: all.slice(i, i + NEWS_ROOMS) })
        })
      for (const id of rooms) waiting.add(id)
    },
    changed(now) {
      version++
      say({ say: 'changed', node: self, version, sights: now })
    },
    silence() {
      silent = true
    },
    close() {
      clearInterval(beat)
      clearInterval(repair)
    },
  }
}
