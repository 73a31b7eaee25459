import {
  type notifications as contract,
  NotificationKind,
  type NotificationPreferences,
  type Parsed,
  userRoom,
} from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'
import type { Write } from '../../rooms/log/commit.ts'

type Kinds = NotificationPreferences['kinds']
type OfProject = Omit<NotificationPreferences['projects'][number], 'projectId'>

/**
 * Whether the person of a row `m` wants to be notified.
 * @param kind an expression
 */
export const isWanted = (projectId: string, kind: Prisma.Sql): Prisma.Sql => Prisma.sql`coalesce((
    SELECT NOT coalesce((p.projects -> ${projectId}::text ->> 'muted')::boolean, false)
      AND coalesce(p.projects -> ${projectId}::text -> 'kinds' ->> ${kind}, p.kinds ->> ${kind}, 'on') = 'on'
    FROM "NotificationPreferences" p WHERE p."userId" = m."userId" LIMIT 1), true)`

/** The preferences of a person, with the projects that they are a member of. */
export async function readPreferences(query: Query, userId: string): Promise<NotificationPreferences> {
  const [row] = await query<{ kinds: Partial<Kinds>; projects: Record<string, OfProject> }>(
    Prisma.sql`SELECT kinds, projects FROM "NotificationPreferences" WHERE "userId" = ${userId}::uuid`,
  )
  const ids = Object.keys(row?.projects ?? {})
  const members = await query<{ projectId: string }>(
    Prisma.sql`SELECT m."projectId" FROM unnest(${ids}::uuid[]) AS a(id)
      CROSS JOIN LATERAL (SELECT "projectId" FROM "Member" WHERE "projectId" = a.id AND "userId" = ${userId}::uuid LIMIT 1) m
      ORDER BY m."projectId"`,
  )
  return {
    kinds: Object.fromEntries(NotificationKind.options.map((kind) => [kind, row?.kinds[kind] ?? 'on'])) as Kinds,
    projects: members.flatMap(({ projectId }) => {
      const own = row?.projects[projectId]
      return own ? [{ projectId, ...own }] : []
    }),
  }
}

/**
 * Sets them as a whole, without projects that the person is no member of. Two devices that set them at once come one after the other: the
 * last event says what holds.
 */
export async function setPreferences(
  { query, emit }: Write,
  userId: string,
  { kinds, projects }: Parsed<typeof contract.setPreferences, 'body'>,
): Promise<NotificationPreferences> {
  await query(Prisma.sql`SELECT 1 FROM "User" WHERE id = ${userId}::uuid FOR NO KEY UPDATE`)
  const before = await readPreferences(query, userId)
  // Locked: one that the person leaves at the same time is forgotten after this.
  const members = await query<{ projectId: string }>(Prisma.sql`SELECT "projectId" FROM "Member"
    WHERE "userId" = ${userId}::uuid AND "projectId" = ANY(${projects.map(({ projectId }) => projectId)}::uuid[])
    ORDER BY "projectId" FOR KEY SHARE`)
  const own = new Set(members.map(({ projectId }) => projectId))
  const byId = Object.fromEntries(
    projects.flatMap(({ projectId, ...choice }) => (own.has(projectId) ? [[projectId, choice]] : [])),
  )
  await query(
    Prisma.sql`INSERT INTO "NotificationPreferences" ("userId", kinds, projects)
      VALUES (${userId}::uuid, ${JSON.stringify(kinds)}::jsonb, ${JSON.stringify(byId)}::jsonb)
      ON CONFLICT ("userId") DO UPDATE SET kinds = excluded.kinds, projects = excluded.projects`,
  )
  const after = await readPreferences(query, userId)
  if (JSON.stringify(after) === JSON.stringify(before)) return after
  return emit(userRoom(userId), 'notification-preferences:updated', after)
}

/** What a person has chosen for a project ends with their membership. Sent without waiting for it. */
export const forgetProject = ({ assert }: Pick<Write, 'assert'>, userId: string, projectId: string): void =>
  assert(Prisma.sql`UPDATE "NotificationPreferences" SET projects = projects - ${projectId}::text
    WHERE "userId" = ${userId}::uuid AND jsonb_exists(projects, ${projectId}::text)`)
