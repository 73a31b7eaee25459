import { search, searchTypes } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import type { Query } from '../../db/client.ts'
import { createFinder } from './find.ts'

/** @param query on connections for requests that read much */
export function searchRoutes(app: FastifyInstance, query: Query, language: string): void {
  const find = createFinder(query, language)
  app.serve(search.find, ({ me, query: { q, projectId = null, types = searchTypes, limit } }) =>
    find({
      userId: me.person.id,
      tokenProjects: me.token?.projectIds ?? null,
      byToken: me.token !== null,
      projectId,
      types,
      q,
      limit,
    }),
  )
}
