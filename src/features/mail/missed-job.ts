import { MAX_UNREAD, type Message } from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'
import { LOWEST_ID } from '../../db/ids.ts'
import { isRoomId, parseRoom } from '../../rooms/kinds.ts'
import type { Consumer, FinalWrite, Job } from '../../rooms/log/consumers/consumer.ts'
import { scheduleOnce } from '../../rooms/log/consumers/schedule.ts'
import { isVisible } from '../conversations/access.ts'
import { isShown } from '../notifications/serialize.ts'
import { queueMail } from './outbox.ts'
import { savePreference } from './preferences.ts'

/** The name of the job; its rows are made by the consumer `missed`. */
export const MISSED_JOB = 'missed-mail'

const PARALLEL = 2
/** A person gets no more than one of these mails in so many times the grace. */
const QUIET = 4
/** What is as young as this may be of a write that is not seen yet, ms: it waits for the next mail. */
const SETTLED_MS = 5_000

export interface MissedOptions {
  query: Query
  /** How long something may be unseen, ms. */
  graceMs: number
  isOnline: (userId: string) => boolean
}

/** Unseen notifications of a person in a span of time: since < createdAt ≤ upTo. */
export const unseenIn = (userId: string, since: Date | null, upTo: Date | null): Prisma.Sql => Prisma.sql`
  "Notification" t WHERE t."userId" = ${userId}::uuid AND t."seenAt" IS NULL AND ${isShown}
  AND t."createdAt" > coalesce(${since}::timestamptz, '-infinity') AND t."createdAt" <= coalesce(${upTo}::timestamptz, 'infinity')`

/** Conversations of a person, as `c`, with the newest unread message of others in a span of time, as `m`, and how many there are. */
export const unreadIn = (userId: string, since: Date | null, upTo: Date | null): Prisma.Sql => Prisma.sql`
  "Participant" p JOIN "Conversation" c ON c.id = p."conversationId"
  CROSS JOIN LATERAL (SELECT n.*, count(*) OVER ()::int AS total FROM (
      SELECT m.* FROM "Message" m WHERE m."conversationId" = p."conversationId" AND m."authorId" <> p."userId"
        AND m.id > coalesce(p."readId", ${LOWEST_ID}::uuid) AND ${isVisible(Prisma.sql`m.id`)}
        AND m."createdAt" > coalesce(${since}::timestamptz, '-infinity')
        AND m."createdAt" <= coalesce(${upTo}::timestamptz, 'infinity') ORDER BY m.id DESC LIMIT ${MAX_UNREAD}) n
    ORDER BY n.id DESC LIMIT 1) m
  WHERE p."userId" = ${userId}::uuid`

const later = (userId: string, at: Date): FinalWrite => {
  return async (write) => scheduleOnce(write, MISSED_JOB, { key: userId, at }, false)
}

/** Some time after something was to be seen: queues one mail about all that still is unseen, unless the person is there. */
export function missedJob({ query, graceMs, isOnline }: MissedOptions): Job {
  const settledMs = Math.min(SETTLED_MS, graceMs / 2)
  return {
    name: MISSED_JOB,
    parallel: PARALLEL,
    async run({ key: userId }) {
      const [person] = await query<{ missed: boolean; since: Date | null; now: Date }>(Prisma.sql`
        SELECT coalesce(p.missed, true) AS missed, p."missedUpTo" AS since, now() FROM "User" u
        LEFT JOIN "MailPreference" p ON p."userId" = u.id WHERE u.id = ${userId}::uuid`)
      if (!person?.missed) return undefined
      const { since } = person
      const now = person.now.getTime()
      const upTo = new Date(now - settledMs)
      const [found] = await query<{ some: boolean; younger: boolean }>(Prisma.sql`
        SELECT EXISTS (SELECT FROM ${unseenIn(userId, since, upTo)}) OR EXISTS (SELECT FROM ${unreadIn(userId, since, upTo)}) AS some,
          EXISTS (SELECT FROM ${unseenIn(userId, upTo, null)}) OR EXISTS (SELECT FROM ${unreadIn(userId, upTo, null)}) AS younger`)
      if (!found?.some && !found?.younger) return undefined
      if (!found.some || isOnline(userId)) return later(userId, new Date(now + graceMs))
      const quietUntil = (since?.getTime() ?? 0) + QUIET * graceMs
      if (quietUntil > now) return later(userId, new Date(quietUntil))
      return async (write) => {
        await savePreference(write, userId, { missedUpTo: upTo })
        const payload = { userId, since: since?.toISOString() ?? null, upTo: upTo.toISOString() }
        queueMail(write, { kind: 'missed', key: `${userId}:${upTo.getTime()}`, payload })
        if (found.younger) await later(userId, new Date(now + graceMs))(write)
      }
    },
  }
}

/** Makes the row of a person who got a notification or a message; one that waits keeps its time, so that a flood of them is one mail. */
export const missedConsumer = (graceMs: number): Consumer => ({
  name: 'missed',
  events: ['notification:new', 'chat:message'],
  async handle({ event: { name, meta, payload } }) {
    if (!isRoomId(meta.room)) return undefined
    const { id: userId } = parseRoom(meta.room)
    // One’s own message is in one’s own room, too.
    if (name === 'chat:message' && (payload as unknown as Message).author.id === userId) return undefined
    const at = new Date(Date.parse(meta.at) + graceMs)
    return async (write) => scheduleOnce(write, MISSED_JOB, { key: userId, at }, true)
  },
})
