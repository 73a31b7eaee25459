import type { Person, Presence, RoomId } from '@cutroom/contract'
import { guarded } from '../../lib/guarded.ts'
import { createTimeSlicedQueue } from '../../lib/time-sliced-queue.ts'
import {
  bounded,
  differ,
  type Entry,
  inMessages,
  newEntry,
  removePerson,
  type Sight,
  see,
  seenBy,
  updatePerson,
  view,
} from './presence-record.ts'

/**
 * Who stands in which room. Never in the log, never moves a head. Each node alone writes what it sees itself; a person
 * is there while any node sees them, so that merging cannot conflict.
 */
export interface PresenceTable {
  enter(room: RoomId, person: Person, socketId: string): void
  /** `grace`: the person may be back in a moment (a lost connection), so others are told only later. */
  exit(room: RoomId, userId: string, socketId: string, grace: boolean): void
  set(room: RoomId, userId: string, state: Presence['state']): void
  /** Updates name and picture of a person whom this node sees in a room. */
  updatePerson(room: RoomId, person: Person): void
  list(room: RoomId): Presence[]
  /** For an answer: as many as it may carry, and how many there are. */
  listBounded(room: RoomId): { people: Presence[]; total: number }
  /** All that this node sees by itself. */
  own(): Sight[]
  /** What another node sees: changes of it, or, with `whole`, all of it. */
  heard(node: string, sights: Sight[], whole: boolean): void
  /** A node is gone, and all that it saw. */
  forget(node: string): void
  /** Says nothing more: the clients are sent away, and other nodes keep them until they had time to come back. */
  silence(): void
  close(): void
}

export interface PresenceOptions {
  onError: (error: unknown) => void
  /** Tells the local sockets, in as many messages as it takes. */
  announce: (room: RoomId, change: { present: Presence[]; left: string[] }) => void
  /** Tells the other nodes. */
  publish: (sights: Sight[]) => void
  /** How long a lost connection goes unmentioned, ms. */
  graceMs: number
  /** Changes within this time make one message, ms. */
  coalesceMs: number
}

/** How long nothing more is told after a change of one person, and after any number of them. */
const REST_MS = 10
const MOST_REST_MS = 450
const SELF = ''

/** Ids in one message. */
const LEFT = 1_000

export function createPresence({ announce, publish, onError, graceMs, coalesceMs }: PresenceOptions): PresenceTable {
  const rooms = new Map<RoomId, Map<string, Entry>>()
  const changed = new Map<RoomId, Map<string, 'here' | 'elsewhere'>>()
  const turn = createTimeSlicedQueue()
  let flushing: NodeJS.Timeout | undefined
  let restUntil = 0
  let silent = false

  function entryOf(room: RoomId, userId: string): Entry {
    const people = rooms.get(room) ?? new Map<string, Entry>()
    rooms.set(room, people)
    const entry = people.get(userId) ?? newEntry()
    people.set(userId, entry)
    return entry
  }

  function touch(room: RoomId, userId: string, where: 'here' | 'elsewhere'): void {
    const people = changed.get(room) ?? new Map()
    changed.set(room, people)
    if (people.get(userId) !== 'here') people.set(userId, where)
    flushing ??= setTimeout(guarded(onError, flush), Math.max(coalesceMs, restUntil - performance.now()))
  }

  function flush(): void {
    flushing = undefined
    const batch = [...changed]
    changed.clear()
    const sights: Sight[] = []
    for (const [room, people] of batch) {
      const present: Presence[] = []
      const left: string[] = []
      for (const [userId, where] of people) {
        const entry = rooms.get(room)?.get(userId)
        if (!entry) continue
        const now = view(entry)
        if (now && (entry.listed || differ(now, entry.shown))) present.push(now)
        else if (!now && (entry.listed || entry.shown)) left.push(userId)
        entry.shown = now
        entry.listed = false
        const own = seenBy(entry, SELF)
        if (where === 'here') sights.push({ room, userId, presence: own?.presence ?? null, at: own?.at ?? 0 })
        if (!now && entry.sockets.length === 0) drop(room, userId)
      }
      tell(room, present, left)
    }
    if (sights.length > 0 && !silent) publish(sights)
    // In a crowd of reconnects each arrival would be sent to all others one by one.
    restUntil = performance.now() + Math.min(batch.reduce((sum, [, people]) => sum + people.size, 0) * REST_MS, MOST_REST_MS)
  }

  /** In order, and not all in one turn of the event loop: each message of a crowd goes to all of the crowd. */
  function tell(room: RoomId, present: Presence[], left: string[]): void {
    const messages = inMessages(present)
    for (let n = 0; n < messages.length || n * LEFT < left.length; n++)
      turn(() => announce(room, { present: messages[n] ?? [], left: left.slice(n * LEFT, (n + 1) * LEFT) })).catch(onError)
  }

  function drop(room: RoomId, userId: string): void {
    const people = rooms.get(room)
    people?.delete(userId)
    if (people?.size === 0) rooms.delete(room)
  }

  function gone(room: RoomId, userId: string, entry: Entry): void {
    if (removePerson(entry, SELF)) touch(room, userId, 'here')
  }

  function hear(node: string, { room, userId, presence, at }: Sight): void {
    const entry = entryOf(room, userId)
    if (presence) see(entry, { node, presence, at })
    else removePerson(entry, node)
    touch(room, userId, 'elsewhere')
  }

  /** What an answer tells of those who are there: it counts as told. */
  function* here(room: RoomId): Generator<Presence> {
    for (const [userId, entry] of rooms.get(room) ?? []) {
      const now = view(entry)
      if (changed.get(room)?.has(userId)) entry.listed ||= differ(now, entry.shown)
      if (now) yield now
    }
  }

  const table: PresenceTable = {
    enter(room, person, socketId) {
      const entry = entryOf(room, person.id)
      if (!entry.sockets.includes(socketId)) entry.sockets = entry.sockets.concat(socketId)
      clearTimeout(entry.leaving)
      entry.leaving = undefined
      if (seenBy(entry, SELF)) {
        table.updatePerson(room, person)
        return
      }
      // A state that another node holds is the later word.
      see(entry, { node: SELF, presence: { user: person, since: new Date().toISOString(), state: null }, at: 0 })
      touch(room, person.id, 'here')
    },
    exit(room, userId, socketId, grace) {
      const entry = rooms.get(room)?.get(userId)
      if (silent || !entry?.sockets.includes(socketId)) return
      entry.sockets = entry.sockets.filter((id) => id !== socketId)
      if (entry.sockets.length > 0) return
      if (!grace) gone(room, userId, entry)
      else
        entry.leaving = setTimeout(
          guarded(onError, () => gone(room, userId, entry)),
          graceMs,
        )
    },
    set(room, userId, state) {
      const entry = rooms.get(room)?.get(userId)
      const own = entry && seenBy(entry, SELF)
      if (!own) return
      // After all that is known, also where another node's clock runs ahead.
      const at = Math.max(Date.now(), ...entry.seen.map((sight) => sight.at + 1))
      see(entry, { node: SELF, presence: { ...own.presence, state }, at })
      touch(room, userId, 'here')
    },
    updatePerson(room, person) {
      const entry = rooms.get(room)?.get(person.id)
      if (entry && updatePerson(entry, SELF, person)) touch(room, person.id, 'here')
    },
    list: (room) => [...here(room)],
    listBounded(room) {
      let total = 0
      for (const { seen } of rooms.get(room)?.values() ?? []) if (seen.length > 0) total++
      return { people: bounded(here(room)), total }
    },
    own: () =>
      [...rooms].flatMap(([room, people]) =>
        [...people].flatMap(([userId, entry]) => {
          const own = seenBy(entry, SELF)
          return own ? [{ room, userId, presence: own.presence, at: own.at }] : []
        }),
      ),
    heard(node, sights, whole) {
      if (whole) table.forget(node)
      for (const sight of sights) hear(node, sight)
    },
    forget(node) {
      for (const [room, people] of rooms)
        for (const [userId, entry] of people) if (removePerson(entry, node)) touch(room, userId, 'elsewhere')
    },
    silence() {
      silent = true
    },
    close() {
      clearTimeout(flushing)
      for (const people of rooms.values()) for (const { leaving } of people.values()) clearTimeout(leaving)
      rooms.clear()
    },
  }
  return table
}
