import * as z from 'zod'
import { Prisma, type Query } from '../../db/client.ts'
import { LOWEST_ID } from '../../db/ids.ts'
import type { FinalWrite, Job } from '../../rooms/log/consumers/consumer.ts'
import { schedule, scheduleOnce } from '../../rooms/log/consumers/schedule.ts'
import { queueMail } from './outbox.ts'
import { lockPreferences, saveMemberMail } from './preferences.ts'
import { dayAfter, dueOn, frequenciesOn, nextDay, periodBefore } from './schedule.ts'

/** The name of the job that makes digests. */
export const DIGEST_JOB = 'digest'

/** The row that goes through all people on a day. */
const PLAN = 'plan'
/** People in one transaction. */
const PEOPLE = 500
/** Projects of a person that one mail can tell of. */
const PROJECTS = 200
const PARALLEL = 2
/** Between looks whether there is a plan; it is there from the first one on. */
const EVERY_MS = 3_600_000

const Plan = z.object({ day: z.string(), after: z.string().nullable() })
const Person = z.object({ day: z.string() })

/** Events of a project that a digest tells of: after < seq ≤ upTo, and not before `since`. */
export const DigestWindow = z.object({ projectId: z.string(), after: z.int(), upTo: z.int(), since: z.string().nullable() })
export type DigestWindow = z.output<typeof DigestWindow>

/** The next people by id, and whether a project of theirs is due. */
const nextPeople = (after: string | null, due: readonly string[]): Prisma.Sql => Prisma.sql`
  SELECT u.id, EXISTS (SELECT FROM "Member" m LEFT JOIN "MemberMail" r ON r."projectId" = m."projectId" AND r."userId" = m."userId"
    WHERE m."userId" = u.id AND coalesce(r.digest, p.digest, 'weekly')::text = ANY(${due}::text[])) AS due
  FROM (SELECT id FROM "User" WHERE id > ${after ?? LOWEST_ID}::uuid ORDER BY id LIMIT ${PEOPLE}) u
  LEFT JOIN "MailPreference" p ON p."userId" = u.id ORDER BY u.id`

/** Projects of a person that are due, and in which something happened since the last digest. */
const projectsOf = (userId: string, due: readonly string[]): Prisma.Sql => Prisma.sql`
  SELECT m."projectId", m."createdAt", r."upTo", o.head, o.floor FROM "Member" m
  LEFT JOIN "MemberMail" r ON r."projectId" = m."projectId" AND r."userId" = m."userId"
  LEFT JOIN "MailPreference" p ON p."userId" = m."userId"
  CROSS JOIN LATERAL (SELECT head, floor FROM "Room" WHERE id = 'project:' || m."projectId" LIMIT 1) o
  WHERE m."userId" = ${userId}::uuid AND coalesce(r.digest, p.digest, 'weekly')::text = ANY(${due}::text[])
    AND o.head > coalesce(r."upTo", 0) ORDER BY o.head DESC LIMIT ${PROJECTS}`

interface ProjectRow {
  projectId: string
  createdAt: Date
  upTo: string | null
  head: string
  floor: string
}

/** Where the window of a project begins: behind the last digest, or with the membership. */
function windowOf({ projectId, createdAt, upTo, head, floor }: ProjectRow, day: string): DigestWindow {
  const since = upTo === null ? new Date(Math.max(createdAt.getTime(), periodBefore(day).getTime())).toISOString() : null
  return { projectId, after: Math.max(Number(upTo ?? 0), Number(floor)), upTo: Number(head), since }
}

/**
 * Makes digests. Once a day a row goes through all people, page by page, and makes a row for each whose digest is due; that row queues
 * the mail together with how far it tells. After a crash each goes on where it was: a window moves with its mail or not at all.
 */
export function digestJob({ query, hour }: { query: Query; hour: number }): Job {
  async function planPage({ day, after }: z.output<typeof Plan>): Promise<FinalWrite> {
    const people = await query<{ id: string; due: boolean }>(nextPeople(after, frequenciesOn(day)))
    const last = people.length === PEOPLE ? people.at(-1)?.id : undefined
    return async (write) => {
      for (const { id, due } of people) if (due) scheduleOnce(write, DIGEST_JOB, { key: id, payload: { day } }, false)
      const next = dayAfter(day)
      if (last !== undefined) schedule(write, DIGEST_JOB, { key: PLAN, payload: { day, after: last } })
      else schedule(write, DIGEST_JOB, { key: PLAN, at: dueOn(next, hour), payload: { day: next, after: null } })
    }
  }

  async function queueFor(userId: string, { day }: z.output<typeof Person>): Promise<FinalWrite | undefined> {
    const rows = await query<ProjectRow>(projectsOf(userId, frequenciesOn(day)))
    if (rows.length === 0) return undefined
    const windows = rows.map((row) => windowOf(row, day))
    return async (write) => {
      await lockPreferences(write, userId)
      const told = windows.map(({ projectId, upTo }) => ({ projectId, upTo: BigInt(upTo) }))
      await saveMemberMail(write, userId, told)
      queueMail(write, { kind: 'digest', key: `${userId}:${day}`, payload: { userId, windows } })
    }
  }

  return {
    name: DIGEST_JOB,
    parallel: PARALLEL,
    every: { firstMs: 1_000, everyMs: EVERY_MS },
    async run({ key, payload }) {
      if (key === PLAN) return planPage(Plan.parse(payload))
      if (key !== '') return queueFor(key, Person.parse(payload))
      const day = nextDay(hour)
      const first = { key: PLAN, at: dueOn(day, hour), payload: { day, after: null } }
      return async (write) => scheduleOnce(write, DIGEST_JOB, first, false)
    },
  }
}
