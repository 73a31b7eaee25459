import type { Activity } from '@cutroom/contract'
import type { Database, Query } from '../db/client.ts'
import type { SharedRedis } from '../redis.ts'
import type { createReplayCaches } from './delivery/replay-cache.ts'
import type { Dialect } from './dialect.ts'
import type { CommitOptions } from './log/commit.ts'
import type { Log, LogEntry } from './log/log.ts'
import type { Measurements } from './measurements.ts'
import type { LIMITS } from './sockets/connection-limits.ts'
import type { TIMINGS } from './timings.ts'
import type { Principal, RoomSocket, TokenClaims } from './types.ts'

/** What the engine of rooms is given by the application. */
export interface RoomsOptions {
  database: Database
  query: Query
  /** Carries hints between nodes; undefined: a single node, or nodes that find each other's events by the sweep. */
  redis: SharedRedis | undefined
  path: string
  corsOrigins: string[]
  /** Reads an access token. @throws problem token-invalid | token-expired */
  verify: (token: string) => TokenClaims
  /**
   * Reads the token of a handshake: of `auth.token`, else header, else cookie. `mayFallBack`: of the cookie also where `auth.token` has
   * expired and both are of one person. @throws also problem token-missing | session-revoked
   */
  handshakeCaller: (handshake: RoomSocket['handshake'], mayFallBack: boolean) => TokenClaims
  /** @throws problem session-revoked */
  principalOf: (claims: TokenClaims) => Promise<Principal>
  /** Whether a page of this origin may use the cookies of this handshake. */
  mayConnect: (headers: Record<string, string | string[] | undefined>) => boolean
  /** Called with the headers of each handshake, for the log of origins that are refused. */
  noteOrigin: (headers: { origin?: string | undefined; host?: string | undefined }) => void
  /** The address of a visitor is the last of X-Forwarded-For. */
  behindProxy: boolean
  /** Bounds for one address and one person; null: none. */
  limits: typeof LIMITS | null
  /** Whether a person may enter a room of an extension, `<prefix>:<name>`; does not throw. */
  mayEnter: (person: { id: string; name: string }, room: string) => Promise<boolean>
  activityOf: (entry: LogEntry) => Activity | null
  /** Vocabularies of older clients that are spoken, and that of clients which say nothing. */
  dialects: readonly Dialect[]
  dialect: string
  measurements: Measurements
  beforeCommit?: CommitOptions['beforeCommit']
  /** For tests: shorter than TIMINGS. */
  timings?: Partial<typeof TIMINGS>
  /** For benches: the same parts without what makes them fast. */
  adaptLog?: (log: Log) => Log
  createReplayCaches?: typeof createReplayCaches
}
