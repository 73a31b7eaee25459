import { ExtensionMessage, MAX_PARTICIPANTS, Presence, PresenceState, type RoomId } from '@cutroom/contract'
import * as z from 'zod'
import { isRoomId } from '../kinds.ts'
import type { PresenceRecord } from '../presence/presence-record.ts'

/** Most rooms, and most presence records, in one message. */
export const MAX_ROOMS = 1_000
export const MAX_RECORDS = 200
/** Most messages that one answer to `ask` is made of. */
export const MAX_PARTS = 500
/** Characters; MAX_RECORDS of the largest records are fewer. */
const MAX_LENGTH = 1024 * 1024
/** How far another node's clock may run ahead, ms. A state of a later time would win over every other for good. */
const MAX_AHEAD_MS = 5_000

const room = z.custom<RoomId>(isRoomId)
/** The length is checked before the items are. */
const listOf = <T extends z.ZodType>(item: T, most: number) =>
  z.custom<unknown[]>((value) => Array.isArray(value) && value.length <= most).pipe(z.array(item))

const user = z.object({ id: z.uuid(), name: z.string().max(500), avatarUrl: z.string().max(4_096).nullable() })
const record = z.object({
  room,
  userId: z.uuid(),
  presence: Presence.extend({ user, state: PresenceState }).nullable(),
  at: z
    .number()
    .min(0)
    .transform((at) => Math.min(at, Date.now() + MAX_AHEAD_MS)),
})
const sights: z.ZodType<PresenceRecord[]> = listOf(record, MAX_RECORDS)
const head = { node: z.uuid(), version: z.int().min(0) }

/**
 * Messages between nodes. All are hints: lost, repeated and shuffled ones do no lasting harm. Their names are fixed: nodes of two versions
 * talk to each other while a cluster is updated.
 */
const ClusterMessage = z.discriminatedUnion('say', [
  /** These rooms have new events. */
  z.object({ say: z.literal('news'), rooms: listOf(room, MAX_ROOMS) }),
  /** The sender's presence records have changed, from the version before this one. */
  z.object({ say: z.literal('changed'), ...head, sights }),
  /** One part of all the sender's presence records. */
  z.object({ say: z.literal('all'), ...head, part: z.int().min(0), parts: z.int().min(1).max(MAX_PARTS), sights }),
  /** A heartbeat with the version of the sender's records. */
  z.object({ say: z.literal('alive'), ...head }),
  /** A request for all records of a node; null: of every node. */
  z.object({ say: z.literal('ask'), node: z.uuid().nullable() }),
  /** A person types, or stopped. */
  z.object({ say: z.literal('typing'), projectId: z.uuid(), targetId: z.uuid(), userId: z.uuid(), isTyping: z.boolean() }),
  /** The same in a conversation, for these people. */
  z.object({
    say: z.literal('chat-typing'),
    conversationId: z.uuid(),
    userId: z.uuid(),
    isTyping: z.boolean(),
    receivers: listOf(z.uuid(), MAX_PARTICIPANTS),
  }),
  /** An extension has something to say in a room of its own. */
  z.object({ say: z.literal('extension'), message: ExtensionMessage }),
  /** A frame of a dialect, for its sockets in these rooms. */
  z.object({
    say: z.literal('relay'),
    dialect: z.string().max(32),
    rooms: listOf(room, MAX_ROOMS),
    frame: z.tuple([z.string().max(100)], z.unknown()),
  }),
])
export type ClusterMessage = z.output<typeof ClusterMessage>

/** As one text, so that no value that people wrote is structure for the adapter's encoder. */
export const encodeMessage = (message: ClusterMessage): string => JSON.stringify(message)

/** @returns null for a text that no node of this version sends */
export function decodeMessage(text: unknown): ClusterMessage | null {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return null
  try {
    return ClusterMessage.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}
