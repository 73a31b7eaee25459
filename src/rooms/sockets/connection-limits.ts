import type { IncomingMessage, Server } from 'node:http'
import type { RoomId } from '@cutroom/contract'
import { type ProblemError, problem } from '../../errors.ts'
import { guarded } from '../../lib/guarded.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import { pendingJoins } from '../delivery/join-queue.ts'
import type { RoomServer, RoomSocket } from '../types.ts'
import { addressOf, networkOf } from './handshake.ts'

type Connection = RoomSocket['conn']
interface Packet {
  type: string
  data?: unknown
}

/** What may be held on one node at a time. Generous: an office behind one address is no attack. */
export const LIMITS = {
  /** Connections of one address. */
  addressConnections: 2_000,
  /** Those of them that have not said who they are. */
  addressStrangers: 200,
  /** Sockets of one person: tabs, phones, programs. */
  personSockets: 100,
  /** Projects that one socket stands in. */
  socketProjects: 256,
}

/** A connection without a person is closed after this, ms; with the farewell it is gone in less than 6 s. */
const STRANGER_MS = 4_000
/** Time for a closed connection to answer the close frame, ms. The default of 30 s helps only peers that never do. */
const CLOSE_TIMEOUT_MS = 1_000

/**
 * Bytes, or the promise of some: Socket.IO keeps what has come until the last piece is there, from strangers, too.
 * No question of the contract carries any.
 */
const isBinary = ({ type, data }: Packet): boolean => type === 'message' && (typeof data !== 'string' || /^[56]/.test(data))

/** A person whose socket was closed for flooding gets no new one for this long, ms: a new socket has a full bucket. */
const PENANCE_MS = 10_000

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

/** A number for each of those that are counted. */
function createCounts() {
  const counts = new Map<string, number>()
  return {
    of: (key: string) => counts.get(key) ?? 0,
    add(key: string, change: 1 | -1) {
      const count = (counts.get(key) ?? 0) + change
      if (count > 0) counts.set(key, count)
      else counts.delete(key)
    },
  }
}

interface Entry {
  address: string
  person: string | null
  /** Packets of any kind, well formed or not. What people ask for is counted apart, and answered. */
  packets: TokenBucket
  timer: NodeJS.Timeout | undefined
}

export type Admission = ReturnType<typeof createAdmission>

/** Who may connect, how many at once, and how long without saying who they are. */
export function createAdmission({ behindProxy, limits, onError }: AdmissionOptions) {
  const addresses = createCounts()
  const unauthenticated = createCounts()
  const persons = createCounts()
  const entries = new WeakMap<Connection, Entry>()
  /** Until when, by person. */
  const cooldowns = new Map<string, number>()

  const handshakes = new Map<string, TokenBucket>()

  /** @throws problem rate-limited while the person is kept out for flooding */
  function assertNotBanned(personId: string): void {
    const until = cooldowns.get(personId) ?? 0
    if (until > Date.now())
      throw problem('rate-limited', 'Too much was asked', { retryAfter: Math.ceil((until - Date.now()) / 1000) })
  }

  /** Closed by force: what a closed connection still has to send does not hold it open. */
  function startAuthTimer(connection: Connection, entry: Entry): void {
    unauthenticated.add(entry.address, 1)
    entry.packets = new TokenBucket(1, 20)
    entry.timer = setTimeout(
      guarded(onError, () => connection.close(true)),
      STRANGER_MS,
    )
  }
  function markAuthenticated(entry: Entry): void {
    unauthenticated.add(entry.address, -1)
    entry.packets = new TokenBucket(200, 2_000)
    clearTimeout(entry.timer)
    entry.timer = undefined
  }
  function arrive(connection: Connection): void {
    const entry: Entry = {
      address: networkOf(addressOf(connection.request, behindProxy)),
      person: null,
      packets: new TokenBucket(0, 0),
      timer: undefined,
    }
    entries.set(connection, entry)
    // How long a poll is waited for that would take the farewell along.
    Object.assign(connection.transport, { closeTimeout: CLOSE_TIMEOUT_MS })
    addresses.add(entry.address, 1)
    startAuthTimer(connection, entry)
    const onPacket = (packet: Packet) => {
      if (!entry.packets.spend() || isBinary(packet)) connection.close(true)
    }
    const onClose = () => {
      release(connection)
      markAuthenticated(entry)
      addresses.add(entry.address, -1)
      entries.delete(connection)
    }
    connection.on('packet', guarded(onError, onPacket))
    connection.on('close', guarded(onError, onClose))
  }

  /** The socket is gone; its connection has to bring another one soon, or goes, too. */
  function release(connection: Connection): void {
    const entry = entries.get(connection)
    if (!entry || entry.person === null) return
    persons.add(entry.person, -1)
    entry.person = null
    startAuthTimer(connection, entry)
  }

  return {
    release,

    /** Counts what connects to this server from now on. */
    watch(io: RoomServer, server: Server): void {
      io.engine.on('connection', guarded(onError, arrive))
      // Engine.IO makes another WebSocket server whenever the HTTP server begins to listen, without a way to set its options.
      server.on('listening', () => {
        const { ws } = io.engine as unknown as { ws?: { options: { closeTimeout: number } } }
        if (ws) ws.options.closeTimeout = CLOSE_TIMEOUT_MS
      })
    },

    /** Why this handshake is not welcome; null when it is. */
    refusal(request: IncomingMessage): ProblemError | null {
      // A script element reads JSONP from any page, and no client of ours asks for it.
      if (new URL(request.url ?? '', 'http://localhost').searchParams.has('j')) return problem('bad-request', 'There is no JSONP')
      const address = networkOf(addressOf(request, behindProxy))
      return limits &&
        (addresses.of(address) >= limits.addressConnections || unauthenticated.of(address) >= limits.addressStrangers)
        ? problem('rate-limited', 'Too many connections from this address', { retryAfter: 5 })
        : null
    },

    /**
     * Counts a handshake with a good token, before the database is asked about it.
     * @throws problem rate-limited when the person makes too many
     */
    countHandshake(personId: string): void {
      assertNotBanned(personId)
      if (!limits) return
      const bucket = handshakes.get(personId) ?? new TokenBucket(HANDSHAKE_RATE, HANDSHAKE_BURST)
      handshakes.delete(personId)
      const [oldest] = handshakes.size < MAX_COUNTED_PEOPLE ? [] : handshakes.keys()
      if (oldest !== undefined) handshakes.delete(oldest)
      handshakes.set(personId, bucket)
      if (!bucket.spend()) throw problem('rate-limited', 'Too many handshakes', { retryAfter: bucket.wait() })
    },

    /**
     * The connection's socket is this person's.
     * @throws problem rate-limited when they have too many, or this connection has one
     */
    admit(connection: Connection, personId: string): void {
      const entry = entries.get(connection)
      // Gone while its token was looked at.
      if (!entry) return
      assertNotBanned(personId)
      if (entry.person !== null) throw problem('rate-limited', 'A connection carries one socket')
      if (limits && persons.of(personId) >= limits.personSockets)
        throw problem('rate-limited', `One person has at most ${limits.personSockets} sockets`, { retryAfter: 30 })
      entry.person = personId
      persons.add(personId, 1)
      markAuthenticated(entry)
    },

    /** Closes a socket that goes on asking although it was told to wait; ordered, so that a stock client does not come back by itself. */
    banBriefly(socket: RoomSocket): void {
      const now = Date.now()
      for (const [person, until] of cooldowns) if (until <= now) cooldowns.delete(person)
      cooldowns.set(socket.data.person.id, now + PENANCE_MS)
      socket.disconnect(true)
    },

    /** @throws problem rate-limited for a project beyond those that one socket may stand in */
    admitRoom(socket: RoomSocket, room: RoomId): void {
      const { rooms } = socket.data
      // One's own room is one of them.
      if (limits && !rooms.has(room) && rooms.size + pendingJoins(socket) > limits.socketProjects)
        throw problem('rate-limited', `A socket stands in at most ${limits.socketProjects} projects`)
    },
  }
}
