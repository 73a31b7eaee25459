import { projectRoom } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import type { FinalWrite, Job } from '../../rooms/log/consumers/consumer.ts'
import { schedule } from '../../rooms/log/consumers/schedule.ts'

export const INVITATIONS_JOB = 'invitations'

const FIRST_MS = 60_000
const EVERY_MS = 600_000
/** How long an invitation that has expired is still named as expired, and can be sent again. */
const KEPT = Prisma.sql`interval '7 days'`
/** The same of a link to a new password. */
const RESET_KEPT = Prisma.sql`interval '1 day'`
/** Rows in one write. */
const BATCH = 200

interface Row {
  id: string
  projectId: string
  isAccepted: boolean
}

/**
 * Removes invitations some time after their end, with an event for those that members still see. Those of a deleted project go with it.
 * The project cannot be deleted before the commit: no event comes after that of its end.
 */
export const removeOld: FinalWrite = async (write) => {
  const { query, emit } = write
  const old = await query<Row>(Prisma.sql`
    SELECT i.* FROM (
      SELECT id, "projectId", "acceptedAt" IS NOT NULL AS "isAccepted" FROM "Invitation"
      WHERE "expiresAt" < now() - ${KEPT} ORDER BY "expiresAt" LIMIT ${BATCH} FOR UPDATE SKIP LOCKED
    ) i CROSS JOIN LATERAL (
      SELECT FROM "Project" WHERE id = i."projectId" AND "deletedAt" IS NULL LIMIT 1 FOR KEY SHARE
    ) p`)
  await query(Prisma.sql`DELETE FROM "Invitation" WHERE id = ANY(${old.map(({ id }) => id)}::uuid[])`)
  for (const { id, projectId, isAccepted } of old)
    if (!isAccepted) emit(projectRoom(projectId), 'invitation:expired', { invitationId: id })
  const resets = await query(Prisma.sql`
    DELETE FROM "PasswordReset" WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM "PasswordReset" WHERE "expiresAt" < now() - ${RESET_KEPT} ORDER BY "expiresAt" LIMIT ${BATCH}))
    RETURNING 1`)
  if (Math.max(old.length, resets.length) === BATCH) schedule(write, INVITATIONS_JOB, { key: 'rest' })
}

/** Removes invitations, and links to a new password, that are over. */
export const invitationsJob = (): Job => ({
  name: INVITATIONS_JOB,
  every: { firstMs: FIRST_MS, everyMs: EVERY_MS },
  run: async () => removeOld,
})
