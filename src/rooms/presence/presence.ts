import type { Person, Presence, RoomId } from '@cutroom/contract'
import { guarded } from '../../lib/guarded.ts'
import { createTimeSlicedQueue } from '../../lib/time-sliced-queue.ts'
import { bounded, inMessages } from './message-size.ts'
import { differ, LOCAL, merge, type PresenceRecord, recordOf, remove, updatePerson, upsert } from './presence-record.ts'
import { ONLINE, roomOf, type Table, Tables, tableOf } from './tables.ts'

export interface PresenceOptions {
  onError: (error: unknown) => void
  /** Sends changes to the local sockets; called as often as there are messages. */
  announce: (table: Table, change: { present: Presence[]; left: string[] }) => void
  /** Sends changes of this node's records to the other nodes. */
  publish: (records: PresenceRecord[]) => void
  /** How long a person with a lost connection still counts as present, ms. */
  graceMs: number
  /** Changes within this time make one message, ms. */
  coalesceMs: number
}

/** Pause after an announcement, ms: for each changed person, and at most. In a crowd of reconnects each arrival is sent to all others. */
const PAUSE_PER_PERSON_MS = 10
const MAX_PAUSE_MS = 450
/** Ids in one message. */
const MAX_LEFT = 1_000

/**
 * Who is in which room. Never in the log, never moves a head. Each node alone writes its own records; a person is present while any node
 * has a record, so that merging cannot conflict.
 */
export class PresenceTable {
  readonly #options: PresenceOptions
  readonly #tables = new Tables()
  /** People to be announced: changed by this node, or by another. */
  readonly #changed = new Map<Table, Map<string, 'local' | 'remote'>>()
  readonly #inSlice = createTimeSlicedQueue()
  /** Announcements that wait for their slice. */
  readonly #onTheWay = new Set<{ table: Table; present: Presence[]; left: string[] }>()
  #flushTimer: NodeJS.Timeout | undefined
  #pausedUntil = 0
  #silent = false

  constructor(options: PresenceOptions) {
    this.#options = options
  }

  /** A local socket of a person is in a room. */
  enter(room: RoomId, person: Person, socketId: string): void {
    const table = tableOf(room)
    const entry = this.#tables.entryOf(table, person.id)
    if (!entry.sockets.includes(socketId)) entry.sockets = entry.sockets.concat(socketId)
    clearTimeout(entry.leaving)
    entry.leaving = undefined
    if (recordOf(entry, LOCAL)) {
      this.updatePerson(room, person)
      return
    }
    // The time 0: a state in another node's record is the later write.
    upsert(entry, { node: LOCAL, presence: { user: person, since: new Date().toISOString(), state: null }, at: 0 })
    this.#markChanged(table, person.id, 'local')
  }

  /**
   * A local socket has left a room.
   * @param grace the connection was lost, and the person may be back in a moment: others hear of it only later
   */
  exit(room: RoomId, userId: string, socketId: string, grace: boolean): void {
    const table = tableOf(room)
    const entry = this.#tables.find(table, userId)
    if (this.#silent || !entry?.sockets.includes(socketId)) return
    entry.sockets = entry.sockets.filter((id) => id !== socketId)
    if (entry.sockets.length > 0) return
    const markGone = () => {
      if (remove(entry, LOCAL)) this.#markChanged(table, userId, 'local')
    }
    if (grace) entry.leaving = setTimeout(guarded(this.#options.onError, markGone), this.#options.graceMs)
    else markGone()
  }

  /** Sets what a person shows of themselves in a room. */
  set(room: RoomId, userId: string, state: Presence['state']): void {
    const table = tableOf(room)
    const entry = this.#tables.find(table, userId)
    const record = entry && recordOf(entry, LOCAL)
    if (!record) return
    // After every known record, also where another node's clock runs ahead.
    const at = Math.max(Date.now(), ...entry.records.map((one) => one.at + 1))
    upsert(entry, { node: LOCAL, presence: { ...record.presence, state }, at })
    this.#markChanged(table, userId, 'local')
  }

  /** Updates name and picture of a person in this node's record of a room. */
  updatePerson(room: RoomId, person: Person): void {
    const table = tableOf(room)
    const entry = this.#tables.find(table, person.id)
    if (entry && updatePerson(entry, LOCAL, person)) this.#markChanged(table, person.id, 'local')
  }

  /** All people in a room. */
  list(room: RoomId): Presence[] {
    return [...this.#listed(room)]
  }

  /** People whom a socket in a room knows, as it has been told of them; null where a change is not told yet. */
  told(room: RoomId): Map<string, Presence | null> {
    const table = tableOf(room)
    const told = new Map<string, Presence | null>()
    for (const [userId, entry] of this.#tables.peopleIn(room)) {
      const now = merge(entry)
      told.set(userId, entry.listed || differ(now, entry.announced) ? null : now)
    }
    for (const { present, left, ...on } of this.#onTheWay) {
      if (on.table !== table) continue
      for (const { user } of present) told.set(user.id, null)
      for (const userId of left) told.set(userId, null)
    }
    return told
  }

  /** For an answer: as many people as it may carry, and how many there are. */
  listBounded(room: RoomId): { people: Presence[]; total: number } {
    let total = 0
    for (const [, { records }] of this.#tables.peopleIn(room)) if (records.length > 0) total++
    return { people: bounded(this.#listed(room)), total }
  }

  /** At most `most` of the people in a room besides one who asks, and how many there are. */
  glimpse(room: RoomId, most: number, asker: string): { people: Person[]; total: number } {
    const people: Person[] = []
    let total = 0
    for (const [userId, entry] of this.#tables.peopleIn(room)) {
      if (entry.records.length === 0 || userId === asker) continue
      total++
      const now = people.length < most ? merge(entry) : null
      if (now) people.push(now.user)
    }
    return { people, total }
  }

  /** All records of this node. */
  localRecords(): PresenceRecord[] {
    return [...this.#tables.all()].flatMap(([table, userId, entry]) => {
      const record = recordOf(entry, LOCAL)
      return record ? [{ room: roomOf(table, userId), userId, presence: record.presence, at: record.at }] : []
    })
  }

  /** Takes over records of another node: changes of them or, with `whole`, all that it has. */
  applyRemote(node: string, records: readonly PresenceRecord[], whole: boolean): void {
    if (whole) this.forgetNode(node)
    for (const { room, userId, presence, at } of records) {
      const table = tableOf(room)
      const entry = this.#tables.entryOf(table, userId)
      if (presence) upsert(entry, { node, presence, at })
      else remove(entry, node)
      this.#markChanged(table, userId, 'remote')
    }
  }

  /** Removes all records of a node that is gone. */
  forgetNode(node: string): void {
    for (const [table, userId, entry] of this.#tables.all()) if (remove(entry, node)) this.#markChanged(table, userId, 'remote')
  }

  /** Publishes no more: the clients are sent away, and other nodes keep the records until the clients had time to come back. */
  silence(): void {
    this.#silent = true
  }

  close(): void {
    clearTimeout(this.#flushTimer)
    for (const [, , { leaving }] of this.#tables.all()) clearTimeout(leaving)
    this.#tables.clear()
  }

  /** People for an answer. The asking socket knows them from then on, so changes that are not announced yet must be, even back to the old state. */
  *#listed(room: RoomId): Generator<Presence> {
    const table = tableOf(room)
    for (const [userId, entry] of this.#tables.peopleIn(room)) {
      const now = merge(entry)
      if (this.#changed.get(table)?.has(userId)) entry.listed ||= differ(now, entry.announced)
      if (now) yield now
    }
  }

  #markChanged(table: Table, userId: string, by: 'local' | 'remote'): void {
    const people = this.#changed.get(table) ?? new Map<string, 'local' | 'remote'>()
    this.#changed.set(table, people)
    if (people.get(userId) !== 'local') people.set(userId, by)
    const { onError, coalesceMs } = this.#options
    const delay = Math.max(coalesceMs, this.#pausedUntil - performance.now())
    const flush = guarded(onError, () => this.#flush())
    this.#flushTimer ??= setTimeout(flush, delay)
  }

  #flush(): void {
    this.#flushTimer = undefined
    const batch = [...this.#changed]
    this.#changed.clear()
    const records = batch.flatMap(([table, people]) => this.#flushTable(table, people))
    if (records.length > 0 && !this.#silent) this.#options.publish(records)
    const count = batch.reduce((sum, [, people]) => sum + people.size, 0)
    this.#pausedUntil = performance.now() + Math.min(count * PAUSE_PER_PERSON_MS, MAX_PAUSE_MS)
  }

  /** Announces the changes in a table. @returns the changed records of this node */
  #flushTable(table: Table, changed: ReadonlyMap<string, 'local' | 'remote'>): PresenceRecord[] {
    const present: Presence[] = []
    const left: string[] = []
    const records: PresenceRecord[] = []
    for (const [userId, by] of changed) {
      const entry = this.#tables.find(table, userId)
      if (!entry) continue
      const now = merge(entry)
      if (now && (entry.listed || differ(now, entry.announced))) present.push(now)
      else if (!now && (entry.listed || entry.announced)) left.push(userId)
      entry.announced = now
      entry.listed = false
      const record = recordOf(entry, LOCAL)
      if (by === 'local')
        records.push({ room: roomOf(table, userId), userId, presence: record?.presence ?? null, at: record?.at ?? 0 })
      if (!now && entry.sockets.length === 0) this.#tables.drop(table, userId)
    }
    this.#announce(table, present, left)
    return records
  }

  /** In order, and not all in one tick: each message of a crowd goes to all of the crowd. */
  #announce(table: Table, present: Presence[], left: string[]): void {
    const { announce, onError } = this.#options
    const messages = table === ONLINE ? [present] : inMessages(present)
    for (let n = 0; n < messages.length || n * MAX_LEFT < left.length; n++) {
      const change = { table, present: messages[n] ?? [], left: left.slice(n * MAX_LEFT, (n + 1) * MAX_LEFT) }
      this.#onTheWay.add(change)
      this.#inSlice(() => {
        this.#onTheWay.delete(change)
        announce(table, change)
      }).catch(onError)
    }
  }
}
