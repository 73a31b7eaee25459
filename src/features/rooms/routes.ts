import { projectRoom, rooms } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import type { Database } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Noun } from '../shared/noun.ts'
import { readSnapshot } from './snapshot.ts'

export function roomRoutes(app: FastifyInstance, { pages, nouns }: Pick<Database, 'pages'> & { nouns: readonly Noun[] }): void {
  const { log } = app.rooms

  app.serve(rooms.snapshot, ({ params, query }) => readSnapshot({ log, begin: pages.begin, nouns }, params.projectId, query))

  app.serve(rooms.events, async ({ params, query }) => {
    const page = await log.page(projectRoom(params.projectId), query.after, query.limit)
    if (!page) throw problem('not-found')
    const { entries, ...position } = page
    if (query.after < position.floor) throw problem('gone', `The log begins after ${position.floor}; load a snapshot`)
    return { data: entries.map(({ name, payload, meta }) => ({ name, payload, meta })), ...position }
  })
}
