import { Prisma } from '../../db/client.ts'
import { type ActivityTarget, defineNoun, projectTable, targetIn } from '../shared/noun.ts'
import { byId } from '../shared/paging.ts'
import { invitationRoutes } from './routes.ts'
import { invitationReading } from './serialize.ts'

/** Its address is for owners, so a feed names none. */
const target = (id: string): ActivityTarget => ({ type: 'invitation', id, name: null, path: '/members' })

export const invitations = defineNoun({
  name: 'invitations',
  targets: { invitationId: targetIn('Invitation') },
  tables: [projectTable('Invitation', ['authorId'])],
  routes: invitationRoutes,
  snapshot: {
    invitations: {
      order: byId,
      reading: invitationReading,
      // OFFSET: the rows of the project by its index, not all rows by their ids.
      rows: ({ projectId }) => [
        (beyond) =>
          Prisma.sql`(SELECT t.* FROM "Invitation" t WHERE t."projectId" = ${projectId}::uuid AND t."acceptedAt" IS NULL
            AND ${beyond} OFFSET 0) t`,
      ],
    },
  },
  activity: {
    'invitation:created': ({ id }) => target(id),
    'invitation:updated': ({ id }) => target(id),
    'invitation:revoked': ({ invitationId }) => target(invitationId),
    // The activity of `member:joined` says it.
    'invitation:accepted': null,
    // No one did it.
    'invitation:expired': null,
  },
})
