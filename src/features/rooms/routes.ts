import { projectRoom, rooms } from '@cutroom/contract'
import type { FastifyInstance } from 'fastify'
import type { Database } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import type { Noun } from '../shared/noun.ts'
import { streamOrWait } from './events.ts'
import { readSnapshot } from './snapshot.ts'

export function roomRoutes(app: FastifyInstance, { pages, nouns }: Pick<Database, 'pages'> & { nouns: readonly Noun[] }): void {
  const { log } = app.rooms

  app.serve(rooms.snapshot, ({ params, query }) => readSnapshot({ log, begin: pages.begin, nouns }, params.projectId, query))

  app.serve(
    rooms.events,
    async ({ params, query }) => {
      const { after = 0, epoch, limit, wait } = query
      const page = await log.page(projectRoom(params.projectId), after, limit)
      if (!page) throw problem('not-found')
      const { entries, ...position } = page
      if (epoch !== undefined && epoch !== position.epoch) throw problem('gone', 'The log is another one; load a snapshot')
      if (after < position.floor) throw problem('gone', `The log begins after ${position.floor}; load a snapshot`)
      // Without a word of it, who waits in a loop would ask without end.
      if (wait > 0 && after > position.head) throw problem('gone', `The log ends at ${position.head}; load a snapshot`)
      return { data: entries.map(({ name, payload, meta }) => ({ name, payload, meta })), ...position }
    },
    { before: streamOrWait(app) },
  )
}
