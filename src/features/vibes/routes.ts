import { vibes } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import { type Database, Prisma } from '../../db/client.ts'
import { byRank, readPage } from '../shared/paging.ts'
import { vibeReading } from './serialize.ts'
import { createVibe, deleteVibe, loadVibe, moveVibe, updateVibe } from './writes.ts'

export function vibeRoutes(app: FastifyInstance, { prisma, query }: Pick<Database, 'prisma' | 'query'>): void {
  app.serve(vibes.list, (asked) => {
    const rows = (after: Prisma.Sql) => Prisma.sql`"Vibe" t WHERE t."projectId" = ${asked.params.projectId}::uuid AND ${after}`
    return readPage(query, asked, { order: byRank(Prisma.sql`"Vibe"`), reading: vibeReading, rows })
  })
  app.write(vibes.create, ({ scope, params, body }, write) => createVibe(write, params.projectId, scope.me, body))
  app.serve(vibes.get, ({ params }) => loadVibe(prisma, params.vibeId))
  app.write(vibes.update, ({ scope, params, body }, write) => updateVibe(write, scope.projectId, params.vibeId, body), loadVibe)
  app.write(vibes.move, ({ scope, params, body }, write) => moveVibe(write, scope.projectId, params.vibeId, body))
  app.write(vibes.delete, ({ scope, params }, write) => deleteVibe(write, scope.projectId, params.vibeId), loadVibe)
}
