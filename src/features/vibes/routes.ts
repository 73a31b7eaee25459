import type { FastifyInstance } from 'fastify'
import { vibes } from '../../contract/index.ts'
import type { Database } from '../../db/client.ts'
import { afterRank, listOf, toPage } from '../paging.ts'
import { withAuthor } from '../present.ts'
import { presentVibe } from './present.ts'
import { createVibe, deleteVibe, loadVibe, moveVibe, updateVibe } from './writes.ts'

export function vibeRoutes(app: FastifyInstance, { prisma }: { prisma: Database['prisma'] }): void {
  app.serve(vibes.list, async (asked) => {
    const { params, query } = asked
    const list = listOf(asked)
    const rows = await prisma.vibe.findMany({
      where: { projectId: params.projectId, ...afterRank(query.cursor, list) },
      include: withAuthor,
      orderBy: [{ rank: 'asc' }, { id: 'asc' }],
      take: query.limit + 1,
    })
    return toPage(rows, query.limit, list, (row) => [row.rank, row.id] as const, presentVibe)
  })
  app.write(vibes.create, ({ scope, params, body }, door) => createVibe(door, params.projectId, scope.me, body))
  app.serve(vibes.get, ({ params }) => loadVibe(prisma, params.vibeId))
  app.write(vibes.update, ({ scope, params, body }, door) => updateVibe(door, scope.projectId, params.vibeId, body), loadVibe)
  app.write(vibes.move, ({ scope, params, body }, door) => moveVibe(door, scope.projectId, params.vibeId, body), loadVibe)
  app.write(vibes.delete, ({ scope, params }, door) => deleteVibe(door, scope.projectId, params.vibeId), loadVibe)
}
