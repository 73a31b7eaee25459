import type { Member } from '@cutroom/contract'
import { Prisma } from '../../db/client.ts'
import { type ActivityTarget, defineNoun } from '../shared/noun.ts'
import { memberRoutes } from './routes.ts'
import { memberReading } from './serialize.ts'

const target = (id: string, name: string | null): ActivityTarget => ({ type: 'member', id, name, path: '/members' })
const shown = ({ userId, user }: Member) => target(userId, user.name)

export const members = defineNoun({
  name: 'members',
  targets: { userId: { table: 'Member', key: 'userId', project: 'projectId', author: 'userId', needsProject: true } },
  tables: [{ name: 'Member', key: 'userId', project: 'projectId', people: ['userId'] }],
  routes: memberRoutes,
  snapshot: {
    members: {
      order: { id: 'userId' },
      reading: memberReading,
      rows: ({ projectId }) => [(beyond) => Prisma.sql`"Member" t WHERE t."projectId" = ${projectId}::uuid AND ${beyond}`],
    },
  },
  activity: {
    'member:joined': shown,
    'member:updated': shown,
    'member:left': ({ userId }, label) => target(userId, label),
  },
})
