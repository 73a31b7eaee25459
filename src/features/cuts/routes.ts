import type { FastifyInstance } from 'fastify'
import { cuts } from '../../contract/index.ts'
import type { Database } from '../../db/client.ts'
import { afterRank, listOf, toPage } from '../paging.ts'
import { withAuthor } from '../present.ts'
import { presentCut } from './present.ts'
import { createCut, deleteCut, loadCut, loadLyrics, moveCut, updateCut, writeLyrics } from './writes.ts'

export function cutRoutes(app: FastifyInstance, { prisma }: { prisma: Database['prisma'] }): void {
  app.serve(cuts.list, async (asked) => {
    const { params, query } = asked
    const list = listOf(asked)
    const rows = await prisma.cut.findMany({
      where: { vibeId: params.vibeId, ...afterRank(query.cursor, list) },
      include: withAuthor,
      orderBy: [{ rank: 'asc' }, { id: 'asc' }],
      take: query.limit + 1,
    })
    return toPage(rows, query.limit, list, (row) => [row.rank, row.id] as const, presentCut)
  })
  app.write(cuts.create, ({ scope, params, body }, door) => createCut(door, scope.projectId, params.vibeId, scope.me, body))
  app.serve(cuts.get, ({ params }) => loadCut(prisma, params.cutId))
  app.write(cuts.update, ({ scope, params, body }, door) => updateCut(door, scope.projectId, params.cutId, body), loadCut)
  app.write(cuts.move, ({ scope, params, body }, door) => moveCut(door, scope.projectId, params.cutId, body), loadCut)
  app.write(cuts.delete, ({ scope, params }, door) => deleteCut(door, scope.projectId, params.cutId), loadCut)
  app.serve(cuts.lyrics, ({ params }) => loadLyrics(prisma, params.cutId))
  app.write(cuts.writeLyrics, ({ scope, params, body }, door) => writeLyrics(door, scope.projectId, params.cutId, body.lyrics))
}
