import { isDeepStrictEqual } from 'node:util'
import { type DigestFrequency, type MailPreferences, userRoom } from '@cutroom/contract'
import { type Database, Prisma, type Query } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Write } from '../../rooms/log/commit.ts'

/** What holds for people who have chosen nothing: the defaults of the columns. */
const DEFAULTS = { missed: true, digest: 'weekly' } as const

/** Which mails a person gets. */
export async function loadPreferences(
  { mailPreference, memberMail }: Pick<Database['prisma'], 'mailPreference' | 'memberMail'>,
  userId: string,
): Promise<MailPreferences> {
  const general = await mailPreference.findUnique({ where: { userId } })
  const { missed, digest } = general ?? DEFAULTS
  const rows = await memberMail.findMany({ where: { userId, digest: { not: null } }, orderBy: { projectId: 'asc' } })
  return {
    missed,
    digest,
    projects: rows.flatMap((row) => (row.digest ? [{ projectId: row.projectId, digest: row.digest }] : [])),
  }
}

/** Locks the preferences of a person; there may be no row yet. @throws problem not-found where there is no such person */
export async function lockPreferences({ tx, query }: Pick<Write, 'tx' | 'query'>, userId: string) {
  const [user] = await query(Prisma.sql`SELECT 1 FROM "User" WHERE id = ${userId}::uuid FOR NO KEY UPDATE`)
  if (!user) throw problem('not-found')
  return tx.mailPreference.findUnique({ where: { userId } })
}

/** Changes a person's row, or makes it. */
export async function savePreference(
  write: Write,
  userId: string,
  change: { missed?: boolean; digest?: DigestFrequency; missedUpTo?: Date },
): Promise<void> {
  const row = await lockPreferences(write, userId)
  if (row) await write.tx.mailPreference.update({ where: { userId }, data: change })
  else write.insert('MailPreference', { userId, missedUpTo: null, ...DEFAULTS, ...change })
}

/** Rows of a member, for each of these projects of which the person is one; they are locked until the commit. */
async function memberRows(query: Query, userId: string, projectIds: readonly string[]) {
  return query<{ projectId: string; exists: boolean }>(Prisma.sql`
    SELECT m."projectId", r."projectId" IS NOT NULL AS exists FROM "Member" m
    LEFT JOIN "MemberMail" r ON r."projectId" = m."projectId" AND r."userId" = m."userId"
    WHERE m."userId" = ${userId}::uuid AND m."projectId" = ANY(${projectIds}::uuid[]) ORDER BY m."projectId" FOR KEY SHARE OF m`)
}

/** Changes the rows of a person's memberships, or makes them. Projects of which the person is no member are passed over. */
export async function saveMemberMail(
  { tx, query, insert }: Write,
  userId: string,
  changes: readonly { projectId: string; digest?: DigestFrequency; upTo?: bigint }[],
): Promise<void> {
  const rows = new Map(
    (
      await memberRows(
        query,
        userId,
        changes.map(({ projectId }) => projectId),
      )
    ).map(({ projectId, exists }) => [projectId, exists]),
  )
  for (const { projectId, ...change } of changes) {
    const exists = rows.get(projectId)
    if (exists) await tx.memberMail.update({ where: { projectId_userId: { projectId, userId } }, data: change })
    else if (exists === false) insert('MemberMail', { projectId, userId, digest: null, upTo: null, ...change })
  }
}

const own = { digest: { not: null } } as const
async function emitChanged({ tx, emit }: Write, userId: string, before: MailPreferences): Promise<MailPreferences> {
  const now = await loadPreferences(tx, userId)
  return isDeepStrictEqual(now, before) ? now : emit(userRoom(userId), 'mail-preferences:updated', now)
}

/** Replaces what a person has chosen. */
export async function replacePreferences(
  write: Write,
  userId: string,
  { missed, digest, projects }: MailPreferences,
): Promise<MailPreferences> {
  await lockPreferences(write, userId)
  const before = await loadPreferences(write.tx, userId)
  await savePreference(write, userId, { missed, digest })
  await write.tx.memberMail.updateMany({ where: { userId, ...own }, data: { digest: null } })
  await saveMemberMail(write, userId, projects)
  return emitChanged(write, userId, before)
}

/** Mails that one link ends: of a kind, or the digest of one project. */
export interface MailSubject {
  userId: string
  kind: 'missed' | 'digest'
  projectId: string | null
}

/** Ends them. @throws problem not-found where the person is gone, or is no member of the project */
export async function endMails(write: Write, { userId, kind, projectId }: MailSubject): Promise<void> {
  await lockPreferences(write, userId)
  const before = await loadPreferences(write.tx, userId)
  if (kind === 'missed') await savePreference(write, userId, { missed: false })
  else if (projectId === null) {
    await savePreference(write, userId, { digest: 'off' })
    await write.tx.memberMail.updateMany({ where: { userId, ...own }, data: { digest: null } })
  } else await saveMemberMail(write, userId, [{ projectId, digest: 'off' }])
  await emitChanged(write, userId, before)
}
