import type { ExtensionMessage, Problem } from '@cutroom/contract'
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
  /**
   * Lets the socket into a room of an extension.
   * @throws problem not-found where no authoriser says that the person may enter it
   */
  enter(room: string): Promise<void>
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
  /** Of a dialect without `translate`: what its sockets receive behind an entry in the words of the contract. It follows from the entry alone. */
  adds?: (entry: ToldEntry) => readonly Frame[]
  /** Of entries that come faster in one room, the first is translated at once and the newest after this time, ms. */
  coalesceMs?: number
  /** A message to a room of an extension in its words; without it, in those of the contract. */
  extension?: (message: ExtensionMessage) => readonly Frame[]
  /** That a person who shares a project with the socket's comes online or goes offline. */
  online?: (change: { userId: string; isOnline: boolean; at: string }) => Frame
  /**
   * What its clients ask, by name, and how it is answered. Where the
   * contract has one of that name, those with a text are the dialect's: the contract's are objects.
   */
  requests?: Readonly<Record<string, (caller: DialectCaller, payload: unknown) => unknown>>
  /** The answer to a request that was refused. */
  refused?: (error: Problem) => object
}

/** The Socket.IO room of sockets that receive what is in a room in the words of a dialect. */
export const dialectRoom = (dialect: string, room: string): string => `${dialect}:${room}`

/** What clients say that speak as the contract does. */
export const NATIVE = 'native'
