import type { ClientToServer, Person, Role, RoomId, ServerToClient } from '@cutroom/contract'
import type { Server, Socket } from 'socket.io'
import type { Caller, Position, TokenScope } from '../access/sessions.ts'
import type { TokenBucket } from '../lib/token-bucket.ts'
import type { Feed } from './delivery/feed.ts'
import type { Dialect } from './dialect.ts'

/** Identity and profile behind a token whose session is open, and the position of the person's own room in the same snapshot. */
export interface Principal extends Caller, Position {
  person: Person
  /** null: a login. */
  token: TokenScope | null
  /** Milliseconds since the epoch; Infinity: an API token without end. */
  expiresAt: number
  /** When the session ends, if it is not renewed, ms since the epoch. */
  sessionEndsAt: number
}

/** Content of a verified access token or API token. */
export interface TokenClaims extends Caller {
  apiToken: boolean
  /** Milliseconds since the epoch; Infinity: an API token without end. */
  expiresAt: number
  /** Of the refresh token that was given out with it. */
  generation: number
  /** The database knows that a token of this generation, or this API token lately, was used. */
  confirmed: boolean
}

/** A socket's place in one room. */
export interface Subscription {
  /** null in the user room. */
  role: Role | null
  /** Whether it also receives `activity:new`. */
  activity: boolean
  /** Its events are not sent, only followed for what ends access: the user room of an API token. */
  silent: boolean
  state: SubscriptionState
}

export type SubscriptionState =
  | { status: 'joining' }
  /** Receives each event when it is delivered. */
  | { status: 'live'; feed: Feed }
  /** Reads too slowly, and will catch up from the log. `resumed` settles when it is live again, or has ended. */
  | { status: 'paused'; feed: Feed; resumed: Promise<void> }
  /** A later join, a leave, an eviction or a disconnect took its place. */
  | { status: 'ended' }

/** State of one socket. */
export interface SocketData {
  person: Person
  sessionId: string
  /** The highest role of its API token; null: a login. */
  maxRole: Role | null
  /** The vocabulary of an older client; null: that of the contract. */
  dialect: Dialect | null
  /** Of a dialect: settles when it is in all projects of its person. Its requests wait for it. */
  ready: Promise<void> | null
  /** When its token ends, of a dialect its session, ms since the epoch; Infinity: an API token without end. */
  expiresAt: number
  /** When the warning before the expiry is due, ms since the epoch; infinite once it was sent. */
  warnAt: number
  /** The requests that it may make. */
  requests: TokenBucket
  rooms: Map<RoomId, Subscription>
}

/** Socket.IO events between nodes: one, whose text is a ClusterMessage. */
export interface NodeToNode {
  word: (text: string) => void
}

export type RoomServer = Server<ClientToServer, ServerToClient, NodeToNode, SocketData>
export type RoomSocket = Socket<ClientToServer, ServerToClient, NodeToNode, SocketData>
