import { type RoomId, userRoom } from '@cutroom/contract'
import { kinds, parseRoom } from '../kinds.ts'
import { type Entry, newEntry } from './presence-record.ts'

/** The table of those who are online: in their user rooms, of which each has one person. A table for each would be 0.3 KB of a socket. */
export const ONLINE = 'online'
/** People are kept in a table by room; those in user rooms in one. */
export type Table = RoomId | typeof ONLINE

export const tableOf = (room: RoomId): Table => (kinds[parseRoom(room).kind].presence === 'peers' ? ONLINE : room)
export const roomOf = (table: Table, userId: string): RoomId => (table === ONLINE ? userRoom(userId) : table)

/** What is known of people, by table and id. */
export class Tables {
  readonly #tables = new Map<Table, Map<string, Entry>>()

  find(table: Table, userId: string): Entry | undefined {
    return this.#tables.get(table)?.get(userId)
  }

  /** The entry of a person, made where there is none. */
  entryOf(table: Table, userId: string): Entry {
    const people = this.#tables.get(table) ?? new Map<string, Entry>()
    this.#tables.set(table, people)
    const entry = people.get(userId) ?? newEntry()
    people.set(userId, entry)
    return entry
  }

  /** The people of a room: of a user room its one person, whose table has all who are online. */
  peopleIn(room: RoomId): Iterable<readonly [string, Entry]> {
    const table = tableOf(room)
    if (table !== ONLINE) return this.#tables.get(table) ?? []
    const { id } = parseRoom(room)
    const entry = this.find(table, id)
    return entry ? [[id, entry]] : []
  }

  *all(): Generator<readonly [Table, string, Entry]> {
    for (const [table, people] of this.#tables) for (const [userId, entry] of people) yield [table, userId, entry]
  }

  drop(table: Table, userId: string): void {
    const people = this.#tables.get(table)
    people?.delete(userId)
    if (people?.size === 0) this.#tables.delete(table)
  }

  clear(): void {
    this.#tables.clear()
  }
}
