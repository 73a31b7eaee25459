import type { IncomingMessage, Server } from 'node:http'
import type { RoomId } from '@cutroom/contract'
import type { Caller } from '../../access/sessions.ts'
import { type ProblemError, problem } from '../../errors.ts'
import { remember } from '../../lib/bounded-map.ts'
import { Counts } from '../../lib/counts.ts'
import { guarded, guardedFor } from '../../lib/guarded.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { pendingBeside } from '../delivery/join-queue.ts'
import type { RoomServer, RoomSocket } from '../types.ts'
import { isBinary, limitCloseTime, limitServerCloseTime, type Packet } from './engine-io.ts'
import { addressOf, networkOf } from './handshake.ts'

type Connection = RoomSocket['conn']

/** Bounds of one node. Generous: an office behind one address is no attack. */
export const LIMITS = {
  /** Connections of one address. */
  addressConnections: 2_000,
  /** Those of them that are not authenticated. */
  addressStrangers: 200,
  /** Sockets of one person, event streams and polls that wait: tabs, phones, programs. */
  personSockets: 100,
  /** Event streams, and polls that wait, of one session. */
  sessionStreams: 50,
  /** Projects that one socket is in. */
  socketProjects: 256,
}

/** A connection without a person is closed after this, ms; with the close handshake it is gone in less than 6 s. */
const AUTH_TIMEOUT_MS = 4_000
/** Time for a closed connection to answer the close frame, ms; the default is 30 s. */
const CLOSE_TIMEOUT_MS = 1_000

/** Packets of any kind, well formed or not, before and after authentication; requests are counted apart, and answered. */
const packetsBefore = () => new TokenBucket(1, 20)
const packetsAfter = () => new TokenBucket(200, 2_000)

/** A person whose socket was closed for flooding gets no new one for this long, ms: a new socket has a full bucket. */
const BAN_MS = 10_000

/** Handshakes of one person a second, and at once: all sockets a person may have come back twice. */
const HANDSHAKE_RATE = 10
const HANDSHAKE_BURST = 200
/** People whose handshakes are counted; one who made none for the longest time is forgotten first. */
const MAX_COUNTED_PEOPLE = 10_000

export interface AdmissionOptions {
  /** Believe the last of X-Forwarded-For. */
  behindProxy: boolean
  /** null: none, for benches, which come from one address. */
  limits: typeof LIMITS | null
  onError: (error: unknown) => void
}

interface Entry {
  address: string
  person: string | null
  packets: TokenBucket
  authTimer: NodeJS.Timeout | undefined
}

/** Who may connect, how many at once, and how long without authentication. */
export class Admission {
  readonly #behindProxy: boolean
  readonly #limits: typeof LIMITS | null
  readonly #onError: (error: unknown) => void
  readonly #connections = new Counts()
  readonly #unauthenticated = new Counts()
  readonly #persons = new Counts()
  readonly #sessionStreams = new Counts()
  readonly #entries = new WeakMap<Connection, Entry>()
  /** Ends of bans, ms since the epoch, by person. */
  readonly #cooldowns = new Map<string, number>()
  readonly #handshakes = new Map<string, TokenBucket>()
  /** Of all connections: of its own they would be 0.3 KB of an idle socket. */
  readonly #onPacket: (this: Connection, packet: Packet) => void
  readonly #onClose: (this: Connection) => void

  constructor({ behindProxy, limits, onError }: AdmissionOptions) {
    this.#behindProxy = behindProxy
    this.#limits = limits
    this.#onError = onError
    this.#onPacket = guardedFor(onError, (connection: Connection, packet: Packet) => this.#check(connection, packet))
    this.#onClose = guardedFor(onError, (connection: Connection) => this.#depart(connection))
  }

  /** Counts the connections to this server from now on. */
  watch(io: RoomServer, server: Server): void {
    io.engine.on(
      'connection',
      guarded(this.#onError, (connection: Connection) => this.#arrive(connection)),
    )
    limitServerCloseTime(io, server, CLOSE_TIMEOUT_MS)
  }

  /** Why this handshake is refused; null when it is not. */
  refusal(request: IncomingMessage): ProblemError | null {
    // A script element reads JSONP from any page, and no client of ours asks for it.
    if (new URL(request.url ?? '', 'http://localhost').searchParams.has('j')) return problem('bad-request', 'There is no JSONP')
    const address = networkOf(addressOf(request, this.#behindProxy))
    const limits = this.#limits
    return limits &&
      (this.#connections.of(address) >= limits.addressConnections || this.#unauthenticated.of(address) >= limits.addressStrangers)
      ? problem('rate-limited', 'Too many connections from this address', { retryAfter: 5 })
      : null
  }

  /**
   * Counts a handshake with a good token, before the database is asked about it.
   * @throws problem rate-limited when the person makes too many
   */
  countHandshake(personId: string): void {
    this.#assertNotBanned(personId)
    if (!this.#limits) return
    const bucket = this.#handshakes.get(personId) ?? new TokenBucket(HANDSHAKE_RATE, HANDSHAKE_BURST)
    this.#handshakes.delete(personId)
    remember(this.#handshakes, MAX_COUNTED_PEOPLE, personId, bucket)
    if (!bucket.spend()) throw problem('rate-limited', 'Too many handshakes', { retryAfter: bucket.wait() })
  }

  /**
   * The connection's socket is this person's.
   * @throws problem rate-limited when they have too many, or this connection has one
   */
  admit(connection: Connection, personId: string): void {
    const entry = this.#entries.get(connection)
    // Closed while its token was checked.
    if (!entry) return
    this.#assertNotBanned(personId)
    if (entry.person !== null) throw problem('rate-limited', 'A connection carries one socket')
    this.#assertFewSockets(personId)
    entry.person = personId
    this.#persons.add(personId, 1)
    this.#markAuthenticated(entry)
  }

  /** The socket was closed; its connection has to bring another one soon, or is closed, too. */
  release(connection: Connection): void {
    const entry = this.#entries.get(connection)
    if (!entry || entry.person === null) return
    this.#persons.add(entry.person, -1)
    entry.person = null
    this.#startAuthTimer(connection, entry)
  }

  /** Closes a socket that ignores refusals; ordered, so that a stock client does not come back by itself. */
  banBriefly(socket: RoomSocket): void {
    const now = Date.now()
    for (const [person, until] of this.#cooldowns) if (until <= now) this.#cooldowns.delete(person)
    this.#cooldowns.set(socket.data.person.id, now + BAN_MS)
    socket.disconnect(true)
  }

  /** @throws problem rate-limited for a project beyond those that one socket may be in */
  admitRoom(socket: RoomSocket, room: RoomId): void {
    const { rooms } = socket.data
    // The user room is one of them.
    if (this.#limits && !rooms.has(room) && rooms.size + pendingBeside(socket, room) > this.#limits.socketProjects)
      throw problem('rate-limited', `A socket stands in at most ${this.#limits.socketProjects} projects`)
  }

  /**
   * Counts a stream of events, or a poll that waits, beside the sockets of its person and the connections of its address.
   * @returns counts it no more; once
   * @throws problem rate-limited
   */
  admitStream(request: IncomingMessage, { userId, sessionId }: Caller): () => void {
    const address = networkOf(addressOf(request, this.#behindProxy))
    const limits = this.#limits
    this.#assertNotBanned(userId)
    this.#assertFewSockets(userId)
    if (limits && this.#connections.of(address) >= limits.addressConnections)
      throw problem('rate-limited', 'Too many connections from this address', { retryAfter: 5 })
    if (limits && this.#sessionStreams.of(sessionId) >= limits.sessionStreams)
      throw problem('rate-limited', `One session has at most ${limits.sessionStreams} streams`, { retryAfter: 30 })
    const counted = [
      [this.#connections, address],
      [this.#persons, userId],
      [this.#sessionStreams, sessionId],
    ] as const
    for (const [counts, key] of counted) counts.add(key, 1)
    return () => {
      for (const [counts, key] of counted) counts.add(key, -1)
    }
  }

  /** @throws problem rate-limited for a socket or a stream beyond those that one person may have */
  #assertFewSockets(personId: string): void {
    if (this.#limits && this.#persons.of(personId) >= this.#limits.personSockets)
      throw problem('rate-limited', `One person has at most ${this.#limits.personSockets} sockets and streams`, {
        retryAfter: 30,
      })
  }

  /** @throws problem rate-limited while the person is kept out for flooding */
  #assertNotBanned(personId: string): void {
    const until = this.#cooldowns.get(personId) ?? 0
    if (until > Date.now())
      throw problem('rate-limited', 'Too much was asked', { retryAfter: Math.ceil((until - Date.now()) / 1000) })
  }

  #arrive(connection: Connection): void {
    const address = networkOf(addressOf(connection.request, this.#behindProxy))
    const entry: Entry = { address, person: null, packets: packetsBefore(), authTimer: undefined }
    this.#entries.set(connection, entry)
    limitCloseTime(connection, CLOSE_TIMEOUT_MS)
    this.#connections.add(address, 1)
    this.#startAuthTimer(connection, entry)
    connection.on('packet', this.#onPacket)
    connection.on('close', this.#onClose)
  }

  #check(connection: Connection, packet: Packet): void {
    if (!this.#entries.get(connection)?.packets.spend() || isBinary(packet)) connection.close(true)
  }

  #depart(connection: Connection): void {
    const entry = this.#entries.get(connection)
    if (!entry) return
    this.release(connection)
    this.#markAuthenticated(entry)
    this.#connections.add(entry.address, -1)
    this.#entries.delete(connection)
  }

  /** Closes by force: packets that are still queued do not hold the connection open. */
  #startAuthTimer(connection: Connection, entry: Entry): void {
    this.#unauthenticated.add(entry.address, 1)
    entry.packets = packetsBefore()
    const onTimeout = guarded(this.#onError, () => connection.close(true))
    entry.authTimer = setTimeout(onTimeout, AUTH_TIMEOUT_MS)
  }

  #markAuthenticated(entry: Entry): void {
    this.#unauthenticated.add(entry.address, -1)
    entry.packets = packetsAfter()
    clearTimeout(entry.authTimer)
    entry.authTimer = undefined
  }
}
