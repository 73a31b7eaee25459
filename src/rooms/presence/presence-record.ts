import type { Person, Presence, RoomId } from '@cutroom/contract'

/** One person in one room as one node sees them; `presence` is null when they have gone. */
export interface Sight {
  room: RoomId
  userId: string
  presence: Presence | null
  /** When the state was set, ms since the epoch: of several tabs the last word counts. */
  at: number
}

/** What one node sees. */
export interface Seen {
  node: string
  presence: Presence
  at: number
}

/**
 * One person in one room. Lists of one, nearly always, and exactly as long as they are: a Map or a Set for each, or room to grow,
 * would be most of what it costs to stand here.
 */
export interface Entry {
  /** One for each node. */
  seen: readonly Seen[]
  sockets: readonly string[]
  leaving: NodeJS.Timeout | undefined
  /** What the local sockets were told last. */
  shown: Presence | null
  /** An answer has told something else since: whatever it comes to, all are told. */
  listed: boolean
}

export const newEntry = (): Entry => ({ seen: [], sockets: [], leaving: undefined, shown: null, listed: false })

export const differ = (a: Presence | null, b: Presence | null): boolean => a !== b && JSON.stringify(a) !== JSON.stringify(b)

/** The last word comes last, and all nodes agree which it is. */
const byLastWrite = (a: Seen, b: Seen): number =>
  a.at - b.at || (JSON.stringify(a.presence.state) < JSON.stringify(b.presence.state) ? -1 : 1)

export const seenBy = ({ seen }: Entry, node: string): Seen | undefined => seen.find((one) => one.node === node)

export function see(entry: Entry, sight: Seen): void {
  entry.seen = entry.seen.filter(({ node }) => node !== sight.node).concat(sight)
}

/** @returns whether it saw them */
export function removePerson(entry: Entry, node: string): boolean {
  const before = entry.seen
  entry.seen = before.filter((one) => one.node !== node)
  return entry.seen.length < before.length
}

/** The union of what the nodes see. Who came back on another node was never away. */
export function view(entry: Entry): Presence | null {
  const last = entry.seen.length > 1 ? entry.seen.toSorted(byLastWrite).at(-1) : entry.seen[0]
  if (!last) return null
  let { since } = last.presence
  for (const { presence } of entry.seen) if (presence.since < since) ({ since } = presence)
  if (entry.shown && entry.shown.since < since) ({ since } = entry.shown)
  return since === last.presence.since ? last.presence : { ...last.presence, since }
}

const isSame = (a: Person, b: Person): boolean => a.name === b.name && a.avatarUrl === b.avatarUrl

/** Updates name and picture in one node's record. @returns false where nothing changes, or the node has no record */
export function updatePerson(entry: Entry, node: string, user: Person): boolean {
  const seen = seenBy(entry, node)
  if (!seen || isSame(seen.presence.user, user)) return false
  see(entry, { ...seen, presence: { ...seen.presence, user } })
  return true
}

/** People, and bytes of JSON, in one answer. */
const LIST_PEOPLE = 500
const LIST_BYTES = 64 * 1024
/** Bytes of JSON in one message, which is written to each socket of a crowd in one turn of the event loop. */
const MESSAGE_BYTES = 16 * 1024

/** Of a record without its state, and of the state; a crowd that comes back is listed once for each of it. */
const sizes = new WeakMap<Presence, { person: number; state: number }>()
function sizeOf(presence: Presence): { person: number; state: number } {
  const known = sizes.get(presence)
  if (known) return known
  const { state, ...person } = presence
  const size = { person: Buffer.byteLength(JSON.stringify(person)) + 16, state: Buffer.byteLength(JSON.stringify(state)) }
  sizes.set(presence, size)
  return size
}

/** As many of them as one answer may list: states are left out first (null), then people. */
export function bounded(all: Iterable<Presence>): Presence[] {
  let left = LIST_BYTES
  const listed: Presence[] = []
  for (const presence of all) {
    const { person } = sizeOf(presence)
    if (listed.length === LIST_PEOPLE || person > left) break
    left -= person
    listed.push(presence)
  }
  return listed.map((presence) => {
    const { state } = sizeOf(presence)
    if (presence.state !== null && state > left) return { ...presence, state: null }
    left -= state
    return presence
  })
}

/** All of them, in lists of which each may be one message. */
export function inMessages(all: readonly Presence[]): Presence[][] {
  const messages: Presence[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const presence of all) {
    const { person, state } = sizeOf(presence)
    const last = messages.at(-1)
    bytes += person + state
    if (last && bytes <= MESSAGE_BYTES) last.push(presence)
    else {
      messages.push([presence])
      bytes = person + state
    }
  }
  return messages
}
