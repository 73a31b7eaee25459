import type { RoomId } from '@cutroom/contract'
import { atLeast } from '../../access/roles.ts'
import { problem } from '../../errors.ts'
import { remember } from '../../lib/bounded-map.ts'
import { TokenBucket } from '../../lib/token-bucket.ts'
import type { Relayed } from '../cluster/cluster.ts'
import { isSubscribed } from '../delivery/subscription.ts'
import { type Dialect, dialectRoom, type Frame } from '../dialect.ts'
import { projectIdOf } from '../kinds.ts'
import type { RoomServer, RoomSocket } from '../types.ts'

/** Of what one relay carries, bytes as JSON. */
export const MAX_RELAY_BYTES = 8 * 1024
/** Relays of one person a second, and at once. */
const RATE = 2
const BURST = 10
/** People whose relays are counted; one who made none for the longest time is forgotten first. */
const MAX_COUNTED_PEOPLE = 10_000

/** The sender's projects in which they may write. A paused socket is in its projects, too. */
const roomsOf = ({ data }: RoomSocket): RoomId[] =>
  [...data.rooms].flatMap(([room, subscription]) =>
    projectIdOf(room) !== null && isSubscribed(subscription) && atLeast(subscription.role ?? 'viewer', 'commenter') ? [room] : [],
  )

export interface RelayOptions {
  io: RoomServer
  /** Sends it to the other nodes. */
  publish: (relayed: Relayed) => void
}

/** Passes on what a client says to the clients of its dialect in the sender's projects. Never stored. */
export function createRelay({ io, publish }: RelayOptions) {
  const buckets = new Map<string, TokenBucket>()

  /** Sends it to sockets of this node, once to each. */
  function send({ dialect, rooms, frame }: Relayed): void {
    if (rooms.length === 0) return
    const target: { emit(name: string, ...args: unknown[]): unknown } = io.local.to(
      rooms.map((room) => dialectRoom(dialect, room)),
    )
    target.emit(...frame)
  }
  function count(personId: string): void {
    const bucket = buckets.get(personId) ?? new TokenBucket(RATE, BURST)
    buckets.delete(personId)
    remember(buckets, MAX_COUNTED_PEOPLE, personId, bucket)
    if (!bucket.spend()) throw problem('rate-limited', 'Too many relays', { retryAfter: bucket.wait() })
  }

  return {
    send,
    /** @throws problem validation | rate-limited | forbidden */
    relay(socket: RoomSocket, { name: dialect }: Dialect, frame: Frame): void {
      count(socket.data.person.id)
      if (Buffer.byteLength(JSON.stringify(frame)) > MAX_RELAY_BYTES)
        throw problem('validation', `At most ${MAX_RELAY_BYTES} bytes as JSON are relayed`)
      const rooms = roomsOf(socket)
      if (rooms.length === 0) throw problem('forbidden', 'You may write in no project')
      const relayed: Relayed = { dialect, rooms, frame: [...frame] }
      send(relayed)
      publish(relayed)
    },
  }
}
