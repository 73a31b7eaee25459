import type { Person, Problem } from '@cutroom/contract'
import type { Caller } from '../access/sessions.ts'
import type { LogEntry } from './log/log.ts'

// The vocabulary of older clients, spoken over the same log. The engine knows this interface, and no vocabulary.

/** One event in the words of a dialect: its name, and what goes along. */
export type Frame = readonly [name: string, ...args: unknown[]]

/** An entry as every socket sees it: what only the log knows of it is nothing to translate by. */
export type ToldEntry = Omit<LogEntry, 'label'>

/** Who sends a request of a dialect. */
export interface DialectCaller extends Caller {
  /**
   * Sends a frame to the sockets of this dialect in the caller's projects, on every node, the sender's own included. It is in no log.
   * @throws problem validation where it is too large, rate-limited, forbidden where the caller may write in none of them
   */
  relay(frame: Frame): void
  /** Lets the socket into a room of an extension. @returns false where no authoriser says that the person may enter it */
  enter(room: string): Promise<boolean>
}

export interface Dialect {
  name: string
  /** Clients that come in by this path speak it, unless they say otherwise. Like `/realtime`. */
  path?: string
  /**
   * An entry in its words: none, one or several frames, which follow from the entry alone. Without it its words are those of the
   * contract. Its sockets receive nothing else of a room.
   */
  translate?: (entry: ToldEntry) => readonly Frame[]
  /** Of entries that come faster in one room, the first is translated at once and the newest after this time, ms. */
  coalesceMs?: number
  /** That a person who shares a project with the socket's comes online or goes offline. */
  online?: (change: { userId: string; isOnline: boolean; at: string }) => Frame
  /** What its clients ask, by name, and how it is answered. A request of the contract is never one of them. */
  requests?: Readonly<Record<string, (caller: DialectCaller, payload: unknown) => unknown>>
  /** The answer to a request that was refused. */
  refused?: (error: Problem) => object
}

/** Says whether a person may enter a room of an extension. */
export type MayEnter = (person: Person, room: string) => Promise<boolean>

/** The Socket.IO room of sockets that receive what is in a room in the words of a dialect. */
export const dialectRoom = (dialect: string, room: string): string => `${dialect}:${room}`

/** The Socket.IO room of sockets that were let into a room of an extension. */
export const customRoom = (room: string): string => `custom:${room}`

/** What clients say that speak as the contract does. */
export const NATIVE = 'native'
