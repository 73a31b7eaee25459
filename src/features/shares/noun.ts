import { type ActivityTarget, defineNoun, projectTable, snapshotById, targetIn } from '../shared/noun.ts'
import { shareRoutes } from './routes.ts'
import { shareReading } from './serialize.ts'

const target = (id: string, name: string | null, path = ''): ActivityTarget => ({ type: 'share', id, name, path })

export const shares = defineNoun({
  name: 'shares',
  targets: { shareId: targetIn('Share') },
  tables: [projectTable('Share', ['authorId'])],
  routes: shareRoutes,
  snapshot: { shares: snapshotById('Share', shareReading) },
  activity: {
    'share:created': ({ id, cutId }, label) => target(id, label, cutId === null ? '' : `/cuts/${cutId}`),
    // No one did it.
    'share:updated': null,
    'share:revoked': ({ shareId }, label) => target(shareId, label),
  },
})
