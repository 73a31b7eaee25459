import type { Person, Presence, RoomId } from '@cutroom/contract'

/** What one node knows by itself of one person in one room; `presence` is null when they have gone. */
export interface PresenceRecord {
  room: RoomId
  userId: string
  presence: Presence | null
  /** When the state was set, ms since the epoch: of several tabs the last write counts. */
  at: number
}

/** The name of this node among the records. */
export const LOCAL = ''

/** What one node knows of a person who is present there. */
export interface NodeRecord {
  node: string
  presence: Presence
  at: number
}

/**
 * One person in one room. Lists of one, nearly always, and exactly as long as they are: a Map or a Set for each, or room to grow,
 * would be most of the memory of a presence.
 */
export interface Entry {
  /** One for each node. */
  records: readonly NodeRecord[]
  /** Ids of the local sockets. */
  sockets: readonly string[]
  leaving: NodeJS.Timeout | undefined
  /** What the local sockets were sent last. */
  announced: Presence | null
  /** An answer has listed something else since: whatever the state becomes, it is announced. */
  listed: boolean
}

export const newEntry = (): Entry => ({ records: [], sockets: [], leaving: undefined, announced: null, listed: false })

export const differ = (a: Presence | null, b: Presence | null): boolean => a !== b && JSON.stringify(a) !== JSON.stringify(b)

/** Last write wins; ties are broken by content, so that all nodes agree. */
const byLastWrite = (a: NodeRecord, b: NodeRecord): number =>
  a.at - b.at || (JSON.stringify(a.presence.state) < JSON.stringify(b.presence.state) ? -1 : 1)

export const recordOf = ({ records }: Entry, node: string): NodeRecord | undefined => records.find((one) => one.node === node)

export function upsert(entry: Entry, record: NodeRecord): void {
  entry.records = entry.records.filter(({ node }) => node !== record.node).concat(record)
}

/** @returns whether the node had a record */
export function remove(entry: Entry, node: string): boolean {
  const before = entry.records
  entry.records = before.filter((one) => one.node !== node)
  return entry.records.length < before.length
}

/** The union of the nodes' records; null where there is none. A person who came back on another node was never away. */
export function merge({ records, announced }: Entry): Presence | null {
  const last = records.length > 1 ? records.toSorted(byLastWrite).at(-1) : records[0]
  if (!last) return null
  let { since } = last.presence
  for (const { presence } of records) if (presence.since < since) ({ since } = presence)
  if (announced && announced.since < since) ({ since } = announced)
  return since === last.presence.since ? last.presence : { ...last.presence, since }
}

/** Whether two profiles of one person are the same. */
export const sameProfile = (a: Person, b: Person): boolean => a.name === b.name && a.avatarUrl === b.avatarUrl

/** Updates name and picture in one node's record. @returns false where nothing changes, or the node has no record */
export function updatePerson(entry: Entry, node: string, user: Person): boolean {
  const record = recordOf(entry, node)
  if (!record) return false
  if (sameProfile(record.presence.user, user)) return false
  upsert(entry, { ...record, presence: { ...record.presence, user } })
  return true
}
