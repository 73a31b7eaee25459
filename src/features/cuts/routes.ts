import { cuts } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { byRank, readPage } from '../shared/paging.ts'
import { cutReading } from './serialize.ts'
import { setCutState } from './state.ts'
import { createCut, deleteCut, loadCut, loadLyrics, moveCut, updateCut, writeLyrics } from './writes.ts'

export function cutRoutes(app: FastifyInstance, { prisma, query }: Pick<Database, 'prisma' | 'query'>): void {
  app.serve(cuts.list, (asked) => {
    const rows = (after: Prisma.Sql) => Prisma.sql`"Cut" t WHERE t."vibeId" = ${asked.params.vibeId}::uuid AND ${after}`
    return readPage(query, asked, { order: byRank(Prisma.sql`"Cut"`), reading: cutReading, rows })
  })
  app.write(cuts.create, ({ scope, params, body }, write) => createCut(write, scope.projectId, params.vibeId, scope.me, body))
  app.serve(cuts.get, ({ params }) => loadCut(prisma, params.cutId))
  app.write(cuts.update, ({ scope, params, body }, write) => updateCut(write, scope.projectId, params.cutId, body), loadCut)
  app.write(cuts.move, ({ scope, params, body }, write) => moveCut(write, scope.projectId, params.cutId, body))
  app.write(cuts.delete, ({ scope, params }, write) => deleteCut(write, scope.projectId, params.cutId), loadCut)
  app.write(
    cuts.setState,
    ({ scope, params, body }, write) => setCutState(write, scope.projectId, scope.me, params.cutId, body),
    loadCut,
  )
  app.serve(cuts.lyrics, ({ params }) => loadLyrics(prisma, params.cutId))
  app.write(cuts.writeLyrics, ({ scope, params, body }, write) => writeLyrics(write, scope.projectId, params.cutId, body.lyrics))
}
