import type { ClientToServer, Person, Role, RoomId, ServerToClient } from '@cutroom/contract'
import type { Server, Socket } from 'socket.io'
import type { Caller, Position } from '../access/authorize.ts'
import type { Feed } from './delivery/feed.ts'

/** Identity and profile behind a token whose session is open, and the position of the person's own room in the same snapshot. */
export interface Principal extends Caller, Position {
  person: Person
  /** Milliseconds since the epoch. */
  expiresAt: number
}

/** Content of a verified access token. */
export interface TokenClaims extends Caller {
  /** Milliseconds since the epoch. */
  expiresAt: number
  /** Of the refresh token that was given out with it. */
  generation: number
  /** The database knows that a token of this generation was used. */
  confirmed: boolean
}

/** A socket's place in one room. */
export interface Subscription {
  /** null in one's own room. */
  role: Role | null
  /** Was let in, and is told everything: at once, or, while it is paused, when it reads again. */
  live: boolean
  /** Settles when it is in the Socket.IO room again, or never will be; null while it is not paused. */
  paused: Promise<void> | null
  /** Set when a later join, a leave, an eviction or a disconnect took its place. */
  cancelled: boolean
  activity: boolean
  /** Acquired as long as the subscription lives. */
  feed: Feed | null
}

/** State of one socket. */
export interface SocketData {
  person: Person
  sessionId: string
  /** Milliseconds since the epoch. */
  expiresAt: number
  /** When the warning before the expiry is due, ms since the epoch; infinite once it was sent. */
  warnAt: number
  rooms: Map<RoomId, Subscription>
}

/** Socket.IO events between nodes: one, whose text is a ClusterMessage. */
export interface NodeToNode {
  word: (text: string) => void
}

export type RoomServer = Server<ClientToServer, ServerToClient, NodeToNode, SocketData>
export type RoomSocket = Socket<ClientToServer, ServerToClient, NodeToNode, SocketData>
