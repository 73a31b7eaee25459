import type { Vibe } from '@cutroom/contract'
import { type ActivityTarget, defineNoun, projectTable, snapshotById, targetIn } from '../shared/noun.ts'
import { vibeRoutes } from './routes.ts'
import { vibeReading } from './serialize.ts'

const target = (id: string, name: string | null): ActivityTarget => ({ type: 'vibe', id, name, path: `/vibes/${id}` })
const shown = ({ id, name }: Vibe) => target(id, name)

export const vibes = defineNoun({
  name: 'vibes',
  targets: { vibeId: targetIn('Vibe') },
  tables: [projectTable('Vibe', ['authorId'])],
  routes: vibeRoutes,
  snapshot: { vibes: snapshotById('Vibe', vibeReading) },
  activity: {
    'vibe:created': shown,
    'vibe:updated': shown,
    'vibe:moved': null,
    'vibe:reranked': null,
    'vibe:deleted': ({ vibeId }, label) => ({ ...target(vibeId, label), path: '' }),
  },
})
