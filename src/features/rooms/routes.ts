import type { FastifyInstance } from 'fastify'
import { projectRoom, rooms } from '../../contract/index.ts'
import type { Database } from '../../db/client.ts'
import { problem } from '../../errors.ts'
import { readSnapshot } from './snapshot.ts'

export function roomRoutes(app: FastifyInstance, { prisma }: { prisma: Database['prisma'] }): void {
  const { log } = app.rooms

  app.serve(rooms.snapshot, async ({ params }) => ({ epoch: log.epoch(), ...(await readSnapshot(prisma, params.projectId)) }))

  app.serve(rooms.events, async ({ params, query }) => {
    const page = await log.page(projectRoom(params.projectId), query.after, query.limit)
    if (!page) throw problem('not-found')
    const { entries, ...position } = page
    if (query.after < position.floor) throw problem('gone', `The log begins after ${position.floor}; load a snapshot`)
    return { data: entries.map(({ name, payload, meta }) => ({ name, payload, meta })), ...position }
  })
}
