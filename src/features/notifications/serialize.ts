import type { Notification, NotificationKind, Person } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import { readable } from '../shared/reading.ts'
import { iso } from '../shared/serialize.ts'

/** A row with the name of its project. */
interface ShownNotification {
  id: string
  userId: string
  kind: NotificationKind
  projectId: string | null
  projectName: string | null
  actor: Person | null
  targetType: string
  targetId: string
  targetName: string | null
  text: string | null
  link: string
  seenAt: Date | null
  createdAt: Date
}

export const notificationReading = readable<ShownNotification, Notification>({
  columns: [
    'id',
    'userId',
    'kind',
    'projectId',
    'projectName',
    'targetType',
    'targetId',
    'targetName',
    'text',
    'link',
    'seenAt',
    'createdAt',
  ],
  people: { actor: 'actorId' },
  texts: ['projectName', 'targetName', 'text', 'link'],
  present: ({ projectId, projectName, targetType, targetId, targetName, ...row }) => ({
    id: row.id,
    kind: row.kind,
    projectId,
    project: projectId === null ? null : { id: projectId, name: projectName ?? '' },
    actor: row.actor,
    target: { type: targetType, id: targetId, name: targetName },
    text: row.text,
    link: row.link,
    seenAt: iso(row.seenAt),
    createdAt: row.createdAt.toISOString(),
  }),
})

/**
 * Whether a row `t` is shown to its person: one of a project while they are a member of it, an invitation while the project is there.
 * OFFSET: looked up for each row, not in a table of all members.
 */
export const isShown = Prisma.sql`(t."deletedAt" IS NULL AND CASE t.kind
  WHEN 'invitation' THEN EXISTS (SELECT FROM "Project" WHERE id = t."projectId" AND "deletedAt" IS NULL OFFSET 0)
  ELSE EXISTS (SELECT FROM "Member" WHERE "projectId" = t."projectId" AND "userId" = t."userId" OFFSET 0) END)`

/** Rows as `t`, for `notificationReading`. */
export const notificationRows = (where: Prisma.Sql): Prisma.Sql =>
  Prisma.sql`(SELECT t.*, p.name AS "projectName" FROM "Notification" t
    LEFT JOIN LATERAL (SELECT name FROM "Project" WHERE id = t."projectId" LIMIT 1) p ON true WHERE ${where}) t`
