import type { Person, Presence, RoomId } from '../contract/index.ts'

/** One person in one room as one node sees them; `presence` is null when they have gone. */
export interface Sight {
  room: RoomId
  userId: string
  presence: Presence | null
  /** When the state was set, ms since the epoch: of several tabs the last word counts. */
  at: number
}

/**
 * Who stands in which room. Never in the log, never moves a head. Each node alone writes what it sees itself; a person
 * is there while any node sees them, so that merging cannot conflict.
 */
export interface PresenceTable {
  enter(room: RoomId, person: Person, socketId: string): void
  /** `grace`: the person may be back in a moment (a lost connection), so others are told only later. */
  exit(room: RoomId, userId: string, socketId: string, grace: boolean): void
  set(room: RoomId, userId: string, state: Presence['state']): void
  list(room: RoomId): Presence[]
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
  /** Tells the local sockets. */
  announce: (room: RoomId, change: { present: Presence[]; left: string[] }) => void
  /** Tells the other nodes. */
  publish: (sights: Sight[]) => void
  /** How long a lost connection goes unmentioned, ms. */
  graceMs: number
  /** Changes within this time make one message, ms. */
  coalesceMs: number
}

/** What one node sees. */
interface Seen {
  node: string
  presence: Presence
  at: number
}

// Lists of one, nearly always, and exactly as long as they are: a Map or a Set for each, or room to grow, would be most of what
// it costs to stand here.
interface Entry {
  /** One for each node. */
  seen: readonly Seen[]
  sockets: readonly string[]
  leaving: NodeJS.Timeout | undefined
  /** What the local sockets were told last. */
  shown: Presence | null
  /** An answer has told something else meanwhile: whatever it comes to, all are told. */
  listed: boolean
}

/** How long nothing more is told after a change of one person, and after any number of them. */
const REST_MS = 10
const MOST_REST_MS = 450
const SELF = ''

const differ = (a: Presence | null, b: Presence | null): boolean => JSON.stringify(a) !== JSON.stringify(b)

/** The last word comes last, and all nodes agree which it is. */
const byWord = (a: Seen, b: Seen): number =>
  a.at - b.at || (JSON.stringify(a.presence.state) < JSON.stringify(b.presence.state) ? -1 : 1)

const seenBy = ({ seen }: Entry, node: string): Seen | undefined => seen.find((one) => one.node === node)

function see(entry: Entry, sight: Seen): void {
  entry.seen = entry.seen.filter(({ node }) => node !== sight.node).concat(sight)
}

/** @returns whether it saw them */
function unsee(entry: Entry, node: string): boolean {
  const before = entry.seen
  entry.seen = before.filter((one) => one.node !== node)
  return entry.seen.length < before.length
}

export function createPresence({ announce, publish, graceMs, coalesceMs }: PresenceOptions): PresenceTable {
  const rooms = new Map<RoomId, Map<string, Entry>>()
  const changed = new Map<RoomId, Map<string, 'here' | 'elsewhere'>>()
  let flushing: NodeJS.Timeout | undefined
  let restUntil = 0
  let silent = false

  function entryOf(room: RoomId, userId: string): Entry {
    const people = rooms.get(room) ?? new Map<string, Entry>()
    rooms.set(room, people)
    const entry = people.get(userId) ?? { seen: [], sockets: [], leaving: undefined, shown: null, listed: false }
    people.set(userId, entry)
    return entry
  }

  /** The union of what the nodes see. Who came back on another node was never away. */
  function view(entry: Entry): Presence | null {
    const last = entry.seen.toSorted(byWord).at(-1)
    if (!last) return null
    const seen = entry.seen.map(({ presence }) => presence.since)
    const since = [...seen, entry.shown?.since ?? last.presence.since].sort()[0]
    return since === last.presence.since ? last.presence : { ...last.presence, since: since ?? last.presence.since }
  }

  function touch(room: RoomId, userId: string, where: 'here' | 'elsewhere'): void {
    const people = changed.get(room) ?? new Map()
    changed.set(room, people)
    if (people.get(userId) !== 'here') people.set(userId, where)
    flushing ??= setTimeout(flush, Math.max(coalesceMs, restUntil - performance.now()))
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
      if (present.length > 0 || left.length > 0) announce(room, { present, left })
    }
    if (sights.length > 0 && !silent) publish(sights)
    // When everybody comes back at once, everybody would be told of everybody one by one.
    restUntil = performance.now() + Math.min(batch.reduce((sum, [, people]) => sum + people.size, 0) * REST_MS, MOST_REST_MS)
  }

  function drop(room: RoomId, userId: string): void {
    const people = rooms.get(room)
    people?.delete(userId)
    if (people?.size === 0) rooms.delete(room)
  }

  function gone(room: RoomId, userId: string, entry: Entry): void {
    if (unsee(entry, SELF)) touch(room, userId, 'here')
  }

  function hear(node: string, { room, userId, presence, at }: Sight): void {
    const entry = entryOf(room, userId)
    if (presence) see(entry, { node, presence, at })
    else unsee(entry, node)
    touch(room, userId, 'elsewhere')
  }

  const table: PresenceTable = {
    enter(room, person, socketId) {
      const entry = entryOf(room, person.id)
      if (!entry.sockets.includes(socketId)) entry.sockets = entry.sockets.concat(socketId)
      clearTimeout(entry.leaving)
      entry.leaving = undefined
      if (seenBy(entry, SELF)) return
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
      else entry.leaving = setTimeout(() => gone(room, userId, entry), graceMs)
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
    list: (room) =>
      [...(rooms.get(room) ?? [])].flatMap(([userId, entry]) => {
        const now = view(entry)
        if (changed.get(room)?.has(userId)) entry.listed ||= differ(now, entry.shown)
        return now ?? []
      }),
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
        for (const [userId, entry] of people) if (unsee(entry, node)) touch(room, userId, 'elsewhere')
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
